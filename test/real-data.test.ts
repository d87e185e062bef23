/**
 * Full analyses of real bars and a real option chain, through machine, runtime, client and service. The data stands
 * beside the project in ../shared; without it these tests are left out, by name.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnalysisClient, allEffects, effectRooms, writeEmitted } from '../src/actors/effects/index.ts';
import { type ActorSystem, createActorSystem } from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { startAnalysisService, type TestAnalysisService } from './analysis-service.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

const market = fileURLToPath(new URL('../../shared/data/market', import.meta.url));
const isThere = existsSync(market);

/** What a full analysis answers, as far as it is looked at here. */
interface Output {
  status: string;
  recommendation: string;
  source: string;
  asOf: string;
  reasons: string[];
  error: unknown;
  chart: {
    recommendation: string;
    indicators: Record<string, number | null>;
    supportLevels: unknown[];
    quality: { barsUsed: number };
  };
  options: {
    recommendation: string;
    bestStrike: number | null;
    candidatesConsidered: number;
    optionsNotes: string;
  } | null;
  research: { sentiment: string } | null;
}

let database: TestDatabase;
let service: TestAnalysisService;
let system: ActorSystem;

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  system = await createActorSystem({
    pool,
    connectionString,
    machines,
    effects: allEffects(effectRooms(new AnalysisClient(() => service.url), pool)),
    onEmitted: writeEmitted,
  });
});

afterAll(async () => {
  await system?.drain();
  await database?.[Symbol.asyncDispose]();
});

async function analyze(symbol: string, type = 'full_analysis'): Promise<Output> {
  const address = await system.spawn('analysis', randomUUID(), { input: { type, symbol }, owner: 'local' });
  return (await system.waitFor(address, 'done', { timeoutMs: 25_000 })).output as Output;
}

describe.skipIf(!isThere).each([
  { asOf: '2015-12-24T18:00:00Z', symbols: ['GOOG'] },
  { asOf: '2021-03-31T20:00:00Z', symbols: ['SPY', 'IBM', 'QQQ', 'BAC'] },
  { asOf: '2018-01-19T21:00:00Z', symbols: ['SPY', 'IBM', 'QQQ', 'BAC', 'GOOG'] },
])('real data as of $asOf (needs ../shared)', ({ asOf, symbols }) => {
  beforeAll(async () => {
    service = await startAnalysisService({
      MARKET_DATA: 'files',
      MARKET_DATA_DIR: market,
      MARKET_DATA_AS_OF: asOf,
    });
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test.each(symbols)('%s ends with real numbers', async (symbol) => {
    const { status, recommendation, source, error, chart, reasons, ...output } = await analyze(symbol);
    expect({ error, source, asOf: output.asOf }).toEqual({
      error: null,
      source: 'files',
      asOf: expect.stringContaining(asOf.slice(0, 10)),
    });
    expect(['completed', 'rejected']).toContain(status);
    expect(reasons.length).toBeGreaterThan(0);
    expect(chart.quality.barsUsed).toBeGreaterThan(200);
    for (const name of ['sma20', 'sma50', 'sma200', 'rsi14', 'atr14', 'adx14', 'hv20']) {
      expect(chart.indicators[name], name).toEqual(expect.any(Number));
    }
    expect(recommendation).toEqual(
      status === 'rejected' ? 'reject' : expect.stringMatching(/^(select|neutral)$/),
    );
    // Without news a sentiment is unknown, and nothing may be made of it.
    if (status === 'completed') expect(output.research?.sentiment).toBe('unknown');
  });
});

describe.skipIf(!isThere)('the real chain of GOOG (needs ../shared)', () => {
  beforeAll(async () => {
    service = await startAnalysisService({
      MARKET_DATA: 'files',
      MARKET_DATA_DIR: market,
      MARKET_DATA_AS_OF: '2015-12-24T18:00:00Z',
    });
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test('its contracts are judged, with reasons', async () => {
    const { options, chart } = await analyze('GOOG', 'options_analysis');
    expect(chart.recommendation).not.toBe('reject');
    expect(options?.candidatesConsidered).toBeGreaterThan(50);
    expect(['select', 'reject']).toContain(options?.recommendation);
    if (options?.recommendation === 'select') expect(options.bestStrike).toBeLessThan(748.4);
    else expect(options?.optionsNotes).not.toBe('');
  });
});
