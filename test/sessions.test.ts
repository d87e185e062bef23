/**
 * Sessions on a real Postgres, with two servers on it: who was away gets each notification once, from either; a
 * server that is not told about a session's new connection hears of it through the database.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ActorSystem, createActorSystem } from '../src/actors/runtime/index.ts';
import { session } from '../src/machines/session.ts';
import { openPool } from '../src/persistence/pool.ts';
import { insertNotifications, Notifications } from '../src/persistence/records/notifications.ts';
import { changePreferences, defaultPreferences } from '../src/persistence/records/preferences.ts';
import { Client } from '../src/server/sessions/testing/client.ts';
import { startServer, type TestServer } from '../src/server/sessions/testing/server.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

interface Process extends AsyncDisposable {
  system: ActorSystem;
  server: TestServer;
}

let database: TestDatabase;
let processes: [Process, Process];

beforeAll(async () => {
  database = await createTestDatabase();
  processes = [await startProcess('server-a'), await startProcess('server-b')];
});
afterAll(async () => {
  for (const process of processes) await process[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

it('brings each notification once and in order, whichever server a client comes back to', async () => {
  const owner = randomUUID();
  let client = new Client(processes[0].server, owner);
  const { sessionId } = await client.hello({ subscribe: ['runs'] });
  const all = 60;
  const received: number[] = [];
  // Written while connections come and go.
  const writing = (async () => {
    for (let written = 0; written < all; written++) await notify(owner);
  })();
  for (let visit = 1; received.length < all; visit++) {
    const upTo = Math.min(received.length + 7, all);
    while (received.length < upTo) received.push((await client.next('notification')).notification.seq);
    client.send({ type: 'confirm', seq: received.length });
    if (visit % 3 === 0) client.socket.terminate();
    else await client.leave();
    client = new Client(processes[visit % 2 === 0 ? 0 : 1].server, owner);
    const welcome = await client.hello({ sessionId, lastSeq: received.length });
    expect(welcome).toMatchObject({
      resumed: true,
      lastSeq: received.length,
      topics: ['notifications', 'runs'],
    });
  }
  await writing;
  expect(received).toEqual(Array.from({ length: all }, (_, index) => index + 1));
  await client.settled();
  expect(client.seqs()).toEqual([]);
});

it('pushes nothing while the owner does not want the channel live, and goes on without a gap after', async () => {
  const owner = randomUUID();
  const client = new Client(processes[0].server, owner);
  await client.hello();
  await notify(owner);
  await client.next('notification');
  await changePreferences(database.pool, owner, { ...defaultPreferences, channels: ['webhook'] });
  const bystander = new Client(processes[0].server, randomUUID());
  await bystander.hello();
  await notify(owner);
  await notify(bystander.owner);
  await bystander.next('notification');
  await client.settled();
  expect(client.seqs()).toEqual([1]);
  // What waited comes at once, and not with the next one.
  await changePreferences(database.pool, owner, { channels: ['live'] });
  await client.next('notification');
  expect(client.seqs()).toEqual([1, 2]);
  await notify(owner);
  while ((await client.next('notification')).notification.seq < 3);
  expect(client.seqs()).toEqual([1, 2, 3]);
});

it('4409: replaces a connection on the other server', async () => {
  const owner = randomUUID();
  const older = new Client(processes[0].server, owner);
  const { sessionId } = await older.hello();
  const newer = new Client(processes[1].server, owner);
  await newer.hello({ sessionId });
  expect((await older.closed).code).toBe(4409);
  await notify(owner);
  expect((await newer.next('notification')).notification).toMatchObject({ seq: 1, data: { price: 201.5 } });
  expect(older.seqs()).toEqual([]);
});

it('keeps what was confirmed, in the actor of the session', async () => {
  const owner = randomUUID();
  const client = new Client(processes[0].server, owner);
  const { sessionId } = await client.hello();
  await notify(owner);
  await client.next('notification');
  client.send({ type: 'confirm', seq: 1 });
  await client.settled();
  await client.leave();
  const { system } = processes[1];
  const view = await system.waitFor(`session/${sessionId}`, ({ value }) => value === 'away', {
    timeoutMs: 10_000,
  });
  expect(view).toMatchObject({ owner, context: { confirmed: 1, connectionId: null, connectedTo: null } });
  expect(view.timers).toMatchObject([{ id: 'xstate.after.awayLimit.session.away' }]);
  expect(await new Client(processes[1].server, owner).hello({ sessionId })).toMatchObject({ lastSeq: 1 });
});

it('goes on after all connections to the database were cut, with what was told meanwhile', async () => {
  const owner = randomUUID();
  const client = new Client(processes[0].server, owner);
  await client.hello();
  await database.pool.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  for (let told = 0; told < 3; told++) await notify(owner);
  while ((await client.next('notification')).notification.seq < 3);
  expect(client.seqs()).toEqual([1, 2, 3]);
});

it("answers a forged session id and another's alike, and leaves the session as it is", async () => {
  const owner = randomUUID();
  const client = new Client(processes[0].server, owner);
  const { sessionId } = await client.hello();
  const before = await processes[0].system.snapshot(`session/${sessionId}`);
  const eve = await new Client(processes[1].server, 'eve').opened();
  for (const tried of [sessionId, randomUUID(), "'; DROP TABLE actors; --", '\u0000']) {
    eve.send({ type: 'hello', sessionId: tried });
    expect(await eve.next('error')).toMatchObject({ code: 'session_not_found' });
  }
  expect(await processes[0].system.snapshot(`session/${sessionId}`)).toEqual(before);
});

async function startProcess(serverId: string): Promise<Process> {
  const { connectionString } = database;
  const ignore = () => {};
  const pool = openPool(connectionString, ignore);
  const system = await createActorSystem({ pool, connectionString, machines: [session], effects: [] });
  const notifications = new Notifications({ database: pool, connectionString, onError: ignore });
  await notifications.start();
  const server = await startServer({ system, notifications, serverId });
  return {
    system,
    server,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await notifications.stop();
      await system.drain();
      await pool.end();
    },
  };
}

/** As a step does it: in a transaction. */
async function notify(owner: string): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query('BEGIN');
    await insertNotifications(client, [
      {
        owner,
        id: randomUUID(),
        type: 'price_alert_triggered',
        source: 'priceAlert/a',
        at: new Date(),
        data: { price: 201.5 },
      },
    ]);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}
