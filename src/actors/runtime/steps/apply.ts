/**
 * What one item of work does to one actor: pure, in memory. The committer loads the actor, applies its items in
 * order, and commits the outcome.
 *
 * Not for SQL, nor for running what was started.
 */
import type { StateValue } from 'xstate';
import type { RuntimeError } from '../errors.ts';
import type { Registry } from '../registry/registry.ts';
import type { ActorEvent, Address } from '../types.ts';
import { applyMail } from './apply-mail.ts';
import { applyRetry } from './apply-retry.ts';
import { applyEvent, applySpawn, applyStop, contextOf } from './apply-step.ts';
import { isOutcomeAwaited, isTimerAwaited, takeOutcome, takeTimer } from './awaited.ts';
import { activeActor, applyMigrate, currentActor, type Found, notFound } from './bring-up.ts';
import { answerOf, pushRecord } from './take-step.ts';
import type { Answer, Item, Work } from './work.ts';

type ItemOf<Kind extends Item['kind']> = Extract<Item, { kind: Kind }>;

/**
 * Applies one item to the work. Throws a RuntimeError when the item is refused and nothing is to be committed for it.
 * A step that threw is committed (as a dead letter), and its error is returned.
 */
export function applyItem(registry: Registry, work: Work, item: Item): Answer | RuntimeError {
  work.begin(item);
  switch (item.kind) {
    case 'spawn':
      return applySpawn(registry, work, item, item, null);
    case 'event':
      return applyCallersEvent(work, activeActor(registry, work), item);
    case 'timer':
      return applyTimer(registry, work, item);
    case 'effect':
      return applyOutcome(registry, work, item);
    case 'mail':
      return applyMail(registry, work, item);
    case 'migrate':
      return applyMigrate(registry, work, item);
    case 'stop':
      if (!work.row) throw notFound(work.address);
      return applyStop(registry, work, work.row, item);
    case 'retry':
      return applyRetry(registry, work, item);
  }
}

function applyCallersEvent(work: Work, found: Found, item: ItemOf<'event'>): Answer | RuntimeError {
  const event = item.eventIn ? item.eventIn(found.registered.definition.version) : item.event;
  return applyEvent(work, found, event, item.source, item);
}

function applyTimer(registry: Registry, work: Work, item: ItemOf<'timer'>): Answer | RuntimeError {
  if (!isTimerAwaited(work.row, item)) return null;
  const found = currentActor(registry, work);
  // Of an actor that was migrated for it, the timer is a job of the new version now, which fires next.
  const taken = found && takeTimer(found, item);
  if (!taken) return null;
  work.begin(item, taken.timer);
  if (taken.to !== undefined) return passOn(work, taken.found, taken.to, taken.event, item);
  return applyEvent(work, taken.found, taken.event, taken.source, item);
}

/** A delayed sendTo is due: the message goes, and the actor's state stays. */
function passOn(work: Work, { row, registered }: Found, to: Address, event: ActorEvent, item: Item): Answer {
  const next = { ...row, revision: row.revision + 1, updatedAt: work.now };
  work.row = next;
  work.send({ to, from: row.address, kind: 'event', body: event });
  const value = row.value as StateValue;
  pushRecord(registered, work, next, item.stepId, {
    kind: 'step',
    event,
    source: row.address,
    valueBefore: value,
    snapshot: { status: row.status, value, context: contextOf(row) },
    microsteps: [],
    effects: [{ type: '@xstate.sendTo', to, event }],
  });
  return answerOf(next, true);
}

function applyOutcome(registry: Registry, work: Work, item: ItemOf<'effect'>): Answer | RuntimeError {
  if (!isOutcomeAwaited(work.row, item)) return null;
  const found = currentActor(registry, work);
  const taken = found && takeOutcome(found, item);
  if (!taken) return null;
  work.outcomes.push(item.effectId);
  return applyEvent(work, taken.found, taken.event, taken.source, item);
}
