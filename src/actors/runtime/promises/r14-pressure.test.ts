/**
 * R14: when the database is slow or away callers are told so in a bounded time, memory stays bounded, and work resumes
 * by itself. That Postgres may restart under load is `r14-restart.test.ts`. Patience is of the wall clock; here that is
 * turned.
 */
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isConnectionError } from '../../../persistence/database-errors.ts';
import type { ActorSystem } from '../index.ts';
import { child, parent } from '../testing/family.ts';
import {
  COMMIT,
  loseAnswer,
  openWatchedPool,
  refuseWith,
  type WatchedPool,
} from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';

/** How long a caller waits at most, by what `unavailable` promises. */
const PATIENCE_MS = 10_000;
const MOST_WAITING = 20_000;

const world = useWorld();
const watched: WatchedPool[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const { setAway } of watched) setAway(false);
  await world.rest();
  for (const { pool } of watched.splice(0)) await pool.end();
});

async function start(): Promise<WatchedPool & { system: ActorSystem; address: string }> {
  const one = openWatchedPool(world.database.connectionString);
  watched.push(one);
  const system = await world.start({ pool: one.pool });
  const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
  return { ...one, system, address };
}

/** The wall clock goes on by this, and the timers of the process as they do. */
function pass(ms: number): void {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: now + ms });
}

describe('R14: pressure is answered', () => {
  test('away: an event waits, and is told `unavailable` when its patience is over', async () => {
    const { system, address, setAway } = await start();
    setAway(true);
    const sent = system.send(address, { type: 'ADD', by: 1 });
    sent.catch(() => {});
    pass(PATIENCE_MS + 1);
    const refused = { code: 'unavailable', retryable: true, details: { applied: 'unknown' } };
    await expect(sent).rejects.toMatchObject(refused);
  });

  test('in trouble: an event whose patience is over was not applied, and will not be', async () => {
    const { system, address, fail } = await start();
    fail(COMMIT, (ask) => {
      pass(PATIENCE_MS + 1);
      return refuseWith('40P01')(ask);
    });
    const refused = { code: 'unavailable', retryable: true, details: { applied: 'no' } };
    await expect(system.send(address, { type: 'ADD', by: 1 })).rejects.toMatchObject(refused);
    expect(await system.send(address, { type: 'ADD', by: 2 })).toMatchObject({ revision: 2 });
  });

  test('what an event has started goes on, though nobody could say any more whether it was applied', async () => {
    const { system, fail, setAway } = await start();
    const job = key();
    fail(COMMIT, (ask) =>
      loseAnswer(async () => {
        await ask();
        setAway(true);
        pass(PATIENCE_MS + 1);
      }),
    );
    const spawned = system.spawn('worker', key(), { input: { job }, owner: 'a' });
    await expect(spawned).rejects.toMatchObject({ code: 'unavailable', details: { applied: 'unknown' } });
    setAway(false);
    await world.work.began(job);
  });

  test('away: reads are told at once', async () => {
    const { system, address, setAway } = await start();
    setAway(true);
    const refused = { code: 'unavailable', retryable: true };
    await expect(system.snapshot(address)).rejects.toMatchObject(refused);
    await expect(system.journal(address)).rejects.toMatchObject(refused);
    await expect(system.list()).rejects.toMatchObject(refused);
    await expect(system.inspect()).rejects.toMatchObject(refused);
    await expect(system.waitFor(address, 'done', { timeoutMs: 60_000 })).rejects.toMatchObject(refused);
  });

  test('back in time: what waited is committed, without anybody’s doing', async () => {
    const { system, address, setAway, statements } = await start();
    setAway(true);
    const asked = statements.length;
    const sent = system.send(address, { type: 'ADD', by: 1 });
    await expect.poll(() => statements.length, { interval: 5 }).toBeGreaterThan(asked);
    setAway(false);
    expect(await sent).toMatchObject({ revision: 2 });
  });

  test('the system’s own work is never given up: a result outlasts everybody’s patience', async () => {
    const { system, setAway, statements } = await start();
    const [job, end] = [key(), Promise.withResolvers<{ done: string }>()];
    world.work.answer(job, () => end.promise);
    const address = await system.spawn('worker', key(), { input: { job }, owner: 'a' });
    await world.work.began(job);
    setAway(true);
    end.resolve({ done: 'kept' });
    for (let rounds = 0; rounds < 3; rounds++) {
      const asked = statements.length;
      pass(PATIENCE_MS);
      await expect.poll(() => statements.length, { interval: 5, timeout: 10_000 }).toBeGreaterThan(asked);
    }
    vi.useRealTimers();
    setAway(false);
    const other = await world.start();
    const view = await other.waitFor(address, 'done', { timeoutMs: 10_000 });
    expect(view.context.result).toEqual({ done: 'kept' });
    expect(world.work.attempts(job)).toHaveLength(1);
  });

  test('slow: one whose statement hangs is told so too, and it is not applied twice', async () => {
    const { connectionString } = world.database;
    const hasty = new pg.Pool({ connectionString, max: 5, query_timeout: 100 });
    hasty.on('error', () => {});
    hasty.on('connect', (client) => client.on('error', () => {}));
    const system = await world.start({ pool: hasty });
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const holder = new pg.Client({ connectionString });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM actors WHERE address = $1 FOR UPDATE', [address]);
    const sent = system.send(address, { type: 'ADD', by: 1 }, { idempotencyKey: 'slow' });
    sent.catch(() => {});
    pass(PATIENCE_MS + 1);
    await expect(sent).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    vi.useRealTimers();
    await holder.query('COMMIT');
    await holder.end();
    const patient = await world.start();
    expect(await patient.send(address, { type: 'ADD', by: 1 }, { idempotencyKey: 'slow' })).toMatchObject({
      revision: 2,
    });
    expect(await patient.snapshot(address)).toMatchObject({ revision: 2, context: { count: 1 } });
    await world.rest();
    await hasty.end();
  });

  test('those that wait behind others are told when their patience is over, though nobody has tried them', async () => {
    const { system, address, fail, setAway, statements } = await start();
    const [asked, hanging] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()];
    fail(COMMIT, () => {
      asked.resolve();
      return hanging.promise;
    });
    const [tried, ...behind] = ['first', 'second', 'third'].map((idempotencyKey) =>
      system
        .send(address, { type: 'ADD', by: 1 }, { idempotencyKey })
        .catch(({ code }: { code: string }) => code),
    );
    const inOneGo = Array.from({ length: 100 }, () =>
      system.send(address, { type: 'RESET' }).catch(() => {}),
    );
    await asked.promise;
    setAway(true);
    pass(PATIENCE_MS + 1);
    let answered = 0;
    const others = [...behind, ...inOneGo].map((one) => one.then(() => answered++));
    const rounds = statements.length;
    hanging.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    expect(await tried).toBe('unavailable');
    await Promise.all(others);
    // Not one by one, each after a try of its own.
    expect(statements.length - rounds).toBeLessThan(3);
  });

  test('mail that can’t be committed waits once, however often it is looked for', async () => {
    const { fail, pool } = await start();
    const system = await world.start({ pool, machines: [parent, child] });
    const queued: number[] = [];
    const tries = 12;
    const tried = Promise.withResolvers<void>();
    const breaks = () => {
      if (queued.push(system.load().queued) === tries) tried.resolve();
      return Promise.reject(new Error('Connection terminated unexpectedly'));
    };
    // The first is that of the parent, with mail for the child that it begins.
    fail(COMMIT, async (ask) => {
      for (let time = 0; time < tries; time++) fail(COMMIT, breaks);
      return ask();
    });
    const address = await system.spawn('parent', key(), { input: { limit: 3 }, owner: 'a' });
    await tried.promise;
    expect(Math.max(...queued)).toBeLessThan(4);
    await system.waitFor(address, (view) => view.revision > 1, { timeoutMs: 20_000 });
  });

  test('what can’t be committed now does not stand before what can', async () => {
    const job = key();
    let isRefused = true;
    const tried = Promise.withResolvers<void>();
    const system = await world.start({
      onEmitted: async (transaction) => {
        tried.resolve();
        if (isRefused) await transaction.query('INSERT INTO no_such_table VALUES (1)');
      },
    });
    const done = await system.spawn('worker', key(), { input: { job }, owner: 'a' });
    await tried.promise;
    // Its result can't be committed; that it is stopped can.
    expect(await system.stop(done)).toMatchObject({ status: 'stopped', revision: 2 });
    isRefused = false;
  });

  test('no more than so many wait: the next is told `busy` at once, and all others are served', async () => {
    const { system, address, setAway } = await start();
    setAway(true);
    const waiting = Array.from({ length: MOST_WAITING }, (_, index) =>
      system.send(`counter/none${index}`, { type: 'RESET' }).catch(({ code }: { code: string }) => code),
    );
    await expect(system.send(address, { type: 'RESET' })).rejects.toMatchObject({
      code: 'busy',
      retryable: true,
    });
    setAway(false);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['actor_not_found']));
    expect(await system.send(address, { type: 'ADD', by: 1 })).toMatchObject({ revision: 2 });
  });

  test.each(['ECONNREFUSED', '57P01', '57P03', '53300', '08006'])('%s is a database that is away', (code) => {
    expect(isConnectionError(Object.assign(new Error('no'), { code }))).toBe(true);
  });
});
