/**
 * What Postgres and pg-boss do that has cost others a release: each of their known traps that concerns the runtime, by
 * name. Those of XState are `pitfalls-xstate-1.test.ts`.
 */
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { mostRowsLookedAt } from '../testing/plans.ts';
import { COMMIT, openWatchedPool, type Statement, type WatchedPool } from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';
import { turnedClock } from '../timers/turned-clock.ts';

const world = useWorld();
let watched: WatchedPool;
let system: ActorSystem;
beforeEach(async () => {
  watched = openWatchedPool(world.database.connectionString);
  system = await world.start({ pool: watched.pool });
});
afterEach(async () => {
  await world.rest();
  await watched.pool.end();
});

const wait = (delay: number) => system.spawn('waiter', key(), { input: { delay }, owner: 'a' });
const fired = (address: string) => system.waitFor(address, { tag: 'fired' }, { timeoutMs: 20_000 });
const times = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('pitfall: a transaction that notifies takes Postgres’s group commit away', async () => {
  // Alone, so that it fires this one itself.
  await fired(await wait(1));
  // Only one who is not alone has anybody to tell.
  const other = await world.start();
  const addresses = await Promise.all(times(200).map(() => wait(50)));
  await Promise.all(addresses.map(fired));
  const ends = times(200).map(() => other.spawn('worker', key(), { input: { job: key() }, owner: 'a' }));
  for (const address of await Promise.all(ends)) await other.waitFor(address, 'done', { timeoutMs: 20_000 });

  const notices = watched.statements.filter(({ text }) => /notify/i.test(text));
  const commits = watched.statements.filter(({ text }) => COMMIT.test(text));
  expect(notices.length).toBeGreaterThan(0);
  expect(commits.some(({ transaction }) => transaction !== null)).toBe(true);
  expect(notices.filter(({ transaction }) => transaction !== null)).toEqual([]);
  expect(commits.filter(({ text }) => /notify/i.test(text))).toEqual([]);
  // Once for a batch, and not for each event.
  expect(notices.length).toBeLessThan(200);
  const { rows } = await world.database.pool.query(
    "SELECT tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.prosrc ILIKE '%notify%' AND NOT tgisinternal",
  );
  expect(rows).toEqual([]);
});

test('pitfall: the claim of due jobs flips its plan after an ANALYZE of an empty queue', async () => {
  const { pool } = world.database;
  await fired(await wait(1));
  await system.send(await wait(3_600_000), { type: 'LEAVE' });
  await expect.poll(() => watched.statements.some(({ name }) => name === 'timers_delete')).toBe(true);
  const named = (name: string) => watched.statements.findLast((one) => one.name === name) as Statement;
  await pool.query(`DELETE FROM pgboss.job WHERE name = 'actor-timers'`);
  await pool.query('ANALYZE');
  const burst = 20_000;
  await pool.query(
    `INSERT INTO pgboss.job (name, data, start_after)
     SELECT 'actor-timers', jsonb_build_object('address', 'waiter/' || n, 'timerId', 't', 'due', now()), now() + interval '1 year'
     FROM generate_series(1, $1) n`,
    [burst],
  );
  const looked = await Promise.all(
    ['timers_take', 'timers_nearest', 'timers_delete'].map(async (name) => [
      name,
      (await mostRowsLookedAt(pool, named(name))) < burst / 10,
    ]),
  );
  await pool.query(`DELETE FROM pgboss.job WHERE name = 'actor-timers'`);
  expect(Object.fromEntries(looked)).toEqual({
    timers_take: true,
    timers_nearest: true,
    timers_delete: true,
  });
});

test('pitfall: finished jobs stay for days', async () => {
  const addresses = await Promise.all(times(20).map((n) => wait(n % 2 ? 10 : 3_600_000)));
  for (const [index, address] of addresses.entries()) {
    if (index % 2) await fired(address);
    else await system.send(address, { type: 'LEAVE' });
  }
  const left = async () =>
    (await world.database.pool.query("SELECT state FROM pgboss.job WHERE name = 'actor-timers'")).rows;
  await expect.poll(left, { interval: 5 }).toEqual([]);
});

test('pitfall: a job with a future start is found by polling only', async () => {
  await world.rest();
  const clock = turnedClock();
  system = await world.start({ pool: watched.pool, clock });
  const address = await wait(10_000);
  await clock.advance('9 s');
  expect(await system.snapshot(address)).toMatchObject({ revision: 1 });
  // Long before the next poll, which is the safety net.
  await clock.advance('1 s');
  expect(await system.snapshot(address)).toMatchObject({ revision: 2, context: { fired: 1 } });
});

test('pitfall: a retry after a lost connection takes what was committed for not done', async () => {
  const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
  let lost = false;
  watched.fail(COMMIT, async (ask) => {
    await ask();
    lost = true;
    throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  });
  await system.send(address, { type: 'ADD', by: 1 });
  expect(lost).toBe(true);
  expect(await system.snapshot(address)).toMatchObject({ revision: 2, context: { count: 1 } });
});

test('pitfall: two commits with the same actors in another order block each other', async () => {
  const second = await world.start();
  const spawned = times(9).map(() => system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' }));
  const addresses = (await Promise.all(spawned)).sort();
  // Both are stopped half way, each with what it has locked until then.
  const holder = new pg.Client({ connectionString: world.database.connectionString });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM actors WHERE address = $1 FOR UPDATE', [addresses[4]]);
  const add = (one: ActorSystem) => (address: string) => one.send(address, { type: 'ADD', by: 1 });
  const sent = Promise.all([...addresses.map(add(system)), ...addresses.toReversed().map(add(second))]);
  const waiting =
    "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  await expect.poll(async () => (await holder.query(waiting)).rowCount, { interval: 5 }).toBe(2);
  await holder.query('COMMIT');
  await holder.end();
  await sent;
  const { rows } = await world.database.pool.query(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(rows).toEqual([{ deadlocks: '0' }]);
  for (const address of addresses) {
    expect(await system.snapshot(address)).toMatchObject({ revision: 3, context: { count: 2 } });
  }
});
