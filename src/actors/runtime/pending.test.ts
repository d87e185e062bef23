/** What an actor waits for, read for people: on a real Postgres, from the rows that the runtime wrote. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromPromise, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../test/database.ts';
import { type ActorSystem, createActorSystem, type DurableMachine, effect } from './index.ts';

const child = {
  id: 'child',
  version: '1',
  input: z.object({}),
  events: {},
  machine: setup({}).createMachine({ id: 'child', initial: 'idle', states: { idle: {} } }),
} satisfies DurableMachine;

const parent = {
  id: 'parent',
  version: '1',
  input: z.object({}),
  events: {},
  machine: setup({
    actors: { child: child.machine, work: fromPromise<unknown, unknown>(async () => null) },
  }).createMachine({
    id: 'parent',
    initial: 'waiting',
    states: {
      waiting: {
        after: { 60000: {}, 3600000: {} },
        invoke: [
          { id: 'job', src: 'work', input: {} },
          { id: 'kid', src: 'child' },
        ],
      },
    },
  }),
} satisfies DurableMachine;

/** Where the clock of the system stands, milliseconds since 1970. */
let now = Date.parse('2026-03-02T15:00:00Z');
let started = Promise.withResolvers<void>();
const work = effect('work', { input: z.unknown(), output: z.unknown(), timeout: '1 h' }, (_, { signal }) => {
  started.resolve();
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
});

let database: TestDatabase;
let system: ActorSystem;

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  system = await createActorSystem({
    ...{ pool, connectionString, machines: [parent, child], effects: [work] },
    // Nothing is scheduled by it: what is due stays undone, so that it can be looked at.
    clock: { now: () => now, schedule: () => () => {} },
  });
});
afterAll(async () => {
  await system?.drain({ timeoutMs: 100 });
  await database?.[Symbol.asyncDispose]();
});

/** A parent whose effect runs and whose child has come to be. */
async function startedParent(): Promise<string> {
  started = Promise.withResolvers();
  const spawned = Promise.withResolvers<void>();
  const stopListening = system.onCommit(({ addresses }) => {
    if (addresses?.some((address) => address.startsWith('child/'))) spawned.resolve();
  });
  const address = await system.spawn('parent', randomUUID(), { input: {}, owner: 'local' });
  await Promise.all([started.promise, spawned.promise]);
  stopListening();
  return address;
}

test('tells timers by their due time, the effect with who runs it, and the child, by the clock of the system', async () => {
  const address = await startedParent();
  const { children } = await system.snapshot(address);
  const { rows } = await database.pool.query('SELECT id FROM processes');
  const begun = now;
  now += 90_000;
  expect(await system.pending(address)).toEqual({
    at: new Date(now),
    timers: [
      expect.objectContaining({ id: expect.stringContaining('60000'), due: new Date(begun + 60_000) }),
      expect.objectContaining({ id: expect.stringContaining('3600000'), due: new Date(begun + 3_600_000) }),
    ],
    effects: [
      {
        ...{
          id: 'job',
          src: 'work',
          effectId: expect.stringMatching(/#[0-9a-f]{8}\.1\.0$/),
          failedAttempts: 0,
          lastError: null,
        },
        nextAttemptAt: new Date(begun),
        deadline: new Date(begun + 3_600_000),
        process: { id: rows[0]?.id, alive: true },
      },
    ],
    children: [{ ...children[0], status: 'active' }],
    unreadMessages: 0,
  });
});

test('tells failed attempts with their last error, and a process that is gone', async () => {
  const address = await startedParent();
  const error = { name: 'E', code: 'busy', message: 'Too much at once.', retryable: true };
  const gone = randomUUID();
  await database.pool.query(
    // Another name, so that this process does not take it over while it is looked at.
    `UPDATE effects SET src = 'elsewhere', attempt = 2, due_at = $2, last_error = $3, process = $4 WHERE address = $1`,
    [address, new Date(now + 5_000), JSON.stringify(error), gone],
  );
  expect((await system.pending(address)).effects).toMatchObject([
    {
      ...{ failedAttempts: 2, nextAttemptAt: new Date(now + 5_000), lastError: error },
      process: { id: gone, alive: false },
    },
  ]);
  await database.pool.query('UPDATE effects SET process = NULL WHERE address = $1', [address]);
  expect((await system.pending(address)).effects).toMatchObject([{ process: null }]);
});

test('tells unread messages and a child that is not there yet, of a machine that this process does not have', async () => {
  const address = await startedParent();
  // Nobody here takes the mail of a machine that is not registered.
  const pending = {
    timers: {},
    effects: {},
    children: { kid: { address: 'elsewhere/b', src: 'elsewhere' } },
  };
  await database.pool.query(
    `INSERT INTO actors (address, machine, pending, key, version, owner, incarnation, status, revision, tags, snapshot,
       created_at, updated_at)
     SELECT 'elsewhere/a', 'elsewhere', $2::jsonb, key, version, owner, incarnation, status, revision, tags, snapshot,
       created_at, updated_at
     FROM actors WHERE address = $1`,
    [address, JSON.stringify(pending)],
  );
  await database.pool.query(
    `INSERT INTO messages (to_address, from_address, kind, body)
     SELECT 'elsewhere/a', $1, 'event', '{"type":"X"}' FROM generate_series(1, 3)`,
    [address],
  );
  expect(await system.pending('elsewhere/a')).toMatchObject({
    ...{ timers: [], effects: [], unreadMessages: 3 },
    children: [{ address: 'elsewhere/b', status: null }],
  });
  expect((await system.pending(address)).unreadMessages).toBe(0);
});

test('knows who is not there', async () => {
  await expect(system.pending('parent/none')).rejects.toMatchObject({ code: 'actor_not_found' });
});
