/** Mailboxes that several processes open at once. What children and parents tell each other: r04-order.test.ts. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { registerProcess } from '../../../persistence/actors/processes.ts';
import type { ActorSystem, DurableMachine } from '../index.ts';
import { openWatchedPool, refuseWith } from '../testing/watched-pool.ts';
import { useWorld } from '../testing/world.ts';

const kidMachine = setup({
  types: { context: {} as { pings: number }, events: {} as { type: 'PING' | 'BREAK' } },
}).createMachine({
  id: 'kid',
  context: { pings: 0 },
  on: {
    PING: { actions: assign({ pings: ({ context }) => context.pings + 1 }) },
    BREAK: {
      actions: assign(() => {
        throw new Error('broken');
      }),
    },
  },
});
const parentMachine = setup({ actors: { kid: kidMachine } }).createMachine({
  id: 'parent',
  invoke: { id: 'kid', src: 'kid' },
});
const machines: DurableMachine[] = [kidMachine, parentMachine].map((machine) => ({
  id: machine.id,
  version: '1',
  machine: machine as unknown as DurableMachine['machine'],
  input: z.object({}),
  events: {},
}));

const world = useWorld();

test('R4: mail is not lost to a process that looked for its actor just before another one made it', async () => {
  const { connectionString, pool } = world.database;
  const watched = openWatchedPool(connectionString);
  const slow = await world.start({ pool: watched.pool, machines });
  const address = 'kid/one:1.0';
  const told = Promise.withResolvers<void>();
  watched.fail(/FROM unnest\(\$1::text\[\]\) AS mailbox/, async (ask) => {
    // The row was not there; meanwhile another process makes it, and somebody tells it something.
    const quick = await world.start({ machines });
    while ((await quick.list({ machine: 'kid' })).actors.length === 0);
    await quick.drain({ timeoutMs: 1 });
    await pool.query(
      `INSERT INTO messages (to_address, from_address, kind, body) VALUES ($1, 'parent/one', 'event', '{"type": "PING"}')`,
      [address],
    );
    told.resolve();
    return ask();
  });
  await slow.spawn('parent', 'one', { input: {}, owner: 'a' });
  await told.promise;
  while ((await pool.query('SELECT FROM messages')).rowCount !== 0);
  expect(await slow.snapshot(address)).toMatchObject({ context: { pings: 1 } });
  await slow.drain({ timeoutMs: 1 });
  await watched.pool.end();
});

test('R4: a message whose step throws is one dead letter, though two processes have opened the mailbox', async () => {
  const { connectionString, pool } = world.database;
  const watched = openWatchedPool(connectionString);
  const before = await world.start({ machines });
  const address = await before.spawn('kid', 'two', { input: {}, owner: 'a' });
  await before.drain({ timeoutMs: 1 });
  await pool.query(
    `INSERT INTO messages (to_address, from_address, kind, body) VALUES ($1, 'parent/one', 'event', '{"type": "BREAK"}')`,
    [address],
  );
  const taken = Promise.withResolvers<void>();
  watched.fail(/FROM unnest\(\$1::text\[\]\) AS mailbox/, async (ask) => {
    const mail = await ask();
    try {
      const quick = await world.start({ machines });
      while ((await pool.query('SELECT FROM messages')).rowCount !== 0);
      await quick.drain({ timeoutMs: 1 });
      taken.resolve();
    } catch (error) {
      taken.reject(error as Error);
    }
    return mail;
  });
  const slow = await world.start({ pool: watched.pool, machines });
  await taken.promise;
  await slow.drain({ timeoutMs: 10_000 });
  const { rows } = await pool.query('SELECT revision FROM dead_letters WHERE address = $1', [address]);
  expect(rows).toEqual([{ revision: '2' }]);
  await watched.pool.end();
});

/** Mail of which no process was told. */
const ping = (address: string) =>
  world.database.pool.query(
    `INSERT INTO messages (to_address, from_address, kind, body) VALUES ($1, 'parent/one', 'event', '{"type": "PING"}')`,
    [address],
  );
const pings = (system: ActorSystem, address: string, count: number) =>
  system.waitFor(address, ({ context }) => context.pings === count, { timeoutMs: 20_000 });
const LOOK = /SELECT DISTINCT to_address/;

test('R4: a look for mail that failed is tried again', async () => {
  const watched = openWatchedPool(world.database.connectionString);
  const before = await world.start({ machines });
  const address = await before.spawn('kid', 'three', { input: {}, owner: 'a' });
  await before.drain({ timeoutMs: 1 });
  await ping(address);
  watched.fail(LOOK, refuseWith('57P03'));
  const system = await world.start({ pool: watched.pool, machines });
  expect(await pings(system, address, 1)).toMatchObject({ revision: 2 });
  await world.rest();
  await watched.pool.end();
});

test('R4: a look for mail that is asked for while one is under way is not forgotten', async () => {
  const { connectionString, pool } = world.database;
  const watched = openWatchedPool(connectionString);
  const before = await world.start({ machines });
  const address = await before.spawn('kid', 'four', { input: {}, owner: 'a' });
  await before.drain({ timeoutMs: 1 });
  watched.fail(LOOK, async (ask) => {
    const found = await ask();
    // It has read that there is none; now there is, and it is told to look.
    await ping(address);
    const told = JSON.stringify({
      from: 'another',
      kind: 'commit',
      addresses: [],
      cancelled: [],
      mail: null,
    });
    await pool.query('SELECT pg_notify($1, $2)', ['ttai_actors', told]);
    for (let turns = 0; turns < 20; turns++) await pool.query('SELECT');
    return found;
  });
  const system = await world.start({ pool: watched.pool, machines });
  expect(await pings(system, address, 1)).toMatchObject({ revision: 2 });
  await world.rest();
  await watched.pool.end();
});

test('R4: one that is drained takes no mail, though it had begun to look for some', async () => {
  const watched = openWatchedPool(world.database.connectionString);
  const mayLook = Promise.withResolvers<void>();
  watched.fail(LOOK, async (ask) => {
    await mayLook.promise;
    return ask();
  });
  const system = await world.start({ pool: watched.pool, machines });
  const address = await system.spawn('kid', 'five', { input: {}, owner: 'a' });
  await system.drain({ timeoutMs: 1 });
  await ping(address);
  const asked = watched.statements.length;
  mayLook.resolve();
  const look = () => watched.statements.slice(0, asked).find(({ text }) => LOOK.test(text))?.rows;
  await expect.poll(look, { interval: 5 }).toBe(1);
  for (let turns = 0; turns < 20; turns++) await world.database.pool.query('SELECT');
  expect((await world.database.pool.query('SELECT FROM messages')).rowCount).toBe(1);
  const next = await world.start({ machines });
  expect(await pings(next, address, 1)).toMatchObject({ revision: 2 });
  await world.rest();
  await watched.pool.end();
});

test('R4: mail that one has not taken before it leaves is taken by another', async () => {
  const watched = openWatchedPool(world.database.connectionString);
  const first = await world.start({ pool: watched.pool, machines });
  const second = await world.start({ machines });
  const stalled = Promise.withResolvers<void>();
  watched.fail(/FROM unnest\(\$1::text\[\]\) AS mailbox/, async (ask) => {
    await stalled.promise;
    return ask();
  });
  await first.spawn('parent', 'leaving', { input: {}, owner: 'a' });
  await first.drain({ timeoutMs: 1 });
  const kids = async () => (await second.list({ machine: 'kid' })).actors.map(({ address }) => address);
  await expect.poll(kids, { interval: 5, timeout: 20_000 }).toContain('kid/leaving:1.0');
  stalled.resolve();
  await world.rest();
  await watched.pool.end();
});

test('R4: mail that the server commits for a process after that has been seen to be dead is found', async () => {
  const { connectionString, pool } = world.database;
  const watched = openWatchedPool(connectionString);
  // With another process about, which does nothing here, it looks around several times a second.
  const other = new pg.Client({ connectionString });
  await other.connect();
  await registerProcess(other, randomUUID(), 60_000);
  const system = await world.start({ pool: watched.pool, machines });
  const address = await system.spawn('kid', 'three', { input: {}, owner: 'a' });
  const looks = () => watched.statements.filter(({ text }) => text.includes('FROM messages')).length;
  const before = looks();
  await pool.query('INSERT INTO processes (id, lease_until) VALUES (gen_random_uuid(), now())');
  await expect.poll(looks, { interval: 5, timeout: 20_000 }).toBeGreaterThan(before);
  await pool.query(
    `INSERT INTO messages (to_address, from_address, kind, body) VALUES ($1, 'parent/one', 'event', '{"type": "PING"}')`,
    [address],
  );
  const hasCome = async () => (await system.snapshot(address))?.context;
  await expect.poll(hasCome, { interval: 20, timeout: 20_000 }).toEqual({ pings: 1 });
  await world.rest();
  await other.end();
  await watched.pool.end();
});
