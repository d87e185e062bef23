/**
 * The registered machines and effects, checked when the system starts: what can't be durable is refused there, with
 * the reason, and not at three in the morning.
 */
import { type AnyStateMachine, StateMachine } from 'xstate';
import { RuntimeError } from './errors.ts';
import { Stepper } from './stepper.ts';
import type { DurableMachine, Effect } from './types.ts';

export interface RegisteredMachine {
  definition: DurableMachine;
  stepper: Stepper;
  /** The actor sources that are machines: the ids of those, by the source's name. The others are effects. */
  children: ReadonlyMap<string, string>;
}

/** The parts of XState's state nodes that are walked. */
interface StateNodeLike {
  id: string;
  entry: unknown[];
  exit: unknown[];
  invoke: { id: string; src: unknown }[];
  states: Record<string, StateNodeLike>;
  transitions: Map<string, { actions: unknown[] }[]>;
  always?: { actions: unknown[] }[];
}

export class Registry {
  readonly #machines = new Map<string, RegisteredMachine>();
  readonly #effects = new Map<string, Effect>();
  readonly definitions: readonly DurableMachine[];

  /** Throws `registration_refused` naming every fault of every machine. */
  constructor(machines: readonly DurableMachine[], effects: readonly Effect[]) {
    this.definitions = machines;
    for (const declared of effects) {
      if (this.#effects.has(declared.name)) refuse(declared.name, ['this effect is declared twice']);
      this.#effects.set(declared.name, declared);
    }
    for (const definition of machines) {
      const faults: string[] = [];
      const children = this.#childrenOf(definition, faults);
      this.#check(definition, faults);
      if (this.#machines.has(definition.id)) faults.push('a machine of this id is registered already');
      if (faults.length > 0) refuse(definition.id, faults);
      this.#machines.set(definition.id, { definition, stepper: new Stepper(definition), children });
    }
  }

  /** The machine of this id. Throws `machine_not_found`. */
  machine(id: string): RegisteredMachine {
    const registered = this.#machines.get(id);
    if (!registered) throw new RuntimeError('machine_not_found', `there is no machine "${id}"`);
    return registered;
  }

  find(id: string): RegisteredMachine | undefined {
    return this.#machines.get(id);
  }

  effect(name: string): Effect | undefined {
    return this.#effects.get(name);
  }

  /** Which of a machine's actor sources are other machines; these must be registered too. */
  #childrenOf({ machine }: DurableMachine, faults: string[]): Map<string, string> {
    const children = new Map<string, string>();
    for (const [name, logic] of Object.entries(machine.implementations.actors as Record<string, unknown>)) {
      if (!(logic instanceof StateMachine)) continue;
      const child = this.definitions.find((other) => other.machine === logic);
      if (child) children.set(name, child.id);
      else faults.push(`the machine "${logic.id}" of its actor source "${name}" is not registered`);
    }
    return children;
  }

  #check({ id, machine, events }: DurableMachine, faults: string[]): void {
    if (machine.id !== id) faults.push(`its XState id is "${machine.id}", not "${id}"`);
    if (id.includes('/')) faults.push('its id holds a "/", which separates machine and key in an address');
    for (const type of Object.keys(events)) {
      if (type === '*' || type.startsWith('xstate.'))
        faults.push(`the event "${type}" can't come from outside`);
    }
    const sources = machine.implementations.actors as Record<string, unknown>;
    const actions = machine.implementations.actions as Record<string, unknown>;
    for (const [name, logic] of Object.entries(sources)) {
      if (!(logic instanceof StateMachine) && !this.#effects.has(name))
        faults.push(`no effect "${name}" is registered for its actor source of that name`);
    }
    const checkActions = (where: string, list: readonly unknown[]) => {
      for (const action of list) {
        const fault = faultOfAction(action, actions);
        if (fault) faults.push(`${where}: ${fault}`);
      }
    };
    const walk = (node: StateNodeLike): void => {
      checkActions(node.id, node.entry);
      checkActions(node.id, node.exit);
      for (const transitions of node.transitions.values()) {
        for (const transition of transitions) checkActions(node.id, transition.actions);
      }
      for (const transition of node.always ?? []) checkActions(node.id, transition.actions);
      for (const { id: invokeId, src } of node.invoke) {
        if (typeof src !== 'string' || src.startsWith('xstate.invoke.')) {
          faults.push(
            `${node.id}: the source of "${invokeId}" is inline; name it in setup({ actors }) and declare an effect`,
          );
        } else if (!(src in sources)) {
          faults.push(
            `${node.id}: "${invokeId}" names the actor source "${src}", which the machine does not have`,
          );
        }
        if (/^\d+\./.test(invokeId)) {
          faults.push(`${node.id}: give its invoke an id; the default one changes when a state is renamed`);
        }
      }
      for (const child of Object.values(node.states)) walk(child);
    };
    walk((machine as AnyStateMachine).root as unknown as StateNodeLike);
  }
}

/** Why an action can't be committed, or null. Built-in actions carry a `resolve` function. */
function faultOfAction(action: unknown, named: Record<string, unknown>): string | null {
  if (typeof action === 'function') {
    return 'resolve' in action
      ? null
      : `the inline action "${action.name || '(anonymous)'}" can't be stored; use an effect`;
  }
  const type = typeof action === 'string' ? action : (action as { type: string }).type;
  const implementation = named[type];
  if (implementation === undefined) return `the action "${type}" has no implementation`;
  if (typeof implementation === 'function' && 'resolve' in implementation) return null;
  return `the action "${type}" is a function with side effects, which can't be stored; use an effect, assign or emit`;
}

function refuse(id: string, faults: string[]): never {
  throw new RuntimeError('registration_refused', `${id} can't be registered: ${faults.join('; ')}`, {
    details: { faults },
  });
}
