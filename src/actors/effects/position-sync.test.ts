/** One reading of the machine `positionSync`, without a database; recorded, and on a clock: `test/position-sync.test.ts`. */
import { expect, test } from 'vitest';
import type { Effect, EffectContext } from '../runtime/index.ts';
import type { CallOptions } from './analysis-calls.ts';
import { positionSyncEffects } from './position-sync.ts';
import { effectRooms, type MarketService } from './rooms.ts';

test('a reading has most of its effect’s time: nobody waits for it, and many accounts take long', async () => {
  const asked: CallOptions[] = [];
  const service = {
    calendar: async () => ({ timezone: 'America/New_York', sessions: [] }),
    brokerPositions: async (options: CallOptions) => {
      asked.push(options);
      return { asOf: '2026-11-24T15:00:00.000Z', source: 'tastytrade', accounts: [] };
    },
  } as unknown as MarketService;
  const database = { query: async () => ({ rows: [], rowCount: 0 }) };
  const [effect] = positionSyncEffects(effectRooms(service, database as never)) as [Effect];
  const { signal } = new AbortController();
  const context = { owner: 'ann', now: () => new Date(0), signal } as EffectContext;
  expect(await effect.run({ portfolio: 'main' }, context)).toMatchObject({ error: null });
  expect(asked).toEqual([{ owner: 'ann', signal, timeoutMs: 90_000 }]);
});
