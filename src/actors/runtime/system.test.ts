/** The runtime on a real Postgres: one test or more for each promise that part 1 names. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assign, createMachine, emit, fromPromise, raise, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../test/database.ts';
import {
  type ActorSystem,
  createActorSystem,
  DoNotRetryError,
  type DurableMachine,
  type Effect,
  effect,
} from './index.ts';

const counter = {
  id: 'counter',
  version: '1',
  input: z.object({ start: z.number() }),
  events: { ADD: z.object({ by: z.number() }), RESET: z.object({}), THROW: z.object({}), END: z.object({}) },
  machine: setup({
    types: {
      context: {} as { count: number },
      input: {} as { start: number },
      events: {} as { type: 'ADD'; by: number } | { type: 'RESET' | 'THROW' | 'END' },
    },
  }).createMachine({
    id: 'counter',
    context: ({ input }) => ({ count: input.start }),
    initial: 'counting',
    states: {
      counting: {
        on: {
          ADD: { actions: assign({ count: ({ context, event }) => context.count + event.by }) },
          THROW: {
            actions: assign(() => {
              throw new Error('boom');
            }),
          },
          END: 'ended',
        },
      },
      ended: { type: 'final' },
    },
    output: ({ context }) => ({ count: context.count }),
  }),
} satisfies DurableMachine;

const waiter = {
  id: 'waiter',
  version: '1',
  input: z.object({ delay: z.number() }),
  events: { LEAVE: z.object({}), BACK: z.object({}) },
  machine: setup({
    types: {
      context: {} as { delay: number; fired: number },
      input: {} as { delay: number },
      events: {} as { type: 'LEAVE' | 'BACK' },
    },
    delays: { patience: ({ context }) => context.delay },
  }).createMachine({
    id: 'waiter',
    context: ({ input }) => ({ delay: input.delay, fired: 0 }),
    initial: 'waiting',
    states: {
      waiting: {
        after: {
          patience: { target: 'fired', actions: assign({ fired: ({ context }) => context.fired + 1 }) },
        },
        on: { LEAVE: 'away' },
      },
      away: { on: { BACK: 'waiting' } },
      fired: { tags: 'fired' },
    },
  }),
} satisfies DurableMachine;

const worker = {
  id: 'worker',
  version: '1',
  input: z.object({ job: z.string() }),
  events: { ABORT: z.object({}) },
  machine: setup({
    types: {
      context: {} as { job: string; result: unknown; error: unknown },
      input: {} as { job: string },
      events: {} as { type: 'ABORT' },
    },
    actors: {
      work: fromPromise<{ done: string }, { job: string }>(async () => {
        throw new Error('runs on the runtime');
      }),
    },
  }).createMachine({
    id: 'worker',
    context: ({ input }) => ({ job: input.job, result: null, error: null }),
    initial: 'working',
    states: {
      working: {
        invoke: {
          id: 'work',
          src: 'work',
          input: ({ context }) => ({ job: context.job }),
          onDone: { target: 'done', actions: assign({ result: ({ event }) => event.output }) },
          onError: { target: 'failed', actions: assign({ error: ({ event }) => event.error }) },
        },
        on: { ABORT: 'aborted' },
      },
      done: { type: 'final', entry: emit(({ context }) => ({ type: 'worked', job: context.job })) },
      failed: { type: 'final' },
      aborted: { type: 'final' },
    },
  }),
} satisfies DurableMachine;

interface Call {
  job: string;
  key: string;
  attempt: number;
  aborted: Promise<void>;
}

let database: TestDatabase;
const systems: ActorSystem[] = [];
const calls: Call[] = [];
const answers = new Map<string, (call: Call, signal: AbortSignal) => Promise<{ done: string }>>();

const work = effect(
  'work',
  {
    input: z.object({ job: z.string() }),
    output: z.object({ done: z.string() }),
    // Longer than any test: what is aborted here was cancelled.
    timeout: '1 min',
    retries: { limit: 3, delay: '5 ms' },
  },
  async ({ job }, { signal, idempotencyKey, attempt }) => {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    const call = { job, key: idempotencyKey, attempt, aborted };
    calls.push(call);
    return (await answers.get(job)?.(call, signal)) ?? { done: job };
  },
);

async function start(
  options: { machines?: DurableMachine[]; effects?: Effect[] } = {},
): Promise<ActorSystem> {
  const system = await createActorSystem({
    pool: database.pool,
    connectionString: database.connectionString,
    machines: options.machines ?? [counter, waiter, worker],
    effects: options.effects ?? [work],
  });
  systems.push(system);
  return system;
}

let system: ActorSystem;
beforeAll(async () => {
  database = await createTestDatabase();
  system = await start();
});
afterAll(async () => {
  for (const one of systems) await one.drain();
  await database?.[Symbol.asyncDispose]();
});

const key = () => randomUUID();

describe('R1: one step, one transaction', () => {
  test('a step is there, with its journal row, when send resolves', async () => {
    const address = await system.spawn('counter', key(), { input: { start: 1 }, owner: 'a' });
    expect(await system.send(address, { type: 'ADD', by: 2 })).toEqual({
      revision: 2,
      value: 'counting',
      status: 'active',
      changed: true,
    });
    const view = await system.snapshot(address);
    expect(view).toMatchObject({ revision: 2, context: { count: 3 }, status: 'active', owner: 'a' });
    const journal = await system.journal(address);
    expect(journal.map(({ kind, event, revision }) => [kind, event.type, revision])).toEqual([
      ['spawn', 'xstate.init', 1],
      ['step', 'ADD', 2],
    ]);
  });

  test('what is emitted is written in the same transaction, or nothing is', async () => {
    const emitted: string[] = [];
    const other = await createActorSystem({
      pool: database.pool,
      connectionString: database.connectionString,
      machines: [worker],
      effects: [work],
      onEmitted: async (transaction, events) => {
        for (const { address, event } of events) {
          await transaction.query('SELECT $1::text', [address]);
          emitted.push(String(event.job));
        }
      },
    });
    systems.push(other);
    const address = await other.spawn('worker', key(), { input: { job: 'emits' }, owner: 'a' });
    await other.waitFor(address, 'done', { timeoutMs: 5_000 });
    expect(emitted).toEqual(['emits']);
  });
});

describe('R2: one writer', () => {
  test('two processes that send to one actor at once both get their steps in, without gaps', async () => {
    const second = await start();
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const sends = Array.from({ length: 60 }, (_, i) =>
      (i % 2 ? system : second).send(address, { type: 'ADD', by: 1 }),
    );
    const revisions = (await Promise.all(sends)).map(({ revision }) => revision).sort((a, b) => a - b);
    expect(revisions).toEqual(Array.from({ length: 60 }, (_, i) => i + 2));
    expect((await system.snapshot(address)).context).toEqual({ count: 60 });
    expect((await system.journal(address)).map(({ revision }) => revision)).toEqual(
      Array.from({ length: 61 }, (_, i) => i + 1),
    );
  });
});

describe('R3: exactly once, by key', () => {
  test('the same key changes the state once and answers the same', async () => {
    const second = await start();
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const idempotencyKey = key();
    const sends = [system, second, system, second].map((one) =>
      one.send(address, { type: 'ADD', by: 5 }, { idempotencyKey }),
    );
    const results = await Promise.all(sends);
    for (const result of results) expect(result).toEqual(results[0]);
    expect((await system.snapshot(address)).context).toEqual({ count: 5 });
  });

  test('another payload under the same key is refused', async () => {
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    await system.send(address, { type: 'ADD', by: 5 }, { idempotencyKey: 'k' });
    await expect(system.send(address, { type: 'ADD', by: 6 }, { idempotencyKey: 'k' })).rejects.toMatchObject(
      { code: 'idempotency_conflict' },
    );
  });

  test('spawn with the same key, or the same singleton, is the same actor', async () => {
    const second = await start();
    const idempotencyKey = key();
    const spawned = await Promise.all(
      [system, second, system, second].map((one) =>
        one.spawn('counter', key(), { input: { start: 1 }, owner: 'a', idempotencyKey }),
      ),
    );
    expect(new Set(spawned).size).toBe(1);
    await expect(
      system.spawn('counter', key(), { input: { start: 2 }, owner: 'a', idempotencyKey }),
    ).rejects.toMatchObject({ code: 'idempotency_conflict' });
    const single = await Promise.all(
      [system, second, system, second].map((one) =>
        one.spawn('counter', key(), { input: { start: 1 }, owner: 'a', singletonKey: 's' }),
      ),
    );
    expect(new Set(single).size).toBe(1);
    const other = await system.spawn('counter', key(), {
      input: { start: 1 },
      owner: 'b',
      singletonKey: 's',
    });
    expect(other).not.toBe(single[0]);
    await system.send(single[0] as string, { type: 'END' });
    const next = await system.spawn('counter', key(), { input: { start: 1 }, owner: 'a', singletonKey: 's' });
    expect(next).not.toBe(single[0]);
  });
});

describe('R5: timers keep time', () => {
  test('fires once, and only for the visit that set it', async () => {
    const address = await system.spawn('waiter', key(), { input: { delay: 60 }, owner: 'a' });
    await system.send(address, { type: 'LEAVE' });
    await system.send(address, { type: 'BACK' });
    const view = await system.waitFor(address, { tag: 'fired' }, { timeoutMs: 5_000 });
    expect(view).toMatchObject({ context: { fired: 1 }, timers: [] });
    const types = (await system.journal(address)).map(({ event }) => event.type);
    expect(types).toEqual(['xstate.init', 'LEAVE', 'BACK', 'xstate.after.patience.waiter.waiting']);
  });

  test('keeps its deadline over a restart', async () => {
    const first = await start();
    const address = await first.spawn('waiter', key(), { input: { delay: 150 }, owner: 'a' });
    const due = (await first.snapshot(address)).timers[0]?.due;
    await first.drain();
    const second = await start();
    const view = await second.waitFor(address, { tag: 'fired' }, { timeoutMs: 5_000 });
    expect(view.updatedAt.getTime()).toBeGreaterThanOrEqual(due?.getTime() ?? Number.POSITIVE_INFINITY);
  });
});

describe('R6: effects', () => {
  test('a result is an event, and its effect is gone', async () => {
    const address = await system.spawn('worker', key(), { input: { job: 'plain' }, owner: 'a' });
    const view = await system.waitFor(address, 'done', { timeoutMs: 5_000 });
    expect(view).toMatchObject({ value: 'done', context: { result: { done: 'plain' } }, effects: [] });
  });

  test('three retries, each with the same key, then the error event', async () => {
    const job = key();
    answers.set(job, async () => {
      throw new Error('no luck');
    });
    const address = await system.spawn('worker', key(), { input: { job }, owner: 'a' });
    const view = await system.waitFor(address, 'done', { timeoutMs: 5_000 });
    expect(view).toMatchObject({
      value: 'failed',
      context: { error: { message: 'no luck', code: 'internal_error', retryable: false } },
    });
    const mine = calls.filter((call) => call.job === job);
    expect(mine.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(new Set(mine.map((call) => call.key)).size).toBe(1);
  });

  test('an error that says so is not retried', async () => {
    const job = key();
    answers.set(job, async () => {
      throw new DoNotRetryError('symbol_not_found', 'no such symbol');
    });
    const address = await system.spawn('worker', key(), { input: { job }, owner: 'a' });
    const view = await system.waitFor(address, 'done', { timeoutMs: 5_000 });
    expect(view).toMatchObject({ value: 'failed', context: { error: { code: 'symbol_not_found' } } });
    expect(calls.filter((call) => call.job === job)).toHaveLength(1);
  });

  test('leaving the state aborts the effect, also one that runs in another process', async () => {
    const second = await start();
    const job = key();
    let began: () => void = () => {};
    const running = new Promise<void>((resolve) => {
      began = resolve;
    });
    answers.set(job, (call) => {
      began();
      return call.aborted.then(() => ({ done: 'late' }));
    });
    const address = await system.spawn('worker', key(), { input: { job }, owner: 'a' });
    await running;
    await second.send(address, { type: 'ABORT' });
    await calls.find((call) => call.job === job)?.aborted;
    expect(await system.snapshot(address)).toMatchObject({ value: 'aborted', status: 'done' });
  });

  test('so are very many at once, more than a notice can name', async () => {
    const second = await start();
    const job = key();
    answers.set(job, (call) => call.aborted.then(() => ({ done: 'late' })));
    // The two know each other when one has been aborted by the other.
    const first = await system.spawn('worker', key(), { input: { job }, owner: 'a' });
    await second.send(first, { type: 'ABORT' });
    await calls.find((call) => call.job === job)?.aborted;
    const addresses = await Promise.all(
      Array.from({ length: 150 }, () => system.spawn('worker', key(), { input: { job }, owner: 'a' })),
    );
    await Promise.all(addresses.map((address) => second.send(address, { type: 'ABORT' })));
    const mine = calls.filter((call) => call.job === job);
    expect(mine.length).toBeGreaterThan(50);
    await Promise.all(mine.map(({ aborted }) => aborted));
  });
});

describe('R7: a crash costs seconds', () => {
  test('effects that a process leaves are run by another', async () => {
    const first = await start();
    const job = key();
    let attempts = 0;
    let began: () => void = () => {};
    const running = new Promise<void>((resolve) => {
      began = resolve;
    });
    answers.set(job, async (call) => {
      attempts++;
      if (attempts > 1) return { done: 'by the other' };
      began();
      await call.aborted;
      throw new Error('aborted');
    });
    const address = await first.spawn('worker', key(), { input: { job }, owner: 'a' });
    await running;
    await first.drain({ timeoutMs: 1 });
    const view = await system.waitFor(address, 'done', { timeoutMs: 5_000 });
    expect(view.context.result).toEqual({ done: 'by the other' });
  });
});

describe('R8: poison is contained', () => {
  test('a step that throws leaves the actor as it was, and its batch neighbours are committed', async () => {
    const a = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const b = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const [bad, good] = await Promise.allSettled([
      system.send(a, { type: 'THROW' }),
      system.send(b, { type: 'ADD', by: 1 }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'step_failed' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { changed: true } });
    expect(await system.send(a, { type: 'ADD', by: 1 })).toMatchObject({ changed: true, revision: 2 });
    const { rows } = await database.pool.query('SELECT event FROM dead_letters WHERE address = $1', [a]);
    expect(rows).toEqual([{ event: { type: 'THROW' } }]);
  });
});

describe('R9: only known events come in', () => {
  test.each([
    [{ type: 'xstate.done.actor.work' }, 'invalid_event'],
    [{ type: '*' }, 'invalid_event'],
    [{ type: 'constructor' }, 'invalid_event'],
    [{ type: 'ADD', by: 'one' }, 'invalid_event'],
    [{ type: 'ADD' }, 'invalid_event'],
  ])('%j is refused', async (event, code) => {
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    await expect(system.send(address, event)).rejects.toMatchObject({ code });
    expect((await system.snapshot(address)).revision).toBe(1);
  });

  test('what send answers', async () => {
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    expect(await system.send(address, { type: 'RESET' })).toEqual({
      revision: 1,
      value: 'counting',
      status: 'active',
      changed: false,
    });
    await system.send(address, { type: 'END' });
    await expect(system.send(address, { type: 'END' })).rejects.toMatchObject({ code: 'actor_ended' });
    await expect(system.send('counter/none', { type: 'END' })).rejects.toMatchObject({
      code: 'actor_not_found',
    });
    await expect(system.send('none/none', { type: 'END' })).rejects.toMatchObject({
      code: 'actor_not_found',
    });
    await expect(system.spawn('counter', key(), { input: { start: 'x' }, owner: 'a' })).rejects.toMatchObject(
      { code: 'invalid_input' },
    );
  });
});

describe('R12: everything can be seen', () => {
  test('the stream of all steps can be followed from a cursor', async () => {
    const after = await system.inspectEnd();
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'stream' });
    await system.send(address, { type: 'ADD', by: 1 });
    // Steps are kept back while an older transaction runs, on whatever database of the server.
    await expect.poll(() => system.inspect({ after, address }), { timeout: 10_000 }).toHaveLength(2);
    const records = await system.inspect({ after, address });
    expect(records.map(({ event }) => event.type)).toEqual(['xstate.init', 'ADD']);
    expect(records[1]).toMatchObject({
      valueBefore: 'counting',
      snapshot: { value: 'counting', context: { count: 1 } },
      microsteps: [{ source: 'counter.counting', targets: [], eventType: 'ADD' }],
    });
    expect(await system.inspect({ after: records[1]?.cursor ?? '', address })).toEqual([]);
  });
});

describe('R16: what can not be durable is refused when it is registered', () => {
  test('inline actions, inline actors, missing effects', async () => {
    const machine = createMachine({
      id: 'bad',
      initial: 'a',
      states: {
        a: {
          entry: () => {},
          invoke: { src: fromPromise(async () => 1) },
          after: { 10: { actions: raise({ type: 'x' }) } },
        },
      },
    });
    const bad = { id: 'bad', version: '1', machine, input: z.object({}), events: {} };
    await expect(start({ machines: [bad], effects: [] })).rejects.toMatchObject({
      code: 'registration_refused',
      message: expect.stringMatching(/inline action.*inline.*give its invoke an id/s),
    });
    await expect(start({ machines: [worker], effects: [] })).rejects.toMatchObject({
      code: 'registration_refused',
    });
  });
});
