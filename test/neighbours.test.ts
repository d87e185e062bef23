/**
 * One owner's analyses that hang or fail delay nobody else's. That the same holds of webhooks stands in
 * `delivery.test.ts`, and of portfolios in `portfolio-monitor.test.ts`.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { allEffects, effectRooms, type MarketService, writeEmitted } from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  type Address,
  createActorSystem,
  PeerUnavailableError,
} from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import type { MarketData } from '../src/machines/market.ts';
import { chart, marketData } from '../src/machines/testing/models.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { marketWithoutEnd } from './market-without-end.ts';

/** Of each effect of an analysis, a process runs 16 at once. */
const MANY = 60;

let database: TestDatabase;
let system: ActorSystem;
/** What becomes of a request for `BAD…`: it is never answered, or fails. */
let trouble: 'hangs' | 'away';
let hanging: number;
/** Called with each change of `hanging`. */
let onHanging: () => void;

beforeEach(async () => {
  hanging = 0;
  onHanging = () => {};
  const endless = marketWithoutEnd();
  const market = {
    ...endless,
    marketData: async (
      ...[request, options]: Parameters<typeof endless.marketData>
    ): ReturnType<typeof endless.marketData> => {
      if (!request.symbol.startsWith('BAD')) return marketData as MarketData;
      if (trouble === 'away') throw new PeerUnavailableError('analysis_unavailable', 'nobody answers');
      hanging++;
      onHanging();
      return endless.marketData(request, options);
    },
    chart: async () => chart('reject'),
  } as MarketService;
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  system = await createActorSystem({
    ...{ pool, connectionString, machines, onEmitted: writeEmitted },
    effects: allEffects(effectRooms(market, pool)),
  });
});
afterEach(async () => {
  await system?.drain({ timeoutMs: 0 });
  await database?.[Symbol.asyncDispose]();
});

function analyse(owner: string, symbol: string): Promise<Address> {
  const input = { symbol, type: 'full_analysis', timeframe: 'daily', strategy: 'csp' };
  return system.spawn('analysis', `${owner}.${symbol}`, { input, owner });
}

/** How long bob's analysis takes, from start to end. */
async function bobWaits(symbol: string): Promise<number> {
  const began = performance.now();
  const address = await analyse('bob', symbol);
  const view = await system.waitFor(address, ({ status }) => status !== 'active', { timeoutMs: 20_000 });
  expect(view).toMatchObject({ status: 'done', output: { recommendation: 'reject' } });
  return performance.now() - began;
}

test.each(['hangs', 'away'] as const)(
  "ann's sixty analyses, of which each %s, do not delay bob's",
  async (kind) => {
    trouble = kind;
    const alone = await bobWaits('AAA');
    await Promise.all(Array.from({ length: MANY }, (_, index) => analyse('ann', `BAD${index}`)));
    if (kind === 'hangs') {
      // As many as she gets.
      await new Promise<void>((resolve) => {
        onHanging = () => hanging >= 12 && resolve();
        onHanging();
      });
    }
    const beside = [await bobWaits('AAB'), await bobWaits('AAC')];
    console.log(`bob alone ${alone.toFixed(0)} ms, beside ${kind}: ${beside.map((ms) => ms.toFixed(0))} ms`);
    if (kind === 'hangs') expect(hanging).toBe(12);
    // A place that hangs is free after 30 s.
    expect(Math.max(...beside)).toBeLessThan(10_000);
  },
);
