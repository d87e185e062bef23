/** R4: events of one source keep their order, and what actors tell each other arrives once, over a crash too. */

import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { child, hangingJob, parent } from '../testing/family.ts';
import { RuntimeProcess } from '../testing/fork.ts';
import { counter, waiter } from '../testing/subjects.ts';
import { COMMIT, loseAnswer, openWatchedPool, refuseWith } from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
let system: ActorSystem;
const start = () => world.start({ machines: [parent, child, counter] });
const numbers = Array.from({ length: 40 }, (_, index) => index + 1);

/** What was added to a counter, in the order of its journal. */
async function added(address: string): Promise<unknown[]> {
  const steps = await system.journal(address);
  return steps.filter(({ kind }) => kind === 'step').map(({ event }) => event.by);
}

async function spawnParent(limit = 3): Promise<{ address: string; childAddress: string }> {
  const address = await system.spawn('parent', key(), { input: { limit }, owner: 'a' });
  const [worker] = (await system.snapshot(address)).children;
  const childAddress = worker?.address ?? '';
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

/** Asks again and again, until so many different answers were seen; undefined is none. */
async function untilSeen(times: number, ask: () => Promise<string | undefined>): Promise<void> {
  const seen = new Set<string>();
  while (seen.size < times) {
    const answer = await ask();
    if (answer !== undefined) seen.add(answer);
  }
}

beforeAll(async () => {
  system = await start();
});

describe('R4: order', () => {
  test('a child is an actor of its own, told by its parent and telling it, and its end is an event', async () => {
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
    expect((await world.database.pool.query('SELECT 1 FROM messages')).rowCount).toBe(0);
  });

  test('a delayed sendTo reaches the child', async () => {
    const { address, childAddress } = await spawnParent();
    await system.send(address, { type: 'TELL_LATER', n: 7 });
    const view = await system.waitFor(childAddress, ({ context }) => String(context.heard) === '7', {
      timeoutMs: 5_000,
    });
    expect(view.status).toBe('active');
    expect((await system.snapshot(address)).timers).toEqual([]);
  });

  test('leaving the state stops the child and its effects; a later visit has another child', async () => {
    const { address, childAddress } = await spawnParent();
    const { aborted } = await world.work.began(hangingJob(childAddress));
    await system.send(address, { type: 'LEAVE' });
    expect(await system.waitFor(childAddress, 'done', { timeoutMs: 5_000 })).toMatchObject({
      status: 'stopped',
      effects: [],
    });
    await aborted;
    await system.send(address, { type: 'BACK' });
    const [again] = (await system.snapshot(address)).children;
    expect(again?.address).not.toBe(childAddress);
    // What the first child tells from now on is late.
    await expect(system.send(childAddress, { type: 'COUNT' })).rejects.toMatchObject({ code: 'actor_ended' });
  });

  test('stopping the parent stops the child', async () => {
    const { address, childAddress } = await spawnParent();
    await system.stop(address);
    expect(await system.waitFor(childAddress, 'done', { timeoutMs: 5_000 })).toMatchObject({
      status: 'stopped',
    });
  });

  test('a child that can not be started is an error of its parent', async () => {
    const address = await system.spawn('parent', key(), { input: { limit: -1 }, owner: 'a' });
    const view = await system.waitFor(address, (actor) => actor.value === 'failed', { timeoutMs: 5_000 });
    expect(view.context.error).toMatchObject({ message: expect.stringContaining('limit') });
  });

  test('a message that was committed before a crash is delivered by whoever lives', async () => {
    const { address, childAddress } = await spawnParent();
    // As a process leaves it that dies between the two commits.
    await world.database.pool.query(
      `INSERT INTO messages (to_address, from_address, kind, body) VALUES ($1, $2, 'event', $3), ($1, $2, 'event', $4)`,
      [childAddress, address, { type: 'HEAR', n: 1 }, { type: 'HEAR', n: 2 }],
    );
    const second = await start();
    const view = await second.waitFor(childAddress, ({ context }) => String(context.heard) === '1,2', {
      timeoutMs: 5_000,
    });
    expect(view.context.heard).toEqual([1, 2]);
  });

  test('from one source to one actor in the order sent, and once, with two processes at work', async () => {
    const second = await start();
    const { address, childAddress } = await spawnParent();
    for (const n of numbers) await (n % 2 ? system : second).send(address, { type: 'TELL', n });
    const view = await second.waitFor(
      childAddress,
      ({ context }) => (context.heard as number[]).length >= 40,
      {
        timeoutMs: 10_000,
      },
    );
    expect(view.context.heard).toEqual(numbers);
  });

  test('what one process sends without waiting is applied in the order sent', async () => {
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    await Promise.all(numbers.map((by) => system.send(address, { type: 'ADD', by })));
    expect(await added(address)).toEqual(numbers);
  });

  test.each([
    ['the server refused a batch of them', refuseWith('40P01')],
    ['the answer to a batch of them was lost', loseAnswer],
  ])('so it is when %s', async (_, fault) => {
    const { pool, fail } = openWatchedPool(world.database.connectionString);
    const troubled = await world.start({ pool });
    const address = await troubled.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    fail(COMMIT, fault);
    await Promise.all(numbers.map((by) => troubled.send(address, { type: 'ADD', by })));
    expect(await added(address)).toEqual(numbers);
    await troubled.drain();
    await pool.end();
  });

  test('what changed nothing in a commit whose answer was lost is not applied behind what came after it', async () => {
    const { pool, fail } = openWatchedPool(world.database.connectionString);
    const troubled = await world.start({ pool });
    const other = await world.start({ machines: [waiter] });
    const address = await troubled.spawn('waiter', key(), { input: { delay: 3_600_000 }, owner: 'a' });
    fail(COMMIT, async (ask) => {
      await ask();
      // By now the first of the two events would change something.
      await other.send(address, { type: 'LEAVE' });
      return loseAnswer(async () => {});
    });
    const sent = [{ type: 'BACK' }, { type: 'NOTE' }].map((event) => troubled.send(address, event));
    expect(await Promise.all(sent)).toMatchObject([
      { changed: false, revision: 1, value: 'waiting' },
      { changed: true, revision: 2 },
    ]);
    expect((await other.journal(address)).map(({ event }) => event.type)).toEqual([
      'xstate.init',
      'NOTE',
      'LEAVE',
    ]);
    await troubled.drain();
    await pool.end();
  });

  test('what a process has committed to be sent, and was killed before it arrived, arrives once', async () => {
    const { connectionString, pool } = world.database;
    const dying = await RuntimeProcess.start(connectionString);
    const { address, childAddress } = await spawnParent();
    const holder = new pg.Client({ connectionString });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM actors WHERE address = $1 FOR UPDATE', [childAddress]);
    // The sender's commits are through, and those of the receiver wait for its row.
    await dying.send(
      address,
      [1, 2, 3].map((n) => ({ type: 'TELL', n })),
    );
    expect((await pool.query('SELECT FROM messages WHERE to_address = $1', [childAddress])).rowCount).toBe(3);
    await dying.end();
    await holder.query('COMMIT');
    await holder.end();
    const view = await system.waitFor(childAddress, ({ context }) => String(context.heard) === '1,2,3', {
      timeoutMs: 10_000,
    });
    expect(view.revision).toBe(4);
    expect((await pool.query('SELECT FROM messages WHERE to_address = $1', [childAddress])).rowCount).toBe(0);
  });

  test.each([
    { of: 'the first to see the death', isFirst: true },
    { of: 'one that comes after another has cleared up', isFirst: false },
  ])(
    'what a killed process had sent to the database is committed late, and arrives at $of',
    async ({ isFirst }) => {
      const { connectionString, pool } = world.database;
      const survivors = await pool.query('SELECT id FROM processes');
      const dying = await RuntimeProcess.start(connectionString);
      const { address, childAddress } = await spawnParent();
      const holder = new pg.Client({ connectionString });
      await holder.connect();
      await holder.query('BEGIN');
      await holder.query('SELECT FROM actors WHERE address = $1 FOR UPDATE', [address]);
      // Its statement waits for the parent's row, and goes on to wait when nobody is left to hear of it.
      void dying.send(address, [{ type: 'TELL', n: 1 }]).catch(() => {});
      await untilSeen(1, async () => {
        // Other tests share the server.
        const { rows } = await pool.query(
          `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows.length > 0 ? 'it waits' : undefined;
      });
      await dying.end();
      if (!isFirst) {
        await pool.query('DELETE FROM processes WHERE id <> ALL ($1)', [survivors.rows.map(({ id }) => id)]);
      }
      // The others have found the death, and have looked after it more than once.
      await untilSeen(5, async () => {
        const { rows } = await pool.query('SELECT max(lease_until)::text AS lease FROM processes');
        return String(rows[0].lease);
      });
      await holder.query('COMMIT');
      await holder.end();
      await system.waitFor(childAddress, ({ context }) => String(context.heard) === '1', {
        timeoutMs: 10_000,
      });
      expect((await pool.query('SELECT FROM messages WHERE to_address = $1', [childAddress])).rowCount).toBe(
        0,
      );
    },
  );

  test('done and error of a child arrive once, and end its part in the parent', async () => {
    const { address, childAddress } = await spawnParent(1);
    await Promise.all([start(), start()]);
    await system.send(childAddress, { type: 'COUNT' });
    await system.waitFor(address, 'done', { timeoutMs: 5_000 });
    const ends = (await system.journal(address)).filter(({ event }) => /\.(done|error)\./.test(event.type));
    expect(ends).toHaveLength(1);
    expect(ends[0]).toMatchObject({ event: { type: 'xstate.done.actor.worker' }, source: childAddress });
  });
});
