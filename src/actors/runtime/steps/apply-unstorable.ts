/**
 * An item of the system's own whose step can't be stored: the actor goes on without it, and the event is a dead letter.
 * Not for steps that throw; those are dead letters in `apply-step.ts`.
 */
import type { MessageRow, ParentEntry } from '../../../persistence/actors/rows.ts';
import { toPlainError } from '../errors.ts';
import type { Registry } from '../registry/registry.ts';
import type { ActorEvent } from '../types.ts';
import { applyFailure } from './apply-step.ts';
import { type Taken, takeMessage, takeOutcome, takeTimer } from './awaited.ts';
import { currentActor, isMigratedFirst, quarantine, stepFailed } from './bring-up.ts';
import { UNSTORABLE } from './kept-event.ts';
import type { Answer, Item, SpawnBody, Work } from './work.ts';

/** Takes what came without its step. Of a mailbox, that is its first message: the committer has loaded no other. */
export function applyUnstorable(registry: Registry, work: Work, item: Item, error: Error): Answer | Error {
  work.begin(item);
  const failure = stepFailed(error);
  if (isMigratedFirst(registry, work.row)) {
    // It may be the migration that can't be stored: without it there is no step, and what came waits.
    quarantine(registry.machine(work.row.machine).definition, work, work.row, failure);
    return null;
  }
  const found = currentActor(registry, work);
  if (item.kind === 'mail') {
    const [message] = work.mailbox;
    if (!message) return null;
    work.taken.push(message.id);
    if (message.kind === 'spawn') return tellParent(work, message, failure);
    const event = message.kind === 'stop' ? { type: 'xstate.stop' } : (message.body as ActorEvent);
    return bury(work, found && takeMessage(found, message.from, event), item, failure);
  }
  if (!found) return null;
  if (item.kind === 'timer') return bury(work, takeTimer(found, item), item, failure);
  if (item.kind !== 'effect') return null;
  work.outcomes.push(item.effectId);
  return bury(work, takeOutcome(found, item), item, failure);
}

function bury(work: Work, taken: Taken | undefined, item: Item, failure: ReturnType<typeof stepFailed>) {
  if (!taken) return null;
  const { found, source, to } = taken;
  // One that was for another actor must not be retried on this one.
  const event = to === undefined ? taken.event : { type: `${UNSTORABLE}${taken.event.type}` };
  return applyFailure(work, found, { kind: 'failed', event, source, item }, failure);
}

/** The child that can't be stored is an error of its parent's. */
function tellParent(work: Work, { body, trace }: MessageRow, failure: Error): Error {
  const { parent } = body as unknown as SpawnBody & { parent: ParentEntry };
  const { address: to, childId: actorId } = parent;
  const event = { type: `xstate.error.actor.${actorId}`, error: toPlainError(failure), actorId };
  work.sent.push({ to, from: work.address, kind: 'event', body: event, trace });
  return failure;
}
