/** Who asks twice for the same alert wants to be told once: at the door, on the real runtime. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allEffects, effectRooms, writeEmitted } from '../src/actors/effects/index.ts';
import { type ActorSystem, createActorSystem } from '../src/actors/runtime/index.ts';
import { priceAlert } from '../src/machines/price-alert.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import { deleteAlert, setAlert, updateAlert } from '../src/server/operations/alerts.ts';
import type { Operation, OperationContext } from '../src/server/operations/operation.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { marketWithoutEnd } from './market-without-end.ts';

let database: TestDatabase;
let system: ActorSystem;
const analysis = marketWithoutEnd();
const wanted = { symbol: 'AAPL', condition: 'above', threshold: 900, expiresAt: '2030-01-31T21:00:00Z' };

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  system = await createActorSystem({
    ...{ pool, connectionString, onEmitted: writeEmitted, machines: [priceAlert] },
    effects: allEffects(effectRooms(analysis, pool)),
  });
});
afterAll(async () => {
  await system?.drain({ timeoutMs: 0 });
  await database?.[Symbol.asyncDispose]();
});

interface Answer {
  alert: { alertId: string; threshold: number };
  alreadySet: boolean;
  warning?: string | null;
}

async function ask(operation: Operation, owner: string, input: object): Promise<Answer> {
  const context = {
    system,
    owner,
    operator: false,
    source: 'test',
    analysis,
    records: recordsOf(database.pool),
  };
  return (await operation.call(context as unknown as OperationContext, input)).output as unknown as Answer;
}
const idOf = ({ alert }: Answer) => alert.alertId;

test('however often and at once it is asked, there is one', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(setAlert, 'ann', wanted)));
  expect(new Set(answers.map(idOf)).size).toBe(1);
  expect(answers.filter(({ alreadySet }) => !alreadySet)).toHaveLength(1);
  expect((await system.list({ owner: 'ann', machine: 'priceAlert' })).actors).toHaveLength(1);
});

test('each owner has an own one, and so has each difference', async () => {
  const changes = [
    {},
    { threshold: 901 },
    { condition: 'crosses' },
    { repeat: 'every_cross' },
    { expiresAt: '2030-02-01T21:00:00Z' },
    { note: 'sell calls' },
    { symbol: 'MSFT' },
  ];
  const ids = await Promise.all(
    changes.map(async (one) => idOf(await ask(setAlert, 'bob', { ...wanted, ...one }))),
  );
  const anns = await ask(setAlert, 'ann', wanted);
  expect(new Set([...ids, idOf(anns)]).size).toBe(changes.length + 1);
});

test('one that was updated since is another, and one that has ended is none', async () => {
  const first = await ask(setAlert, 'cleo', wanted);
  await ask(updateAlert, 'cleo', { alertId: idOf(first), threshold: 950 });
  const second = await ask(setAlert, 'cleo', wanted);
  expect(second).toMatchObject({ alreadySet: false, alert: { threshold: 900 } });
  expect(await ask(setAlert, 'cleo', wanted)).toEqual({ ...second, alreadySet: true });
  await ask(deleteAlert, 'cleo', { alertId: idOf(second) });
  const third = await ask(setAlert, 'cleo', wanted);
  expect(third.alreadySet).toBe(false);
  expect(idOf(third)).not.toBe(idOf(second));
});

test.each(['above', 'below', 'crosses'])(
  'one that was updated to be just so is it: %s',
  async (condition) => {
    const owner = `eve ${condition}`;
    const first = await ask(setAlert, owner, { ...wanted, condition });
    await ask(updateAlert, owner, { alertId: idOf(first), threshold: 950, note: 'sell calls' });
    expect((await ask(setAlert, owner, { ...wanted, condition, threshold: 950 })).alreadySet).toBe(false);
    expect(
      await ask(setAlert, owner, { ...wanted, condition, threshold: 950, note: 'sell calls' }),
    ).toMatchObject({ alreadySet: true, alert: { alertId: idOf(first) } });
  },
);

test('one that becomes what another one is says so', async () => {
  const first = await ask(setAlert, 'fay', wanted);
  const second = await ask(setAlert, 'fay', { ...wanted, threshold: 950 });
  const changed = await ask(updateAlert, 'fay', { alertId: idOf(second), threshold: 900 });
  expect(changed.warning).toContain(`Alert ${idOf(first)} is armed just so too`);
  const again = await ask(updateAlert, 'fay', { alertId: idOf(second), threshold: 920 });
  expect(again).toMatchObject({ warning: null, alert: { threshold: 920 } });
});

test('with a key of the own, the key counts', async () => {
  const one = await ask(setAlert, 'dan', { ...wanted, idempotencyKey: 'one' });
  const two = await ask(setAlert, 'dan', { ...wanted, idempotencyKey: 'two' });
  expect(idOf(two)).not.toBe(idOf(one));
  await ask(deleteAlert, 'dan', { alertId: idOf(one) });
  expect(await ask(setAlert, 'dan', { ...wanted, idempotencyKey: 'one' })).toMatchObject({
    ...{ alreadySet: true, alert: { alertId: idOf(one) } },
  });
});
