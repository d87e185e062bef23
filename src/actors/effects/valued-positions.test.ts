/** Values of all that an owner holds: how many, which are left out, and whose prices they are of. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/database.ts';
import { insertPositions } from '../../persistence/records/positions.ts';
import type { EffectContext } from '../runtime/index.ts';
import { effectRooms, type MarketService } from './rooms.ts';
import { MAX_VALUED, valuedPositions } from './valued-positions.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await database.pool.query('TRUNCATE positions');
});
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
});

const hold = (count: number, portfolio: string, symbol: string) =>
  insertPositions(
    database.pool,
    Array.from({ length: count }, () => ({
      ...{ id: randomUUID(), owner: 'ann', portfolio, symbol, openedAt: new Date(0) },
      legs: [{ kind: 'stock' as const, quantity: 1, openPrice: 1 }],
      ...{ source: 'manual' as const, externalId: null, note: null },
    })),
  );

/** Each request is answered by the next of these sources; then by the last. */
function valued(...sources: string[]) {
  const service = {
    positions: async () => ({
      ...{ positions: [], errors: {}, asOf: '2026-11-24T15:00:00Z' },
      quality: { source: sources.length > 1 ? sources.shift() : sources[0], asOf: '2026-11-24T15:00:00Z' },
    }),
  } as unknown as MarketService;
  const context = { owner: 'ann', signal: new AbortController().signal } as EffectContext;
  return valuedPositions(effectRooms(service, database.pool), context);
}

test('of more than are looked at, the last ones by portfolio and symbol are left out, which is told', async () => {
  await hold(MAX_VALUED - 1, 'first', 'ZZ');
  await hold(1, 'second', 'MM');
  expect(await valued('files')).toMatchObject({ isCut: false });
  await hold(1, 'second', 'AA');
  const { all, isCut } = await valued('files');
  expect(isCut).toBe(true);
  expect(all).toHaveLength(MAX_VALUED);
  expect(all.at(-1)?.position).toMatchObject({ portfolio: 'second', symbol: 'AA' });
});

test('where any part is simulated, all is said to be', async () => {
  expect(await valued('files')).toMatchObject({ all: [], source: null });
  await hold(501, 'main', 'AAPL');
  expect(await valued('files', 'simulated')).toMatchObject({ source: 'simulated' });
  expect(await valued('simulated', 'files')).toMatchObject({ source: 'simulated' });
  expect(await valued('files')).toMatchObject({ source: 'files' });
});
