/**
 * What one item of work does to one actor: pure, in memory. The committer loads the actor, applies its items in
 * order, and commits the outcome.
 *
 * Not for SQL, nor for running what was started.
 */
import type { StateValue } from 'xstate';
import { applyMail } from './apply-mail.ts';
import {
  activeActor,
  applyEvent,
  applyFailure,
  applySpawn,
  applyStop,
  contextOf,
  currentActor,
  type Found,
  notFound,
  stepFailed,
} from './apply-step.ts';
import type { RuntimeError } from './errors.ts';
import type { Registry } from './registry.ts';
import { answerOf, type Cause, pushRecord } from './take-step.ts';
import type { ActorEvent, Address } from './types.ts';
import type { Answer, Item, Work } from './work.ts';

type ItemOf<Kind extends Item['kind']> = Extract<Item, { kind: Kind }>;

/**
 * Applies one item to the work. Throws a RuntimeError when the item is refused and nothing is to be committed for it.
 * A step that threw is committed (as a dead letter), and its error is returned.
 */
export function applyItem(registry: Registry, work: Work, item: Item): Answer | RuntimeError {
  switch (item.kind) {
    case 'spawn':
      return applySpawn(registry, work, item, item, null);
    case 'event':
      return applyEvent(work, activeActor(registry, work), item.event, item.source, item);
    case 'timer':
      return applyTimer(registry, work, item);
    case 'effect':
      return applyOutcome(registry, work, item);
    case 'mail':
      return applyMail(registry, work, item);
    case 'stop':
      if (!work.row) throw notFound(work.address);
      return applyStop(registry, work, work.row, item);
  }
}

function applyTimer(registry: Registry, work: Work, item: ItemOf<'timer'>): Answer | RuntimeError {
  const found = currentActor(registry, work);
  const entry = found && Object.entries(found.row.pending.timers).find(([, { job }]) => job === item.job);
  if (!found || !entry) return null;
  const [timerId, { event, to }] = entry;
  const { [timerId]: _fired, ...timers } = found.row.pending.timers;
  const row = { ...found.row, pending: { ...found.row.pending, timers } };
  if (to === undefined) return applyEvent(work, { ...found, row }, event, row.address, item);
  return passOn(work, { ...found, row }, to, event, item);
}

/** A delayed sendTo is due: the message goes, and the actor's state stays. */
function passOn(work: Work, { row, registered }: Found, to: Address, event: ActorEvent, item: Item): Answer {
  const next = { ...row, revision: row.revision + 1, updatedAt: work.now };
  work.row = next;
  work.sent.push({ to, from: row.address, kind: 'event', body: event });
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
  const found = currentActor(registry, work);
  const { effectId, outcome } = item;
  const entry =
    found && Object.entries(found.row.pending.effects).find(([, one]) => one.effectId === effectId);
  if (!found || !entry) return null;
  const [actorId] = entry;
  const { [actorId]: _ended, ...effects } = found.row.pending.effects;
  const row = { ...found.row, pending: { ...found.row.pending, effects } };
  const event: ActorEvent =
    'output' in outcome
      ? { type: `xstate.done.actor.${actorId}`, output: outcome.output, actorId }
      : { type: `xstate.error.actor.${actorId}`, error: outcome.error, actorId };
  return applyEvent(work, { ...found, row }, event, effectId, item);
}

/**
 * An item of the system's own whose step can't be stored: what the actor waits for is consumed without it, and the
 * event is a dead letter.
 */
export function applyUnstorable(
  registry: Registry,
  work: Work,
  item: Item,
  error: Error,
): Answer | RuntimeError {
  const found = currentActor(registry, work);
  const cause: Cause = { kind: 'failed', event: { type: `unstorable.${item.kind}` }, source: null, item };
  if (item.kind === 'mail') {
    work.taken.push(...work.mailbox.slice(work.taken.length).map(({ id }) => id));
    return found ? applyFailure(work, found, cause, stepFailed(error)) : null;
  }
  if (!found || (item.kind !== 'timer' && item.kind !== 'effect')) return null;
  const { timers, effects, children } = found.row.pending;
  const pending = {
    timers: without(timers, ({ job }) => item.kind === 'timer' && job === item.job),
    effects: without(effects, ({ effectId }) => item.kind === 'effect' && effectId === item.effectId),
    children,
  };
  return applyFailure(work, { ...found, row: { ...found.row, pending } }, cause, stepFailed(error));
}

function without<Entry>(
  entries: Record<string, Entry>,
  gone: (entry: Entry) => boolean,
): Record<string, Entry> {
  return Object.fromEntries(Object.entries(entries).filter(([, entry]) => !gone(entry)));
}
