/**
 * A market in the process for the month of one owner: prices that change every five minutes of a session and stand still
 * in between, by a seed; with symbols that go stale, and a source that is away for a while. Everything that it answers is
 * a function of the moment.
 */

import type { MarketService } from '../../src/actors/effects/index.ts';
import { PeerUnavailableError } from '../../src/actors/runtime/index.ts';
import type { MarketCalendar, PositionValue, Quotes } from '../../src/machines/market.ts';

export const SLOT_MS = 300_000;
const DAY_MS = 86_400_000;
/** New York sets its clocks back on this day. */
const WINTER_FROM = '2026-11-01';
const HOLIDAYS = ['2026-11-26', '2026-12-25'];
const HALF_DAYS = ['2026-11-27', '2026-12-24'];

export type Session = MarketCalendar['sessions'][number];

/** Weekdays of October to December 2026 in which New York trades. */
export const sessions: readonly Session[] = Array.from(
  { length: 92 },
  (_, index) => new Date(Date.UTC(2026, 9, 1 + index)),
)
  .filter((day) => day.getUTCDay() % 6 !== 0)
  .map((day) => day.toISOString().slice(0, 10))
  .filter((date) => !HOLIDAYS.includes(date))
  .map((date) => {
    const offset = date < WINTER_FROM ? 4 : 5;
    const halfDay = HALF_DAYS.includes(date);
    const at = (hours: number) =>
      new Date(Date.parse(`${date}T00:00:00Z`) + (hours + offset) * 3_600_000).toISOString();
    return { date, opensAt: at(9.5), closesAt: at(halfDay ? 13 : 16), halfDay };
  });

/** A position as the market values it: one short put. */
export interface ShortPut {
  id: string;
  symbol: string;
  strike: number;
  expiration: string;
  contracts: number;
  /** Received per share. */
  credit: number;
}

export interface Market
  extends Pick<MarketService, 'quotes' | 'calendar' | 'positions' | 'candidates' | 'quick'> {
  readonly symbols: readonly string[];
  price(symbol: string, at: number): number;
  isStale(symbol: string, at: number): boolean;
  isAway(at: number): boolean;
  worthOf(put: ShortPut, at: number): PositionValue;
}

/** `now`: milliseconds since 1970, the market's clock. */
export function createMarket(options: {
  seed: number;
  now: () => number;
  puts: () => readonly ShortPut[];
  stale: readonly { symbol: string; from: number; to: number }[];
  away: { from: number; to: number };
  earnings: Readonly<Record<string, string>>;
}): Market {
  const { now, puts, stale, away, earnings } = options;
  const random = randomOf(options.seed);
  const symbols = Array.from({ length: 12 }, (_, index) => `S${index}`);
  const slots = sessions.flatMap(({ opensAt, closesAt }) => {
    const [from, to] = [Date.parse(opensAt), Date.parse(closesAt)];
    return Array.from({ length: (to - from) / SLOT_MS }, (_, index) => from + index * SLOT_MS);
  });
  const paths = new Map(
    symbols.map((symbol, index) => {
      let price = 80 + 10 * index;
      return [
        symbol,
        slots.map(() => {
          price *= 1 + (random() - 0.5) * 0.008;
          return Math.round(price * 100) / 100;
        }),
      ];
    }),
  );
  /** Of the slot that is on, or was the last one. */
  const slotAt = (at: number): number => {
    let [low, high] = [0, slots.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((slots[middle] as number) <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  const price = (symbol: string, at: number): number => paths.get(symbol)?.[slotAt(at)] ?? 0;
  const isStale = (symbol: string, at: number): boolean =>
    stale.some((one) => one.symbol === symbol && at >= one.from && at < one.to);
  const isAway = (at: number): boolean => at >= away.from && at < away.to;
  const closeBefore = (at: number): number => {
    const date = newYorkDate(at);
    const before = sessions.findLast((session) => session.date < date);
    return Date.parse(before?.closesAt ?? '') - 1;
  };

  const worthOf = (put: ShortPut, at: number): PositionValue => {
    const { id, symbol, strike, expiration, contracts, credit } = put;
    const underlyingPrice = price(symbol, at);
    const dte = daysBetween(newYorkDate(at), expiration);
    const moneyness = (underlyingPrice - strike) / strike;
    const time = 0.02 * strike * Math.exp(-8 * Math.max(moneyness, 0)) * Math.sqrt(Math.max(dte, 0) / 45);
    const value = Math.round((Math.max(strike - underlyingPrice, 0) + time) * 100) / 100;
    const captured = Math.round(((credit - value) / credit) * 10_000) / 100;
    const report = earnings[symbol];
    const risk = moneyness < 0 ? (dte <= 3 ? 'high' : 'moderate') : moneyness < 0.02 ? 'low' : 'none';
    const pnl = Math.round((credit - value) * 100) * contracts;
    return {
      ...{ id, symbol, structure: 'short_put', underlyingPrice, dte, pnl },
      underlyingAsOf: new Date(at).toISOString(),
      stale: isStale(symbol, at),
      changePct: Math.round((underlyingPrice / price(symbol, closeBefore(at)) - 1) * 10_000) / 100,
      marketValue: -Math.round(value * 100) * contracts,
      pnlPct: captured,
      profitCapturedPct: captured,
      shortDelta: -Math.round(Math.min(1, Math.max(0, 0.5 - 4 * moneyness)) * 10_000) / 10_000,
      assignmentRisk: risk,
      daysToEarnings: report === undefined ? null : daysBetween(newYorkDate(at), report),
      earningsInsideDte: null,
      management: { takeProfit: captured >= 50, closeByDte: dte <= 21, tested: moneyness < 0 },
      warnings: [],
    };
  };

  const answering = <T>(answer: (at: number) => T): Promise<T> => {
    const at = now();
    if (isAway(at))
      return Promise.reject(new PeerUnavailableError('analysis_unavailable', 'the market is away'));
    return Promise.resolve(answer(at));
  };
  const head = (at: number) => {
    const asOf = new Date(at).toISOString();
    return { asOf, quality: { source: 'simulated', asOf } };
  };
  return {
    ...{ symbols, price, isStale, isAway, worthOf },
    quotes: (asked) =>
      answering((at) => {
        const quotes: Quotes = {};
        for (const symbol of asked) {
          const asOf = new Date(at).toISOString();
          quotes[symbol] = {
            price: price(symbol, at),
            asOf,
            source: 'simulated',
            stale: isStale(symbol, at),
          };
        }
        return quotes;
      }),
    calendar: async ({ from, to }) => ({
      timezone: 'America/New_York',
      sessions: sessions.filter(({ date }) => date >= from && date <= to),
    }),
    positions: ({ positions }) =>
      answering((at) => {
        const asked = new Set(positions.map(({ id }) => id));
        const valued = puts().filter(({ id }) => asked.has(id));
        return { positions: valued.map((put) => worthOf(put, at)), errors: {}, ...head(at) };
      }),
    candidates: () =>
      answering((at) => ({
        ...{ symbols: symbols.slice(0, 7), universeSize: symbols.length, failedCounts: {} },
        ...head(at),
      })),
    quick: ({ symbol }) =>
      answering((at) => ({
        symbol,
        recommendation: 'select' as const,
        score: 50 + symbols.indexOf(symbol),
        price: price(symbol, at),
        bestStrike: null,
        bestExpiration: null,
        ...{ delta: null, ivRank: null, weeklyRocPct: null },
        reasons: [],
        ...head(at),
      })),
  };
}

/** New York's date at a moment of that autumn. */
export function newYorkDate(at: number): string {
  const winter = Date.parse(`${WINTER_FROM}T06:00:00Z`);
  return new Date(at - (at < winter ? 4 : 5) * 3_600_000).toISOString().slice(0, 10);
}

/** New York's midnight at the beginning of a day of that autumn, in milliseconds since 1970. */
export function midnight(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) + (date <= WINTER_FROM ? 4 : 5) * 3_600_000;
}

function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/** From 0 to 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
