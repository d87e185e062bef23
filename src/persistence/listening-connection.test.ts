/** Connections that listen, of which one goes dead without a word: they are given up, and opened anew. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/database.ts';
import { WayToPostgres } from '../actors/runtime/testing/way-to-postgres.ts';
import { ListeningConnection } from './listening-connection.ts';
import { insertNotifications, Notifications } from './records/notifications.ts';

const onError = () => {};
const watch = { everyMs: 20, answerMs: 500 };
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const notification = (owner: string) => ({
  ...{ owner, id: randomUUID(), type: 'told', source: 'counter/a', at: new Date(), data: {} },
});

test('the listener for notifications hears again after its connection went dead, and that it may have missed some', async () => {
  const way = await WayToPostgres.open(database.connectionString);
  const notifications = new Notifications({
    database: database.pool,
    connectionString: way.connectionString,
    onError,
    watch,
  });
  await notifications.start();
  const missed = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<void>();
  notifications.onNotification((owner) => {
    if (owner === null) missed.resolve();
    if (owner === 'later') heard.resolve();
  });
  way.goDead();
  await insertNotifications(database.pool, [notification('meanwhile')]);
  await missed.promise;
  await insertNotifications(database.pool, [notification('later')]);
  await heard.promise;
  await notifications.stop();
  await way.close();
});

test('notifications of many owners with long names wake all, and do not fail their step', async () => {
  const notifications = new Notifications({
    database: database.pool,
    connectionString: database.connectionString,
    onError,
  });
  await notifications.start();
  const told = new Promise<string | null>((resolve) => notifications.onNotification(resolve));
  const owners = Array.from({ length: 40 }, (_, index) => `${index}${'\u20ac'.repeat(150)}`);
  await insertNotifications(database.pool, owners.map(notification));
  expect(await told).toBe(null);
  await notifications.stop();
});

test('one that is stopped while it is dead does not wait for the server, and is not opened again', async () => {
  const way = await WayToPostgres.open(database.connectionString);
  let listens = 0;
  const onListening = async () => {
    listens++;
  };
  const connection = new ListeningConnection({
    connectionString: way.connectionString,
    ...{ channel: 'test', onNotice: () => {}, onListening, onReopened: () => {}, onError },
  });
  await connection.start();
  way.goDead();
  const asked = connection.query('SELECT 1').catch((error: Error) => error.message);
  await connection.stop();
  expect(await asked).toMatch(/connection terminated/i);
  await expect(connection.query('SELECT 1')).rejects.toThrow(/connection|closed|not queryable/i);
  expect(listens).toBe(1);
  await way.close();
});

test('a notice that can not be taken is told of, and the next one is heard', async () => {
  const errors: unknown[] = [];
  const heard = Promise.withResolvers<void>();
  const connection = new ListeningConnection({
    connectionString: database.connectionString,
    channel: 'odd',
    onNotice: (payload) => {
      if (payload !== 'good') throw new Error('not this');
      heard.resolve();
    },
    onReopened: () => {},
    onError: (error) => errors.push(error),
  });
  await connection.start();
  await database.pool.query(`SELECT pg_notify('odd', word) FROM unnest(ARRAY['bad', 'good']) AS word`);
  await heard.promise;
  expect(errors).toEqual([new Error('not this')]);
  await connection.stop();
});

test('one that can not be opened is left closed', async () => {
  const connection = new ListeningConnection({
    connectionString: database.connectionString,
    ...{ channel: 'test', onNotice: () => {}, onReopened: () => {}, onError },
    onListening: () => Promise.reject(new Error('not now')),
  });
  await expect(connection.start()).rejects.toThrow('not now');
  expect(connection.isOpen).toBe(false);
  const listening = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN test'`;
  await expect.poll(async () => (await database.pool.query(listening)).rowCount, { interval: 5 }).toBe(0);
});
