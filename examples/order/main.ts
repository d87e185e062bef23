/**
 * The story of three orders on the durable runtime alone, and of a release in the middle of it:
 *
 *   DATABASE_URL=postgres://localhost/shop node_modules/.bin/node examples/order/main.ts
 *
 * Version 1 takes three orders. One is paid and shipped; the other two are asleep when version 1 stops and version 2
 * starts. The runtime makes its own tables in the database, and the shop one more.
 */
import { createActorSystem, type InspectionRecord } from '../../src/actors/runtime/index.ts';
import { order } from './order.ts';
import { orderV1 } from './order-v1.ts';
import { Shop, shopEffects } from './shop.ts';

const PAYMENT_WINDOW_MS = 8_000;

async function story(database: string): Promise<void> {
  const shop = new Shop(database);
  await shop.open();
  const run = Date.now().toString(36);
  const [first, second, third] = [`${run}-a`, `${run}-b`, `${run}-c`] as const;
  await shop.book({ key: `${run} cups`, what: 'stock', orderId: null, item: 'cup', quantity: 2 });
  await shop.book({ key: `${run} glass`, what: 'stock', orderId: null, item: 'glass', quantity: 1 });

  console.log('Version 1 takes three orders.');
  const v1 = await createActorSystem({ database, machines: [orderV1], effects: shopEffects(shop) });
  for (const [key, item] of [
    [first, 'cup'],
    [second, 'cup'],
    [third, 'glass'],
  ] as const) {
    const input = { item, quantity: 1, price: 12.5, paymentWindowMs: PAYMENT_WINDOW_MS };
    const address = await v1.spawn('order', key, { input, owner: 'shop' });
    await v1.waitFor(address, ({ value }) => value === 'waiting', { timeoutMs: 10_000 });
  }
  await v1.send(`order/${first}`, { type: 'PAID' });
  await v1.waitFor(`order/${first}`, 'done', { timeoutMs: 10_000 });
  await v1.drain();

  console.log(`Version 2 arrives. One order is paid, and can't be shipped; one is not paid.`);
  const v2 = await createActorSystem({ database, machines: [order], effects: shopEffects(shop) });
  await v2.send(`order/${third}`, { type: 'PAID' });
  for (const key of [second, third]) {
    await v2.waitFor(`order/${key}`, 'done', { timeoutMs: 2 * PAYMENT_WINDOW_MS });
  }
  for (const key of [first, second, third]) {
    const { context } = await v2.snapshot(`order/${key}`);
    console.log(`\norder/${key}${context.reason === null ? '' : `, ${context.reason}`}`);
    for (const step of await v2.journal(`order/${key}`)) console.log(`  ${lineOf(step)}`);
    console.log(`  the shop booked: ${(await shop.bookingsOf(`order/${key}`)).join(', ')}`);
  }
  await v2.drain();
  await shop.close();
}

function lineOf({ at, version, event, kind, snapshot }: InspectionRecord): string {
  const what = kind === 'migrate' ? 'taken along' : event.type.replace(/^xstate\./, '');
  return `${at.toISOString().slice(11, 23)}  v${version}  ${what} -> ${JSON.stringify(snapshot.value)}`;
}

const database = process.env.DATABASE_URL;
if (database === undefined) {
  console.error('Set DATABASE_URL to a Postgres database of which nothing is missed.');
  process.exit(2);
}
try {
  await story(database);
} catch (error) {
  console.error(`The story ended early: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
