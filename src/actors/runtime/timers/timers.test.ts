/**
 * R5: how a process finds what is due: told by others, read in portions, judged by one clock, in pg-boss's own table.
 * On turned clocks but for the one test of two that differ. What timers promise: `promises/r05-timers.test.ts`.
 */
import { randomUUID } from 'node:crypto';
import { PgBoss } from 'pg-boss';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../../test/database.ts';
import {
  type ActorSystem,
  type Clock,
  createActorSystem,
  type DurableMachine,
  systemClock,
  turnedClock,
} from '../index.ts';
import { MAX_DEADLINES } from './deadlines.ts';

const START = Date.parse('2026-01-05T14:00:00.000Z');
const QUEUE = 'actor-timers';

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

let database: TestDatabase;
const systems: ActorSystem[] = [];

async function start(clock?: Clock): Promise<ActorSystem> {
  const { pool, connectionString } = database;
  const system = await createActorSystem({
    pool,
    connectionString,
    machines: [waiter],
    effects: [],
    ...(clock && { clock }),
  });
  systems.push(system);
  return system;
}

const wait = (system: ActorSystem, delay: number) =>
  system.spawn('waiter', randomUUID(), { input: { delay }, owner: 'a' });

/** When it fired, in milliseconds after the start; null when it did not. Fails when it fired twice. */
async function firedAt(system: ActorSystem, address: string): Promise<number | null> {
  const fired = (await system.journal(address)).filter(({ event }) => event.type.startsWith('xstate.after'));
  expect(fired.length).toBeLessThanOrEqual(1);
  return fired[0] ? fired[0].at.getTime() - START : null;
}

async function waitingJobs(): Promise<Record<string, unknown>[]> {
  const { rows } = await database.pool.query('SELECT * FROM pgboss.job WHERE name = $1', [QUEUE]);
  return rows;
}

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const system of systems.splice(0)) await system.drain({ timeoutMs: 1 });
  // What is left over would be due on the next test's clock.
  await database.pool.query('TRUNCATE actors, effects, messages');
  await database.pool.query('DELETE FROM pgboss.job WHERE name = $1', [QUEUE]);
});
afterAll(() => database?.[Symbol.asyncDispose]());

test('R5: a process fires what another one has set, also when it is nearer than all it knows', async () => {
  // Each has a clock of its own: what the first sets only the second can fire.
  const [standing, clock] = [turnedClock(START), turnedClock(START)];
  const [first, second] = [await start(standing), await start(clock)];
  const far = await wait(second, 3_600_000);
  const heard = new Set<string>();
  const unsubscribe = second.onCommit(({ addresses }) => {
    for (const address of addresses ?? []) heard.add(address);
  });
  // From when on the first tells the second of its commits is not known; of the last one it did.
  let near = await wait(first, 10_000);
  while (!heard.has(near)) {
    near = await wait(first, 10_000);
    await second.snapshot(near);
  }
  unsubscribe();
  await clock.advance('5 s');
  expect(await firedAt(second, near)).toBe(null);
  await clock.advance('2 h');
  expect(await firedAt(second, near)).toBe(10_000);
  expect(await firedAt(second, far)).toBe(3_600_000);
});

test('R5: more timers than are kept in memory all fire at their deadlines', async () => {
  const clock = turnedClock(START);
  const first = await start(clock);
  const delays = Array.from({ length: 2 * MAX_DEADLINES + 100 }, (_, index) => 1_000 + (index % 30) * 1_000);
  const addresses = await Promise.all(delays.map((delay) => wait(first, delay)));
  // The one that has set them knows some of these; one that starts has read some of the rest.
  await clock.advance('20 s');
  await first.drain();
  const second = await start(clock);
  await clock.advance('1 min');
  const { rows } = await database.pool.query<{ address: string; at: Date }>(
    `SELECT address, at FROM journal WHERE revision > 1 AND address = ANY($1) ORDER BY address`,
    [addresses],
  );
  const due = new Map(addresses.map((address, index) => [address, delays[index]]));
  expect(rows).toHaveLength(delays.length);
  for (const { address, at } of rows) expect(at.getTime() - START).toBe(due.get(address));
  expect(await waitingJobs()).toEqual([]);
  expect((await second.list({ limit: 1 })).actors).toHaveLength(1);
});

test("R5: a process whose clock is ahead waits for the database's, and fires once", async () => {
  const aheadMs = 200;
  const ahead: Clock = { ...systemClock, now: () => Date.now() + aheadMs };
  const system = await start(ahead);
  const address = await wait(system, 1);
  const due = (await system.snapshot(address)).timers[0]?.due;
  await system.waitFor(address, { tag: 'fired' }, { timeoutMs: 10_000 });
  const { rows } = await database.pool.query('SELECT clock_timestamp() AS now');
  expect(rows[0].now.getTime()).toBeGreaterThanOrEqual(due?.getTime() ?? Number.POSITIVE_INFINITY);
  expect(await firedAt(system, address)).not.toBe(null);
});

test("R5: pg-boss sees a timer's job as one of its own", async () => {
  const clock = turnedClock(START);
  const system = await start(clock);
  const address = await wait(system, 60_000);
  const executeSql = (text: string, values?: unknown[]) => database.pool.query(text, values);
  const boss = new PgBoss({ db: { executeSql }, schema: 'pgboss', supervise: false, schedule: false });
  await boss.start();
  try {
    const [mine] = await boss.findJobs(QUEUE, { data: { address } });
    expect(mine).toMatchObject({ state: 'created', startAfter: new Date(START + 60_000) });
    const own = await boss.send(QUEUE, mine?.data as object, { startAfter: new Date(START + 60_000) });
    const [theirs] = await boss.findJobs(QUEUE, { id: own ?? '' });
    expect({ ...mine, id: '', createdOn: null }).toEqual({ ...theirs, id: '', createdOn: null });
    const columns = (job: Record<string, unknown> | undefined) => ({ ...job, id: '', created_on: null });
    const jobs = await waitingJobs();
    expect(columns(jobs.find(({ id }) => id === mine?.id))).toEqual(
      columns(jobs.find(({ id }) => id === own)),
    );
    await boss.deleteJob(QUEUE, own ?? '');
  } finally {
    await boss.stop({ close: false });
  }
  // Its own judge of what is due is the wall clock, long after this deadline: it must not have been taken by it.
  await clock.advance('1 min');
  expect(await firedAt(system, address)).toBe(60_000);
});
