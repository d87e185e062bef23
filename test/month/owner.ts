/** The owner of the month: what is held, which rules and alerts there are, and what happens to the market meanwhile. */
import { randomUUID } from 'node:crypto';
import { turnedClock } from '../../src/actors/runtime/index.ts';
import type { Alert, Rule } from './expected.ts';
import { createMarket, midnight, randomOf, type ShortPut } from './market.ts';

const SEED = 20_261_030;
export const [FIRST, LAST] = ['2026-10-30', '2026-11-30'];
const HOUR_MS = 3_600_000;
export const start = midnight(FIRST);
const random = randomOf(SEED);
const between = (from: number, to: number) => from + Math.floor(random() * (to - from));
const pick = <T>(all: readonly T[]): T => all[between(0, all.length)] as T;
export const days = Array.from({ length: 32 }, (_, index) =>
  new Date(Date.parse(`${FIRST}T00:00:00Z`) + index * 86_400_000).toISOString().slice(0, 10),
);

export const clock = turnedClock(start);
export const puts: (ShortPut & { from: number; to: number })[] = [];
const morning = Date.parse('2026-11-05T15:35:00Z');
export const market = createMarket({
  seed: SEED,
  now: () => clock.now(),
  puts: () => puts,
  stale: [
    { symbol: 'S3', from: Date.parse('2026-11-09T16:00:00Z'), to: Date.parse('2026-11-10T16:00:00Z') },
    { symbol: 'S4', from: Date.parse('2026-11-18T15:00:00Z'), to: Date.parse('2026-11-18T15:05:00Z') },
  ],
  away: { from: morning, to: morning + 20 * 60_000 },
  earnings: { S1: '2026-11-12', S6: '2026-11-24' },
});

for (let index = 0; index < 20; index++) {
  const symbol = pick(market.symbols);
  const strike = Math.round(market.price(symbol, start) * (0.9 + 0.12 * random()));
  const expiration = pick(['2026-11-20', '2026-11-27', '2026-12-18', '2027-01-15']);
  const credit = Math.round(strike * (0.008 + 0.02 * random()) * 100) / 100;
  puts.push({
    ...{ id: randomUUID(), symbol, strike, expiration, credit },
    contracts: between(1, 4),
    from: index < 18 ? start : midnight('2026-11-10'),
    to: index % 7 === 0 ? midnight('2026-11-17') : Number.POSITIVE_INFINITY,
  });
}

const held = puts[0]?.symbol ?? '';
const priceOf = (symbol: string) => market.price(symbol, start);
export const rules: Rule[] = [
  { type: 'price_above', threshold: Math.round(priceOf('S0') * 1.01), coolDownMinutes: 240 },
  { type: 'price_below', threshold: Math.round(priceOf(held) * 0.98), symbol: held },
  { type: 'pct_change', threshold: 2 },
  { type: 'delta_breach', threshold: 0.5 },
  { type: 'delta_breach', threshold: 0.3, symbol: 'S2', coolDownMinutes: 90 },
  { type: 'dte_warning', threshold: 21 },
  { type: 'profit_target', threshold: 50, coolDownMinutes: 90 },
  { type: 'loss_limit', threshold: 100 },
  { type: 'earnings_within', threshold: 5 },
  { type: 'assignment_risk', threshold: 'moderate', coolDownMinutes: 420 },
];

export const alerts: Alert[] = Array.from({ length: 50 }, (_, index) => {
  const symbol = pick(market.symbols);
  const level = (): number => Math.round(priceOf(symbol) * (0.97 + 0.06 * random()) * 100) / 100;
  return {
    ...{ key: randomUUID(), symbol, threshold: level() },
    condition: pick(['above', 'below', 'crosses'] as const),
    repeat: index % 5 < 3 ? 'every_cross' : 'once',
    expiresAt: index % 9 === 0 ? midnight('2026-11-13') + 15 * HOUR_MS + 1_000 : Number.POSITIVE_INFINITY,
    cancelledAt: index % 11 === 0 ? midnight('2026-11-19') : Number.POSITIVE_INFINITY,
    change: index % 13 === 0 ? { at: midnight('2026-11-06'), threshold: level() } : null,
  };
});
