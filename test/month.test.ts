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
import { type ActorSystem, createActorSystem } from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { marketWatch } from '../src/machines/market-watch.ts';
import { closePosition, insertPosition } from '../src/persistence/records/positions.ts';
import { changePreferences, defaultPreferences } from '../src/persistence/records/preferences.ts';
import { saveScreener } from '../src/persistence/records/saved-screeners.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { expectedNotifications, line } from './month/expected.ts';
import { midnight, SLOT_MS, sessions } from './month/market.ts';
import { alerts, clock, days, FIRST, LAST, market, puts, rules, start } from './month/owner.ts';

const OWNER = 'ann';
/** The longest that an alert may wait to be judged. */
const LOOK_MS = 30_000;

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
  await changePreferences(pool, OWNER, { ...defaultPreferences, morningAlert: true });
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
