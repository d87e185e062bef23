/**
 * What an actor waits for, taken out of its row when it comes: a timer, an effect's result, a child's word. What is not
 * there is late. Not for the step that follows.
 */
import type { ActorRow, TimerEntry } from '../../../persistence/actors/rows.ts';
import type { ActorEvent, Address } from '../types.ts';
import type { Found } from './bring-up.ts';
import type { Item } from './work.ts';

type ItemOf<Kind extends Item['kind']> = Extract<Item, { kind: Kind }>;

/** The actor without what has come, the event that this is to it, and from where. */
export interface Taken {
  found: Found;
  event: ActorEvent;
  source: string;
  /** The actor that is told instead. */
  to?: Address | undefined;
  /** The timer that has come. */
  timer?: TimerEntry;
}

/** Looked at first, so that what is late does nothing to an actor, such as migrating it. */
export function isTimerAwaited(row: ActorRow | undefined, { job }: ItemOf<'timer'>): boolean {
  return Object.values(row?.pending.timers ?? {}).some((timer) => timer.job === job);
}

export function isOutcomeAwaited(row: ActorRow | undefined, { effectId }: ItemOf<'effect'>): boolean {
  return Object.values(row?.pending.effects ?? {}).some((effect) => effect.effectId === effectId);
}

export function takeTimer(found: Found, { job }: ItemOf<'timer'>): Taken | undefined {
  const { pending, address } = found.row;
  const entry = Object.entries(pending.timers).find(([, timer]) => timer.job === job);
  if (!entry) return undefined;
  const [timerId, timer] = entry;
  const { event, to } = timer;
  const { [timerId]: _fired, ...timers } = pending.timers;
  return { found: waitingFor(found, { ...pending, timers }), event, source: address, to, timer };
}

export function takeOutcome(found: Found, { effectId, outcome }: ItemOf<'effect'>): Taken | undefined {
  const { pending } = found.row;
  const entry = Object.entries(pending.effects).find(([, one]) => one.effectId === effectId);
  if (!entry) return undefined;
  const [actorId] = entry;
  const { [actorId]: _ended, ...effects } = pending.effects;
  const event: ActorEvent =
    'output' in outcome
      ? { type: `xstate.done.actor.${actorId}`, output: outcome.output, actorId }
      : { type: `xstate.error.actor.${actorId}`, error: outcome.error, actorId };
  return { found: waitingFor(found, { ...pending, effects }), event, source: effectId };
}

/** What a child of an earlier visit tells, or one that was stopped meanwhile, is late. Any other event is not awaited. */
export function takeMessage(found: Found, from: Address, event: ActorEvent): Taken | undefined {
  const [, told] = /^xstate\.(done\.actor|error\.actor|snapshot)\./.exec(event.type) ?? [];
  if (told === undefined) return { found, event, source: from };
  const { pending } = found.row;
  const child = Object.entries(pending.children).find(([, { address }]) => address === from);
  if (!child) return undefined;
  const [childId] = child;
  // By the id that it has here: the child knows the one of its start, and a migration may have renamed it.
  const actorId = 'actorId' in event ? { actorId: childId } : {};
  const named = { ...event, type: `xstate.${told}.${childId}`, ...actorId };
  // It goes on.
  if (told === 'snapshot') return { found, event: named, source: from };
  const { [childId]: _ended, ...children } = pending.children;
  return { found: waitingFor(found, { ...pending, children }), event: named, source: from };
}

function waitingFor({ row, registered }: Found, pending: ActorRow['pending']): Found {
  return { registered, row: { ...row, pending } };
}
