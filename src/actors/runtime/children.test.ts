/** R4: child actors are rows of their own, and what actors tell each other arrives once, in order, over a crash. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assign, fromPromise, sendParent, sendTo, setup, stopChild } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../test/database.ts';
import { type ActorSystem, createActorSystem, type DurableMachine, effect } from './index.ts';

const type = <T extends string>(name: T) => z.object({ type: z.literal(name) });

/** Counts to its limit, tells each number to its parent, and ends with the sum; or works on an effect for ever. */
const childMachine = setup({
  types: {
    context: {} as { limit: number; count: number; heard: number[] },
    input: {} as { limit: number },
    events: {} as { type: 'COUNT' } | { type: 'HEAR'; n: number } | { type: 'FAIL' },
  },
  actors: { hang: fromPromise<null>(() => Promise.reject(new Error('runs on the runtime'))) },
  guards: { isFull: ({ context }) => context.count >= context.limit },
}).createMachine({
  id: 'child',
  context: ({ input }) => ({ limit: input.limit, count: 0, heard: [] }),
  initial: 'counting',
  states: {
    counting: {
      invoke: { id: 'hang', src: 'hang' },
      always: { guard: 'isFull', target: 'full' },
      on: {
        COUNT: {
          actions: [
            assign({ count: ({ context }) => context.count + 1 }),
            sendParent(({ context }) => ({ type: 'COUNTED', n: context.count })),
          ],
        },
        HEAR: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) },
      },
    },
    full: { type: 'final' },
  },
  output: ({ context }) => ({ sum: context.heard.reduce((a, b) => a + b, 0), heard: context.heard }),
});

const parentMachine = setup({
  types: {
    context: {} as { counted: number[]; result: unknown; seen: number; error: unknown },
    input: {} as { limit: number },
    events: {} as
      | { type: 'TELL'; n: number }
      | { type: 'TELL_LATER'; n: number }
      | { type: 'COUNTED'; n: number }
      | { type: 'GO' | 'LEAVE' | 'BACK' | 'DISMISS' },
  },
  actors: { child: childMachine },
}).createMachine({
  id: 'parent',
  context: { counted: [], result: null, seen: 0, error: null },
  initial: 'working',
  states: {
    working: {
      invoke: {
        id: 'worker',
        src: 'child',
        input: ({ event }) => ({
          limit: (event as unknown as { input?: { limit: number } }).input?.limit ?? 3,
        }),
        onDone: { target: 'done', actions: assign({ result: ({ event }) => event.output }) },
        onError: { target: 'failed', actions: assign({ error: ({ event }) => event.error }) },
        onSnapshot: { actions: assign({ seen: ({ context }) => context.seen + 1 }) },
      },
      on: {
        TELL: { actions: sendTo('worker', ({ event }) => ({ type: 'HEAR', n: event.n })) },
        TELL_LATER: {
          actions: sendTo('worker', ({ event }) => ({ type: 'HEAR', n: event.n }), { delay: 20 }),
        },
        GO: { actions: sendTo('worker', { type: 'COUNT' }) },
        COUNTED: { actions: assign({ counted: ({ context, event }) => [...context.counted, event.n] }) },
        LEAVE: 'away',
        DISMISS: { actions: stopChild('worker') },
      },
    },
    away: { on: { BACK: 'working' } },
    done: { type: 'final' },
    failed: {},
  },
});

const child = {
  id: 'child',
  version: '1',
  machine: childMachine,
  input: z.object({ limit: z.number().positive() }),
  events: { COUNT: type('COUNT') },
} satisfies DurableMachine;

const parent = {
  id: 'parent',
  version: '1',
  machine: parentMachine,
  input: z.object({ limit: z.number() }),
  events: {
    TELL: z.object({ type: z.literal('TELL'), n: z.number() }),
    TELL_LATER: z.object({ type: z.literal('TELL_LATER'), n: z.number() }),
    GO: type('GO'),
    LEAVE: type('LEAVE'),
    BACK: type('BACK'),
    DISMISS: type('DISMISS'),
  },
} satisfies DurableMachine;

let database: TestDatabase;
let system: ActorSystem;
const systems: ActorSystem[] = [];
/** The actors whose effect hangs, and those who wait for one to do so. */
const hanging = new Set<string>();
let hangs: () => void = () => {};

const hang = effect(
  'hang',
  { input: z.unknown(), output: z.null() },
  (_input, { signal, address }) =>
    new Promise<null>((_resolve, reject) => {
      hanging.add(address);
      hangs();
      signal.addEventListener('abort', () => {
        hanging.delete(address);
        hangs();
        reject(signal.reason as Error);
      });
    }),
);

/** Resolves when this actor's effect hangs, or hangs no more. */
function untilHangs(address: string, isHanging = true): Promise<void> {
  return new Promise((resolve) => {
    hangs = () => {
      if (hanging.has(address) === isHanging) resolve();
    };
    hangs();
  });
}

async function start(machines: DurableMachine[] = [parent, child]): Promise<ActorSystem> {
  const { pool, connectionString } = database;
  const started = await createActorSystem({ pool, connectionString, machines, effects: [hang] });
  systems.push(started);
  return started;
}

async function spawnParent(limit = 3): Promise<{ address: string; childAddress: string }> {
  const address = await system.spawn('parent', randomUUID(), { input: { limit }, owner: 'a' });
  const [worker] = (await system.snapshot(address)).children;
  const childAddress = worker?.address ?? '';
  await system.waitFor(address, () => worker !== undefined, { timeoutMs: 5_000 });
  await untilExists(childAddress);
  return { address, childAddress };
}

/** Resolves when a commit has made this actor. */
async function untilExists(address: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const look = () =>
      system.snapshot(address).then(
        () => {
          unsubscribe();
          resolve();
        },
        () => {},
      );
    const unsubscribe = system.onCommit(({ addresses }) => {
      if (addresses === null || addresses.includes(address)) void look();
    });
    void look();
  });
}

beforeAll(async () => {
  database = await createTestDatabase();
  system = await start();
});
afterAll(async () => {
  for (const one of systems) await one.drain({ timeoutMs: 1 });
  await database?.[Symbol.asyncDispose]();
});

test('R4: a child is an actor of its own, told by its parent and telling it, and its end is an event', async () => {
  const { address, childAddress } = await spawnParent();
  expect(await system.snapshot(childAddress)).toMatchObject({
    owner: 'a',
    parent: address,
    status: 'active',
  });
  for (const n of [1, 2, 3]) await system.send(address, { type: 'TELL', n });
  await Promise.all([1, 2, 3].map(() => system.send(address, { type: 'GO' })));
  const view = await system.waitFor(address, 'done', { timeoutMs: 5_000 });
  expect(view).toMatchObject({
    value: 'done',
    context: { counted: [1, 2, 3], result: { sum: 6, heard: [1, 2, 3] } },
    children: [],
  });
  expect(view.context.seen).toBeGreaterThan(0);
  expect((await database.pool.query('SELECT 1 FROM messages')).rowCount).toBe(0);
});

test('R4: a delayed sendTo reaches the child', async () => {
  const { address, childAddress } = await spawnParent();
  await system.send(address, { type: 'TELL_LATER', n: 7 });
  const view = await system.waitFor(childAddress, ({ context }) => String(context.heard) === '7', {
    timeoutMs: 5_000,
  });
  expect(view.status).toBe('active');
  expect((await system.snapshot(address)).timers).toEqual([]);
});

test('R4: leaving the state stops the child and its effects; a later visit has another child', async () => {
  const { address, childAddress } = await spawnParent();
  await untilHangs(childAddress);
  await system.send(address, { type: 'LEAVE' });
  expect(await system.waitFor(childAddress, 'done', { timeoutMs: 5_000 })).toMatchObject({
    status: 'stopped',
    effects: [],
  });
  await untilHangs(childAddress, false);
  await system.send(address, { type: 'BACK' });
  const [again] = (await system.snapshot(address)).children;
  expect(again?.address).not.toBe(childAddress);
  // What the first child tells from now on is late.
  await expect(system.send(childAddress, { type: 'COUNT' })).rejects.toMatchObject({ code: 'actor_ended' });
});

test('R4: stopping the parent stops the child', async () => {
  const { address, childAddress } = await spawnParent();
  await system.stop(address);
  expect(await system.waitFor(childAddress, 'done', { timeoutMs: 5_000 })).toMatchObject({
    status: 'stopped',
  });
});

test('R4: a child that can not be started is an error of its parent', async () => {
  const address = await system.spawn('parent', randomUUID(), { input: { limit: -1 }, owner: 'a' });
  const view = await system.waitFor(address, (actor) => actor.value === 'failed', { timeoutMs: 5_000 });
  expect(view.context.error).toMatchObject({ message: expect.stringContaining('limit') });
});

test('R4: a message that was committed before a crash is delivered by whoever lives', async () => {
  const { address, childAddress } = await spawnParent();
  // As a process leaves it that dies between the two commits.
  await database.pool.query(
    `INSERT INTO messages (to_address, from_address, kind, body) VALUES ($1, $2, 'event', $3), ($1, $2, 'event', $4)`,
    [childAddress, address, { type: 'HEAR', n: 1 }, { type: 'HEAR', n: 2 }],
  );
  const second = await start();
  const view = await second.waitFor(childAddress, ({ context }) => String(context.heard) === '1,2', {
    timeoutMs: 5_000,
  });
  expect(view.context.heard).toEqual([1, 2]);
});

test('R4: from one source to one actor in the order sent, and once, with two processes at work', async () => {
  const second = await start();
  const { address, childAddress } = await spawnParent();
  const numbers = Array.from({ length: 40 }, (_, index) => index);
  for (const n of numbers) await (n % 2 ? system : second).send(address, { type: 'TELL', n });
  const view = await second.waitFor(childAddress, ({ context }) => (context.heard as number[]).length >= 40, {
    timeoutMs: 10_000,
  });
  expect(view.context.heard).toEqual(numbers);
});

test('R16: a machine as an actor source must be registered', async () => {
  await expect(start([parent])).rejects.toMatchObject({
    code: 'registration_refused',
    message: expect.stringContaining('the machine "child" of its actor source "child" is not registered'),
  });
});
