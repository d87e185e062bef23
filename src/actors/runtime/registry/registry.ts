/**
 * The registered machines and effects, checked when the system starts: what can't be durable is refused there, with
 * the reason, and not at three in the morning.
 */
import { StateMachine } from 'xstate';
import { RuntimeError } from '../errors.ts';
import { Stepper } from '../steps/stepper.ts';
import type { DurableMachine, Effect } from '../types.ts';
import { type Expected, expectedBy, nodesOf } from '../versions/expected.ts';
import { Link } from '../versions/link.ts';
import { checkMachine } from './check-machine.ts';
import { faultsOfRetention } from './check-retention.ts';
import { faultsOfVersions } from './check-versions.ts';
import { faultsOfDeclaration } from './declaration.ts';
import { faultsOfEffect } from './effect.ts';
import { refuse } from './faults.ts';
import type { PreviousVersion } from './versions.ts';

/** One version of a machine. */
export interface RegisteredMachine {
  /** Of an old version: with its own machine and events, and for the rest what the current one says. */
  definition: DurableMachine;
  stepper: Stepper;
  /** The actor sources that are machines: the ids of those, by the source's name. The others are effects. */
  children: ReadonlyMap<string, string>;
  /** What any of its states waits for. */
  expected: Expected;
  /** Where its actors are taken; null for a version that steps here. */
  link: Link | null;
}

/** The way from one version to the one that steps; without links the two are one. */
export interface Route {
  from: RegisteredMachine;
  links: readonly { link: Link; to: RegisteredMachine }[];
}

export class Registry {
  /** Of each machine: its versions, the current one first. */
  readonly #machines = new Map<string, RegisteredMachine[]>();
  readonly #effects = new Map<string, Effect>();
  readonly definitions: readonly DurableMachine[];

  /** Throws `registration_refused` naming every fault of every machine. */
  constructor(machines: readonly DurableMachine[], effects: readonly Effect[]) {
    if (!Array.isArray(machines as unknown))
      refuse('a system without a list of machines', ['give it `machines`']);
    if (!Array.isArray(effects as unknown))
      refuse('a system without a list of effects', ['give it `effects`']);
    this.definitions = machines;
    for (const declared of effects) {
      const faults = faultsOfEffect(declared);
      if (this.#effects.has(declared?.name)) faults.push('this effect is declared twice');
      if (faults.length > 0) refuse(`the effect ${String(declared?.name)}`, faults);
      this.#effects.set(declared.name, declared);
    }
    for (const definition of machines) {
      // What is not even declared can't be looked at further.
      const undeclared = faultsOfDeclaration(definition);
      if (undeclared.length > 0) refuse(`the machine ${String(definition?.id)}`, undeclared);
      const faults: string[] = [];
      if (this.#machines.has(definition.id)) faults.push('a machine of this id is registered already');
      const versions = [
        this.#register(definition, true, faults),
        ...(definition.previous ?? []).map((previous) =>
          this.#registerPrevious(definition, previous, faults),
        ),
      ];
      faults.push(...faultsOfVersions(definition));
      faults.push(...faultsOfRetention(definition));
      if (faults.length > 0) refuse(definition.id, faults);
      this.#machines.set(definition.id, versions);
    }
  }

  /** The machine of this id, in its current version. Throws `machine_not_found`. */
  machine(id: string): RegisteredMachine {
    const registered = this.find(id);
    if (!registered) throw new RuntimeError('machine_not_found', `there is no machine "${id}"`);
    return registered;
  }

  /** The machine of this id, in its current version. */
  find(id: string): RegisteredMachine | undefined {
    return this.#machines.get(id)?.[0];
  }

  /** One version of a machine. */
  version(id: string, version: string): RegisteredMachine | undefined {
    return this.#machines.get(id)?.find(({ definition }) => definition.version === version);
  }

  /** The versions of a machine, the current one first. */
  versions(id: string): readonly RegisteredMachine[] {
    return this.#machines.get(id) ?? [];
  }

  /** All versions whose actors this process can step or migrate; of each machine the current one first. */
  get allVersions(): DurableMachine[] {
    return [...this.#machines.values()].flat().map(({ definition }) => definition);
  }

  /** The way of a version to the one that steps here; no links where it steps itself. */
  route(from: RegisteredMachine): Route {
    const links: Route['links'][number][] = [];
    for (let at = from; at.link; ) {
      const { link } = at;
      // Registration has followed each chain to its end.
      const to = this.version(at.definition.id, link.migration.to.version) as RegisteredMachine;
      links.push({ link, to });
      at = to;
    }
    return { from, links };
  }

  effect(name: string): Effect | undefined {
    return this.#effects.get(name);
  }

  /** What is not stepped any more needs no effects and no children that exist. */
  #register(definition: DurableMachine, isStepped: boolean, faults: string[]): RegisteredMachine {
    const children = this.#childrenOf(definition, isStepped ? faults : []);
    if (isStepped) this.#checkEffects(definition, faults);
    checkMachine(definition, faults);
    const expected = expectedBy([...nodesOf(definition.machine.root).values()]);
    return { definition, stepper: new Stepper(definition), children, expected, link: null };
  }

  #registerPrevious(current: DurableMachine, previous: PreviousVersion, faults: string[]): RegisteredMachine {
    const { version, machine } = previous;
    const own: string[] = [];
    const events = previous.kind === 'goesOn' ? previous.events : {};
    const isStepped = previous.kind === 'goesOn';
    const registered = this.#register({ ...current, version, machine, events }, isStepped, own);
    faults.push(...own.map((fault) => `version ${version}: ${fault}`));
    if (previous.kind === 'goesOn') return registered;
    return { ...registered, link: new Link(previous, new Stepper(previous.to)) };
  }

  /** Which of a machine's actor sources are other machines; these must be registered too, in whichever version. */
  #childrenOf({ machine }: DurableMachine, faults: string[]): Map<string, string> {
    const children = new Map<string, string>();
    for (const [name, logic] of Object.entries(machine.implementations.actors as Record<string, unknown>)) {
      if (!(logic instanceof StateMachine)) continue;
      const child = this.definitions.find((other) =>
        [other, ...(other.previous ?? [])].some((version) => version.machine === logic),
      );
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
