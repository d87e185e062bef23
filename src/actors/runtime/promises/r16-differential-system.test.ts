/**
 * R16 through the whole system on Postgres, with real timers and effects: the journal tells in which order things
 * happened, and the same happenings under `createActor` lead to the same states. Many more cases, without a database:
 * `differential.test.ts`.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../../test/database.ts';
import { type ActorSystem, createActorSystem, DoNotRetryError, type InspectionRecord } from '../index.ts';
import { LiveActor, plain } from '../testing/live-actor.ts';
import { buildMachine, isToSelf, workEffect } from '../testing/random-machines.ts';
import { machinePlan, type Operation, operations } from '../testing/random-plans.ts';
import type { Address, DurableMachine } from '../types.ts';

const MACHINES = 12;
const RUNS_EACH = 2;

/** Of how many timers the order is tried, all due at once. */
const AT_ONCE = 12;
const LATER_MS = 300;
const regions = Array.from({ length: AT_ONCE }, (_, index) => `r${index}`);
/** All of its timers are due at the same millisecond. */
const atOnce = {
  id: 'atOnce',
  version: '1',
  input: z.object({}),
  events: {},
  machine: setup({ types: { context: {} as { fired: string[] } } }).createMachine({
    id: 'atOnce',
    context: { fired: [] },
    type: 'parallel',
    states: Object.fromEntries(
      regions.map((region) => [
        region,
        {
          initial: 'waiting',
          states: {
            waiting: {
              after: {
                [LATER_MS]: {
                  target: 'over',
                  actions: assign({ fired: ({ context }) => [...context.fired, region] }),
                },
              },
            },
            over: { type: 'final' },
          },
        },
      ]),
    ),
  }),
} satisfies DurableMachine;

const seed = Math.floor(Math.random() * 2 ** 31);
const definitions = fc
  .sample(machinePlan, { seed, numRuns: MACHINES })
  .map((plan, index) => buildMachine(plan, `random${index}`));
const scripts = fc.sample(operations, { seed, numRuns: MACHINES * RUNS_EACH });

/** The effects that wait for the test to end them. */
const held = new Map<
  string,
  { resolve: (output: { result: number }) => void; reject: (error: Error) => void }
>();
const work = workEffect(
  ({ idempotencyKey, signal }) =>
    new Promise((resolve, reject) => {
      held.set(idempotencyKey, { resolve, reject });
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    }),
);

let database: TestDatabase;
let system: ActorSystem;
beforeAll(async () => {
  database = await createTestDatabase();
  system = await createActorSystem({
    pool: database.pool,
    connectionString: database.connectionString,
    machines: [...definitions, atOnce],
    effects: [work],
  });
});
afterAll(async () => {
  for (const { reject } of held.values()) reject(new DoNotRetryError('over', 'the test is over'));
  await system?.drain();
  await database?.[Symbol.asyncDispose]();
});

/** Does one thing to an actor that is active, and waits until it is committed. */
async function operate(address: Address, operation: Operation): Promise<void> {
  const view = await system.snapshot(address);
  if (operation.kind === 'event') {
    await system.send(address, { type: operation.type }).catch((error: { code?: string }) => {
      if (error.code !== 'actor_ended') throw error;
    });
    return;
  }
  if (operation.kind === 'time') {
    const [timer] = view.timers;
    if (!timer) return;
    await waitUntil(
      address,
      ({ timers }) => !timers.some(({ due }) => due.getTime() === timer.due.getTime()),
    );
    return;
  }
  const running = view.effects[operation.pick % view.effects.length];
  const answer = running && held.get(running.effectId);
  // Its attempt may not have begun yet, or a timer has ended it: then this does nothing.
  if (!answer) return;
  if (operation.kind === 'done') answer.resolve({ result: 1 });
  else answer.reject(new DoNotRetryError('failed', 'it failed'));
  await waitUntil(address, ({ effects }) => !effects.some(({ effectId }) => effectId === running.effectId));
}

/** Until it is so, or the actor has ended. */
async function waitUntil(
  address: Address,
  met: (view: Awaited<ReturnType<ActorSystem['snapshot']>>) => boolean,
): Promise<void> {
  await system.waitFor(address, (view) => view.status !== 'active' || met(view), { timeoutMs: 5_000 });
}

/** Makes happen in memory what a journal says, and compares after each step. */
function replay(definition: DurableMachine, journal: readonly InspectionRecord[]): void {
  const live = new LiveActor(definition.machine, {});
  for (const [index, { event, snapshot }] of journal.entries()) {
    if (event.type !== 'xstate.init' && !isToSelf(event)) live.happen(event);
    // Events to itself are steps of their own in the journal, and part of one for `createActor`.
    const next = journal[index + 1];
    if (next && isToSelf(next.event)) continue;
    const { status, value, context, output, error } = snapshot;
    expect(plain({ status, value, context, output: output ?? null, error: error ?? null })).toEqual(
      live.seen(),
    );
  }
}

describe('R16: random machines on Postgres', () => {
  test(`random machines do what their journals say they do under createActor (seed ${seed})`, async () => {
    const kinds = new Set<string>();
    await Promise.all(
      scripts.map(async (script, index) => {
        const definition = definitions[index % MACHINES] as DurableMachine;
        const address = await system.spawn(definition.id, `run${index}`, { input: {}, owner: 'local' });
        for (const operation of script) {
          if ((await system.snapshot(address)).status !== 'active') break;
          await operate(address, operation);
        }
        const { revision } = await system.stop(address);
        const journal = await system.journal(address);
        expect(new Set(journal.map((record) => record.revision)).size).toBe(revision);
        for (const { event } of journal) kinds.add(event.type.replace(/^(xstate\.\w+|.).*$/, '$1'));
        replay(
          definition,
          journal.filter(({ kind }) => kind !== 'stop'),
        );
      }),
    );
    for (const kind of ['E', 'xstate.done', 'xstate.error', 'xstate.after']) expect(kinds).toContain(kind);
  });

  test('timers of an actor that are due at once fire in the order in which they were set', async () => {
    const address = await system.spawn('atOnce', 'one', { input: {}, owner: 'local' });
    // All were created at once, so pg-boss may hand them out in any order: here in one that is not theirs.
    await database.pool.query(
      `UPDATE pgboss.job SET created_on = created_on - random() * interval '1 s' WHERE data->>'address' = $1`,
      [address],
    );
    const { context } = await system.waitFor(address, 'done', { timeoutMs: 5_000 });
    const live = new LiveActor(atOnce.machine, {});
    live.passTime(LATER_MS);
    expect(live.seen().context).toEqual({ fired: regions });
    expect(context).toEqual({ fired: regions });
  });
});
