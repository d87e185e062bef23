/**
 * The registered machines and effects, checked when the system starts: what can't be durable is refused there, with
 * the reason, and not at three in the morning.
 */
import { StateMachine } from 'xstate';
import { checkMachine } from './check-machine.ts';
import { RuntimeError } from './errors.ts';
import { Stepper } from './stepper.ts';
import type { DurableMachine, Effect } from './types.ts';

export interface RegisteredMachine {
  definition: DurableMachine;
  stepper: Stepper;
  /** The actor sources that are machines: the ids of those, by the source's name. The others are effects. */
  children: ReadonlyMap<string, string>;
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
      this.#checkEffects(definition, faults);
      checkMachine(definition, faults);
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

  #checkEffects({ machine }: DurableMachine, faults: string[]): void {
    for (const [name, logic] of Object.entries(machine.implementations.actors as Record<string, unknown>)) {
      if (!(logic instanceof StateMachine) && !this.#effects.has(name))
        faults.push(`no effect "${name}" is registered for its actor source of that name`);
    }
  }
}

function refuse(id: string, faults: string[]): never {
  throw new RuntimeError('registration_refused', `${id} can't be registered: ${faults.join('; ')}`, {
    details: { faults },
  });
}
