/**
 * Portfolio monitors on the runtime and Postgres, with a market in the process and a clock that is turned: when they
 * check over a holiday and a half day, what they tell and how often, and that none waits for another's.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { allEffects, effectRooms, type MarketService, writeEmitted } from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  type Address,
  type Clock,
  createActorSystem,
  DoNotRetryError,
  PeerUnavailableError,
  turnedClock,
} from '../src/actors/runtime/index.ts';
import type { Positions, PositionValue } from '../src/machines/market.ts';
import {
  type PortfolioMonitorContext,
  portfolioMonitor,
  portfolioMonitorInput,
} from '../src/machines/portfolio-monitor.ts';
import { closePosition, insertPosition } from '../src/persistence/records/positions.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import type { MonitorHead } from '../src/server/operations/monitor-view.ts';
import { getMonitor, startMonitor, stopMonitor, updateMonitor } from '../src/server/operations/monitors.ts';
import type { Operation, OperationContext } from '../src/server/operations/operation.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

const MINUTE = 60_000;

/** Late November of 2026: Thanksgiving is closed, the Friday after it is a half day. */
const sessions = ['23', '24', '25', '27', '30'].map((day) => ({
  date: `2026-11-${day}`,
  opensAt: `2026-11-${day}T14:30:00Z`,
  closesAt: `2026-11-${day}T${day === '27' ? '18' : '21'}:00:00Z`,
  halfDay: day === '27',
}));

/** A market that a test moves. */
class Market {
  clock: Clock = turnedClock(0);
  /** When positions were asked for, of which owner, and how many. */
  readonly asked: { at: string; owner: string | undefined; count: number }[] = [];
  values: (id: string) => Partial<PositionValue> = () => ({});
  /** Before it answers; throws for a service that fails. */
  answer: (owner: string | undefined, signal: AbortSignal | undefined) => void | Promise<void> = () => {};

  /** Ids of positions that it refuses, with all that is asked beside them. */
  refused: ReadonlySet<string> = new Set();

  readonly service = {
    calendar: async () => ({ timezone: 'America/New_York', sessions }),
    positions: async (
      { positions }: { positions: readonly Readonly<Record<string, unknown>>[] },
      { owner, signal }: { owner?: string; signal?: AbortSignal } = {},
    ): Promise<Positions> => {
      const at = new Date(this.clock.now()).toISOString();
      this.asked.push({ at, owner, count: positions.length });
      await this.answer(owner, signal);
      if (positions.some(({ id }) => this.refused.has(String(id)))) {
        throw new DoNotRetryError('validation_error', 'no such leg');
      }
      return {
        positions: positions.map(({ id, symbol }) => ({
          ...calm,
          id: String(id),
          symbol: String(symbol),
          underlyingAsOf: at,
          ...this.values(String(id)),
        })),
        errors: {},
        asOf: at,
        quality: { source: 'simulated', asOf: at },
      };
    },
  } as unknown as MarketService;
}

const calm: PositionValue = {
  id: '',
  symbol: '',
  structure: 'short_put',
  underlyingPrice: 230,
  underlyingAsOf: null,
  stale: false,
  changePct: 0.5,
  dte: 46,
  marketValue: -300,
  pnl: 60,
  pnlPct: 20,
  profitCapturedPct: 20,
  shortDelta: 0.3,
  assignmentRisk: 'low',
  daysToEarnings: 40,
  earningsInsideDte: false,
  management: { takeProfit: false, closeByDte: false, tested: false },
  warnings: [],
};

let database: TestDatabase;
let market: Market;
const systems: ActorSystem[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  market = new Market();
});
afterEach(async () => {
  for (const system of systems.splice(0)) await system.drain({ timeoutMs: 1 });
  await database.pool.query(
    'TRUNCATE actors, effects, messages, journal, positions, notifications, notification_counters',
  );
  await database.pool.query(`DELETE FROM pgboss.job WHERE name = 'actor-timers'`);
});
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
});

async function start(clock: Clock): Promise<ActorSystem> {
  const { pool, connectionString } = database;
  market.clock = clock;
  const system = await createActorSystem({
    pool,
    connectionString,
    machines: [portfolioMonitor],
    effects: allEffects(effectRooms(market.service, pool)),
    onEmitted: writeEmitted,
    clock,
  });
  systems.push(system);
  return system;
}

const spawn = (system: ActorSystem, owner: string, input: object = {}): Promise<Address> =>
  system.spawn('portfolioMonitor', randomUUID(), { input: portfolioMonitorInput.parse(input), owner });

async function hold(owner: string, symbol = 'AAPL', portfolio = 'main'): Promise<string> {
  const id = randomUUID();
  const legs = [
    {
      kind: 'option' as const,
      right: 'put' as const,
      strike: 220,
      expiration: '2027-01-15',
      quantity: -1,
      openPrice: 3,
    },
  ];
  const openedAt = new Date('2026-11-20T15:00:00Z');
  const rest = { source: 'manual' as const, externalId: null, note: null };
  await insertPosition(database.pool, { id, owner, portfolio, symbol, legs, openedAt, ...rest });
  return id;
}

interface Told {
  type: string;
  at: string;
  data: Record<string, unknown>;
}

async function told(owner: string): Promise<Told[]> {
  const { rows } = await database.pool.query(
    'SELECT type, at, data FROM notifications WHERE owner = $1 ORDER BY seq',
    [owner],
  );
  return rows.map(({ type, at, data }) => ({ type, at: at.toISOString(), data }));
}

const contextOf = async (system: ActorSystem, address: Address): Promise<PortfolioMonitorContext> =>
  (await system.snapshot(address)).context as unknown as PortfolioMonitorContext;
const checked = (system: ActorSystem, address: Address, checks = 1) =>
  system.waitFor(address, ({ context }) => (context.checks as number) >= checks, { timeoutMs: 20_000 });

test('it checks in sessions only, once after the close, also on a half day, and not on a holiday', async () => {
  const clock = turnedClock('2026-11-25T19:40:00Z');
  const system = await start(clock);
  await hold('ann');
  const address = await spawn(system, 'ann', { everySeconds: 3_600 });
  await clock.advanceTo(Date.parse('2026-11-30T14:45:00Z'));
  expect(market.asked.map(({ at }) => at.slice(8, 16))).toEqual([
    ...['25T19:40', '25T20:40', '25T21:01'],
    ...['27T14:30', '27T15:30', '27T16:30', '27T17:30', '27T18:01'],
    '30T14:30',
  ]);
  const { timers } = await system.snapshot(address);
  expect(timers.map(({ due }) => due.toISOString())).toEqual(['2026-11-30T15:30:00.000Z']);
});

test('a day in which the delta breaches, trembles, and comes back; positions are read anew at each check', async () => {
  const clock = turnedClock('2026-11-24T14:30:00Z');
  const system = await start(clock);
  const first = await hold('ann');
  await hold('ann', 'AAPL', 'another portfolio');
  await hold('bob');
  // By the quarter of an hour: breaches at once after 15:00, trembles, is over at 16:00, breaches again at 16:15.
  const walk = [0.3, 0.4, 0.5, 0.49, 0.51, 0.485, 0.47, 0.52, 0.52, 0.52];
  market.values = (id) => {
    const quarter = Math.floor((clock.now() - Date.parse('2026-11-24T14:30:00Z')) / (15 * MINUTE));
    return { shortDelta: id === first ? (walk[quarter] ?? 0.3) : 0.6 };
  };
  await spawn(system, 'ann', { rules: [{ type: 'delta_breach', threshold: 0.5 }], everySeconds: 900 });
  await clock.advanceTo(Date.parse('2026-11-24T17:05:00Z'));
  const second = await hold('ann', 'MSFT');
  await clock.advanceTo(Date.parse('2026-11-24T18:05:00Z'));
  const closing = { closedAt: new Date(clock.now()), realizedPnl: null };
  await closePosition(database.pool, 'ann', second, closing);
  await clock.advanceTo(Date.parse('2026-11-24T22:00:00Z'));
  const alerts = await told('ann');
  expect(alerts.map(({ at, data }) => [at.slice(11, 16), data.positionId])).toEqual([
    ['15:00', first],
    ['16:15', first],
    ['17:15', second],
  ]);
  expect(alerts[1]).toMatchObject({
    type: 'position_alert',
    data: {
      portfolio: 'main',
      rule: 'delta_breach',
      symbol: 'AAPL',
      value: 0.52,
      threshold: 0.5,
      asOf: '2026-11-24T16:15:00.000Z',
      source: 'simulated',
      message: 'AAPL short put 220 2027-01-15: |delta| 0.52, limit 0.5',
    },
  });
  expect(await told('bob')).toEqual([]);
  expect(market.asked.every(({ owner }) => owner === 'ann')).toBe(true);
});

test('blind is said once, seeing once, and what stayed true meanwhile is not said again', async () => {
  const clock = turnedClock('2026-11-24T15:00:00Z');
  const system = await start(clock);
  await hold('ann');
  market.values = () => ({ shortDelta: 0.6 });
  const address = await spawn(system, 'ann', { rules: [{ type: 'delta_breach', threshold: 0.5 }] });
  await clock.advance('5 min');
  market.answer = () => {
    throw new PeerUnavailableError('analysis_unavailable', 'the analysis service can not be reached');
  };
  await clock.advance('30 min');
  expect(await contextOf(system, address)).toMatchObject({
    checks: 36,
    health: { failures: 30, told: true, since: '2026-11-24T15:06:00.000Z' },
    lastCheck: { positions: 1, unknown: 1, problem: { code: 'analysis_unavailable' } },
  });
  market.answer = () => {};
  await clock.advance('30 min');
  const health = { portfolio: 'main', since: '2026-11-24T15:06:00.000Z' };
  expect(await told('ann')).toMatchObject([
    { type: 'position_alert', at: '2026-11-24T15:00:00.000Z' },
    { type: 'monitor_health', at: '2026-11-24T15:08:00.000Z', data: { ...health, status: 'blind' } },
    { type: 'monitor_health', at: '2026-11-24T15:36:00.000Z', data: { ...health, status: 'seeing' } },
  ]);
});

test('without positions it asks nobody', async () => {
  const clock = turnedClock('2026-11-24T14:00:00Z');
  const system = await start(clock);
  const address = await spawn(system, 'ann');
  await clock.advanceTo(Date.parse('2026-11-24T16:00:00Z'));
  expect(market.asked).toEqual([]);
  expect(await contextOf(system, address)).toMatchObject({ checks: 92, health: { failures: 0 } });
  expect(await told('ann')).toEqual([]);
});

test('a check that its process did not survive is made again, and its firing is told once', async () => {
  const clock = turnedClock('2026-11-24T15:00:00Z');
  const first = await start(clock);
  await hold('ann');
  market.values = () => ({ shortDelta: 0.6 });
  const begun = Promise.withResolvers<void>();
  market.answer = () => {
    begun.resolve();
    return new Promise(() => {});
  };
  const address = await spawn(first, 'ann', { rules: [{ type: 'delta_breach', threshold: 0.5 }] });
  await begun.promise;
  market.answer = () => {};
  const second = await start(clock);
  systems.splice(systems.indexOf(first), 1);
  await first.drain({ timeoutMs: 1 });
  await checked(second, address);
  expect(market.asked.length).toBeGreaterThan(1);
  expect(await contextOf(second, address)).toMatchObject({ checks: 1, alertCount: 1 });
  expect(await told('ann')).toHaveLength(1);
});

test('a position that the service refuses, and its whole request with it, does not hide the others', async () => {
  const clock = turnedClock('2026-11-24T15:00:00Z');
  const system = await start(clock);
  await holdMany('ann', 1_200);
  const { rows } = await database.pool.query<{ id: string; symbol: string }>(
    'SELECT id, symbol FROM positions ORDER BY symbol, id OFFSET 700 LIMIT 1',
  );
  const [bad] = rows;
  market.refused = new Set([bad?.id ?? '']);
  const address = await spawn(system, 'ann', { rules: [{ type: 'dte_warning', threshold: 21 }] });
  await checked(system, address);
  expect(market.asked.slice(0, 3).map(({ count }) => count)).toEqual([500, 500, 250]);
  expect(await contextOf(system, address)).toMatchObject({
    lastCheck: {
      positions: 1_200,
      unknown: 1,
      problem: { code: 'validation_error', message: `${bad?.symbol} short put 220 2027-01-15: no such leg` },
    },
    health: { failures: 0 },
  });
});

test('a position whose contract nobody quotes counts as unseen, and is named', async () => {
  const system = await start(turnedClock('2026-11-24T15:00:00Z'));
  await holdMany('ann', 2);
  const { rows } = await database.pool.query<{ id: string; symbol: string }>(
    'SELECT id, symbol FROM positions',
  );
  const [first, second] = rows;
  const none = { pnlPct: null, profitCapturedPct: null };
  // The second was opened for nothing: of that there are no percents, but it has a price.
  const values = new Map<string | undefined, Partial<PositionValue>>([
    [first?.id, { ...none, marketValue: null, pnl: null }],
    [second?.id, none],
  ]);
  market.values = (id) => values.get(id) ?? {};
  const address = await spawn(system, 'ann', { rules: [{ type: 'loss_limit', threshold: 100 }] });
  await checked(system, address);
  expect(await contextOf(system, address)).toMatchObject({
    lastCheck: {
      ...{ positions: 2, unknown: 1 },
      problem: {
        code: 'no_price',
        message: `${first?.symbol} short put 220 2027-01-15: nobody has a price of this contract`,
      },
    },
    health: { failures: 0 },
  });
});

test("one owner's 10,000 positions, and another's service that never answers, hold up nobody else", async () => {
  const clock = turnedClock('2026-11-24T15:00:00Z');
  const system = await start(clock);
  await holdMany('huge', 10_000);
  await Promise.all([hold('stuck'), hold('ann')]);
  const gate = Promise.withResolvers<void>();
  const bothAreOn = Promise.withResolvers<void>();
  market.values = (id) => ({ shortDelta: id.endsWith('00') ? 0.6 : 0.3 });
  market.answer = (owner, signal) => {
    if (new Set(market.asked.map((one) => one.owner)).size === 2) bothAreOn.resolve();
    if (owner === 'huge') return gate.promise;
    if (owner === 'stuck') {
      return new Promise((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      );
    }
  };
  const huge = await spawn(system, 'huge');
  const stuck = await spawn(system, 'stuck');
  await bothAreOn.promise;
  const ann = await spawn(system, 'ann');
  expect((await checked(system, ann)).context).toMatchObject({ lastCheck: { positions: 1, unknown: 0 } });
  expect(await contextOf(system, huge)).toMatchObject({ checks: 0 });
  const began = performance.now();
  gate.resolve();
  const { context } = await checked(system, huge);
  console.log(
    `10,000 positions: checked in ${Math.round(performance.now() - began)} ms, a context of ${JSON.stringify(context).length} characters`,
  );
  expect(context).toMatchObject({ lastCheck: { positions: 10_000, unknown: 0 } });
  expect(market.asked.filter(({ owner }) => owner === 'huge').map(({ count }) => count)).toEqual(
    Array(20).fill(500),
  );
  expect(await contextOf(system, stuck)).toMatchObject({ checks: 0 });
  await system.send(stuck, { type: 'STOP' });
  expect(await system.snapshot(stuck)).toMatchObject({ status: 'done', effects: [] });
});

test('the operations on it: one for each portfolio, updated, read and stopped by its owner only', async () => {
  const clock = turnedClock('2026-11-24T15:00:00Z');
  const system = await start(clock);
  await hold('ann');
  const as = (owner: string) =>
    ({
      ...{ system, owner, operator: false, source: 'test' },
      records: recordsOf(database.pool),
    }) as unknown as OperationContext;
  const call = async <Output>(operation: Operation, input: object, owner = 'ann') =>
    (await operation.call(as(owner), input)).output as Output;
  interface One {
    monitor: MonitorHead;
    alreadyRunning: boolean;
  }
  const rules = [{ type: 'delta_breach', threshold: 0.5 }];
  const [first, again] = await Promise.all([
    call<One>(startMonitor, { rules }),
    call<One>(startMonitor, { everySeconds: 10 }),
  ]);
  expect(new Set([first, again].map(({ monitor }) => monitor.monitorId)).size).toBe(1);
  expect([first, again].filter(({ alreadyRunning }) => alreadyRunning)).toHaveLength(1);
  const theirs = await call<One>(startMonitor, { rules }, 'bob');
  const { monitorId } = first.monitor;
  expect(theirs.monitor.monitorId).not.toBe(monitorId);
  for (const [operation, more] of [
    [getMonitor, {}],
    [updateMonitor, { checkNow: true }],
    [stopMonitor, {}],
  ] as const) {
    await expect(call(operation, { monitorId, ...more }, 'bob')).rejects.toMatchObject({
      code: 'monitor_not_found',
    });
  }
  await clock.settle();
  market.values = () => ({ dte: 20 });
  await call(updateMonitor, {
    monitorId,
    rules: [{ type: 'dte_warning', threshold: 21 }],
    everySeconds: 600,
  });
  await clock.settle();
  expect(await call(getMonitor, { monitorId })).toMatchObject({
    monitors: [
      {
        monitorId,
        portfolio: 'main',
        status: 'active',
        checks: 2,
        nextCheckAt: '2026-11-24T15:10:00.000Z',
        alertCount: 1,
        alerts: [{ type: 'dte_warning', value: 20, source: 'simulated', asOf: '2026-11-24T15:00:00.000Z' }],
        health: { status: 'seeing', since: null, reason: null },
      },
    ],
  });
  await call(updateMonitor, { monitorId, checkNow: true });
  await clock.settle();
  expect(await call(getMonitor, { monitorId })).toMatchObject({ monitors: [{ checks: 3, alertCount: 1 }] });
  expect(await call(stopMonitor, { monitorId })).toMatchObject({
    monitor: { status: 'stopped', nextCheckAt: null },
  });
  await expect(call(updateMonitor, { monitorId, checkNow: true })).rejects.toMatchObject({
    code: 'actor_ended',
  });
  expect(await call(startMonitor, {})).toMatchObject({
    alreadyRunning: false,
    monitor: { status: 'active' },
  });
});

async function holdMany(owner: string, count: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO positions (id, owner, symbol, legs, opened_at)
     SELECT gen_random_uuid(), $1, 'S' || n % 50,
       '[{"kind": "option", "right": "put", "strike": 220, "expiration": "2027-01-15", "quantity": -1, "openPrice": 3}]',
       now()
     FROM generate_series(1, $2::int) AS n`,
    [owner, count],
  );
}
