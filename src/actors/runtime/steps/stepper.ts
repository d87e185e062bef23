/**
 * One XState step without side effects: a stored snapshot and an event in, the next snapshot and what it asks for out.
 * The machine is run detached (`detached.ts`), in a scope that collects what it would do (`collector.ts`).
 *
 * Not for: what becomes of the collected work (`apply.ts`), nor for storing anything.
 */
import { RuntimeError } from '../errors.ts';
import { messageOf } from '../storable.ts';
import type { ActorEvent, DurableMachine } from '../types.ts';
import { Collector, type Identity } from './collector.ts';
import { type DetachedMachine, detached, type LiveSnapshot } from './detached.ts';
import { resultOf, type StepResult } from './step-result.ts';

/** An `always` loop that is longer than this is a fault of the machine. */
const MAX_MICROSTEPS = 1_000;

/** A stored snapshot brought back, and what collects what is done with it. */
export interface Restored {
  snapshot: LiveSnapshot;
  collector: Collector;
}

export class Stepper {
  readonly #machine: DetachedMachine;

  constructor(definition: Pick<DurableMachine, 'machine'>) {
    this.#machine = detached(definition.machine) as unknown as DetachedMachine;
    if (!Number.isFinite(this.#machine.options.maxIterations))
      this.#machine.options.maxIterations = MAX_MICROSTEPS;
  }

  /** The first snapshot. Throws what the machine's context, guards, assigns or inputs throw. */
  start(identity: Identity, input: unknown): StepResult {
    const collector = new Collector(identity);
    const snapshot = this.#machine.getInitialSnapshot(collector.scope, input);
    if (snapshot.status === 'error') throw snapshot.error;
    return resultOf(this.#machine, collector, undefined, snapshot, true);
  }

  /**
   * One event on a stored snapshot. Throws what guards, assigns or inputs throw, and `snapshot_misfit` when the snapshot
   * is not one of this machine; the stored snapshot is not touched then.
   */
  step(identity: Identity, stored: string, event: ActorEvent): StepResult {
    const restored = this.restore(identity, JSON.parse(stored));
    const { snapshot: before, collector } = restored;
    const after = this.#machine.transition(before, event, collector.scope);
    const changed = collector.microsteps.length > 0 || after.status !== before.status;
    return this.finish(restored, after, changed);
  }

  /** Brings back a persisted snapshot, which it may change. Throws `snapshot_misfit` for one of another machine. */
  restore(identity: Identity, persisted: unknown): Restored {
    const collector = new Collector(identity);
    try {
      return { collector, snapshot: this.#machine.restoreSnapshot(persisted, collector.scope) };
    } catch (error) {
      const message = `the stored snapshot does not fit the machine: ${messageOf(error)}`;
      throw new RuntimeError('snapshot_misfit', message, { cause: error });
    }
  }

  /** What became of a restored snapshot. */
  finish({ snapshot, collector }: Restored, after: LiveSnapshot, changed: boolean): StepResult {
    return resultOf(this.#machine, collector, snapshot, after, changed);
  }
}
