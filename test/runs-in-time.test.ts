/**
 * Screeners and analyses on the runtime with its clock turned: pauses, retries, and a service that is away, over a market
 * in this process.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allEffects, effectRooms, type MarketService, writeEmitted } from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  createActorSystem,
  DoNotRetryError,
  PeerUnavailableError,
  TtaiError,
  turnedClock,
} from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { chart, marketData } from '../src/machines/testing/models.ts';
import { found, row } from '../src/machines/testing/screener-model.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

const START = Date.parse('2026-06-10T15:00:00Z');
const SYMBOLS = Array.from({ length: 12 }, (_, index) => `S${String.fromCharCode(65 + index)}`);

let database: TestDatabase;
let system: ActorSystem;
let clock: ReturnType<typeof turnedClock>;
/** Seconds from the start at which each symbol was asked for. */
let asked: Map<string, number[]>;
/** Thrown instead of an answer. */
let trouble: (symbol: string, attempt: number) => Error | undefined;

const seconds = (): number => (clock.now() - START) / 1_000;
const away = () =>
  new PeerUnavailableError('analysis_unavailable', 'the analysis service can not be reached');

async function answer<T>(symbol: string, value: T): Promise<T> {
  const times = [...(asked.get(symbol) ?? []), seconds()];
  asked.set(symbol, times);
  const error = trouble(symbol, times.length);
  if (error) throw error;
  return value;
}

const market = {
  candidates: () => {
    const { source, asOf, ...rest } = found(...SYMBOLS);
    return answer('candidates', { ...rest, asOf, quality: { source, asOf } });
  },
  quick: ({ symbol }: { symbol: string }) => {
    const { source, asOf, ...rest } = row(symbol, { score: SYMBOLS.indexOf(symbol) });
    return answer(symbol, { ...rest, reasons: [], asOf, quality: { source, asOf } });
  },
  marketData: ({ symbol }: { symbol: string }) => answer(symbol, marketData),
  chart: ({ symbol }: { symbol: string }) => answer(symbol, chart('reject')),
} as unknown as MarketService;

beforeEach(async () => {
  asked = new Map();
  trouble = () => undefined;
  clock = turnedClock(START);
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  const effects = allEffects(effectRooms(market, pool));
  system = await createActorSystem({
    pool,
    connectionString,
    machines,
    effects,
    onEmitted: writeEmitted,
    clock,
  });
});
afterEach(async () => {
  await system?.drain();
  await database?.[Symbol.asyncDispose]();
});

const startScreener = () => system.spawn('screener', randomUUID(), { input: { criteria: {} }, owner: 'ann' });
const count = async (table: 'screener_results' | 'analyses' | 'notifications') =>
  (await database.pool.query(`SELECT FROM ${table}`)).rowCount;

describe('screener', () => {
  test('looks at five, rests for 5 s, and looks at the next', async () => {
    const address = await startScreener();
    await clock.advance('9999 ms');
    expect(await system.snapshot(address)).toMatchObject({
      value: 'pause',
      context: { progress: { done: 10, total: 12 } },
    });
    await clock.advance('1 ms');
    expect(await system.snapshot(address)).toMatchObject({
      status: 'done',
      output: { status: 'completed', analyzed: 12, results: { length: 10 } },
    });
    expect(SYMBOLS.map((symbol) => asked.get(symbol))).toEqual(
      SYMBOLS.map((_, index) => [5 * Math.floor(index / 5)]),
    );
    const { rows } = await database.pool.query('SELECT run_id, owner, status, result FROM screener_results');
    expect(rows).toEqual([
      {
        run_id: address.replace('/', '.'),
        owner: 'ann',
        status: 'completed',
        result: (await system.snapshot(address)).output,
      },
    ]);
    const told = await database.pool.query('SELECT owner, type, data FROM notifications');
    expect(told.rows).toMatchObject([
      {
        owner: 'ann',
        type: 'screener_complete',
        data: { status: 'completed', results: { length: 10 }, asOf: row('A').asOf, source: 'simulated' },
      },
    ]);
  });

  test('asks again three times, after 1, 2 and 4 s, and then lists the symbol as failed', async () => {
    const passing = new TtaiError('provider_error', 'the source stumbled', { retryable: true });
    trouble = (symbol, attempt) => {
      if (symbol === 'SA' && attempt <= 3) return passing;
      if (symbol === 'SB') return passing;
      return symbol === 'SC' ? new DoNotRetryError('insufficient_data', 'too few bars') : undefined;
    };
    const address = await startScreener();
    await clock.advance('17 s');
    expect([asked.get('SA'), asked.get('SB'), asked.get('SC')]).toEqual([[0, 1, 3, 7], [0, 1, 3, 7], [0]]);
    expect(asked.get('SF')).toEqual([12]);
    expect(await system.snapshot(address)).toMatchObject({
      output: {
        status: 'completed',
        analyzed: 10,
        failed: [
          { symbol: 'SB', code: 'provider_error', message: 'the source stumbled', retryable: true },
          { symbol: 'SC', code: 'insufficient_data', retryable: false },
        ],
      },
    });
  });

  test('waits for a service that is away, and loses nothing of what it had', async () => {
    trouble = (symbol) =>
      seconds() >= 5 && seconds() < 3_500 && symbol !== 'candidates' ? away() : undefined;
    const address = await startScreener();
    await clock.advance('58 min');
    expect(await system.snapshot(address)).toMatchObject({ value: { analyze: {} }, context: { batch: 1 } });
    await clock.advance('1 min');
    expect(await system.snapshot(address)).toMatchObject({
      output: { status: 'completed', analyzed: 12, failed: [] },
    });
    expect(asked.get('SA')).toEqual([0]);
  });

  test('gives up after an hour, not after one for each symbol', async () => {
    trouble = (symbol) => (symbol >= 'SF' && symbol !== 'candidates' ? away() : undefined);
    const address = await startScreener();
    await clock.advance('61 min');
    expect(await system.snapshot(address)).toMatchObject({
      value: 'failed',
      output: {
        status: 'failed',
        error: { code: 'analysis_unavailable' },
        analyzed: 5,
        results: { length: 5 },
      },
    });
    expect([await count('screener_results'), await count('notifications')]).toEqual([1, 1]);
  });

  test('cancelled between two batches, it is over: nothing is asked, saved or told any more', async () => {
    const address = await startScreener();
    await clock.advance('2 s');
    await system.send(address, { type: 'CANCEL' });
    await clock.advance('1 min');
    expect(await system.snapshot(address)).toMatchObject({
      value: 'cancelled',
      output: { status: 'cancelled', analyzed: 5, candidates: 12 },
      timers: [],
    });
    expect(asked.has('SF')).toBe(false);
    expect([await count('screener_results'), await count('notifications')]).toEqual([0, 0]);
  });

  test('cancelled while symbols are looked at, their effects are given up', async () => {
    trouble = (symbol) => (symbol === 'SB' ? away() : undefined);
    const address = await startScreener();
    await clock.advance('2 s');
    await system.send(address, { type: 'CANCEL' });
    const times = asked.get('SB')?.length;
    await clock.advance('1 min');
    expect(asked.get('SB')).toHaveLength(times ?? 0);
    expect(await system.snapshot(address)).toMatchObject({ value: 'cancelled', effects: [] });
  });
});

describe('analysis', () => {
  const start = () =>
    system.spawn('analysis', randomUUID(), {
      input: { type: 'full_analysis', symbol: 'MSFT' },
      owner: 'ann',
    });

  test('waits for a service that is away for less than an hour; a rejected chart is saved, and told as no pick', async () => {
    trouble = () => (seconds() < 3_500 ? away() : undefined);
    const address = await start();
    await clock.advance('58 min');
    expect(await system.snapshot(address)).toMatchObject({ value: 'fetchMarketData' });
    await clock.advance('1 min');
    expect(await system.snapshot(address)).toMatchObject({ output: { status: 'rejected' } });
    const saved = await database.pool.query('SELECT status, recommendation FROM analyses');
    expect(saved.rows).toEqual([{ status: 'rejected', recommendation: 'reject' }]);
    const told = await database.pool.query('SELECT data FROM notifications');
    expect(told.rows).toMatchObject([{ data: { status: 'rejected', recommendation: 'reject' } }]);
  });

  test('fails, saved and told, when the service stays away', async () => {
    trouble = away;
    const address = await start();
    await clock.advance('61 min');
    expect(await system.snapshot(address)).toMatchObject({
      value: 'failed',
      output: { status: 'failed', error: { code: 'analysis_unavailable' } },
    });
    expect([await count('analyses'), await count('notifications')]).toEqual([1, 1]);
  });
});
