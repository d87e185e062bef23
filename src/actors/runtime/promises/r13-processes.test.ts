/** R13: any number of processes, no leader to lose, none that needs configuration; one that shuts down is drained. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { registerProcess } from '../../../persistence/actors/processes.ts';
import { type ActorSystem, createActorSystem } from '../index.ts';
import type { CommitFacts } from '../telemetry.ts';
import { counter, waiter, worker } from '../testing/subjects.ts';
import { COMMIT, openWatchedPool, refuseWith } from '../testing/watched-pool.ts';
import { WayToPostgres } from '../testing/way-to-postgres.ts';
import { key, useWorld } from '../testing/world.ts';
import { turnedClock } from '../timers/turned-clock.ts';

const world = useWorld();
afterEach(() => world.rest());

const spawn = (system: ActorSystem, job: string) =>
  system.spawn('worker', key(), { input: { job }, owner: 'a' });
const ended = (system: ActorSystem, address: string) =>
  system.waitFor(address, 'done', { timeoutMs: 20_000 });
/** What does not wait for the test has gone as far as it goes after a few round trips. */
async function haveTheirTurn(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await world.database.pool.query('SELECT');
}
async function processes(): Promise<number | null> {
  return (await world.database.pool.query('SELECT FROM processes')).rowCount;
}

describe('R13: many processes', () => {
  test('one joins by being started: it serves the actors of others, and all hear of its commits', async () => {
    const first = await world.start();
    const address = await first.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const heard = first.waitFor(address, ({ context }) => context.count === 3, { timeoutMs: 20_000 });
    const second = await world.start();
    const third = await world.start();
    await second.send(address, { type: 'ADD', by: 1 });
    await third.send(address, { type: 'ADD', by: 2 });
    expect(await heard).toMatchObject({ revision: 3 });
    expect(await processes()).toBe(3);
  });

  test('what one hears that another has committed it reads again, instead of losing a step to it', async () => {
    let lost = 0;
    const committed = ({ conflicts }: CommitFacts) => {
      lost += conflicts;
    };
    const first = await world.start({ telemetry: { metrics: { committed, attempted: () => {} } } });
    const second = await world.start();
    const address = await first.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    for (let round = 1; round <= 3; round++) {
      await first.send(address, { type: 'ADD', by: 1 });
      const heard = new Promise<void>((resolve) => {
        const unsubscribe = first.onCommit(({ addresses }) => {
          if (!addresses?.includes(address)) return;
          unsubscribe();
          resolve();
        });
      });
      await second.send(address, { type: 'ADD', by: 1 });
      await heard;
    }
    expect(await first.send(address, { type: 'ADD', by: 1 })).toMatchObject({ revision: 8 });
    expect(lost).toBe(0);
  });

  test('all hear by name of a commit that is too long to be told in one notice', async () => {
    const first = await world.start();
    const second = await world.start();
    const hears = (address: string) =>
      new Promise<void>((resolve) => {
        const unsubscribe = second.onCommit(({ addresses }) => {
          if (!addresses?.includes(address)) return;
          unsubscribe();
          resolve();
        });
      });
    const spawned = (name: string) => {
      const heard = hears(`counter/${name}`);
      return Promise.all([first.spawn('counter', name, { input: { start: 0 }, owner: 'a' }), heard]);
    };
    await spawned(key());
    // What they asked each other when they met is answered.
    await haveTheirTurn();
    let missed = 0;
    second.onCommit(({ addresses }) => {
      if (addresses === null) missed++;
    });
    await Promise.all(Array.from({ length: 400 }, () => spawned(`${'long'.repeat(40)}${key()}`)));
    expect(missed).toBe(0);
  });

  test('all hear of a commit, though the first try to tell them failed', async () => {
    const { pool, fail } = openWatchedPool(world.database.connectionString);
    const first = await world.start({ pool });
    const second = await world.start();
    const address = await first.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    await second.waitFor(address, ({ revision }) => revision === 1, { timeoutMs: 20_000 });
    await haveTheirTurn();
    const heard = second.waitFor(address, ({ revision }) => revision === 2, { timeoutMs: 20_000 });
    fail(/pg_notify/, refuseWith('53300'));
    await first.send(address, { type: 'ADD', by: 1 });
    expect(await heard).toMatchObject({ context: { count: 1 } });
    await world.rest();
    await pool.end();
  });

  test('none leads: those that are left go on when the first has gone, and the second', async () => {
    const job = `hang ${key()}`;
    const first = await world.start();
    const second = await world.start();
    const address = await spawn(first, job);
    const waits = await first.spawn('waiter', key(), { input: { delay: 100 }, owner: 'a' });
    await world.work.began(job);
    const third = await world.start();
    await first.drain({ timeoutMs: 1 });
    // Whichever of the two got it; the work goes on at the other when that one leaves too.
    await world.work.began(job, 2);
    world.work.answer(job, async () => ({ done: job }));
    await second.drain({ timeoutMs: 1 });
    await third.stop(address);
    expect(await third.waitFor(waits, { tag: 'fired' }, { timeoutMs: 20_000 })).toMatchObject({
      context: { fired: 1 },
    });
    expect(await ended(third, await spawn(third, key()))).toMatchObject({ value: 'done' });
  });

  test('one whose own connection is dead, and nobody has said so, joins anew and hears of the others again', async () => {
    const way = await WayToPostgres.open(world.database.connectionString);
    const deaf = await world.start({ connectionString: way.connectionString });
    const other = await world.start();
    const address = await other.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const ids = 'SELECT id FROM processes ORDER BY number';
    const [before] = (await world.database.pool.query(ids)).rows;
    way.goDead();
    const left = async () =>
      (await world.database.pool.query(ids)).rows.every(({ id }: { id: string }) => id !== before.id);
    await expect.poll(left, { interval: 50, timeout: 20_000 }).toBe(true);
    await expect.poll(processes, { interval: 50, timeout: 20_000 }).toBe(2);
    const heard = deaf.waitFor(address, ({ context }) => context.count === 1, { timeoutMs: 20_000 });
    await other.send(address, { type: 'ADD', by: 1 });
    expect(await heard).toMatchObject({ revision: 2 });
    await world.rest();
    await way.close();
  });

  test('one that is left alone, and idle, holds a lease until its next look around; a short one again when it works', async () => {
    const { connectionString, pool } = world.database;
    const other = new pg.Client({ connectionString });
    await other.connect();
    await registerProcess(other, randomUUID(), 60_000);
    const system = await world.start();
    const leaseSeconds = async () => {
      const { rows } = await pool.query(
        'SELECT extract(epoch FROM min(lease_until) - now())::float8 AS seconds FROM processes',
      );
      return rows[0].seconds as number;
    };
    // With another about it is short.
    await expect.poll(leaseSeconds, { interval: 20, timeout: 20_000 }).toBeLessThan(5);
    await other.end();
    await expect.poll(processes, { interval: 20, timeout: 20_000 }).toBe(1);
    await expect.poll(leaseSeconds, { interval: 20, timeout: 20_000 }).toBeGreaterThan(30);
    const job = `hang ${key()}`;
    const address = await spawn(system, job);
    await world.work.began(job);
    await expect.poll(leaseSeconds, { interval: 20, timeout: 20_000 }).toBeLessThan(5);
    await system.send(address, { type: 'ABORT' });
    await world.rest();
  });

  test('one whose connection breaks while it joins anew does not join twice', async () => {
    const system = await world.start();
    let joined = 0;
    const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
    const asked = vi.spyOn(pg.Client.prototype, 'query');
    let isBroken = false;
    asked.mockImplementation(function (this: pg.Client, ...args: unknown[]) {
      const answer = query.apply(this, args);
      if (!String(args[0]).includes('pg_advisory_lock_shared')) return answer;
      joined++;
      if (!isBroken) this.connection.stream.destroy();
      isBroken = true;
      return answer;
    } as never);
    await world.database.pool.query(
      `SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
       WHERE l.locktype = 'advisory' AND l.classid = ${0x77a1} AND d.datname = current_database()`,
    );
    await expect.poll(() => joined, { interval: 5, timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    await haveTheirTurn();
    asked.mockRestore();
    expect(joined).toBe(2);
    await system.drain();
  });

  test('one takes only what it has: others do what belongs to other machines and effects', async () => {
    const { pool, connectionString } = world.database;
    const whole = await world.start();
    const job = `hang ${key()}`;
    const address = await spawn(whole, job);
    await world.work.began(job);
    await whole.drain({ timeoutMs: 1 });
    // What it takes it has taken before it serves.
    const counts = await world.start({ machines: [counter], effects: [] });
    expect((await pool.query('SELECT process FROM effects WHERE address = $1', [address])).rows).toEqual([
      { process: null },
    ]);
    const elsewhere = { code: 'version_not_here', retryable: true };
    await expect(counts.send(address, { type: 'ABORT' })).rejects.toMatchObject(elsewhere);
    await expect(counts.send(address, { type: 'ABORT' }, { idempotencyKey: 'a' })).rejects.toMatchObject(
      elsewhere,
    );
    await expect(counts.send('worker/none', { type: 'ABORT' })).rejects.toMatchObject({
      code: 'actor_not_found',
    });
    const machines = [counter, waiter, worker];
    world.work.answer(job, async () => ({ done: job }));
    const again = await createActorSystem({
      pool,
      connectionString,
      machines,
      effects: [world.work.effect()],
    });
    expect(await ended(again, address)).toMatchObject({ value: 'done' });
    await again.drain();
  });
});

describe('R13: draining', () => {
  test('takes no new work, and says to whom it matters that another may', async () => {
    const system = await world.start();
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const drained = system.drain();
    const refused = { code: 'stopped', retryable: true };
    await expect(system.send(address, { type: 'ADD', by: 1 })).rejects.toMatchObject(refused);
    await expect(system.stop(address)).rejects.toMatchObject(refused);
    const options = { input: { start: 0 }, owner: 'a' };
    await expect(system.spawn('counter', key(), options)).rejects.toMatchObject(refused);
    await drained;
    expect(await processes()).toBe(0);
    const { rows } = await world.database.pool.query('SELECT revision FROM actors WHERE address = $1', [
      address,
    ]);
    expect(rows).toEqual([{ revision: '1' }]);
  });

  test('does not wait for its own connection, where that is dead', async () => {
    const way = await WayToPostgres.open(world.database.connectionString);
    const system = await world.start({ connectionString: way.connectionString });
    way.goDead();
    await system.drain({ timeoutMs: 1 });
    expect(await processes()).toBe(0);
    await way.close();
  });

  test.each([
    ['a commit', COMMIT],
    ['a look for due timers', /WITH due AS/],
    ['leaving', /^WITH freed AS/],
  ])('does not wait for ever for %s that is stalled', async (_what, statement) => {
    const { pool, fail } = openWatchedPool(world.database.connectionString);
    const stalled = Promise.withResolvers<void>();
    const system = await world.start({ pool });
    const asked = new Promise<void>((resolve) =>
      fail(statement, async (ask) => {
        resolve();
        await stalled.promise;
        return ask();
      }),
    );
    const isLeaving = statement.source.includes('freed');
    const waits = system.spawn('waiter', key(), { input: { delay: 1 }, owner: 'a' });
    const refused = waits.catch(() => {});
    if (!isLeaving) await asked;
    await system.drain({ timeoutMs: 1 });
    stalled.resolve();
    await refused;
    await pool.end();
  });

  test('asked for twice, both wait until it has left', async () => {
    const system = await world.start();
    await Promise.race([system.drain(), system.drain()]);
    expect(await processes()).toBe(0);
  });

  test('commits what it has taken', async () => {
    const system = await world.start();
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const holder = new pg.Client({ connectionString: world.database.connectionString });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM actors WHERE address = $1 FOR UPDATE', [address]);
    const order: string[] = [];
    const sent = Promise.all(
      Array.from({ length: 50 }, () => system.send(address, { type: 'ADD', by: 1 })),
    ).then(() => order.push('committed'));
    const drained = system.drain({ timeoutMs: 60_000 }).then(() => order.push('drained'));
    await haveTheirTurn();
    order.push('let go');
    await holder.query('COMMIT');
    await holder.end();
    await Promise.all([sent, drained]);
    expect(order).toEqual(['let go', 'committed', 'drained']);
    expect(await system.snapshot(address)).toMatchObject({ context: { count: 50 } });
  });

  test('gives up what it can not commit in the stated time: who sent it is told, and it is not tried again', async () => {
    const { pool, setAway, statements } = openWatchedPool(world.database.connectionString);
    const system = await world.start({ pool });
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    setAway(true);
    const sent = system.send(address, { type: 'ADD', by: 1 });
    sent.catch(() => {});
    await system.drain({ timeoutMs: 1 });
    await expect(sent).rejects.toMatchObject({ code: 'stopped', retryable: true });
    setAway(false);
    const asked = statements.length;
    await haveTheirTurn();
    expect(statements.length).toBe(asked);
    await pool.end();
  });

  test('lets effects that run end, and commits their results', async () => {
    const system = await world.start();
    const [job, end] = [key(), Promise.withResolvers<{ done: string }>()];
    world.work.answer(job, () => end.promise);
    const address = await spawn(system, job);
    await world.work.began(job);
    const drained = system.drain({ timeoutMs: 60_000 });
    await haveTheirTurn();
    end.resolve({ done: 'in time' });
    await drained;
    expect(await system.snapshot(address)).toMatchObject({
      value: 'done',
      context: { result: { done: 'in time' } },
    });
  });

  test('hands over those that do not end in the stated time, even where they do not heed their signal', async () => {
    const system = await world.start();
    const other = await world.start();
    const job = key();
    world.work.answer(job, () => new Promise(() => {}));
    const address = await spawn(system, job);
    const { aborted } = await world.work.began(job);
    world.work.answer(job, async () => ({ done: 'by the other' }));
    await system.drain({ timeoutMs: 1 });
    await aborted;
    expect(await ended(other, address)).toMatchObject({ context: { result: { done: 'by the other' } } });
    // The other began anew, with the same key: nothing of the limit was used up.
    expect(world.work.attempts(job).map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(new Set(world.work.attempts(job).map((attempt) => attempt.key)).size).toBe(1);
  });

  test('fires no timer any more: that waits for another', async () => {
    const clock = turnedClock();
    const system = await world.start({ clock });
    const address = await system.spawn('waiter', key(), { input: { delay: 10_000 }, owner: 'a' });
    await system.drain();
    const told: unknown[] = [];
    system.onCommit((notice) => told.push(notice));
    await clock.advance('20 s');
    const other = await world.start({ clock });
    const view = await other.waitFor(address, { tag: 'fired' }, { timeoutMs: 20_000 });
    expect(view).toMatchObject({ revision: 2 });
    expect(told).toEqual([]);
  });
});
