/**
 * How a machine's file says what becomes of the actors of its old versions: they go on in theirs, or they migrate.
 * Declarations only. Migrating is `migrate.ts`, and registering `registry.ts`.
 *
 *   previous: [
 *     goesOn({ version: '1', machine: orderV1, events: orderEventsV1 }),
 *     migration({
 *       from: { version: '2', machine: orderV2, context: orderContextV2 },
 *       to: { version: '3', machine: orderMachine },
 *       renamed: { states: { 'order.waiting': 'order.awaitingPayment' } },
 *       migrate: ({ context }) => ({ context: { ...context, currency: 'EUR' } }),
 *     }),
 *   ]
 */
import type { AnyStateMachine, ContextFrom, StateValue, StateValueFrom } from 'xstate';
import type { z } from 'zod';
import { faultsOfNames } from '../options.ts';
import { refuse } from './faults.ts';

/** An old version whose actors go on in it, to their end. New actors are of the current version. */
export interface GoesOn {
  readonly kind: 'goesOn';
  readonly version: string;
  readonly machine: AnyStateMachine;
  /** The events that may come from outside, as in the machine's own declaration. */
  readonly events: Readonly<Record<string, z.ZodType>>;
}

/** For each history state, by its id: the ids of the states that it remembers. */
export type HistoryIds = Record<string, readonly string[]>;

/** What a migration is given. */
export interface OldState<Value = StateValue, Context = Record<string, unknown>> {
  value: Value;
  context: Context;
  /** What history states remember. */
  history: HistoryIds;
}

/** What a migration answers. State value and history that it leaves out stay as they are, with the states renamed. */
export interface NewState<Value = StateValue, Context = Record<string, unknown>> {
  value?: Value;
  context: Context;
  history?: HistoryIds;
}

/** Ids that the new version calls otherwise, from the old to the new: what an actor waits for moves along. */
export interface Renamed {
  /**
   * State ids (`order.waiting`): the state value and the history follow, the states within, and the timers of `after`.
   * Null for a state that is gone, and with it what was active within: such as a region of a parallel state.
   */
  readonly states?: Readonly<Record<string, string | null>>;
  /** Delayed events: XState's `xstate.after.<delay>.<state id>` where the delay is another, or the `id` of a `raise`. */
  readonly timers?: Readonly<Record<string, string>>;
  /** The ids of invoked effects. */
  readonly effects?: Readonly<Record<string, string>>;
  /** The ids of invoked or spawned machines. */
  readonly children?: Readonly<Record<string, string>>;
}

/** An old version whose actors are taken to a later one, on their next event or by `system.migrate`. */
export interface Migration {
  readonly kind: 'migration';
  readonly version: string;
  /** Kept for reading old snapshots, and for the test that walks its states; nothing is stepped in it any more. */
  readonly machine: AnyStateMachine;
  readonly context: z.ZodType;
  readonly to: { readonly version: string; readonly machine: AnyStateMachine };
  readonly renamed: Renamed;
  readonly migrate: (old: OldState) => NewState;
}

export type PreviousVersion = GoesOn | Migration;

/** Declares that the actors of an old version go on in it. */
export function goesOn(version: Omit<GoesOn, 'kind'>): GoesOn {
  return { kind: 'goesOn', ...version };
}

/**
 * Declares how the actors of an old version become ones of the version after it; several make a chain. `migrate` is
 * pure: it may be called more than once for one actor, and what it throws quarantines that actor. `context` is the
 * schema of the old context; what it does not know, `migrate` does not see. Throws `registration_refused` for a name
 * that a migration does not have.
 */
export function migration<
  Old extends AnyStateMachine,
  OldContext extends Record<string, unknown>,
  New extends AnyStateMachine,
>(declared: {
  from: { version: string; machine: Old; context: z.ZodType<OldContext> };
  to: { version: string; machine: New };
  renamed?: Renamed;
  migrate: (
    old: OldState<StateValueFrom<Old>, OldContext>,
  ) => NewState<StateValueFrom<New>, ContextFrom<New>>;
}): Migration {
  const faults = faultsOfNames(declared, ['from', 'to', 'renamed', 'migrate']);
  if (faults.length > 0) refuse(`the migration from version ${String(declared.from?.version)}`, faults);
  const { from, to, renamed = {}, migrate } = declared;
  // The old context is parsed, and the old value one of the old machine's, before `migrate` sees them.
  const erased = migrate as unknown as Migration['migrate'];
  return { kind: 'migration', ...from, to, renamed, migrate: erased };
}
