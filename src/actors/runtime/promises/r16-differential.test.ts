/**
 * R16: XState stays XState. Random machines with children and random events on the runtime's own layers (stepper,
 * apply), without a database, against `createActor` with a simulated clock: after each event both are in the same
 * state. Many more cases: `npm run chaos -- differential`. Through the whole system on Postgres:
 * `differential-system.test.ts`.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { compare, nothingHappened } from '../testing/differential.ts';
import { kidPlan, machinePlan, type NodePlan, type Operation, operations } from '../testing/random-plans.ts';

const RUNS = 300;

// XState warns of each event that is sent to a child that has ended; here that is meant.
beforeAll(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterAll(() => {
  vi.restoreAllMocks();
});

/** A state of a plan without anything in it, but for what is given. */
const state = (more: Partial<NodePlan> = {}): NodePlan => ({
  ...{ kind: 'atomic', children: [], on: [], always: [], after: [], invoke: null, entry: [], exit: [] },
  ...more,
});
const bare = { target: null, guard: null, reenter: false, actions: [] };

describe('R16: cases that were once found', () => {
  const listening = state({
    kind: 'compound',
    children: [state()],
    invoke: { what: 'kid', onSnapshot: bare, onDone: null, onError: null },
  });
  const parent = state({ kind: 'compound', children: [listening] });
  const working = { what: 'effect' as const, onSnapshot: null, onError: null };

  test.each([
    ['takes a transition that changes nothing', { ...working, onDone: bare }],
    ['does not take the event', { ...working, onDone: null }],
  ])('a parent that listens agrees when its child %s', (_, invoke) => {
    const kid = state({ kind: 'compound', children: [state({ invoke })] });
    const todo: Operation[] = [
      { kind: 'done', pick: 0 },
      { kind: 'event', type: 'E0' },
    ];
    compare(parent, kid, todo, nothingHappened());
  });
});

describe('R16: a random machine on the runtime does what it does under createActor', () => {
  test('value, context, status, output, timers, effects, children and emitted events agree after each event', () => {
    const happened = nothingHappened();
    fc.assert(
      fc.property(machinePlan, kidPlan, operations, (plan, kid, todo) => compare(plan, kid, todo, happened)),
      { numRuns: RUNS },
    );
    // The cases are worth something only while they do all of this, each some times.
    for (const times of Object.values(happened)) expect(times).toBeGreaterThan(2);
  });
});
