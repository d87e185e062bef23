/**
 * The ways in which one actor is changed: made, stepped, failed, stopped. Pure, in memory; which of them an item asks
 * for is decided in `apply.ts` and `apply-mail.ts`.
 */
import { randomUUID } from 'node:crypto';
import type { StateValue } from 'xstate';
import type { ActorRow, ParentEntry } from '../../../persistence/actors/rows.ts';
import { RuntimeError, toPlainError } from '../errors.ts';
import type { RegisteredMachine, Registry } from '../registry/registry.ts';
import type { ActorEvent } from '../types.ts';
import { type Found, hasEnded, isMisfit, quarantine, stepFailed } from './bring-up.ts';
import { keptEvent } from './kept-event.ts';
import {
  answerOf,
  type Cause,
  identityOf,
  nothingPending,
  pushRecord,
  recordStep,
  takeStep,
} from './take-step.ts';
import type { Answer, Item, SpawnBody, Work } from './work.ts';

/** An actor that sends itself more events than this in one step is at fault. */
const MAX_EVENTS_TO_SELF = 100;

export function applySpawn(
  registry: Registry,
  work: Work,
  { machine, key, owner, input }: SpawnBody,
  item: Item,
  parent: ParentEntry | null,
): Answer | RuntimeError {
  if (work.row) {
    // The key twice is the same actor; another owner's is not to be seen.
    if (work.row.owner === owner) return answerOf(work.row, false);
    throw new RuntimeError('actor_exists', `the address ${work.address} is taken`);
  }
  const registered = registry.machine(machine);
  const row: ActorRow = {
    address: work.address,
    machine,
    key,
    version: registered.definition.version,
    owner,
    incarnation: randomUUID(),
    status: 'active',
    revision: 0,
    tags: [],
    value: '',
    snapshot: '{}',
    pending: nothingPending,
    error: null,
    singletonKey: item.kind === 'spawn' ? item.singletonKey : null,
    parent,
    createdAt: work.now,
    updatedAt: work.now,
  };
  const event = { type: 'xstate.init', input };
  const source = parent?.address ?? null;
  const rewind = work.mark();
  try {
    const result = registered.stepper.start(identityOf(row), input);
    const next = takeStep(registered, work, row, result, { kind: 'spawn', event, source, item });
    return remembered(work, item, runToSelf(registered, work, next, result.toSelf));
  } catch (error) {
    rewind();
    throw stepFailed(error);
  }
}

/** Keeps the answer of an item that has a key, when all that belongs to it is done. */
function remembered(work: Work, item: Item, answer: Answer): Answer {
  if (item.idempotency && work.row) {
    const kept = item.kind === 'spawn' ? { address: work.row.address } : answer;
    work.keys.push({ address: work.row.address, ...item.idempotency, answer: kept, createdAt: work.now });
  }
  return answer;
}

/** `row` differs from the work's where a timer, a result or a child was taken from what it waits for. */
export function applyEvent(
  work: Work,
  { row, registered }: Found,
  event: ActorEvent,
  source: string | null,
  item: Item,
): Answer | RuntimeError {
  const rewind = work.mark();
  try {
    const result = registered.stepper.step(identityOf(row), row.snapshot, event);
    const cause: Cause = { kind: result.changed ? 'step' : 'unchanged', event, source, item };
    // A timer or a result that no state wants has been consumed all the same: its entry goes with a revision.
    if (!result.changed && row === work.row) {
      // That a dead letter was retried must be found when its commit's outcome is not known.
      if (registered.definition.journal?.unchanged || item.kind === 'retry')
        recordStep(registered, work, row, result, row.value as StateValue, cause, []);
      return remembered(work, item, answerOf(row, false));
    }
    const next = takeStep(registered, work, row, result, cause);
    return remembered(work, item, runToSelf(registered, work, next, result.toSelf));
  } catch (error) {
    rewind();
    if (isMisfit(error) && work.row) return quarantine(registered.definition, work, work.row, error);
    const cause: Cause = { kind: 'failed', event, source, item };
    return applyFailure(work, { row, registered }, cause, stepFailed(error));
  }
}

/** The actor goes on in its old state; the event is kept as a dead letter. */
export function applyFailure(
  work: Work,
  { row, registered }: Found,
  { event: asItCame, source, item }: Cause,
  error: RuntimeError,
): RuntimeError {
  const plain = toPlainError(error);
  const event = keptEvent(asItCame);
  // What has been consumed goes with a revision: a timer, a result, or a message, which another process may have read too.
  const isConsumed = row !== work.row || item.kind === 'mail';
  const next = isConsumed ? { ...row, revision: row.revision + 1, updatedAt: work.now } : row;
  work.row = next;
  const { address, owner, incarnation, revision } = next;
  work.deadLetters.push({
    address,
    owner,
    incarnation,
    revision,
    event,
    outside: item.kind === 'event',
    source,
    error: plain,
    at: work.now,
  });
  // The same key again is the same failure; the letter is what can be tried again.
  if (item.idempotency) {
    const answer = { failed: plain.message };
    work.keys.push({ address, ...item.idempotency, answer, createdAt: work.now });
  }
  const value = row.value as StateValue;
  pushRecord(registered, work, next, item.stepId, {
    kind: 'failed',
    event,
    source,
    valueBefore: value,
    snapshot: { status: next.status, value, context: contextOf(row), error: plain },
    microsteps: [],
    effects: [{ type: '@xstate.deadLetter', event, error: plain }],
  });
  return error;
}

export function applyStop(registry: Registry, work: Work, row: ActorRow, item: Item): Answer {
  if (hasEnded(row)) return answerOf(row, false);
  // Before anything is changed: without its machine nobody can say what must be left out of the journal.
  const registered = registry.machine(row.machine);
  const { timers, effects, children } = row.pending;
  for (const { address: to } of Object.values(children)) {
    work.send({ to, from: row.address, kind: 'stop', body: {} });
  }
  const stored = JSON.parse(row.snapshot) as Record<string, unknown>;
  const next: ActorRow = {
    ...row,
    status: 'stopped',
    revision: row.revision + 1,
    snapshot: JSON.stringify({ ...stored, status: 'stopped', children: {} }),
    pending: nothingPending,
    updatedAt: work.now,
  };
  work.row = next;
  const value = row.value as StateValue;
  pushRecord(registered, work, next, item.stepId, {
    kind: 'stop',
    event: { type: 'xstate.stop' },
    source: item.kind === 'stop' ? item.source : (row.parent?.address ?? null),
    valueBefore: value,
    snapshot: { status: 'stopped', value, context: contextOf(row) },
    microsteps: [],
    effects: [
      ...Object.keys(timers).map((id) => ({ type: '@xstate.cancel' as const, id })),
      ...Object.keys({ ...effects, ...children }).map((id) => ({ type: '@xstate.stop' as const, id })),
    ],
  });
  return answerOf(next, true);
}

/** The events that a machine sent to itself are its next steps, in the same commit. Throws when they have no end. */
function runToSelf(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  events: readonly ActorEvent[],
): Answer {
  const queue = [...events];
  for (let taken = 0; queue.length > 0 && work.row?.status === 'active'; taken++) {
    if (taken === MAX_EVENTS_TO_SELF) {
      const message = `${row.address} sent itself more than ${MAX_EVENTS_TO_SELF} events at once`;
      throw new RuntimeError('step_failed', message);
    }
    const event = queue.shift() as ActorEvent;
    const found = { row: work.row, registered };
    const rewind = work.mark();
    const source = row.address;
    const item: Item = { kind: 'mail', stepId: randomUUID(), address: source };
    try {
      const result = registered.stepper.step(identityOf(found.row), found.row.snapshot, event);
      queue.push(...result.toSelf);
      if (result.changed)
        takeStep(registered, work, found.row, result, { kind: 'step', event, source, item });
    } catch (error) {
      rewind();
      applyFailure(work, found, { kind: 'failed', event, source, item }, stepFailed(error));
    }
  }
  return answerOf(work.row ?? row, true);
}

export function contextOf(row: ActorRow): unknown {
  return (JSON.parse(row.snapshot) as { context: unknown }).context;
}
