/**
 * R16: XState stays XState. Random machines and random events on the runtime's own layers (stepper, apply), without a
 * database, against `createActor` with a simulated clock: after each event both are in the same state.
 * Through the whole system on Postgres: `differential-system.test.ts`.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ActorRow } from '../../persistence/actors/rows.ts';
import { applyItem } from './apply.ts';
import { type PlainError, RuntimeError } from './errors.ts';
import { Registry } from './registry.ts';
import { LiveActor, type Outcome, plain, type Seen } from './testing/live-actor.ts';
import { buildMachine, workEffect } from './testing/random-machines.ts';
import { machinePlan, type Operation, operations } from './testing/random-plans.ts';
import type { DurableMachine } from './types.ts';
import { type Answer, type Item, Work } from './work.ts';

const RUNS = 300;
const START = Date.parse('2026-01-05T15:00:00.000Z');

const failure: PlainError = { name: 'Failed', message: 'it failed', code: 'failed', retryable: false };

/** An actor on the runtime's layers: its row passes through JSON at each step, as it does through Postgres. */
class SteppedActor {
  readonly #registry: Registry;
  readonly #address: string;
  #row: ActorRow | undefined;
  readonly #inputs = new Map<string, unknown>();
  readonly emitted: unknown[] = [];

  constructor(definition: DurableMachine) {
    const effects = [workEffect(() => Promise.reject(new Error('not run here')))];
    this.#registry = new Registry([definition], effects);
    this.#address = `${definition.id}/1`;
    this.#apply(
      { kind: 'spawn', machine: definition.id, key: '1', owner: 'local', input: {}, singletonKey: null },
      0,
    );
  }

  send(type: string, now: number): void {
    this.#apply({ kind: 'event', event: { type }, source: null }, now);
  }

  end(invokeId: string, outcome: Outcome, now: number): void {
    const effectId = this.#pending.effects[invokeId]?.effectId ?? '';
    this.#apply({ kind: 'effect', effectId, outcome }, now);
  }

  /** Milliseconds from the start to the nearest deadline. */
  nextDue(): number | undefined {
    const dues = Object.values(this.#pending.timers).map(({ due }) => Date.parse(due) - START);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** Fires what is due, in its order. The order of the entries themselves is lost in Postgres, so it is here. */
  passTimeTo(now: number): void {
    for (;;) {
      const due = Object.entries(this.#pending.timers)
        .filter(([, timer]) => Date.parse(timer.due) - START <= now)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .sort(([, a], [, b]) => Date.parse(a.due) - Date.parse(b.due) || a.order - b.order);
      const [first] = due;
      if (!first) return;
      this.#apply({ kind: 'timer', job: first[1].job }, now);
    }
  }

  effects(): Record<string, unknown> {
    return plain(
      Object.fromEntries(
        Object.entries(this.#pending.effects).map(([id, { effectId }]) => [id, this.#inputs.get(effectId)]),
      ),
    );
  }

  timers(): string[] {
    return Object.values(this.#pending.timers)
      .map(({ event }) => event.type)
      .sort();
  }

  seen(): Seen {
    const row = this.#row as ActorRow;
    const stored = JSON.parse(row.snapshot) as Seen;
    expect(row).toMatchObject({ status: stored.status, value: stored.value });
    const { status, value, context, output, error } = stored;
    return { status, value, context, output: output ?? null, error: error ?? null };
  }

  get #pending(): ActorRow['pending'] {
    return this.#row?.pending ?? { timers: {}, effects: {}, children: {} };
  }

  #apply(item: DistributiveOmit<Item, 'stepId' | 'address'>, now: number): Answer {
    const work = new Work(this.#address, this.#row && withRealDates(plain(this.#row)), new Date(START + now));
    const whole = { ...item, stepId: randomUUID(), address: this.#address } as Item;
    const answer = applyItem(this.#registry, work, whole);
    if (answer instanceof RuntimeError) throw answer;
    for (const [effectId, { input }] of work.effects) this.#inputs.set(effectId, input);
    for (const { event } of work.emitted) this.emitted.push(event);
    this.#row = work.row;
    return answer;
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function withRealDates(row: ActorRow): ActorRow {
  return { ...row, createdAt: new Date(row.createdAt), updatedAt: new Date(row.updatedAt) };
}

/** Does the same to both. False when there was nothing to do it to. */
function operate(live: LiveActor, stepped: SteppedActor, operation: Operation): boolean {
  switch (operation.kind) {
    case 'event':
      live.send({ type: operation.type });
      stepped.send(operation.type, live.now);
      return true;
    case 'time': {
      const due = stepped.nextDue();
      if (due === undefined) return false;
      live.passTime(due - live.now);
      stepped.passTimeTo(live.now);
      return true;
    }
    default: {
      const running = Object.keys(stepped.effects()).sort();
      const id = running[operation.pick % running.length];
      if (id === undefined) return false;
      const outcome = operation.kind === 'done' ? { output: { result: 1 } } : { error: failure };
      live.end(id, outcome);
      stepped.end(id, outcome, live.now);
      return true;
    }
  }
}

describe('R16: a random machine on the runtime does what it does under createActor', () => {
  test('value, context, status, output, timers, effects and emitted events agree after each event', () => {
    const happened = { event: 0, time: 0, done: 0, fail: 0, ended: 0, failed: 0 };
    fc.assert(
      fc.property(machinePlan, operations, (plan, todo) => {
        const definition = buildMachine(plan, 'random');
        const live = new LiveActor(definition.machine, {});
        const stepped = new SteppedActor(definition);
        const agree = () => {
          expect(stepped.seen()).toEqual(live.seen());
          expect(stepped.effects()).toEqual(live.effects());
          expect(stepped.timers()).toEqual(live.timers());
          expect(stepped.emitted).toEqual(live.emitted);
        };
        agree();
        for (const operation of todo) {
          if (live.seen().status !== 'active') break;
          if (!operate(live, stepped, operation)) continue;
          happened[operation.kind]++;
          agree();
        }
        const { status } = live.seen();
        if (status === 'done') happened.ended++;
        if (status === 'error') happened.failed++;
      }),
      { numRuns: RUNS },
    );
    // The cases are worth something only while they do all of this, each some times.
    for (const times of Object.values(happened)) expect(times).toBeGreaterThan(2);
  });
});
