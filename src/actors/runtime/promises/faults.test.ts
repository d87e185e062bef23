/** Faults of the connection and of the server: nothing is lost, nothing happens twice, and the process lives. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { database, type Fault, letWork, start, useFaults } from '../testing/faulty-system.ts';

useFaults();

const COMMIT = /^WITH me AS/;
const broken = () => Object.assign(new Error('Connection terminated unexpectedly'), { code: undefined });
/** The server does it, and the answer is lost. */
const loseAnswer: Fault = async (ask) => {
  await ask();
  throw broken();
};
const answer =
  (code: string): Fault =>
  () =>
    Promise.reject(Object.assign(new Error(`the server says ${code}`), { code }));

describe('R1, R7: the connection breaks around a commit', () => {
  test('inside the transaction: the process lives, and the step is taken once', async () => {
    let cut = false;
    const { system, spawn } = await start({
      onEmitted: async (transaction) => {
        if (cut) return;
        cut = true;
        await transaction.query('SELECT pg_terminate_backend(pg_backend_pid())');
      },
    });
    const address = await spawn();
    expect(await system.send(address, { type: 'TELL' })).toMatchObject({ revision: 2 });
    expect(cut).toBe(true);
    expect((await system.journal(address)).map(({ revision }) => revision)).toEqual([1, 2]);
  });

  test('after it: the effect that the step started runs all the same', async () => {
    const { system, fail, spawn } = await start();
    const address = await spawn();
    fail(COMMIT, loseAnswer);
    await system.send(address, { type: 'WORK' });
    const view = await system.waitFor(address, ({ context }) => context.result !== null, {
      timeoutMs: 5_000,
    });
    expect(view).toMatchObject({ value: 'idle', context: { result: 'worked' } });
  });

  test('after the result of an effect was taken: it is taken once', async () => {
    const { system, fail, spawn } = await start();
    const address = await spawn();
    await system.send(address, { type: 'WORK' });
    fail(COMMIT, loseAnswer);
    await system.waitFor(address, ({ value }) => value === 'idle', { timeoutMs: 5_000 });
    const done = (await system.journal(address)).filter(({ event }) => event.type.startsWith('xstate.done'));
    expect(done).toHaveLength(1);
  });

  test('while the server is still at it: an event without a key is applied once', async () => {
    const { system, fail, spawn } = await start();
    const address = await spawn();
    const holder = new pg.Client({ connectionString: database.connectionString });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM actors WHERE address = $1 FOR UPDATE', [address]);
    let first: Promise<unknown> = Promise.resolve();
    fail(COMMIT, (ask) => {
      first = ask();
      return Promise.reject(broken());
    });
    const sent = system.send(address, { type: 'ADD' });
    // The second try waits for the same row.
    const blocked =
      "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while (Number((await database.pool.query(blocked)).rows[0].count) < 2);
    await holder.query('COMMIT');
    await holder.end();
    await Promise.all([first, sent]);
    expect((await system.snapshot(address)).context).toMatchObject({ count: 1 });
  });
});

describe('R5, R6, R14: trouble of the server is waited out', () => {
  test.each(['53100', '57014', '40P01', 'XX000'])('%s on the result of an effect', async (code) => {
    const { system, fail, spawn } = await start();
    const address = await spawn();
    await system.send(address, { type: 'WORK' });
    fail(COMMIT, answer(code));
    fail(COMMIT, answer(code));
    const view = await system.waitFor(address, ({ context }) => context.result !== null, {
      timeoutMs: 5_000,
    });
    expect(view.context.result).toBe('worked');
  });

  test('a deadline that is set while the nearest one is being read is not forgotten', async () => {
    const { system, pool, fail, spawn } = await start();
    const address = await spawn();
    let reading: () => void = () => {};
    const isReading = new Promise<void>((resolve) => {
      reading = resolve;
    });
    let goOn: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    fail(/SELECT id AS job/, async (ask) => {
      const found = await ask();
      reading();
      await gate;
      return found;
    });
    // Another process tells of timers, and they are over: what waits now is read again.
    const notice = { from: randomUUID(), kind: 'commit', addresses: [], cancelled: [], due: 0 };
    await pool.query("SELECT pg_notify('ttai_actors', $1)", [JSON.stringify(notice)]);
    await isReading;
    await system.send(address, { type: 'WAIT' });
    goOn();
    const view = await system.waitFor(address, ({ context }) => context.fired === 1, { timeoutMs: 5_000 });
    expect(view.value).toBe('idle');
  });

  test('an effect whose database is away does not use up its retries', async () => {
    const { system, spawn } = await start();
    let tries = 0;
    letWork(async () => {
      if (++tries < 6) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      return 'worked';
    });
    const address = await spawn();
    await system.send(address, { type: 'WORK' });
    const view = await system.waitFor(address, ({ context }) => context.result !== null, {
      timeoutMs: 5_000,
    });
    expect([view.context.result, tries]).toEqual(['worked', 6]);
  });

  test('effects of nobody are found by those that live', async () => {
    const { system, spawn, pool } = await start();
    // Two processes look around often; one takes what is nobody's.
    await start();
    const address = await spawn();
    // As one leaves it that died while its row was locked.
    const { rows } = await pool.query(
      `WITH changed AS (
         UPDATE actors SET revision = revision + 1, snapshot = snapshot::jsonb || '{"value": "working"}',
           pending = pending || '{"effects": {"work": {"effectId": "orphan", "src": "work"}}}'
         WHERE address = $1 RETURNING address
       )
       INSERT INTO effects (effect_id, address, invoke_id, src, owner, input, due_at, deadline_at, process)
       SELECT 'orphan', address, 'work', 'work', 'a', 'null', now(), now() + interval '1 hour', gen_random_uuid()
       FROM changed RETURNING effect_id`,
      [address],
    );
    expect(rows).toHaveLength(1);
    const view = await system.waitFor(address, ({ context }) => context.result !== null, {
      timeoutMs: 10_000,
    });
    expect(view.context.result).toBe('worked');
  });
});
