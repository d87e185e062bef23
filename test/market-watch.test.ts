/**
 * The watcher and its alerts on Postgres, with the clock turned and a market that the test moves: hours, missing quotes,
 * a source that is away, and triggers that each come once.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  allEffects,
  effectRooms,
  type MarketService,
  startMarketWatch,
  writeEmitted,
} from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  createActorSystem,
  type TurnedClock,
  turnedClock,
} from '../src/actors/runtime/index.ts';
import { MARKET_WATCH_KEY, marketWatch } from '../src/machines/market-watch.ts';
import type { PriceAlertContext } from '../src/machines/price-alert.ts';
import { priceAlert } from '../src/machines/price-alert.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

const WATCH = `${marketWatch.id}/${MARKET_WATCH_KEY}`;
const machines = [marketWatch, priceAlert];

/** A market of the test: sessions of a week with a half day, and prices that it sets. */
class Market {
  readonly prices = new Map<string, number>();
  readonly stale = new Set<string>();
  away = false;
  neverCloses = false;
  /** When quotes were asked for, and how many symbols. */
  readonly asked: [string, number][] = [];
  clock: TurnedClock | undefined;

  async calendar({ from, to }: { from: string; to: string }) {
    const sessions = [
      ['2026-11-25', '21:00'],
      ['2026-11-27', '18:00'],
      ['2026-11-30', '21:00'],
      ['2026-12-31', '21:00'],
    ].map(([date, close]) => ({
      date: String(date),
      opensAt: `${date}T14:30:00Z`,
      closesAt: `${date}T${close}:00Z`,
      halfDay: close === '18:00',
    }));
    return {
      timezone: 'America/New_York',
      quotesNeverClose: this.neverCloses,
      sessions: sessions.filter(({ date }) => date >= from && date <= to),
    };
  }

  async quotes(symbols: readonly string[]) {
    const now = new Date(this.clock?.now() ?? 0).toISOString();
    this.asked.push([now, symbols.length]);
    if (this.away) throw new Error('the provider is away');
    return Object.fromEntries(
      symbols.flatMap((symbol) => {
        const price = this.prices.get(symbol);
        if (price === undefined) return [];
        return [[symbol, { price, asOf: now, source: 'simulated', stale: this.stale.has(symbol) }]];
      }),
    );
  }
}

let database: TestDatabase;
let market: Market;
let clock: TurnedClock;
let system: ActorSystem;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

/** A system of its own for the test, at a moment. */
async function start(moment: string): Promise<void> {
  market = new Market();
  clock = turnedClock(moment);
  market.clock = clock;
  await startSystem(market);
}

async function startSystem(over: Market): Promise<void> {
  const effects = allEffects(effectRooms(over as unknown as MarketService, database.pool));
  const { pool, connectionString } = database;
  system = await createActorSystem({
    ...{ pool, connectionString, machines, clock, onEmitted: writeEmitted },
    effects: effects.filter(({ name }) => ['lookAtQuotes', 'wakeWatcher'].includes(name)),
  });
  await startMarketWatch(system);
}

beforeEach(() => async () => {
  await system.drain({ timeoutMs: 1 });
  await database.pool.query('TRUNCATE actors, effects, messages, journal, armed_alerts, notifications');
  await database.pool.query(`DELETE FROM pgboss.job WHERE name = 'actor-timers'`);
});

let alerts = 0;
async function arm(symbol: string, condition: string, threshold: number, more = {}): Promise<string> {
  const input = { symbol, condition, threshold, ...more };
  return system.spawn(priceAlert.id, `a${alerts++}`, { input, owner: 'ann' });
}

const stateOf = async (address: string) =>
  (await system.snapshot(address)).context as unknown as PriceAlertContext;
const told = async () =>
  (await database.pool.query('SELECT source, data FROM notifications ORDER BY seq')).rows;

test('outside the hours it asks for no quotes, says so, and looks when the market opens', async () => {
  await start('2026-11-25T22:00:00Z');
  market.prices.set('AAPL', 212);
  const address = await arm('AAPL', 'above', 210);
  await clock.advance('1 h');
  expect(await stateOf(address)).toMatchObject({
    waitingFor: 'quote',
    blindBecause: 'the market is closed until 2026-11-27T14:30:00Z',
  });
  expect(market.asked).toEqual([]);
  await clock.advanceTo(new Date('2026-11-27T14:29:59Z'));
  expect(await told()).toEqual([]);
  await clock.advanceTo(new Date('2026-11-27T14:30:00Z'));
  expect(await told()).toEqual([
    { source: address, data: expect.objectContaining({ symbol: 'AAPL', price: 212, source: 'simulated' }) },
  ]);
  expect(market.asked).toEqual([['2026-11-27T14:30:00.000Z', 1]]);
});

test('a server that starts with a source whose quotes never stop does not wait for the open', async () => {
  await start('2026-11-28T12:00:00Z');
  market.prices.set('AAPL', 212);
  const address = await arm('AAPL', 'above', 210);
  await clock.advance('1 h');
  expect(await told()).toEqual([]);
  await system.drain({ timeoutMs: 1 });
  market.neverCloses = true;
  await startSystem(market);
  await clock.settle();
  expect(await told()).toMatchObject([{ source: address, data: { price: 212 } }]);
});

test('it stops at the close of a half day, though alerts are armed, and steps no more until the next open', async () => {
  await start('2026-11-27T17:59:50Z');
  market.prices.set('AAPL', 200);
  const address = await arm('AAPL', 'above', 210);
  await clock.advanceTo(new Date('2026-11-27T18:00:00Z'));
  const looks = market.asked.length;
  market.prices.set('AAPL', 220);
  const { revision } = await system.snapshot(WATCH);
  await clock.advanceTo(new Date('2026-11-30T14:29:59Z'));
  expect(market.asked).toHaveLength(looks);
  expect((await system.snapshot(WATCH)).revision - revision).toBeLessThanOrEqual(2);
  // Nobody is told that the market closes at night.
  expect(await stateOf(address)).toMatchObject({ waitingFor: 'price', blindBecause: null });
  await clock.advanceTo(new Date('2026-11-30T14:30:00Z'));
  expect(await told()).toHaveLength(1);
});

test('a symbol without a fresh quote is said to be so, but not in the first minutes after the open', async () => {
  await start('2026-11-27T14:29:00Z');
  market.prices.set('AAPL', 200);
  market.stale.add('AAPL');
  const address = await arm('AAPL', 'above', 190);
  await clock.advanceTo(new Date('2026-11-27T14:31:55Z'));
  expect(await stateOf(address)).toMatchObject({
    blindBecause: 'the market is closed until 2026-11-27T14:30:00Z',
  });
  const other = await arm('MSFT', 'above', 190);
  await clock.advanceTo(new Date('2026-11-27T14:32:05Z'));
  expect(await stateOf(other)).toMatchObject({
    waitingFor: 'quote',
    blindBecause: 'there is no fresh quote',
  });
  market.stale.clear();
  await clock.advance('5 s');
  expect(await told()).toHaveLength(1);
});

test('every alert is judged within 30 seconds; what is met, goes away and is met again is told once for each', async () => {
  await start('2026-11-27T15:00:00Z');
  for (const symbol of ['AAPL', 'MSFT', 'SPY']) market.prices.set(symbol, 100);
  const addresses = [
    await arm('AAPL', 'above', 110, { repeat: 'every_cross' }),
    await arm('MSFT', 'below', 90),
    await arm('SPY', 'crosses', 105),
  ];
  await clock.advance('10 s');
  expect(await told()).toEqual([]);
  for (const [symbol, price] of [
    ['AAPL', 110],
    ['MSFT', 90],
    ['SPY', 105],
  ] as const)
    market.prices.set(symbol, price);
  await clock.advance('30 s');
  expect((await told()).map(({ source }) => source).sort()).toEqual([...addresses].sort());
  market.prices.set('AAPL', 100);
  await clock.advance('30 s');
  market.prices.set('AAPL', 111);
  await clock.advance('30 s');
  expect((await told()).filter(({ source }) => source === addresses[0])).toHaveLength(2);
  const gaps = market.asked.map(
    ([at], index) => Date.parse(at) - Date.parse(market.asked[index - 1]?.[0] ?? at),
  );
  expect(Math.max(...gaps)).toBeLessThanOrEqual(30_000);
});

test('while the source is away alerts are told so once, and go on when it is back', async () => {
  await start('2026-11-27T15:00:00Z');
  market.prices.set('AAPL', 100);
  const address = await arm('AAPL', 'above', 110);
  await clock.advance('10 s');
  market.away = true;
  await clock.advance('1 min');
  expect(await stateOf(address)).toMatchObject({ blindBecause: 'the quotes can not be had now' });
  const { revision } = await system.snapshot(address);
  await clock.advance('1 min');
  expect((await system.snapshot(address)).revision).toBe(revision);
  market.away = false;
  market.prices.set('AAPL', 111);
  await clock.advance('5 s');
  expect(await told()).toHaveLength(1);
});

test('many symbols are one request, and an alert that ends is asked for no longer', async () => {
  await start('2026-11-27T15:00:00Z');
  const armed: string[] = [];
  for (let index = 0; index < 40; index++) {
    market.prices.set(`S${index}`, 100);
    armed.push(await arm(`S${index % 20}`, 'above', 200 + index));
  }
  await clock.advance('5 s');
  expect(market.asked.at(-1)?.[1]).toBe(20);
  for (const address of armed) await system.send(address, { type: 'CANCEL' });
  await clock.advance('10 s');
  expect(await system.snapshot(WATCH)).toMatchObject({ value: 'asleep', timers: [] });
});
