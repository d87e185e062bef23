/**
 * Model-based tests of machines: the paths through a machine's graph, with the completions of its effects and its
 * timers among the events, and what of the machine the paths have covered.
 *
 * A model bounds the context (`serialize`), so that the graph is finite. Replaying is `LiveActor`'s, in memory, and
 * `machines-on-runtime.test.ts`'s, on the durable runtime.
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import type { ActorEvent, PlainError } from '../src/actors/runtime/index.ts';
import { LiveActor, nameOfTransition } from '../src/actors/runtime/testing/live-actor.ts';

export interface Model {
  machine: AnyStateMachine;
  /** Each is a start of its own. */
  inputs: unknown[];
  /** From outside, wherever the actor is. */
  events: ActorEvent[];
  /** What each effect may come to, by the id of its invocation. */
  outcomes: Record<string, { outputs: unknown[]; errors: PlainError[] }>;
  /** Delayed events, besides `after`, that are pending in a state. */
  delayed?: (snapshot: AnyMachineSnapshot) => ActorEvent[];
  /** Two snapshots of one text count as one. */
  serialize: (snapshot: AnyMachineSnapshot) => string;
}

/** From an input through events to a state; the last event is the one that a path is there to try. */
export interface Path {
  input: unknown;
  events: ActorEvent[];
}

/** Everything that can happen in a state: events from outside, and the ends of the effects and timers it has. */
function happenings(model: Model, snapshot: AnyMachineSnapshot): ActorEvent[] {
  if (snapshot.status !== 'active') return [];
  const own = (snapshot._nodes as AnyStateNode[]).flatMap((node) => [
    ...node.invoke.flatMap(({ id }) => completions(model, id)),
    ...node.after.map(({ eventType }) => ({ type: eventType })),
  ]);
  return [...model.events, ...own, ...(model.delayed?.(snapshot) ?? [])];
}

function completions({ outcomes }: Model, id: string): ActorEvent[] {
  const { outputs, errors } = outcomes[id] ?? { outputs: [], errors: [] };
  return [
    ...outputs.map((output) => ({ type: `xstate.done.actor.${id}`, output })),
    ...errors.map((error) => ({ type: `xstate.error.actor.${id}`, error })),
  ];
}

/** Shortest paths to each state of the model, each with every event that can happen there. */
export function pathsOf(model: Model): Path[] {
  return model.inputs.flatMap((input) => {
    const paths = getShortestPaths(model.machine, {
      input,
      events: (snapshot) => happenings(model, snapshot as AnyMachineSnapshot) as never,
      serializeState: (snapshot) => model.serialize(snapshot as AnyMachineSnapshot),
      limit: 20_000,
    });
    return paths.flatMap(({ state, steps }) => {
      const events = steps
        .map(({ event }) => event as ActorEvent)
        .filter(({ type }) => type !== 'xstate.init');
      const next = happenings(model, state as AnyMachineSnapshot);
      return [{ input, events: [] }, ...next.map((event) => ({ input, events: [...events, event] }))];
    });
  });
}

/** Replays a path in memory. `check` sees the actor at the start (without an event) and after each event. */
export function replay(
  machine: AnyStateMachine,
  { input, events }: Path,
  check?: (live: LiveActor, event: ActorEvent | undefined) => void,
): LiveActor {
  const live = new LiveActor(machine, input);
  check?.(live, undefined);
  for (const event of events) {
    live.happen(event);
    check?.(live, event);
  }
  return live;
}

/** All states and transitions of a machine, in words. */
function partsOf(machine: AnyStateMachine): { states: string[]; transitions: string[] } {
  const states: string[] = [];
  const transitions: string[] = [];
  const walk = (node: AnyStateNode): void => {
    states.push(node.id);
    const own = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
    transitions.push(...own.map(nameOfTransition));
    for (const child of Object.values(node.states)) walk(child as AnyStateNode);
  };
  walk(machine.root);
  return { states, transitions };
}

/** The states and transitions of a machine, in words, that none of the replayed paths reached. */
export function uncovered(machine: AnyStateMachine, replayed: readonly LiveActor[]): string[] {
  const reached = new Set(replayed.flatMap((live) => [...live.entered, ...live.taken]));
  const { states, transitions } = partsOf(machine);
  return [...states, ...transitions].filter((one) => !reached.has(one));
}

/** How many of a machine's states and transitions the replayed paths reached: `states 5 of 5, transitions 9 of 9`. */
export function coverage(machine: AnyStateMachine, replayed: readonly LiveActor[]): string {
  const missing = new Set(uncovered(machine, replayed));
  return Object.entries(partsOf(machine))
    .map(([what, all]) => `${what} ${all.filter((one) => !missing.has(one)).length} of ${all.length}`)
    .join(', ');
}

/** A few of the paths that together take every transition that all of them take, the shortest first. */
export function fewestPaths(machine: AnyStateMachine, paths: readonly Path[]): Path[] {
  const taken = new Set<string>();
  return [...paths]
    .sort((a, b) => a.events.length - b.events.length)
    .filter((path) => {
      const news = [...replay(machine, path).taken].filter((one) => !taken.has(one));
      for (const one of news) taken.add(one);
      return news.length > 0;
    });
}
