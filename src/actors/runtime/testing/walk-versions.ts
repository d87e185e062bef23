/**
 * For the test of a machine with old versions: walks the states that each of them can be in, and takes each through
 * JSON, its migration and the restore, with what an actor waits for there.
 *
 *   expect(checkMigrations(order, { '1': { inputs: [{ amount: 10 }], events: [{ type: 'PAY' }] } })).toEqual({});
 *
 * In memory, and always in the same order. Not for what a migrated actor does next.
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { z } from 'zod';
import type { ActorRow, Pending } from '../../../persistence/actors/rows.ts';
import { effect } from '../registry/effect.ts';
import { Registry } from '../registry/registry.ts';
import { detached } from '../steps/detached.ts';
import { identityOf } from '../steps/take-step.ts';
import type { ActorEvent, DurableMachine } from '../types.ts';
import { expectedBy, nodesOf } from '../versions/expected.ts';
import { moveActor } from '../versions/migrate.ts';

const anything = z.unknown();

/** How the states of one old version are reached. */
export interface Walk {
  /** Each is a start of its own. */
  inputs: readonly unknown[];
  /** From outside, wherever the actor is. */
  events: readonly ActorEvent[];
  /** What effects and children may come to, by the id of their invocation; without a word they end with nothing. */
  outcomes?: Readonly<Record<string, { outputs?: readonly unknown[]; errors?: readonly unknown[] }>>;
  /**
   * Two snapshots of one text count as one. The state value and what history states remember, unless said: say it where
   * the migration looks at the context.
   */
  serialize?: (snapshot: AnyMachineSnapshot) => string;
  /** The steps after which the walk gives up; 20,000 unless said. */
  limit?: number;
}

/** What is wrong: states that the walk did not reach, and states whose migration fails, with the reason. */
export interface WalkFaults {
  unreached?: string[];
  failed?: { value: unknown; context: unknown; reason: string }[];
}

/**
 * Walks each version that migrates, and answers what is wrong with it, by version: nothing when all is well. Throws for
 * a version without a walk, and `registration_refused` for a machine that would be refused.
 */
export function checkMigrations(
  definition: DurableMachine,
  walks: Readonly<Record<string, Walk>>,
): Record<string, WalkFaults> {
  const registry = registryOf(definition);
  const faults: Record<string, WalkFaults> = {};
  for (const { kind, version, machine } of definition.previous ?? []) {
    if (kind === 'goesOn') continue;
    const walk = walks[version];
    if (!walk) throw new Error(`say how the states of version ${version} of ${definition.id} are reached`);
    const from = registry.version(definition.id, version);
    if (!from) continue;
    const route = registry.route(from);
    const reached = new Set<string>();
    const failed: NonNullable<WalkFaults['failed']> = [];
    for (const snapshot of statesOf(machine, walk)) {
      for (const { id } of snapshot._nodes as AnyStateNode[]) reached.add(id);
      if (snapshot.status !== 'active') continue;
      const row = rowOf(definition.id, version, machine, snapshot);
      try {
        const { registered, result } = moveActor(row, route);
        // As the next step reads what is stored.
        registered.stepper.restore(identityOf(row), JSON.parse(result.snapshot));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        failed.push({ value: snapshot.value, context: snapshot.context, reason });
      }
    }
    const unreached = [...nodesOf(machine.root)]
      .filter(([id, { type }]) => type !== 'history' && !reached.has(id))
      .map(([id]) => id);
    if (unreached.length + failed.length === 0) continue;
    faults[version] = { ...(unreached.length > 0 && { unreached }), ...(failed.length > 0 && { failed }) };
  }
  return faults;
}

/** One snapshot of each state, by the shortest way, the starts first. */
function statesOf(machine: AnyStateMachine, walk: Walk): AnyMachineSnapshot[] {
  const { inputs, serialize = valueAndHistory, limit = 20_000 } = walk;
  const states = inputs.flatMap((input) =>
    getShortestPaths(detached(machine), {
      input,
      events: (snapshot) => happenings(snapshot as AnyMachineSnapshot, walk) as never,
      serializeState: (snapshot) => serialize(snapshot as AnyMachineSnapshot),
      limit,
    }).map(({ state }) => state as AnyMachineSnapshot),
  );
  const known = new Map<string, AnyMachineSnapshot>();
  for (const state of states) if (!known.has(serialize(state))) known.set(serialize(state), state);
  return [...known.values()];
}

function valueAndHistory({ status, value, historyValue }: AnyMachineSnapshot): string {
  const remembered = Object.entries(historyValue as Record<string, { id: string }[]>);
  return JSON.stringify([
    status,
    value,
    remembered.map(([id, states]) => [id, states.map((state) => state.id)]),
  ]);
}

/** What can happen in a state: events from outside, and the timers and the ends of what the state itself has asked for. */
function happenings(snapshot: AnyMachineSnapshot, { events, outcomes = {} }: Walk): ActorEvent[] {
  if (snapshot.status !== 'active') return [];
  // Only of active states: an error of what nobody has invoked would end the machine.
  const { timers, invokes } = expectedBy(snapshot._nodes as AnyStateNode[]);
  const ends = [...invokes.keys()].flatMap((id) => {
    const { outputs = [undefined], errors = [] } = outcomes[id] ?? {};
    return [
      ...outputs.map((output) => ({ type: `xstate.done.actor.${id}`, output, actorId: id })),
      ...errors.map((error) => ({ type: `xstate.error.actor.${id}`, error, actorId: id })),
    ];
  });
  return [...events, ...[...timers].map((type) => ({ type })), ...ends];
}

/** As an actor in that state is stored. */
function rowOf(
  machine: string,
  version: string,
  logic: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
): ActorRow {
  const at = new Date(0);
  const { timers } = expectedBy(snapshot._nodes as AnyStateNode[]);
  const pending: Pending = {
    timers: Object.fromEntries(
      [...timers].map((id, order) => [id, { job: id, due: at.toISOString(), order, event: { type: id } }]),
    ),
    effects: Object.fromEntries(
      Object.entries(snapshot.children).map(([id, child]) => [
        id,
        { effectId: id, src: String((child as { src: unknown }).src) },
      ]),
    ),
    children: {},
  };
  return {
    ...{ address: `${machine}/walk`, machine, key: 'walk', version, owner: 'walk', incarnation: 'walk' },
    ...{ status: 'active', revision: 1, tags: [], value: snapshot.value, error: null },
    ...{ singletonKey: null, parent: null, createdAt: at, updatedAt: at, pending },
    snapshot: JSON.stringify(logic.getPersistedSnapshot(snapshot)),
  };
}

/** The machine with its versions, and stand-ins for the effects and machines that it names. */
function registryOf(definition: DurableMachine): Registry {
  const machines = [definition.machine, ...(definition.previous ?? []).map(({ machine }) => machine)];
  const found = new Map<AnyStateMachine, DurableMachine>(machines.map((machine) => [machine, definition]));
  const effects = new Set<string>();
  const look = (machine: AnyStateMachine): void => {
    for (const [name, logic] of Object.entries(machine.implementations.actors)) {
      if (!isMachine(logic)) effects.add(name);
      else if (!found.has(logic)) {
        found.set(logic, { id: logic.id, version: '1', input: anything, events: {}, machine: logic });
        look(logic);
      }
    }
  };
  for (const machine of machines) look(machine);
  return new Registry(
    [...new Set(found.values())],
    [...effects].map((name) => effect(name, { input: anything, output: anything }, async () => null)),
  );
}

function isMachine(logic: unknown): logic is AnyStateMachine {
  return typeof logic === 'object' && logic !== null && 'root' in logic && 'implementations' in logic;
}
