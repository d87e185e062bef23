/** R1: what a step changes is committed together, or not at all, and `send` resolves only after that. */
import pg from 'pg';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { assign, cancel, emit, fromPromise, raise, sendTo, setup } from 'xstate';
import { z } from 'zod';
import type { ActorSystem, DurableMachine } from '../index.ts';
import { onTheRuntime } from '../testing/subjects.ts';
import { COMMIT, openWatchedPool } from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';

const listener = {
  id: 'listener',
  version: '1',
  input: z.unknown(),
  events: { HEAR: z.object({}) },
  machine: setup({ types: { context: {} as { heard: number } } }).createMachine({
    id: 'listener',
    context: { heard: 0 },
    on: { HEAR: { actions: assign({ heard: ({ context }) => context.heard + 1 }) } },
  }),
} satisfies DurableMachine;

/** Its event GO has one of everything that a step can change. */
const everything = {
  id: 'everything',
  version: '1',
  input: z.unknown(),
  events: { GO: z.object({}), THROW: z.object({}) },
  machine: setup({
    types: { context: {} as { went: number } },
    actors: { work: fromPromise<unknown, { job: string }>(onTheRuntime), listener: listener.machine },
  }).createMachine({
    id: 'everything',
    context: { went: 0 },
    initial: 'before',
    invoke: { id: 'listener', src: 'listener' },
    states: {
      before: {
        entry: raise({ type: 'EARLY' }, { id: 'early', delay: 3_600_000 }),
        invoke: { id: 'first', src: 'work', input: { job: 'hangs' } },
        on: {
          GO: {
            target: 'after',
            actions: [
              assign({ went: ({ context }) => context.went + 1 }),
              cancel('early'),
              raise({ type: 'LATE' }, { id: 'late', delay: 3_600_000 }),
              sendTo('listener', { type: 'HEAR' }),
              emit({ type: 'went' }),
            ],
          },
          THROW: {
            actions: assign(() => {
              throw new Error('boom');
            }),
          },
        },
      },
      after: { invoke: { id: 'second', src: 'work', input: { job: 'hangs' } } },
    },
  }),
} satisfies DurableMachine;

const world = useWorld();
let system: ActorSystem;

beforeAll(async () => {
  await world.database.pool.query('CREATE TABLE told (address text NOT NULL)');
  system = await world.start({
    machines: [everything, listener],
    onEmitted: async (transaction, events) => {
      for (const { address } of events)
        await transaction.query('INSERT INTO told (address) VALUES ($1)', [address]);
    },
  });
});

/** Every row that the steps of an actor have written, of whatever table. */
async function rowsOf(address: string): Promise<Record<string, unknown[]>> {
  const queries = {
    actors: 'SELECT * FROM actors WHERE address = $1',
    journal: 'SELECT * FROM journal WHERE address = $1 ORDER BY seq',
    effects: 'SELECT * FROM effects WHERE address = $1 ORDER BY effect_id',
    messages: 'SELECT * FROM messages WHERE from_address = $1 ORDER BY id',
    keys: 'SELECT * FROM idempotency_keys WHERE scope = $1 ORDER BY key',
    deadLetters: 'SELECT * FROM dead_letters WHERE address = $1',
    timers: `SELECT id, data FROM pgboss.job WHERE data->>'address' = $1 ORDER BY id`,
    told: 'SELECT * FROM told WHERE address = $1',
  };
  const found: Record<string, unknown[]> = {};
  for (const [name, query] of Object.entries(queries)) {
    found[name] = (await world.database.pool.query(query, [address])).rows;
  }
  return found;
}

/** An actor whose listener is there and has nothing to read, so that only its own steps write rows. */
async function spawn(): Promise<string> {
  const address = await system.spawn('everything', key(), { input: {}, owner: 'a' });
  const child = (await system.snapshot(address)).children[0]?.address ?? '';
  await expect.poll(() => system.snapshot(child).catch(() => null)).toMatchObject({ status: 'active' });
  return address;
}

/** From here on, until the test's end, this kind of row of this actor can't be written. */
async function refuse(what: string, table: string, column: string, address: string): Promise<void> {
  await world.database.pool.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$;
    CREATE TRIGGER refuse BEFORE ${what} ON ${table} FOR EACH ROW
      WHEN (${what === 'DELETE' ? 'OLD' : 'NEW'}.${column} = '${address}') EXECUTE FUNCTION refuse()`);
}
const allow = () => world.database.pool.query('DROP FUNCTION IF EXISTS refuse CASCADE');
afterEach(allow);

test('R1: a spawn, and an event to an actor that was stepped lately, are one statement each', async () => {
  const { pool, statements } = openWatchedPool(world.database.connectionString);
  const own = await world.start({ pool, machines: [listener], effects: [] });
  const ofSteps = () => statements.filter(({ text }) => /\bactors\b.*\baddress\b/s.test(text));
  const before = ofSteps().length;
  const address = await own.spawn('listener', key(), { input: {}, owner: 'a' });
  await own.send(address, { type: 'HEAR' });
  expect(ofSteps().slice(before)).toMatchObject([
    { text: expect.stringMatching(COMMIT) },
    { text: expect.stringMatching(COMMIT) },
  ]);
  await own.drain({ timeoutMs: 1 });
  await pool.end();
});

describe('R1: one step, one transaction', () => {
  test.each([
    ['the next snapshot', 'UPDATE', 'actors', 'address'],
    ['the journal row', 'INSERT', 'journal', 'address'],
    ['the effect that is started', 'INSERT', 'effects', 'address'],
    ['the effect that is cancelled', 'DELETE', 'effects', 'address'],
    ['the message that is sent', 'INSERT', 'messages', 'from_address'],
    ['the answer under its key', 'INSERT', 'idempotency_keys', 'scope'],
    ['the timer that is set', 'INSERT', 'timers', "data->>'address'"],
    ['what is emitted', 'INSERT', 'told', 'address'],
  ])('where %s can not be written, nothing is', async (_, what, table, column) => {
    const address = await spawn();
    const before = await rowsOf(address);
    const go = () => system.send(address, { type: 'GO' }, { idempotencyKey: 'go' });
    await refuse(what, table === 'timers' ? await timerTable() : table, column, address);
    await expect(go()).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringContaining('refused'),
    });
    expect(await rowsOf(address)).toEqual(before);
    await allow();
    expect(await go()).toMatchObject({ value: 'after', revision: 2 });
  });

  test('where the dead letter of a step that throws can not be written, nothing is', async () => {
    const address = await spawn();
    const before = await rowsOf(address);
    await refuse('INSERT', 'dead_letters', 'address', address);
    await expect(system.send(address, { type: 'THROW' })).rejects.toMatchObject({ code: 'step_failed' });
    expect(await rowsOf(address)).toEqual(before);
  });

  test('all of it is there when send resolves', async () => {
    const address = await spawn();
    expect(await system.send(address, { type: 'GO' }, { idempotencyKey: 'go' })).toEqual({
      revision: 2,
      value: 'after',
      status: 'active',
      changed: true,
    });
    const rows = await rowsOf(address);
    expect(rows.actors).toMatchObject([
      { revision: '2', snapshot: { value: 'after', context: { went: 1 } } },
    ]);
    expect(rows.journal).toMatchObject([
      { revision: '1', record: { kind: 'spawn', event: { type: 'xstate.init' } } },
      { revision: '2', record: { kind: 'step', event: { type: 'GO' } } },
    ]);
    expect(rows.effects).toMatchObject([{ invoke_id: 'second' }]);
    expect(rows.keys).toMatchObject([{ key: 'go', answer: { revision: 2 } }]);
    expect(rows.told).toHaveLength(1);
    const timers = rows.timers as { data: { timerId: string } }[];
    expect(timers.map(({ data }) => data.timerId)).toContain('late');
    const view = await system.snapshot(address);
    expect(view.timers.map(({ id }) => id)).toEqual(['late']);
    const [child] = view.children;
    await system.waitFor(child?.address ?? '', ({ context }) => context.heard === 1, { timeoutMs: 5_000 });
  });

  test('send does not resolve before its step is committed', async () => {
    const address = await spawn();
    const holder = new pg.Client({ connectionString: world.database.connectionString });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM actors WHERE address = $1 FOR UPDATE', [address]);
    const order: string[] = [];
    const sent = system.send(address, { type: 'GO' }).then(() => order.push('resolved'));
    const waiting =
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    await expect.poll(async () => (await holder.query(waiting)).rowCount, { interval: 5 }).toBe(1);
    order.push('let go');
    await holder.query('COMMIT');
    await holder.end();
    await sent;
    expect(order).toEqual(['let go', 'resolved']);
  });
});

/** The table in which pg-boss keeps the timers. */
async function timerTable(): Promise<string> {
  const { rows } = await world.database.pool.query(
    "SELECT table_name FROM pgboss.queue WHERE name = 'actor-timers'",
  );
  return `pgboss.${rows[0].table_name}`;
}
