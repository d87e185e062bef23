/** R11: an actor that waits is rows in Postgres and nothing else, and waking it is one indexed read. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { mostRowsLookedAt } from '../testing/plans.ts';
import { openWatchedPool, type Statement, type WatchedPool } from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';

const SLEEPERS = 20_000;
/** Of an actor in memory: its snapshot alone is more than this. */
const BYTES_EACH = 200;

const world = useWorld();
let watched: WatchedPool;
let system: ActorSystem;
let heapWithout: number;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Actors that sleep until a timer of next year, as `waiter` leaves them. */
async function insertSleepers(): Promise<void> {
  const { pool } = world.database;
  const first = await world.start();
  const address = await first.spawn('waiter', 'first', { input: { delay: 365 * 86_400_000 }, owner: 'a' });
  await world.rest();
  await pool.query(
    `INSERT INTO actors (address, key, pending, machine, version, owner, incarnation, status, revision, tags, snapshot,
       created_at, updated_at)
     SELECT 'waiter/s' || n, 's' || n,
       jsonb_set(a.pending, '{timers,xstate.after.patience.waiter.waiting,job}', to_jsonb(md5(n::text)::uuid)),
       machine, version, owner, incarnation, status, revision, tags, snapshot, created_at, updated_at
     FROM actors a, generate_series(1, $2) n WHERE a.address = $1`,
    [address, SLEEPERS],
  );
  await pool.query(
    `INSERT INTO pgboss.job (id, name, data, start_after)
     SELECT md5(n::text)::uuid, 'actor-timers', data || jsonb_build_object('address', 'waiter/s' || n), start_after
     FROM pgboss.job, generate_series(1, $2) n WHERE data->>'address' = $1`,
    [address, SLEEPERS],
  );
  await pool.query('ANALYZE');
}

beforeAll(async () => {
  await world.start();
  heapWithout = heapBytes();
  await world.rest();
  await insertSleepers();
  watched = openWatchedPool(world.database.connectionString);
  system = await world.start({ pool: watched.pool });
});
afterAll(async () => {
  await world.rest();
  await watched.pool.end();
});

/** The nodes of a statement's plan. */
async function planOf({ text, values }: Statement): Promise<Record<string, unknown>[]> {
  const { rows } = await world.database.pool.query(`EXPLAIN (FORMAT JSON) ${text}`, values);
  const nodesOf = (node: Record<string, unknown>): Record<string, unknown>[] => [
    node,
    ...((node.Plans ?? []) as Record<string, unknown>[]).flatMap(nodesOf),
  ];
  return nodesOf(rows[0]['QUERY PLAN'][0].Plan);
}

/** How a plan reads a table: the kinds of its nodes and their indexes. */
function readsOf(plan: Record<string, unknown>[], table: RegExp): unknown[] {
  return plan
    .filter((node) => table.test(String(node['Relation Name'])) && /Scan/.test(String(node['Node Type'])))
    .map((node) => `${node['Node Type']} ${node['Index Name']}`);
}

describe('R11: sleep is free', () => {
  test('a process that starts reads none of those that sleep', () => {
    const read = watched.statements.reduce((sum, { rows }) => sum + rows, 0);
    expect(watched.statements.length).toBeGreaterThan(0);
    expect(read).toBeLessThan(SLEEPERS / 100);
  });

  test('they cost it no memory', () => {
    expect(heapBytes() - heapWithout).toBeLessThan(SLEEPERS * BYTES_EACH);
  });

  test('waking one with an event is one indexed read and one commit', async () => {
    const before = watched.statements.length;
    await system.send('waiter/s777', { type: 'LEAVE' });
    const [read, commit, ...more] = watched.statements
      .slice(before)
      .filter(({ text }) => /\bactors\b/.test(text));
    expect(more).toEqual([]);
    expect(read).toMatchObject({ rows: 1, values: [['waiter/s777']] });
    expect(readsOf(await planOf(read as Statement), /^actors$/)).toEqual(['Index Scan actors_pkey']);
    const commits = await planOf({ ...(commit as Statement) });
    expect(readsOf(commits, /^actors$/).filter((how) => !String(how).endsWith('actors_pkey'))).toEqual([]);
  });

  test('waking one with a timer looks only at the nearest', async () => {
    const before = watched.statements.length;
    const address = await system.spawn('waiter', key(), { input: { delay: 1 }, owner: 'a' });
    await system.waitFor(address, { tag: 'fired' }, { timeoutMs: 10_000 });
    const since = watched.statements.slice(before);
    const take = since.findLast(({ name }) => name === 'timers_take');
    // It is done at the start, and when those that are known have run out.
    const nearest = watched.statements.findLast(({ name }) => name === 'timers_nearest');
    for (const statement of [take, nearest]) {
      const looked = await mostRowsLookedAt(world.database.pool, statement as Statement);
      expect(looked).toBeLessThan(SLEEPERS / 10);
    }
    expect(since.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThan(50);
  });
});
