/** R12 on a real Postgres: what each machine says is kept, and no more; and R3's keys for as long. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../../test/database.ts';
import { deleteEnded, deleteSteps } from '../../../persistence/actors/retention.ts';
import type { Database } from '../../../persistence/database.ts';
import { type ActorSystem, createActorSystem, type DurableMachine, type EmittedEvent } from '../index.ts';
import { HeldWork } from '../testing/held-work.ts';
import { worker } from '../testing/subjects.ts';
import { Retention } from '../upkeep/retention.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const DAY_MS = 86_400_000;

const ticker = setup({
  types: {
    context: {} as { ticks: number },
    events: {} as { type: 'TICK' | 'END' | 'NOTHING' | 'THROW' | 'LISTEN' },
  },
});

function tickerMachine(id: string): DurableMachine['machine'] {
  return ticker.createMachine({
    id,
    context: { ticks: 0 },
    initial: 'on',
    states: {
      on: {
        on: {
          TICK: { actions: assign({ ticks: ({ context }) => context.ticks + 1 }) },
          THROW: {
            actions: assign(() => {
              throw new Error('thrown');
            }),
          },
          END: 'off',
          LISTEN: 'listening',
        },
      },
      /** Here nothing is something. */
      listening: { on: { NOTHING: 'on' } },
      off: { type: 'final' },
    },
  }) as DurableMachine['machine'];
}

const events = Object.fromEntries(
  ['TICK', 'END', 'NOTHING', 'THROW', 'LISTEN'].map((name) => [name, z.object({ type: z.literal(name) })]),
);
const declare = (id: string, policy: Partial<DurableMachine>): DurableMachine => ({
  ...{ id, version: '1', machine: tickerMachine(id), input: z.object({}), events },
  ...policy,
});

/** Starts one that goes on, or ends with it. */
const familyMachine = setup({
  types: { context: {} as object, events: {} as { type: 'START' | 'END' } },
  actors: { child: tickerMachine('forever') },
}).createMachine({
  id: 'family',
  context: {},
  initial: 'on',
  states: { on: { invoke: { id: 'child', src: 'child' }, on: { END: 'off' } }, off: { type: 'final' } },
});

const forever = declare('forever', {});
const machines: DurableMachine[] = [
  { ...forever, machine: familyMachine.implementations.actors.child as DurableMachine['machine'] },
  declare('last20', { journal: { keepLast: 20 } }),
  declare('days7', { journal: { keepFor: '7 d' } }),
  declare('ends30', { keepEnded: '30 d' }),
  declare('notes', { journal: { unchanged: true } }),
  { ...worker, keepEnded: '30 d' },
  {
    ...declare('family', { keepEnded: '30 d' }),
    machine: familyMachine as unknown as DurableMachine['machine'],
  },
];

const work = new HeldWork();
const emitted: EmittedEvent[] = [];
let database: TestDatabase;
let system: ActorSystem;
beforeAll(async () => {
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  system = await createActorSystem({
    pool,
    connectionString,
    machines,
    effects: [work.effect()],
    onEmitted: async (_transaction, events) => {
      emitted.push(...events);
    },
  });
});
afterAll(async () => {
  await system?.drain();
  await database?.[Symbol.asyncDispose]();
});

/** A round as if it were made so long after now. */
const roundIn = (ms: number) =>
  new Retention({ database: database.pool, machines, now: () => Date.now() + ms, log: silent }).round();
const spawn = (machine: string) => system.spawn(machine, randomUUID(), { input: {}, owner: 'a' });
const send = (address: string, type: string, options = {}) => system.send(address, { type }, options);
const revisions = async (address: string) => (await system.journal(address)).map(({ revision }) => revision);
async function count(from: string, ...values: unknown[]): Promise<number> {
  return Number((await database.pool.query(`SELECT count(*) AS n FROM ${from}`, values)).rows[0].n);
}

describe('R12: steps', () => {
  test('all but the last go, where a machine keeps so many; of others all stay', async () => {
    const [kept, pruned] = [await spawn('forever'), await spawn('last20')];
    for (let i = 0; i < 50; i++) await Promise.all([send(kept, 'TICK'), send(pruned, 'TICK')]);
    await roundIn(DAY_MS);
    expect(await revisions(kept)).toHaveLength(51);
    expect(await revisions(pruned)).toEqual(Array.from({ length: 20 }, (_, i) => 32 + i));
    expect(await send(pruned, 'TICK')).toMatchObject({ revision: 52 });
  });

  test('those of the last minute stay: a commit of unknown outcome is looked up by its step', async () => {
    const address = await spawn('last20');
    for (let i = 0; i < 30; i++) await send(address, 'TICK');
    await roundIn(0);
    expect(await revisions(address)).toHaveLength(31);
  });

  test('those that are too old go, but the last ten stay', async () => {
    const [old, both] = [await spawn('days7'), await spawn('days7')];
    for (let i = 0; i < 30; i++) await Promise.all([send(old, 'TICK'), send(both, 'TICK')]);
    await database.pool.query(
      `UPDATE journal SET at = at - interval '8 days' WHERE address = $1 OR (address = $2 AND revision <= 5)`,
      [old, both],
    );
    await roundIn(0);
    expect(await revisions(old)).toEqual(Array.from({ length: 10 }, (_, i) => 22 + i));
    expect(await revisions(both)).toEqual(Array.from({ length: 26 }, (_, i) => 6 + i));
  });

  test('an actor that outgrows its journal is noted by the process that steps it', async () => {
    const retention = new Retention({
      ...{ database: database.pool, machines, log: silent },
      now: () => Date.now() + DAY_MS,
    });
    const address = await spawn('last20');
    const noted = async () => {
      const row = await system.snapshot(address);
      return { address, row: row as never };
    };
    for (let i = 0; i < 18; i++) await send(address, 'TICK');
    const before = await noted();
    await send(address, 'TICK');
    retention.note([{ ...before, before: undefined }]);
    expect(await retention.pruneGrown()).toBe(0);
    for (let i = 0; i < 10; i++) await send(address, 'TICK');
    retention.note([{ ...(await noted()), before: before.row }]);
    expect(await retention.pruneGrown()).toBe(10);
    expect(await revisions(address)).toHaveLength(20);
    await retention.stop();
  });

  test('an event that no state wants is written down only where the machine asks for it', async () => {
    const [silentOne, notes] = [await spawn('forever'), await spawn('notes')];
    for (const address of [silentOne, notes])
      expect(await send(address, 'NOTHING')).toMatchObject({ changed: false, revision: 1 });
    expect((await system.journal(silentOne)).map(({ kind }) => kind)).toEqual(['spawn']);
    expect((await system.journal(notes)).map(({ kind }) => kind)).toEqual(['spawn', 'unchanged']);
  });
});

describe('R2: an event that no state wants', () => {
  test('is not judged by what this process remembers of the actor', async () => {
    const { pool, connectionString } = database;
    const second = await createActorSystem({ pool, connectionString, machines, effects: [work.effect()] });
    const address = await spawn('forever');
    expect(await send(address, 'NOTHING')).toMatchObject({ changed: false });
    await second.send(address, { type: 'LISTEN' });
    expect(await send(address, 'NOTHING')).toMatchObject({ changed: true, revision: 3 });
    await second.drain();
  });
});

describe('R12, R3: keys', () => {
  test('one of an event that no state wanted is remembered too', async () => {
    const address = await spawn('forever');
    const idempotencyKey = randomUUID();
    await send(address, 'NOTHING', { idempotencyKey });
    await expect(send(address, 'TICK', { idempotencyKey })).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
  });

  test('they are remembered a day, and as long as the journal keeps the step', async () => {
    const [kept, pruned] = [await spawn('forever'), await spawn('last20')];
    const spawned = { machine: 'last20', key: randomUUID(), idempotencyKey: randomUUID() };
    const again = await system.spawn(spawned.machine, spawned.key, {
      ...{ input: {}, owner: 'a', idempotencyKey: spawned.idempotencyKey },
    });
    const keys = [randomUUID(), randomUUID()];
    for (const address of [kept, pruned, again]) {
      await send(address, 'TICK', { idempotencyKey: keys[0] });
      for (let i = 0; i < 30; i++) await send(address, 'TICK');
      await send(address, 'TICK', { idempotencyKey: keys[1] });
    }
    const left = () =>
      Promise.all([
        count('idempotency_keys WHERE scope = $1', kept),
        count('idempotency_keys WHERE scope = $1', pruned),
        count('idempotency_keys WHERE key = $1', spawned.idempotencyKey),
      ]);
    await roundIn(DAY_MS / 2);
    expect(await left()).toEqual([2, 2, 1]);
    await roundIn(2 * DAY_MS);
    expect(await left()).toEqual([2, 1, 0]);
  });
});

describe('R12: actors that have ended', () => {
  test('go after their time, with all that is theirs; those that go on stay', async () => {
    const [ended, active, others] = [await spawn('ends30'), await spawn('ends30'), await spawn('forever')];
    for (const address of [ended, active]) await send(address, 'THROW').catch(() => {});
    for (const address of [ended, others]) await send(address, 'END', { idempotencyKey: 'end' });
    await roundIn(29 * DAY_MS);
    expect(await system.snapshot(ended)).toMatchObject({ status: 'done' });
    await roundIn(31 * DAY_MS);
    await expect(system.snapshot(ended)).rejects.toMatchObject({ code: 'actor_not_found' });
    for (const table of ['journal', 'dead_letters'])
      expect(await count(`${table} WHERE address = $1`, ended)).toBe(0);
    expect(await count('idempotency_keys WHERE scope = ANY($1)', [ended, others])).toBe(1);
    expect(await system.snapshot(active)).toMatchObject({ status: 'active' });
    expect((await system.deadLetters({ address: active })).deadLetters).toHaveLength(1);
    expect(await system.snapshot(others)).toMatchObject({ status: 'done' });
  });

  test('take their children with them, and wait for one that goes on', async () => {
    const [whole, waits] = [await spawn('family'), await spawn('family')];
    const children: string[] = [];
    for (const address of [whole, waits]) {
      const { children: started } = await system.snapshot(address);
      const child = started[0]?.address ?? '';
      await system.waitFor(child, () => true, { timeoutMs: 5_000 }).catch(() => {});
      await expect.poll(() => count('actors WHERE address = $1', child)).toBe(1);
      children.push(child);
      await send(address, 'END');
      await system.waitFor(child, 'done', { timeoutMs: 5_000 });
    }
    await database.pool.query(`UPDATE actors SET status = 'active' WHERE address = $1`, [children[1]]);
    await roundIn(31 * DAY_MS);
    expect(await count('actors WHERE address = ANY($1)', [whole, children[0]])).toBe(0);
    expect(await count('journal WHERE address = ANY($1)', [whole, children[0]])).toBe(0);
    expect(await count('actors WHERE address = ANY($1)', [waits, children[1]])).toBe(2);
  });
});

describe('R12: dead letters', () => {
  test('are kept ninety days', async () => {
    const address = await spawn('forever');
    await send(address, 'THROW').catch(() => {});
    await roundIn(89 * DAY_MS);
    expect(await count('dead_letters WHERE address = $1', address)).toBe(1);
    await roundIn(91 * DAY_MS);
    expect(await count('dead_letters WHERE address = $1', address)).toBe(0);
  });
});

describe('R12: pruning is harmless', () => {
  test('a round that runs out of time is gone on with by the next, so that the last are reached too', async () => {
    const last = await spawn('last20');
    const letter = await spawn('forever');
    await send(letter, 'THROW').catch(() => {});
    await database.pool.query(
      `INSERT INTO actors (address, machine, key, version, owner, incarnation, status, revision, tags, snapshot, pending,
                           created_at, updated_at)
       SELECT 'last20/' || lpad(n::text, 6, '0'), 'last20', n::text, '1', 'a', gen_random_uuid(), 'active', 1, '{}', '{}', '{}',
              now(), now() FROM generate_series(1, 10001) AS n`,
    );
    for (let ticks = 0; ticks < 30; ticks++) await send(last, 'TICK');
    // Each round has time for the steps of one group of actors.
    let over = new AbortController();
    const hasty = {
      async query(...args: Parameters<typeof database.pool.query>) {
        const answer = await database.pool.query(...args);
        if (String(args[0]).includes('newest_to_go')) over.abort();
        return answer;
      },
    } as unknown as Database;
    const now = () => Date.now() + 91 * DAY_MS;
    const retention = new Retention({ database: hasty, machines, now, log: silent });
    for (let rounds = 0; rounds < 4; rounds++) {
      over = new AbortController();
      await retention.round(over.signal);
    }
    await database.pool.query(
      `DELETE FROM actors WHERE address < 'last20/010002' AND address > 'last20/000000'`,
    );
    expect(await count('dead_letters WHERE address = $1', letter)).toBe(0);
    expect(await revisions(last)).toHaveLength(20);
  });

  test('an address that begins another life has effects and emitted events of its own', async () => {
    const [job, name] = [randomUUID(), randomUUID()];
    for (let life = 0; life < 2; life++) {
      const address = await system.spawn('worker', name, { input: { job }, owner: 'a' });
      await system.waitFor(address, 'done', { timeoutMs: 5_000 });
      await roundIn(31 * DAY_MS);
    }
    // What a peer, or a reader, has seen it takes for the same.
    expect(new Set(work.attempts(job).map((attempt) => attempt.key)).size).toBe(2);
    expect(new Set(emitted.filter(({ event }) => event.job === job).map(({ id }) => id)).size).toBe(2);
  });

  test('an address that another process has pruned, and that lives again, is left alone', async () => {
    const address = await spawn('forever');
    await send(address, 'THROW').catch(() => {});
    await database.pool.query(
      `INSERT INTO messages (to_address, from_address, kind, body) VALUES ($1, 'ends30/gone', 'event', '{"type": "TICK"}')`,
      [address],
    );
    expect(await deleteSteps(database.pool, [address], 100)).toBe(0);
    expect(await deleteEnded(database.pool, [address])).toBe(0);
    expect(await count('dead_letters WHERE address = $1', address)).toBe(1);
    expect(await count('messages WHERE to_address = $1', address)).toBe(1);
  });

  test('several at once prune once, and events go on meanwhile', async () => {
    const address = await spawn('last20');
    await database.pool.query(`UPDATE journal SET at = at - interval '1 day' WHERE address = $1`, [address]);
    await database.pool.query(
      `INSERT INTO journal (address, revision, owner, step_id, at, record)
       SELECT $1, 1, 'a', gen_random_uuid(), now() - interval '1 day', '{}' FROM generate_series(1, 20000)`,
      [address],
    );
    const rounds = Promise.all([roundIn(0), roundIn(0), roundIn(0)]);
    for (let i = 0; i < 20; i++) await send(address, 'TICK');
    const steps = (await rounds).reduce((sum, pruned) => sum + pruned.steps, 0);
    await roundIn(0);
    expect(steps).toBeGreaterThan(19_000);
    expect(steps).toBeLessThanOrEqual(20_021);
    expect((await revisions(address)).slice(-20)).toEqual(Array.from({ length: 20 }, (_, i) => 2 + i));
  });

  test.each([
    [{ journal: { keepLast: 0 } }, 'keepLast'],
    [{ journal: { keepFor: 'a week' as never } }, 'keepFor'],
    [{ keepEnded: -1 }, 'keepEnded'],
  ])('what keeps nothing is refused when it is registered: %j', async (policy, field) => {
    const { pool, connectionString } = database;
    const bad = [declare('bad', policy)];
    await expect(
      createActorSystem({ pool, connectionString, machines: bad, effects: [] }),
    ).rejects.toMatchObject({ code: 'registration_refused', message: expect.stringContaining(field) });
  });
});
