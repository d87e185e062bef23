/**
 * A month of one owner on the turned clock: 20 positions, 10 rules, 50 alerts, daily pieces and an hourly screener, with
 * a half day, a holiday, the end of daylight saving time, stale quotes and a source that is away. What is told is
 * exactly what a simple model of the rules (`month/expected.ts`) predicts: nothing missing, nothing twice.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  allEffects,
  effectRooms,
  type MarketService,
  startTradingDay,
  writeEmitted,
} from '../src/actors/effects/index.ts';
import { type ActorSystem, createActorSystem, turnedClock } from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { marketWatch } from '../src/machines/market-watch.ts';
import { closePosition, insertPosition } from '../src/persistence/records/positions.ts';
import { defaultPreferences, savePreferences } from '../src/persistence/records/preferences.ts';
import { saveScreener } from '../src/persistence/records/saved-screeners.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { type Alert, expectedNotifications, line, type Rule } from './month/expected.ts';
import { createMarket, midnight, randomOf, type ShortPut, SLOT_MS, sessions } from './month/market.ts';

const SEED = 20_261_030;
const OWNER = 'ann';
const [FIRST, LAST] = ['2026-10-30', '2026-11-30'];
const HOUR_MS = 3_600_000;
/** The longest that an alert may wait to be judged. */
const LOOK_MS = 30_000;

const start = midnight(FIRST);
const random = randomOf(SEED);
const between = (from: number, to: number) => from + Math.floor(random() * (to - from));
const pick = <T>(all: readonly T[]): T => all[between(0, all.length)] as T;
const days = Array.from({ length: 32 }, (_, index) =>
  new Date(Date.parse(`${FIRST}T00:00:00Z`) + index * 86_400_000).toISOString().slice(0, 10),
);

const clock = turnedClock(start);
const puts: (ShortPut & { from: number; to: number })[] = [];
const morning = Date.parse('2026-11-05T15:35:00Z');
const market = createMarket({
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
const rules: Rule[] = [
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

const alerts: Alert[] = Array.from({ length: 50 }, (_, index) => {
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

let database: TestDatabase;
let system: ActorSystem;

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  const watch = {
    ...marketWatch,
    machine: marketWatch.machine.provide({
      delays: { untilNextLook: ({ context }) => context.lastLook?.opensInMs ?? LOOK_MS },
    }),
  };
  system = await createActorSystem({
    ...{ pool, connectionString, clock, onEmitted: writeEmitted },
    machines: machines.map((machine) => (machine.id === marketWatch.id ? watch : machine)),
    effects: allEffects(effectRooms(market as unknown as MarketService, pool)),
  });
});
afterAll(async () => {
  await system?.drain({ timeoutMs: 1 });
  await database?.[Symbol.asyncDispose]();
});

/** What the owner does at midnight of a day. */
async function atMidnight(date: string): Promise<void> {
  const { pool } = database;
  const now = midnight(date);
  for (const { id, symbol, strike, expiration, contracts, credit, from } of puts) {
    if (from !== now) continue;
    await insertPosition(pool, {
      ...{ id, owner: OWNER, portfolio: 'main', symbol, source: 'manual', externalId: null, note: null },
      legs: [{ kind: 'option', right: 'put', strike, expiration, quantity: -contracts, openPrice: credit }],
      openedAt: new Date(now),
    });
  }
  for (const { id, to } of puts) {
    if (to === now) await closePosition(pool, OWNER, id, { closedAt: new Date(now), realizedPnl: null });
  }
  for (const { key, change, cancelledAt } of alerts) {
    const { status } = now > start ? await system.snapshot(`priceAlert/${key}`) : { status: 'active' };
    if (status !== 'active') continue;
    const { threshold } = change ?? {};
    if (change?.at === now) await system.send(`priceAlert/${key}`, { type: 'UPDATE', threshold });
    if (cancelledAt === now) await system.send(`priceAlert/${key}`, { type: 'CANCEL' });
  }
}

async function startMonth(): Promise<void> {
  const { pool } = database;
  await savePreferences(pool, OWNER, { ...defaultPreferences, morningAlert: true });
  await saveScreener(pool, {
    ...{ id: randomUUID(), owner: OWNER, name: 'puts', maxSymbols: 50, autoRun: true },
    criteria: { strategy: 'csp' },
  });
  await atMidnight(FIRST);
  await system.spawn(marketWatch.id, 'main', { input: {}, owner: 'system' });
  await system.spawn('portfolioMonitor', randomUUID(), {
    input: { portfolio: 'main', rules, everySeconds: 60 },
    owner: OWNER,
  });
  for (const { key, symbol, condition, threshold, repeat, expiresAt } of alerts) {
    const expires = Number.isFinite(expiresAt) ? new Date(expiresAt).toISOString() : null;
    await system.spawn('priceAlert', key, {
      input: { symbol, condition, threshold, repeat, expiresAt: expires },
      owner: OWNER,
    });
  }
}

/** What was told, in the words of the model. */
async function told(): Promise<string[]> {
  const { rows } = await database.pool.query<{
    type: string;
    at: Date;
    source: string;
    data: Record<string, unknown>;
  }>('SELECT type, at, source, data FROM notifications WHERE owner = $1 ORDER BY seq', [OWNER]);
  return rows.map(({ type, at, source, data }) => {
    const time = at.getTime();
    if (type === 'position_alert') {
      const { rule, threshold, symbol, positionId } = data;
      return line(type, time, String(rule), String(threshold), String(positionId ?? symbol));
    }
    if (type === 'monitor_health') return line(type, time, String(data.status));
    if (type !== 'price_alert_triggered') return line(type, time);
    // A look comes at any moment of a price's five minutes, but not late: after the source was away they are shifted.
    const lateMs = time % SLOT_MS;
    expect(lateMs).toBeLessThanOrEqual(LOOK_MS);
    return line(type, time - lateMs, source.split('/')[1] ?? '');
  });
}

test('a month of one owner is told exactly what the rules say', { timeout: 600_000 }, async () => {
  const began = performance.now();
  await startMonth();
  for (const [index, date] of days.entries()) {
    if (index > 0) await atMidnight(date);
    await startTradingDay(system, new Date(clock.now()));
    await clock.advanceTo(midnight(days[index + 1] ?? '2026-12-01'));
  }
  const month = sessions.filter(({ date }) => date >= FIRST && date <= LAST);
  const expected = expectedNotifications({ market, sessions: month, start, puts, rules, alerts });
  const actual = await told();
  expect(actual.toSorted()).toEqual(expected.toSorted());
  // The model has something to say of everything.
  const count = (type: string) => expected.filter((one) => one.includes(` ${type}`)).length;
  expect(month).toHaveLength(21);
  for (const rule of rules)
    expect([rule.type, count(`position_alert ${rule.type} ${rule.threshold}`) > 0]).toEqual([
      rule.type,
      true,
    ]);
  expect(count('price_alert_triggered')).toBeGreaterThan(100);
  console.log(`a month: ${actual.length} notifications in ${Math.round(performance.now() - began)} ms`);
});
