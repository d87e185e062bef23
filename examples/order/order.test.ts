/** The example on an empty database, with the clock turned: a release in the middle of three orders. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type ActorSystem, createActorSystem, turnedClock } from '../../src/actors/runtime/index.ts';
import { databaseUrl } from '../../test/database-url.ts';
import { order } from './order.ts';
import { orderV1 } from './order-v1.ts';
import { Shop, shopEffects } from './shop.ts';

const NAME = `order_example_${process.pid}`;
const WINDOW_MS = 15 * 60_000;
const database = databaseUrl(inject('adminDatabaseUrl'), NAME);
const clock = turnedClock('2026-01-05T10:00:00Z');
const shop = new Shop(database);
let system: ActorSystem | undefined;

beforeAll(async () => {
  await administer(`CREATE DATABASE ${NAME}`);
  await shop.open();
});

afterAll(async () => {
  await system?.drain();
  await shop.close();
  await administer(`DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
});

test('orders of version 1 that sleep when version 2 arrives keep their deadlines, and what fails is taken back', async () => {
  await shop.book({ key: 'cups', what: 'stock', orderId: null, item: 'cup', quantity: 2 });
  await shop.book({ key: 'glass', what: 'stock', orderId: null, item: 'glass', quantity: 1 });
  const v1 = await createActorSystem({ database, machines: [orderV1], effects: shopEffects(shop), clock });
  const place = async (key: string, item: string) => {
    const input = { item, quantity: 1, price: 12.5, paymentWindowMs: WINDOW_MS };
    await v1.spawn('order', key, { input, owner: 'shop' });
  };
  await place('paid', 'cup');
  await place('unpaid', 'cup');
  await place('glass', 'glass');
  await clock.settle();
  await place('too-late', 'cup');
  await v1.send('order/paid', { type: 'PAID' });
  await clock.settle();
  expect(await v1.snapshot('order/paid')).toMatchObject({ status: 'done', value: 'shipped', version: '1' });
  expect((await v1.snapshot('order/too-late')).context).toMatchObject({ reason: 'out of stock' });
  await clock.advance('5 min');
  await v1.drain();

  system = await createActorSystem({ database, machines: [order], effects: shopEffects(shop), clock });
  expect((await system.migrate({ dryRun: true })).versions).toContainEqual(
    expect.objectContaining({ machine: 'order', version: '1', migrated: 2 }),
  );
  expect(await system.snapshot('order/unpaid')).toMatchObject({ version: '1', value: 'waiting' });
  await system.send('order/glass', { type: 'PAID' });
  await clock.settle();
  expect(await system.snapshot('order/glass')).toMatchObject({
    status: 'done',
    version: '2',
    value: 'failed',
    context: { reason: 'could not be shipped', cents: 1250 },
  });
  expect(await shop.bookingsOf('order/glass')).toEqual(['reserve', 'refund', 'release']);

  // Its window began with version 1, 5 minutes before version 2 arrived.
  await clock.advance('9 min');
  expect(await system.snapshot('order/unpaid')).toMatchObject({ status: 'active' });
  await clock.advance('1 min');
  expect(await system.snapshot('order/unpaid')).toMatchObject({
    status: 'done',
    context: { reason: 'not paid in time' },
  });
  expect(await shop.bookingsOf('order/unpaid')).toEqual(['reserve', 'release']);
  expect(await shop.stockOf('cup')).toBe(1);
  expect(await shop.stockOf('glass')).toBe(1);
});

test('an order of version 2 is reminded of once, and then shipped', async () => {
  if (!system) throw new Error('the first test starts the system');
  const input = { item: 'cup', quantity: 1, cents: 1250, paymentWindowMs: WINDOW_MS };
  await system.spawn('order', 'late', { input, owner: 'shop' });
  await clock.advance('10 min');
  expect(await system.snapshot('order/late')).toMatchObject({ value: { payment: 'reminded' } });
  await system.send('order/late', { type: 'PAID' });
  await clock.settle();
  expect((await system.snapshot('order/late')).context).toMatchObject({ reminders: 1, reason: null });
  expect(await shop.bookingsOf('order/late')).toEqual(['reserve', 'remind', 'ship']);
});

test('the runtime made its own tables, and none of the domain', async () => {
  const tables = await administer(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`, database);
  const names = tables.map(({ tablename }) => tablename);
  expect(names).toContain('actors');
  expect(names).not.toContain('notifications');
});

test('of TTAI the example imports the entry of the runtime only', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const imported = files.flatMap((file) =>
    [...readFileSync(`${folder}${file}`, 'utf8').matchAll(/from '(\.\.[^']*)'/g)].map(([, path]) => path),
  );
  expect(new Set(imported)).toEqual(new Set(['../../src/actors/runtime/index.ts']));
});

async function administer(statement: string, url = inject('adminDatabaseUrl')) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, string>>(statement)).rows;
  } finally {
    await client.end();
  }
}
