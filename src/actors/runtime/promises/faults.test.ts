/** Faults of the connection and of the server: nothing is lost, nothing happens twice, and the process lives. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { assign, emit, fromPromise, raise, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../../test/database.ts';
import { openPool } from '../../../persistence/pool.ts';
import {
  type ActorSystem,
  createActorSystem,
  type DurableMachine,
  effect,
  type Transaction,
} from '../index.ts';

const type = <T extends string>(name: T) => z.object({ type: z.literal(name) });

/** What a machine may come to by itself: Postgres's text can't hold it as it is, and JSON text can, escaped. */
const ODD_TEXT = 'a NUL \0, half of a pair \ud800, and separators \u001e \u001f';

const machine = setup({
  types: {
    context: {} as { count: number; result: unknown; fired: number; said?: string },
    events: {} as
      | { type: 'ADD'; note?: string }
      | { type: 'WORK' | 'WAIT' | 'TELL' | 'BREAK' | 'SPOIL' | 'SAY' | 'END' },
  },
  actors: { work: fromPromise<string>(() => Promise.reject(new Error('runs on the runtime'))) },
}).createMachine({
  id: 'subject',
  context: { count: 0, result: null, fired: 0 },
  initial: 'idle',
  on: {
    ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) },
  },
  states: {
    idle: {
      on: {
        WORK: 'working',
        WAIT: 'waiting',
        TELL: { actions: emit({ type: 'told' }) },
        BREAK: { actions: raise({ type: 'ADD' }, { delay: Number.NaN }) },
        SPOIL: 'spoilt',
        SAY: { actions: assign({ said: () => ODD_TEXT }) },
        END: 'done',
      },
    },
    working: {
      invoke: {
        id: 'work',
        src: 'work',
        onDone: { target: 'idle', actions: assign({ result: ({ event }) => event.output }) },
      },
    },
    waiting: {
      after: { 100: { target: 'idle', actions: assign({ fired: ({ context }) => context.fired + 1 }) } },
    },
    // A column of type text can't hold it.
    spoilt: { tags: ['\0'] },
    done: { type: 'final' },
  },
});

const subject: DurableMachine = {
  id: 'subject',
  version: '1',
  machine: machine as DurableMachine['machine'],
  input: z.object({}),
  events: {
    ADD: z.object({ type: z.literal('ADD'), note: z.string().optional() }),
    ...Object.fromEntries(
      ['WORK', 'WAIT', 'TELL', 'BREAK', 'SPOIL', 'SAY', 'END'].map((name) => [name, type(name)]),
    ),
  },
};

/** What a query does instead of, or around, asking the server. */
type Fault = (ask: () => Promise<unknown>) => Promise<unknown>;

let database: TestDatabase;
/** What the effect does; tests change it. */
let doWork = async (): Promise<string> => 'worked';
const systems: { system: ActorSystem; pool: pg.Pool }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  doWork = async () => 'worked';
  for (const { system, pool } of systems.splice(0)) {
    await system.drain({ timeoutMs: 1 });
    await pool.end();
  }
});
afterAll(() => database?.[Symbol.asyncDispose]());

/** A system whose queries can be made to fail: `fail(text, fault)` for the next one whose text matches. */
async function start(options: { onEmitted?: (transaction: Transaction) => Promise<void> } = {}) {
  const { connectionString } = database;
  const pool = openPool(connectionString, () => {});
  const faults: { text: RegExp; fault: Fault }[] = [];
  const query = pool.query.bind(pool) as unknown as (...args: unknown[]) => Promise<unknown>;
  pool.query = ((...args: unknown[]) => {
    const [statement] = args as [string | { text: string }];
    const text = typeof statement === 'string' ? statement : statement.text;
    const index = faults.findIndex((one) => one.text.test(text));
    const [found] = index < 0 ? [] : faults.splice(index, 1);
    return found ? found.fault(() => query(...args)) : query(...args);
  }) as typeof pool.query;
  const retries = { limit: 1, delay: '5 ms', maxDelay: '5 ms' } as const;
  const work = effect('work', { input: z.unknown(), output: z.string(), retries }, () => doWork());
  const { onEmitted } = options;
  const system = await createActorSystem({
    pool,
    connectionString,
    machines: [subject],
    effects: [work],
    ...(onEmitted && { onEmitted }),
  });
  systems.push({ system, pool });
  const fail = (text: RegExp, fault: Fault) => faults.push({ text, fault });
  const spawn = () => system.spawn('subject', randomUUID(), { input: {}, owner: 'a' });
  return { system, pool, fail, spawn };
}

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
    doWork = async () => {
      if (++tries < 6) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      return 'worked';
    };
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

describe('R3, R8, R9: what is remembered, contained and refused', () => {
  test('a key that met a running singleton answers the same when that one has ended', async () => {
    const { system } = await start();
    const singletonKey = randomUUID();
    const options = { input: {}, owner: 'a', singletonKey };
    const first = await system.spawn('subject', randomUUID(), options);
    const idempotencyKey = randomUUID();
    expect(await system.spawn('subject', randomUUID(), { ...options, idempotencyKey })).toBe(first);
    await system.send(first, { type: 'END' });
    expect(await system.spawn('subject', randomUUID(), { ...options, idempotencyKey })).toBe(first);
  });

  test('a delay that is no number fails that step, and no other', async () => {
    const { system, spawn } = await start();
    const [a, b] = [await spawn(), await spawn()];
    const [bad, good] = await Promise.allSettled([
      system.send(a, { type: 'BREAK' }),
      system.send(b, { type: 'ADD' }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'step_failed' } });
    expect(good).toMatchObject({ status: 'fulfilled' });
    expect(await system.snapshot(a)).toMatchObject({ revision: 1, timers: [] });
  });

  test('R8: a row that Postgres refuses harms its step alone, and none of its batch', async () => {
    const { system, spawn } = await start();
    const [first, bad, last] = [await spawn(), await spawn(), await spawn()];
    const sent = await Promise.allSettled([
      system.send(first, { type: 'ADD' }),
      system.send(bad, { type: 'SPOIL' }),
      system.send(last, { type: 'ADD' }),
    ]);
    const added = { status: 'fulfilled', value: { revision: 2, changed: true } };
    const refused = { status: 'rejected', reason: { code: 'step_failed' } };
    expect(sent).toMatchObject([added, refused, added]);
    expect(await system.send(bad, { type: 'ADD' })).toMatchObject({ revision: 2, value: 'idle' });
  });

  test('R1: context comes back as the machine left it, whatever its text', async () => {
    const { system, spawn } = await start();
    const [address, neighbour] = [await spawn(), await spawn()];
    await Promise.all([system.send(address, { type: 'SAY' }), system.send(neighbour, { type: 'ADD' })]);
    const another = (await start()).system;
    await another.send(address, { type: 'ADD' });
    const context = { said: ODD_TEXT, count: 1, fired: 0, result: null };
    expect(await another.snapshot(address)).toMatchObject({ value: 'idle', context });
    const { actors } = await another.list({ machine: 'subject', limit: 2 });
    expect(actors.map(({ context: { count } }) => count)).toEqual([1, 1]);
    const journal = await another.journal(address, { from: 3 });
    expect(journal.map(({ snapshot }) => snapshot.context)).toEqual([context]);
  });

  test.each([['\0'], ['\ud800']])('text that can not be stored is refused: %j', async (note) => {
    const { system, spawn } = await start();
    const address = await spawn();
    await expect(system.send(address, { type: 'ADD', note })).rejects.toMatchObject({
      code: 'invalid_event',
    });
    expect(await system.send(address, { type: 'ADD', note: 'the words \\u0000' })).toMatchObject({
      changed: true,
    });
  });
});
