/**
 * What of a machine can't be durable, found when it is registered: what can't be stored, what is missing, what has no
 * name of its own. Not for what belongs to a whole system, such as which effects there are; that is `registry.ts`.
 */
import { type AnyStateMachine, StateMachine } from 'xstate';
import type { DurableMachine } from '../types.ts';

/** The parts of XState's state nodes that are walked. */
interface StateNodeLike {
  id: string;
  entry: unknown[];
  exit: unknown[];
  initial?: { actions: unknown[] };
  invoke: { id: string; src: unknown }[];
  states: Record<string, StateNodeLike>;
  transitions: Map<string, TransitionLike[]>;
  always?: TransitionLike[];
}

interface TransitionLike {
  actions: unknown[];
  guard?: unknown;
}

/** The fields of XState's built-in actions and guards that are read: functions with properties. */
interface BuiltIn {
  type?: string;
  resolve?: unknown;
  check?: unknown;
  guards?: unknown[];
  delay?: unknown;
  src?: unknown;
  id?: unknown;
}

/** Adds to `faults` what is wrong with a machine, each with its place and what to do. */
export function checkMachine({ id, machine, events }: DurableMachine, faults: string[]): void {
  if (machine.id !== id) faults.push(`its XState id is "${machine.id}", not "${id}"`);
  if (id.includes('/')) faults.push('its id holds a "/", which separates machine and key in an address');
  for (const type of Object.keys(events)) {
    if (type === '' || type === '*' || type.endsWith('.*') || type.startsWith('xstate.'))
      faults.push(`the event "${type}" can't come from outside`);
  }
  const { implementations } = machine as AnyStateMachine;
  for (const [name, logic] of Object.entries(implementations.actors as Record<string, unknown>)) {
    if (!(logic instanceof StateMachine) && !isPromiseLogic(logic)) {
      faults.push(
        `its actor source "${name}" is not a promise: callbacks, observables and reducers live in one process; ` +
          'declare an effect, or make it a machine',
      );
    }
  }
  const named = new Names(implementations);
  for (const node of nodesBelow((machine as AnyStateMachine).root as unknown as StateNodeLike)) {
    faults.push(...faultsOfNode(node, named).map((fault) => `${node.id}: ${fault}`));
  }
}

function* nodesBelow(node: StateNodeLike): Generator<StateNodeLike> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodesBelow(child);
}

function faultsOfNode(node: StateNodeLike, named: Names): string[] {
  const transitions = [...node.transitions.values(), node.always ?? []].flat();
  const actions = [node.entry, node.exit, node.initial?.actions ?? [], ...transitions.map((t) => t.actions)];
  return [
    ...actions.flat().map((action) => named.faultOfAction(action)),
    ...transitions.map(({ guard }) => named.faultOfGuard(guard)),
    ...node.invoke.map(({ id, src }) => named.faultOfSource(`the source of "${id}"`, src)),
    ...node.invoke.map(({ id }) => faultOfInvokeId(id)),
  ].filter((fault) => fault !== null);
}

function faultOfInvokeId(id: string): string | null {
  return /^\d+\./.test(id) ? 'give its invoke an id; the default one changes when a state is renamed' : null;
}

/** What a machine gives implementations to. Each method tells what is wrong, or null. */
class Names {
  readonly #actions: Record<string, unknown>;
  readonly #guards: Record<string, unknown>;
  readonly #delays: Record<string, unknown>;
  readonly #actors: Record<string, unknown>;

  constructor(implementations: AnyStateMachine['implementations']) {
    const { actions, guards, delays, actors } = implementations as unknown as Record<
      string,
      Record<string, unknown> | undefined
    >;
    this.#actions = actions ?? {};
    this.#guards = guards ?? {};
    this.#delays = delays ?? {};
    this.#actors = actors ?? {};
  }

  faultOfAction(action: unknown): string | null {
    if (typeof action === 'function') {
      const builtIn = action as BuiltIn;
      if ('resolve' in builtIn) return this.#faultOfBuiltIn(builtIn);
      return `the inline action "${action.name || '(anonymous)'}" can't be stored; use an effect`;
    }
    const type = nameOf(action);
    const implementation = this.#actions[type];
    if (implementation === undefined) return `the action "${type}" has no implementation`;
    if (typeof implementation === 'function' && 'resolve' in implementation)
      return this.#faultOfBuiltIn(implementation as BuiltIn);
    return `the action "${type}" is a function with side effects, which can't be stored; use an effect, assign or emit`;
  }

  #faultOfBuiltIn({ type, delay, src, id }: BuiltIn): string | null {
    // Without its implementation XState takes it for no delay at all.
    if (typeof delay === 'string' && !(delay in this.#delays))
      return `the delay "${delay}" has no implementation`;
    if (type !== 'xstate.spawnChild') return null;
    if (id === undefined) return 'give its spawnChild an id; without one it has none that could be stored';
    return this.faultOfSource('the source of its spawnChild', src);
  }

  /** An inline guard is pure, as any other. */
  faultOfGuard(guard: unknown): string | null {
    if (guard === undefined) return null;
    if (typeof guard === 'function') {
      const { guards = [] } = guard as BuiltIn;
      return guards.map((part) => this.faultOfGuard(part)).find((fault) => fault !== null) ?? null;
    }
    const type = nameOf(guard);
    return type in this.#guards ? null : `the guard "${type}" has no implementation`;
  }

  faultOfSource(what: string, src: unknown): string | null {
    if (typeof src !== 'string' || src.startsWith('xstate.invoke.'))
      return `${what} is inline; name it in setup({ actors }) and declare an effect`;
    return src in this.#actors
      ? null
      : `${what} names the actor source "${src}", which the machine does not have`;
  }
}

/** Of an action or a guard that is named, with parameters or without. */
function nameOf(named: unknown): string {
  return typeof named === 'string' ? named : (named as { type: string }).type;
}

/** Of the logics that XState offers only a promise ends by this event of its own. */
function isPromiseLogic(logic: unknown): boolean {
  const { transition } = logic as { transition: (state: object, event: object, scope: object) => unknown };
  try {
    const ended = transition({ status: 'active' }, { type: 'xstate.promise.resolve', data: 0 }, {});
    return (ended as { status?: unknown }).status === 'done';
  } catch {
    return false;
  }
}
