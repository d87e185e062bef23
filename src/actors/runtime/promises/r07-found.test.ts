/**
 * R7: an effect whose row says that this process runs it is run here, though the process was not told so: the answer
 * was lost, or what it was doing just then came between. The connection that breaks around a commit is `faults.test.ts`.
 */
import pg from 'pg';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { fromPromise, setup } from 'xstate';
import { z } from 'zod';
import type { ActorSystem, DurableMachine } from '../index.ts';
import { onTheRuntime } from '../testing/subjects.ts';
import {
  COMMIT,
  loseAnswer,
  openWatchedPool,
  refuseWith,
  type WatchedPool,
} from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
const watched: WatchedPool[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await world.rest();
  for (const { pool } of watched.splice(0)) await pool.end();
});

const WAITING_MAILBOXES = /^SELECT DISTINCT to_address FROM messages/;
const OWN_EFFECTS = /FROM effects WHERE process = \$1$/;
const KEPT_EFFECTS = /^SELECT effect_id FROM effects WHERE process = ANY/;
const TAKE_OVER = /^WITH gone AS/;

/** Begins its work when its timer fires. */
const sleeper = {
  id: 'sleeper',
  version: '1',
  input: z.object({ job: z.string() }),
  events: {},
  machine: setup({
    types: { context: {} as { job: string }, input: {} as { job: string } },
    actors: { work: fromPromise<{ done: string }, { job: string }>(onTheRuntime) },
  }).createMachine({
    id: 'sleeper',
    context: ({ input }) => input,
    initial: 'asleep',
    states: {
      asleep: { after: { 1: 'working' } },
      working: { invoke: { id: 'work', src: 'work', input: ({ context }) => context, onDone: 'done' } },
      done: { type: 'final' },
    },
  }),
} satisfies DurableMachine;

async function start(
  options: Parameters<typeof world.start>[0] = {},
): Promise<WatchedPool & { system: ActorSystem }> {
  const one = openWatchedPool(world.database.connectionString);
  watched.push(one);
  return { ...one, system: await world.start({ pool: one.pool, ...options }) };
}
const spawn = (system: ActorSystem, job: string) =>
  system.spawn('worker', key(), { input: { job }, owner: 'a' });
const query = (text: string, values: unknown[] = []) => world.database.pool.query(text, values);

/** Held until it is let go. */
function hold(fail: WatchedPool['fail'], text: RegExp) {
  const [asked, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  fail(text, async (ask) => {
    const answer = await ask();
    asked.resolve();
    await free.promise;
    return answer;
  });
  return { asked: asked.promise, letGo: free.resolve };
}

/** All others look for effects that nobody runs: one that can run none has gone. */
async function someoneLeaves(): Promise<void> {
  const other = await world.start({ machines: [], effects: [] });
  await other.drain({ timeoutMs: 1 });
}

describe('R7: what was not told is found', () => {
  test('by a look that was asked for while another one was at its end', async () => {
    const { system, fail } = await start();
    const job = key();
    const counter = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const look = hold(fail, WAITING_MAILBOXES);
    fail(COMMIT, loseAnswer);
    await system.send(counter, { type: 'ADD', by: 1 });
    await look.asked;
    fail(COMMIT, loseAnswer);
    await spawn(system, job);
    look.letGo();
    await world.work.began(job);
  });

  test('by another look, where the first one failed', async () => {
    const { system, fail } = await start();
    const job = key();
    fail(COMMIT, loseAnswer);
    fail(OWN_EFFECTS, refuseWith('57P01'));
    await spawn(system, job);
    await world.work.began(job);
  });

  test('where the answer to taking over was lost', async () => {
    const job = `hang ${key()}`;
    const leaving = await world.start();
    const { system, fail } = await start();
    const address = await spawn(leaving, job);
    await world.work.began(job);
    fail(TAKE_OVER, loseAnswer);
    await leaving.drain({ timeoutMs: 1 });
    await world.work.began(job, 2);
    await system.stop(address);
  });

  test('where the connection of a timer broke, and its commit came after it was looked for', async () => {
    const { system, pool, statements } = await start({ machines: [sleeper] });
    const clients = new Set<pg.PoolClient>();
    pool.on('acquire', (client) => clients.add(client));
    const job = key();
    // Postgres goes on with a commit though nobody waits for it any more.
    await query(`CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$`);
    await query(`CREATE CONSTRAINT TRIGGER held AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`);
    const holder = new pg.Client({ connectionString: world.database.connectionString });
    holder.on('error', () => {});
    await holder.connect();
    onTestFinished(async () => {
      await holder.end();
      await query('DROP FUNCTION wait_at_commit CASCADE');
    });
    await holder.query('SELECT pg_advisory_lock(7)');
    const address = await system.spawn('sleeper', key(), { input: { job }, owner: 'a' });
    const held = `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE l.locktype = 'advisory' AND l.objid = 7 AND NOT l.granted AND d.datname = current_database()`;
    await expect.poll(async () => (await query(held)).rowCount, { interval: 5, timeout: 20_000 }).toBe(1);
    const asked = statements.length;
    for (const client of clients) client.connection.stream.destroy();
    const looked = () =>
      statements.slice(asked).filter(({ text }) => WAITING_MAILBOXES.test(text) || OWN_EFFECTS.test(text));
    await expect.poll(() => looked().length, { interval: 5, timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    // Not until its answer is here.
    await system.snapshot(address);
    await holder.query('SELECT pg_advisory_unlock(7)');
    await world.work.began(job);
    await system.waitFor(address, 'done', { timeoutMs: 20_000 });
  });

  test('though an earlier attempt here was late, and ended while it was looked whether it still ran here', async () => {
    const { system, fail, statements } = await start();
    const [job, end] = [key(), Promise.withResolvers<{ done: string }>()];
    world.work.answer(job, () => end.promise);
    const address = await spawn(system, job);
    await world.work.began(job);
    // Another has taken it over, and has died since.
    await query('UPDATE effects SET process = gen_random_uuid() WHERE address = $1', [address]);
    const look = hold(fail, KEPT_EFFECTS);
    fail(COMMIT, loseAnswer);
    await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    await look.asked;
    const late = hold(fail, KEPT_EFFECTS);
    end.resolve({ done: 'late' });
    await late.asked;
    late.letGo();
    // It has ended here once its row would be given up.
    const givenUp = () => statements.some(({ text }) => text.startsWith('UPDATE effects SET process = NULL'));
    await expect.poll(givenUp, { interval: 5, timeout: 20_000 }).toBe(true);
    look.letGo();
    world.work.answer(job, async () => ({ done: 'in the second attempt' }));
    await someoneLeaves();
    const view = await system.waitFor(address, 'done', { timeoutMs: 20_000 });
    expect(view).toMatchObject({ context: { result: { done: 'in the second attempt' } } });
  });

  test('but not one that has ended while that was being read', async () => {
    const { system, fail, statements } = await start();
    const [job, end] = [key(), Promise.withResolvers<{ done: string }>()];
    world.work.answer(job, () => end.promise);
    const address = await spawn(system, job);
    await world.work.began(job);
    const look = hold(fail, OWN_EFFECTS);
    fail(COMMIT, loseAnswer);
    await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    await look.asked;
    end.resolve({ done: 'once' });
    await system.waitFor(address, 'done', { timeoutMs: 20_000 });
    const asked = statements.length;
    look.letGo();
    // What comes after it in that look.
    const goesOn = () => statements.slice(asked).some(({ text }) => WAITING_MAILBOXES.test(text));
    await expect.poll(goesOn, { interval: 5, timeout: 20_000 }).toBe(true);
    expect(world.work.attempts(job)).toHaveLength(1);
  });

  test('and goes on where it runs, when joining anew took two tries and it was started between them', async () => {
    const { system, statements } = await start();
    const [job, end] = [key(), Promise.withResolvers<{ done: string }>()];
    world.work.answer(job, () => end.promise);
    const ask = pg.Client.prototype.query as (...args: unknown[]) => unknown;
    let isBroken = false;
    vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
      if (isBroken || !String(args[0]).includes('pg_advisory_lock_shared')) return ask.apply(this, args);
      isBroken = true;
      return spawn(system, job)
        .then(() => world.work.began(job))
        .then(() => {
          this.connection.stream.destroy();
          throw new Error('Connection terminated unexpectedly');
        });
    } as never);
    await query(
      `SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
       WHERE l.locktype = 'advisory' AND l.classid = ${0x77a1} AND d.datname = current_database()`,
    );
    const { key: effectId } = await world.work.began(job);
    const succeeded = () =>
      statements.filter(({ text }) => text.startsWith('DELETE FROM processes WHERE id'));
    await expect.poll(() => succeeded().length, { interval: 5, timeout: 20_000 }).toBeGreaterThan(0);
    end.resolve({ done: 'in the first attempt' });
    const address = effectId.slice(0, effectId.indexOf('#'));
    const view = await system.waitFor(address, 'done', { timeoutMs: 20_000 });
    expect(view).toMatchObject({ context: { result: { done: 'in the first attempt' } } });
    expect(world.work.attempts(job)).toHaveLength(1);
  });

  test('without taking a step twice, where it can’t be looked which results of its batch came too late', async () => {
    const { system, fail } = await start();
    const [job, end] = [key(), Promise.withResolvers<{ done: string }>()];
    world.work.answer(job, () => end.promise);
    const [counter = '', ...others] = await Promise.all(
      [1, 2, 3].map(() => system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' })),
    );
    const address = await spawn(system, job);
    const first = await world.work.began(job);
    await query('UPDATE effects SET process = gen_random_uuid() WHERE effect_id = $1', [first.key]);
    // As long as two commits are under way, what comes is gathered for one batch.
    const held: { letGo: () => void; sent: Promise<unknown> }[] = [];
    for (const other of others) {
      const { asked, letGo } = hold(fail, COMMIT);
      held.push({ letGo, sent: system.send(other, { type: 'ADD', by: 1 }) });
      await asked;
    }
    fail(KEPT_EFFECTS, refuseWith('57014'));
    end.resolve({ done: 'late' });
    await expect.poll(() => system.load().queued, { interval: 5, timeout: 20_000 }).toBe(3);
    const sent = system.send(counter, { type: 'ADD', by: 1 });
    for (const { letGo } of held) letGo();
    expect(await sent).toMatchObject({ revision: 2 });
    await Promise.all(held.map((one) => one.sent));
    expect(await system.snapshot(counter)).toMatchObject({ revision: 2, context: { count: 1 } });
    await system.stop(address);
  });
});
