/**
 * R5: timers keep time. They survive restarts with their deadlines, fire once, belong to one visit of their state, and
 * are removed when it is left or the actor ends.
 */
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { RuntimeProcess } from '../testing/fork.ts';
import { COMMIT, loseAnswer, openWatchedPool, type WatchedPool } from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';
import { turnedClock } from '../timers/turned-clock.ts';

/** Longer than any test. */
const NEVER = 3_600_000;

const world = useWorld();
const watched: WatchedPool[] = [];
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await world.rest();
  for (const { pool } of watched.splice(0)) await pool.end();
});

async function startWatched(): Promise<WatchedPool & { system: ActorSystem }> {
  const one = openWatchedPool(world.database.connectionString);
  watched.push(one);
  return { ...one, system: await world.start({ pool: one.pool }) };
}

const wait = (system: ActorSystem, delay: number) =>
  system.spawn('waiter', key(), { input: { delay }, owner: 'a' });
const fired = (system: ActorSystem, address: string) =>
  system.waitFor(address, { tag: 'fired' }, { timeoutMs: 10_000 });

/** The jobs of an actor's timers. */
async function jobsOf(address: string): Promise<unknown[]> {
  const { rows } = await world.database.pool.query(
    `SELECT id, start_after FROM pgboss.job WHERE data->>'address' = $1`,
    [address],
  );
  return rows;
}
const untilNoJob = (address: string) => expect.poll(() => jobsOf(address), { interval: 5 }).toEqual([]);

/** Makes an actor's timer due now. */
async function makeDue(address: string): Promise<void> {
  const update = `UPDATE pgboss.job SET start_after = now() WHERE data->>'address' = $1`;
  await world.database.pool.query(update, [address]);
  await tellDue();
}

/** Tells the processes that a timer is due, as one does that has set it. */
async function tellDue(): Promise<void> {
  const notice = { from: 'another', kind: 'commit', addresses: [], due: Date.now() };
  await world.database.pool.query('SELECT pg_notify($1, $2)', ['ttai_actors', JSON.stringify(notice)]);
}

const afterPatience = 'xstate.after.patience.waiter.waiting';
async function eventsOf(system: ActorSystem, address: string): Promise<string[]> {
  return (await system.journal(address)).map(({ event }) => event.type);
}

describe('R5: timers keep time', () => {
  test('a timer is a job of pg-boss with its deadline, and the job is gone when it has fired', async () => {
    const system = await world.start();
    const address = await wait(system, NEVER);
    const view = await system.snapshot(address);
    expect(await jobsOf(address)).toMatchObject([{ start_after: view.timers[0]?.due }]);
    expect(view.timers[0]?.due.getTime()).toBe(view.createdAt.getTime() + NEVER);
    await makeDue(address);
    expect(await fired(system, address)).toMatchObject({ context: { fired: 1 }, timers: [] });
    expect(await jobsOf(address)).toEqual([]);
  });

  test('what follows its step happens also when those who measure it throw', async () => {
    const clock = turnedClock();
    const committed = () => {
      throw new Error('a metric that throws');
    };
    const telemetry = { metrics: { committed, attempted: () => {} } };
    const system = await world.start({ clock, telemetry });
    const address = await wait(system, 10_000);
    const heard = fired(system, address);
    await clock.advance(10_000);
    expect(await heard).toMatchObject({ revision: 2 });
  });

  test('does not fire before its deadline', async () => {
    const clock = turnedClock();
    const system = await world.start({ clock });
    const address = await wait(system, 10_000);
    await clock.advance(9_999);
    expect(await system.snapshot(address)).toMatchObject({ revision: 1, value: 'waiting' });
    await clock.advance(1);
    expect(await system.snapshot(address)).toMatchObject({ revision: 2, context: { fired: 1 } });
  });

  test('those that are due at once fire in the order of their deadlines', async () => {
    const now = Date.now();
    const first = await world.start({ clock: turnedClock(now) });
    const delays = [90_000, 30_000, 60_000, 10_000];
    const addresses = await Promise.all(delays.map((delay) => wait(first, delay)));
    await first.drain();
    // All were due while nobody lived.
    const second = await world.start({ clock: turnedClock(now + NEVER) });
    await Promise.all(addresses.map((address) => fired(second, address)));
    const { rows } = await world.database.pool.query(
      `SELECT address FROM journal WHERE address = ANY($1) AND revision = 2 ORDER BY seq`,
      [addresses],
    );
    expect(rows.map(({ address }) => delays[addresses.indexOf(address as string)])).toEqual(
      delays.toSorted((one, other) => one - other),
    );
  });

  test('keeps its original deadline over a restart, also one that passed meanwhile', async () => {
    const now = Date.now();
    const first = await world.start({ clock: turnedClock(now) });
    const [soon, late] = [await wait(first, 10_000), await wait(first, 30_000)];
    const dues = (await jobsOf(late)).map((job) => (job as { start_after: Date }).start_after);
    await first.drain();
    const clock = turnedClock(now + 20_000);
    const second = await world.start({ clock });
    await fired(second, soon);
    // What touches the actor meanwhile does not set its timer anew.
    expect(await second.send(late, { type: 'NOTE' })).toMatchObject({ changed: true });
    expect(await jobsOf(late)).toMatchObject([{ start_after: dues[0] }]);
    await clock.advance(9_999);
    expect(await second.snapshot(late)).toMatchObject({ value: 'waiting' });
    await clock.advance(1);
    expect(await second.snapshot(late)).toMatchObject({ context: { fired: 1 } });
  });

  test('one that a killed process has set fires in another, once', async () => {
    const dying = await RuntimeProcess.start(world.database.connectionString);
    const address = await dying.spawn('waiter', key(), { input: { delay: NEVER }, owner: 'a' });
    await dying.end();
    const [system] = await Promise.all([world.start(), world.start()]);
    await makeDue(address);
    await fired(system, address);
    expect(await eventsOf(system, address)).toEqual(['xstate.init', afterPatience]);
  });

  test('fires once though several processes are at it, and each of very many', async () => {
    const [system] = await Promise.all([world.start(), world.start(), world.start()]);
    const addresses = await Promise.all(Array.from({ length: 200 }, () => wait(system, 50)));
    for (const address of addresses) await fired(system, address);
    await Promise.all(addresses.map((address) => system.send(address, { type: 'REMIND' })));
    for (const address of addresses) {
      await system.waitFor(address, ({ context }) => Number(context.fired) > 1, { timeoutMs: 10_000 });
      await untilNoJob(address);
      expect(await system.snapshot(address)).toMatchObject({
        revision: 4,
        timers: [],
        context: { fired: 2 },
      });
    }
  });

  test('fires once when the answer to its commit was lost', async () => {
    const { system, fail } = await startWatched();
    const address = await wait(system, NEVER);
    fail(/^COMMIT/, loseAnswer);
    await makeDue(address);
    expect(await fired(system, address)).toMatchObject({ context: { fired: 1 } });
    expect(await eventsOf(system, address)).toEqual(['xstate.init', afterPatience]);
  });

  test('its job is taken, its actor stepped and the job deleted in one transaction', async () => {
    const { system, statements, fail } = await startWatched();
    const address = await wait(system, NEVER);
    let stepped: unknown;
    // As it is when the process dies after the step and before its end.
    fail(/^COMMIT$/, async () => {
      stepped = statements.at(-2)?.text;
      throw new Error('Connection terminated unexpectedly');
    });
    await makeDue(address);
    expect(await fired(system, address)).toMatchObject({ revision: 2, context: { fired: 1 } });
    expect(stepped).toMatch(COMMIT);
    const deleted = statements.findLast(
      ({ text, transaction }) => transaction !== null && /DELETE FROM pgboss/.test(text),
    );
    const together = statements.filter(({ transaction }) => transaction === deleted?.transaction);
    expect(together.map(({ text }) => text)).toEqual([
      'BEGIN',
      expect.stringMatching(/FROM pgboss\..*SKIP LOCKED.*DELETE FROM pgboss.*FROM actors .* FOR UPDATE/s),
      expect.stringMatching(COMMIT),
      'COMMIT',
    ]);
  });

  test('belongs to one visit: a late one of an earlier visit does nothing', async () => {
    const system = await world.start();
    const address = await wait(system, NEVER);
    const { rows } = await world.database.pool.query(
      `SELECT id, data, start_after FROM pgboss.job WHERE data->>'address' = $1`,
      [address],
    );
    await system.send(address, { type: 'LEAVE' });
    await untilNoJob(address);
    await system.send(address, { type: 'BACK' });
    const [{ id, data }] = rows;
    // As if the job of the first visit had not been swept; the timer of the second has the same name.
    await world.database.pool.query(
      `INSERT INTO pgboss.job (id, name, data, start_after) VALUES ($1, 'actor-timers', $2, now())`,
      [id, data],
    );
    await tellDue();
    await expect.poll(async () => (await jobsOf(address)).length, { interval: 5 }).toBe(1);
    expect(await system.snapshot(address)).toMatchObject({ value: 'waiting', revision: 3, timers: [{}] });
    await makeDue(address);
    await fired(system, address);
    expect(await eventsOf(system, address)).toEqual(['xstate.init', 'LEAVE', 'BACK', afterPatience]);
  });

  test.each<[string, (system: ActorSystem, address: string) => Promise<unknown>]>([
    ['its state is left', (system, address) => system.send(address, { type: 'LEAVE' })],
    ['its actor ends', (system, address) => system.send(address, { type: 'END' })],
    ['its actor is stopped', (system, address) => system.stop(address)],
  ])('is removed when %s', async (_, leave) => {
    const system = await world.start();
    const address = await wait(system, NEVER);
    expect(await jobsOf(address)).toHaveLength(1);
    await leave(system, address);
    expect((await system.snapshot(address)).timers).toEqual([]);
    await untilNoJob(address);
  });

  test('an idle system asks Postgres no more than a handful of times a minute', async () => {
    const minutes = 5;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
    const { system, statements } = await startWatched();
    await wait(system, 365 * 86_400_000);
    const asked = statements.length;
    const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
    const answers = new Set<Promise<unknown>>();
    const asking = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (
      this: pg.Client,
      ...args: unknown[]
    ) {
      const answer = query.apply(this, args);
      if (answer instanceof Promise) answers.add(answer);
      return answer;
    } as never);
    for (let second = 0; second < 60 * minutes; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      // What was asked in this second is answered before the next one: sockets know of no turned time.
      await Promise.allSettled([world.database.pool.query('SELECT'), ...answers]);
      answers.clear();
    }
    asking.mockRestore();
    vi.useRealTimers();
    const since = statements.slice(asked);
    expect(since.filter(({ text }) => /start_after/.test(text)).length).toBeGreaterThan(0);
    expect(since.length / minutes).toBeLessThanOrEqual(10);
  });
});

describe('R5: where the clock of a process is wrong', () => {
  const HOURS = 5 * 3_600_000;
  /** From here on the wall clock of this process is off by so much. */
  function turnWallClock(byMs: number): void {
    const now = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + byMs);
  }
  /** The deadline of a timer of this delay, by how much it is off, in minutes. */
  async function minutesOff(system: ActorSystem, delay: number): Promise<number> {
    const address = await wait(system, delay);
    const { rows } = await world.database.pool.query(
      `SELECT round(extract(epoch FROM start_after - now()) / 60) AS left FROM pgboss.job WHERE data->>'address' = $1`,
      [address],
    );
    return Number(rows[0].left) - delay / 60_000;
  }

  test.each([
    ['ahead', HOURS],
    ['behind', -HOURS],
  ])('by hours, %s: deadlines and the journal are of the time of the database', async (_way, byMs) => {
    turnWallClock(byMs);
    const { system } = await startWatched();
    expect(Math.abs(await minutesOff(system, NEVER))).toBeLessThan(30);
    const address = await wait(system, 50);
    await fired(system, address);
    const [first] = await system.journal(address);
    const { rows } = await world.database.pool.query('SELECT now()');
    expect(Math.abs(rows[0].now - (first?.at.getTime() ?? 0))).toBeLessThan(HOURS / 5);
  });

  test('while it runs: it is set right by what the database says', async () => {
    const { system } = await startWatched();
    // With another one about, each asks the database more often.
    await world.start();
    const waits = await wait(system, 4_000);
    turnWallClock(HOURS);
    const isRight = async () => Math.abs(await minutesOff(system, NEVER)) < 30;
    await expect.poll(isRight, { interval: 50, timeout: 20_000 }).toBe(true);
    await fired(system, waits);
  });
});
