/** What items are answered that have been committed before: under their key, or by the journal. */
import type { RememberedKey } from '../../../persistence/actors/actors.ts';
import type { StoredStep } from '../../../persistence/actors/journal.ts';
import { RuntimeError } from '../errors.ts';
import type { RecordBody } from '../steps/record.ts';
import type { Item, Work } from '../steps/work.ts';
import type { Address, SendAnswer } from '../types.ts';
import type { Entry, Settled } from './mailboxes.ts';

/** By which `RememberedKey`s are kept. */
export function keyName({ scope, key }: { scope: string; key: string }): string {
  return `${scope}\n${key}`;
}

/** The answer under a key that was there before. */
export function answerAgain(item: Item, known: RememberedKey): Settled | Error {
  if (known.payloadHash !== item.idempotency?.payloadHash) {
    const message = `The key "${item.idempotency?.key}" was used before, for something else. Take another key, or ask for the same again.`;
    return new RuntimeError('idempotency_conflict', message);
  }
  if (item.kind === 'spawn') return { address: (known.answer as { address: Address }).address, answer: null };
  const answer = known.answer as SendAnswer | { failed: string };
  if ('failed' in answer) return new RuntimeError('step_failed', answer.failed);
  return { address: item.address, answer };
}

/** What a step that is in the journal was answered, or would have been. */
export function outcomeOf(step: StoredStep): Settled | Error {
  const { kind, snapshot } = step.record as unknown as RecordBody;
  if (kind === 'failed') return new RuntimeError('step_failed', snapshot.error?.message ?? 'the step threw');
  const { value, status } = snapshot;
  return {
    address: step.address,
    answer: { revision: step.revision, value, status, changed: kind !== 'unchanged' },
  };
}

/**
 * Before entries of a work are tried again whose commit may have happened. An event that changes nothing leaves no step
 * by which to see that: without this it could be applied on what there is then, after what came after it.
 */
export function noteShown(
  work: Work,
  list: readonly Entry[],
  outcomes: ReadonlyMap<Entry, Settled | Error>,
): void {
  const stepIds = new Set(work.journal.map(({ stepId }) => stepId));
  let by: string | undefined;
  for (const entry of list.toReversed()) {
    const { stepId, kind } = entry.item;
    const outcome = outcomes.get(entry);
    if (stepIds.has(stepId)) by = stepId;
    else if (kind === 'event' && by !== undefined && outcome) entry.shown = { by, outcome };
  }
}
