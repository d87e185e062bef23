/**
 * A half day of several owners on the durable runtime, with the time turned and a market in the process: what their
 * briefings, summaries and reports say, and that one owner's trouble is that one's.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { z } from 'zod';
import { allEffects, effectRooms, startTradingDay, writeEmitted } from '../src/actors/effects/index.ts';
import { ownerKey } from '../src/actors/effects/trading-day.ts';
import {
  type ActorSystem,
  createActorSystem,
  type DurableMachine,
  type Effect,
  type EffectContext,
  PeerUnavailableError,
  RuntimeError,
  TtaiError,
  type TurnedClock,
  turnedClock,
} from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { planOf } from '../src/machines/trading-day-plan.ts';
import { saveAnalysis } from '../src/persistence/records/analyses.ts';
import { armAlert } from '../src/persistence/records/armed-alerts.ts';
import { insertNotifications } from '../src/persistence/records/notifications.ts';
import { saveMarks } from '../src/persistence/records/position-marks.ts';
import { closePosition, insertPosition } from '../src/persistence/records/positions.ts';
import { defaultPreferences, savePreferences } from '../src/persistence/records/preferences.ts';
import { saveScreener } from '../src/persistence/records/saved-screeners.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { type DayMarket, dayMarket } from './day-market.ts';

const session = (date: string, closesAt = `${date}T21:00:00Z`, halfDay = false) => ({
  date,
  opensAt: `${date}T14:30:00Z`,
  closesAt,
  halfDay,
});
const sessions = [
  session('2026-11-24'),
  session('2026-11-25'),
  session('2026-11-27', '2026-11-27T18:00:00Z', true),
  session('2026-11-30'),
  session('2026-12-01'),
];
const at = (time: string) => new Date(`2026-11-27T${time}Z`);

/** Takes what is asked of the real one, and ends at once. */
const screener = {
  id: 'screener',
  version: '1',
  input: z.strictObject({
    criteria: z.object({ strategy: z.string() }),
    maxSymbols: z.int().max(50),
    savedScreenerId: z.uuid(),
    name: z.string(),
  }),
  events: {},
  machine: setup({}).createMachine({
    id: 'screener',
    context: ({ input }) => ({ input }),
    initial: 'done',
    states: { done: { type: 'final' } },
  }),
} satisfies DurableMachine;

let database: TestDatabase;
let market: DayMarket;
let clock: TurnedClock;
let system: ActorSystem;

beforeEach(async () => {
  database = await createTestDatabase();
  market = dayMarket(sessions);
  clock = turnedClock(at('05:05:00'));
  system = await createActorSystem({
    pool: database.pool,
    connectionString: database.connectionString,
    machines: [...machines.filter(({ id }) => (id as string) !== 'screener'), screener],
    effects: allEffects(effectRooms(market, database.pool)),
    onEmitted: writeEmitted,
    clock,
  });
});
afterEach(async () => {
  await system?.drain();
  await database?.[Symbol.asyncDispose]();
});

const begin = () => startTradingDay(system, new Date(clock.now()));

async function hold(owner: string, symbol: string, openedAt = '2026-11-02T15:00:00Z'): Promise<string> {
  const id = randomUUID();
  await insertPosition(database.pool, {
    id,
    owner,
    portfolio: 'main',
    symbol,
    legs: [
      { kind: 'option', right: 'put', strike: 90, expiration: '2026-12-18', quantity: -1, openPrice: 1.5 },
    ],
    openedAt: new Date(openedAt),
    source: 'manual',
    externalId: null,
    note: null,
  });
  return id;
}

const close = (owner: string, id: string, closedAt: string, realizedPnl: string | null) =>
  closePosition(database.pool, owner, id, { closedAt: new Date(closedAt), realizedPnl });

const wantMorning = (owner: string, timeZone = 'America/New_York') =>
  savePreferences(database.pool, owner, { ...defaultPreferences, timeZone, morningAlert: true });

/** Until an actor, which may not be there yet, has ended. */
async function ended(address: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const look = (): void => {
      system.snapshot(address).then(
        ({ status }) => {
          if (status === 'active') return;
          leave();
          resolve();
        },
        () => {},
      );
    };
    const leave = system.onCommit(look);
    look();
  });
}

interface Told {
  owner: string;
  type: string;
  at: Date;
  source: string;
  data: Record<string, unknown> & { text: string };
}

async function told(type?: string): Promise<Told[]> {
  const { rows } = await database.pool.query(
    'SELECT owner, type, at, source, data FROM notifications WHERE $1::text IS NULL OR type = $1 ORDER BY at, owner',
    [type ?? null],
  );
  return rows as Told[];
}

describe('a day', () => {
  test('brings each owner what is theirs, at its time', async () => {
    await wantMorning('anna');
    await wantMorning('carl');
    await hold('anna', 'MSFT');
    const sold = await hold('bert', 'KO');
    await close('bert', sold, '2026-11-03T15:00:00Z', '12.34');
    await begin();
    await clock.advanceTo(at('23:00:00'));
    expect(
      (await told()).map(({ owner, type, at: when, source }) => [owner, type, when.toISOString(), source]),
    ).toEqual([
      ['anna', 'morning_briefing', '2026-11-27T14:30:00.000Z', `briefing/2026-11-27.${ownerKey('anna')}`],
      ['carl', 'morning_briefing', '2026-11-27T14:30:00.000Z', `briefing/2026-11-27.${ownerKey('carl')}`],
      ['anna', 'eod_summary', '2026-11-27T18:00:00.000Z', `summary/2026-11-27.${ownerKey('anna')}`],
      ['anna', 'daily_report', '2026-11-27T19:00:00.000Z', `report/2026-11-27.${ownerKey('anna')}`],
      ['bert', 'daily_report', '2026-11-27T19:00:00.000Z', `report/2026-11-27.${ownerKey('bert')}`],
    ]);
    const { owner } = await system.snapshot(`summary/2026-11-27.${ownerKey('anna')}`);
    expect(owner).toBe('anna');
    await begin();
    await clock.advance('1 h');
    expect(await told()).toHaveLength(5);
  });

  test('scans at each full hour with the screeners that run by themselves; one that is refused keeps none from it', async () => {
    const save = (owner: string, autoRun: boolean, criteria: Record<string, unknown>, maxSymbols = 50) => {
      const id = randomUUID();
      return saveScreener(database.pool, { id, owner, name: 'puts', criteria, maxSymbols, autoRun });
    };
    const mine = await save('anna', true, { strategy: 'csp' }, 200);
    await save('bert', false, { strategy: 'csp' });
    await save('carl', true, { of: 'an older release' });
    const other = await save('dora', true, { strategy: 'covered_call' }, 20);
    await begin();
    await clock.advanceTo(at('23:00:00'));
    const { actors } = await system.list({ machine: 'screener' });
    expect(actors.map(({ key, owner }) => `${key} ${owner}`).sort()).toEqual(
      ['10', '11', '12']
        .flatMap((hour) => [`2026-11-27T${hour}.${mine.id} anna`, `2026-11-27T${hour}.${other.id} dora`])
        .sort(),
    );
    const symbols = actors.map(({ owner, context }) => [
      owner,
      (context.input as { maxSymbols: number }).maxSymbols,
    ]);
    expect(Object.fromEntries(symbols)).toEqual({ anna: 50, dora: 20 });
    const { context } = await system.snapshot('tradingDay/2026-11-27');
    const scans = (context.started as { kind: string; started: number; refused: number }[]).filter(
      ({ kind }) => kind === 'scan',
    );
    expect(scans.map(({ started, refused }) => [started, refused])).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
  });

  test('goes through more owners than a page holds, each once', async () => {
    await database.pool.query(
      `INSERT INTO preferences (owner, morning_alert) SELECT 'owner ' || n, true FROM generate_series(1, 401) AS n`,
    );
    await begin();
    await clock.advanceTo(at('14:31:00'));
    const briefings = await told('morning_briefing');
    expect(new Set(briefings.map(({ owner }) => owner)).size).toBe(401);
    expect(briefings).toHaveLength(401);
    const { context } = await system.snapshot('tradingDay/2026-11-27');
    expect(context.started).toMatchObject([{ kind: 'briefing', started: 401, refused: 0 }]);
  });

  test('waits for an analysis service that is still starting', async () => {
    let calls = 0;
    market.before = ({ name }) => {
      if (name !== 'calendar') return;
      calls++;
      if (calls <= 8) throw new PeerUnavailableError('analysis_unavailable', 'it is starting');
    };
    await begin();
    await clock.advance('2 min');
    expect(await system.snapshot('tradingDay/2026-11-27')).toMatchObject({ value: 'premarket' });
    expect(calls).toBeGreaterThan(8);
  });

  test('one of an exchange that is closed brings nothing', async () => {
    await wantMorning('anna');
    await hold('anna', 'MSFT');
    await clock.advanceTo(new Date('2026-11-28T06:00:00Z'));
    await begin();
    await clock.advance('20 h');
    expect(await told()).toEqual([]);
    expect(await system.snapshot('tradingDay/2026-11-28')).toMatchObject({ value: 'closed', status: 'done' });
  });
});

describe('one owner', () => {
  test('whose actor could not be started keeps no other from it, and is started by the next attempt, none twice', async () => {
    for (const owner of ['anna', 'bert', 'carl']) await wantMorning(owner);
    const start = allEffects(effectRooms(market, database.pool)).find(
      ({ name }) => name === 'startPieces',
    ) as Effect;
    const opened = planOf({ ...session('2026-11-27'), nextOpensAt: '2026-11-30T14:30:00Z' });
    let busy = true;
    const spawn: EffectContext['spawn'] = async (machine, key, options) => {
      if (busy && options.owner === 'bert') throw new RuntimeError('busy', 'not now', { retryable: true });
      return system.spawn(machine, key, options);
    };
    const attempt = () =>
      start.run(
        {
          date: '2026-11-27',
          session: { ...session('2026-11-27'), nextOpensAt: '2026-11-30T14:30:00Z' },
          piece: opened[0],
          after: null,
        },
        { spawn, now: () => at('14:30:00'), signal: AbortSignal.timeout(10_000) } as EffectContext,
      );
    const started = async () =>
      (await system.list({ machine: 'briefing' })).actors.map(({ owner }) => owner).sort();
    await expect(attempt()).rejects.toMatchObject({ code: 'busy' });
    expect(await started()).toEqual(['anna', 'carl']);
    busy = false;
    expect(await attempt()).toMatchObject({ timing: 'on_time', started: 3, refused: 0, next: null });
    expect(await started()).toEqual(['anna', 'bert', 'carl']);
  });

  test('whose values fail is told so, and delays nobody', async () => {
    await hold('anna', 'MSFT');
    await hold('bert', 'KO');
    market.before = ({ name, owner }) => {
      if (name === 'positions' && owner === 'anna')
        throw new TtaiError('provider_error', 'the provider answers nonsense', { retryable: true });
    };
    await begin();
    await clock.advanceTo(at('18:01:00'));
    expect(await told('eod_summary')).toMatchObject([
      { owner: 'bert', at: at('18:00:00'), data: { status: 'completed' } },
      {
        owner: 'anna',
        at: at('18:00:07'),
        data: { status: 'failed', error: { code: 'provider_error' }, source: null },
      },
    ]);
  });

  test('whose positions are thousands holds up nobody else while they are valued', async () => {
    await hold('anna', 'MSFT');
    await database.pool.query(
      `INSERT INTO positions (id, owner, symbol, legs, opened_at)
       SELECT gen_random_uuid(), 'aa huge', 'KO', '[]', '2026-11-02' FROM generate_series(1, 1201)`,
    );
    const huge = Promise.withResolvers<void>();
    market.before = ({ owner }) => (owner === 'aa huge' ? huge.promise : undefined);
    await begin();
    await clock.advanceTo(at('17:59:00'));
    const turning = clock.advanceTo(at('18:01:00'));
    await ended(`summary/2026-11-27.${ownerKey('anna')}`);
    expect((await told('eod_summary')).map(({ owner }) => owner)).toEqual(['anna']);
    huge.resolve();
    await turning;
    const summary = (await told('eod_summary')).find(({ owner }) => owner === 'aa huge');
    expect(market.asked.toSorted((a, b) => b - a)).toEqual([500, 500, 201, 1]);
    expect(summary).toMatchObject({
      owner: 'aa huge',
      data: {
        positionsOmitted: 1_151,
        totals: {
          open: 1_201,
          unrealizedPnl: { amount: 36_030, unknown: 0 },
          dayPnl: { amount: null, unknown: 1_201 },
        },
      },
    });
  });
});

describe('what is told', () => {
  test('a briefing: positions to watch, alerts near their price, what happened since the close', async () => {
    await wantMorning('anna', 'Europe/Berlin');
    const soon = await hold('anna', 'MSFT');
    await hold('anna', 'NONE');
    await hold('anna', 'KO');
    await hold('bert', 'PEP');
    market.values.set('MSFT', { dte: 1, assignmentRisk: 'high', daysToEarnings: 0, pnl: -10.004 });
    market.values.set('NONE', null);
    const quote = { asOf: '2026-11-27T14:29:00Z', source: 'simulated', stale: false };
    market.quotesBySymbol = { AAPL: { ...quote, price: 200 }, OLD: { ...quote, price: 1, stale: true } };
    const armed = { owner: 'anna', wantsQuote: false, blind: false };
    await armAlert(database.pool, {
      ...armed,
      address: 'priceAlert/a',
      symbol: 'AAPL',
      upper: 205,
      lower: null,
    });
    await armAlert(database.pool, {
      ...armed,
      address: 'priceAlert/b',
      symbol: 'AAPL',
      upper: null,
      lower: 199,
    });
    await armAlert(database.pool, {
      ...armed,
      address: 'priceAlert/c',
      symbol: 'OLD',
      upper: 2,
      lower: null,
    });
    await armAlert(database.pool, {
      ...armed,
      owner: 'bert',
      address: 'priceAlert/d',
      symbol: 'AAPL',
      upper: 201,
      lower: null,
    });
    const one = { owner: 'anna', type: 'screener_complete', source: 'screener/1', data: {} };
    await insertNotifications(database.pool, [
      { ...one, id: '1', at: new Date('2026-11-25T20:59:59Z') },
      { ...one, id: '2', at: new Date('2026-11-25T21:00:00Z') },
      { ...one, id: '3', at: at('08:00:00') },
      { ...one, owner: 'bert', id: '4', at: at('08:00:00') },
    ]);
    await saveAnalysis(database.pool, {
      runId: 'analysis.1',
      owner: 'anna',
      symbol: 'T',
      type: 'full_analysis',
      status: 'completed',
      recommendation: 'select',
      result: {},
    });
    await database.pool.query(`UPDATE analyses SET created_at = '2026-11-27T07:00:00Z'`);
    await begin();
    await clock.advanceTo(at('14:31:00'));
    const [briefing] = await told('morning_briefing');
    expect(briefing?.data).toMatchObject({
      status: 'completed',
      late: false,
      timeZone: 'Europe/Berlin',
      source: 'simulated',
      asOf: '2026-11-25T20:59:59Z',
      positions: { open: 3, unrealizedPnl: 20, unknown: 1 },
      watch: [{ positionId: soon, reasons: ['expires in 1 day', 'assignment risk high', 'earnings today'] }],
      alerts: {
        armed: 3,
        unknown: 1,
        nearest: [
          { symbol: 'AAPL', level: 199, direction: 'below', distancePct: 0.5 },
          { symbol: 'AAPL', level: 205, direction: 'above', distancePct: 2.5 },
        ],
      },
      since: {
        from: '2026-11-25T21:00:00.000Z',
        notifications: [{ type: 'screener_complete', count: 2 }],
        analyses: [{ symbol: 'T', recommendation: 'select' }],
      },
    });
    expect(briefing?.data.text).toContain('19:00 (Europe/Berlin)');
  });

  test('a summary: the day since the previous close, exact, with what is not known counted', async () => {
    const [held, fresh, unknown, unmarked] = [
      await hold('anna', 'MSFT'),
      await hold('anna', 'NEW', '2026-11-27T15:00:00Z'),
      await hold('anna', 'NONE'),
      await hold('anna', 'KO'),
    ];
    const [closed, before, after] = [
      await hold('anna', 'PEP'),
      await hold('anna', 'PEP'),
      await hold('anna', 'PEP'),
    ];
    await close('anna', closed, '2026-11-27T16:00:00Z', '55.55');
    await close('anna', before, '2026-11-25T20:59:00Z', '1000');
    market.values.set('MSFT', { pnl: 30.3, marketValue: -119.7 });
    market.values.set('NEW', { pnl: 0.1, marketValue: -0.1 });
    market.values.set('NONE', null);
    market.values.set('PEP', { pnl: 1 });
    await saveMarks(database.pool, 'anna', '2026-11-24', [{ positionId: unmarked, marketValue: 1, pnl: 1 }]);
    await saveMarks(database.pool, 'anna', '2026-11-25', [
      { positionId: held, marketValue: -129.8, pnl: 20.2 },
      { positionId: unknown, marketValue: -100, pnl: 50 },
      { positionId: closed, marketValue: 0, pnl: 60.6 },
      { positionId: after, marketValue: 0, pnl: 1 },
    ]);
    await begin();
    await clock.advanceTo(at('18:00:30'));
    const [summary] = await told('eod_summary');
    expect(summary?.data).toMatchObject({
      status: 'completed',
      previousDate: '2026-11-25',
      positions: [
        { positionId: held, dayPnl: 10.1, pnl: 30.3 },
        { positionId: fresh, dayPnl: 0.1 },
        { positionId: after, dayPnl: 0 },
        ...[unknown, unmarked]
          .sort((a, b) => (a === unmarked ? -1 : b === unmarked ? 1 : 0))
          .map((positionId) => ({ positionId, dayPnl: null })),
      ],
      closed: [{ positionId: closed, realizedPnl: 55.55, dayPnl: -5.05 }],
      totals: {
        open: 5,
        closed: 1,
        dayPnl: { amount: 5.15, unknown: 2 },
        unrealizedPnl: { amount: 61.4, unknown: 1 },
        realizedPnl: { amount: 55.55, unknown: 0 },
      },
    });
    // What it leaves for the next session's, which so knows of all that had a value.
    market.values.set('MSFT', { pnl: 0.3, marketValue: -149.7 });
    await clock.advanceTo(new Date('2026-11-28T05:05:00Z'));
    await startTradingDay(system, new Date(clock.now()));
    await clock.advanceTo(new Date('2026-11-30T06:00:00Z'));
    await startTradingDay(system, new Date(clock.now()));
    await clock.advanceTo(new Date('2026-11-30T21:01:00Z'));
    const [, next] = await told('eod_summary');
    expect(next?.data).toMatchObject({
      date: '2026-11-30',
      previousDate: '2026-11-27',
      totals: { open: 5, closed: 0, dayPnl: { amount: -30, unknown: 1 } },
    });
  });

  test('a report: what was realized, the alerts of the day, what to manage', async () => {
    const [tested, half] = [await hold('anna', 'MSFT'), await hold('anna', 'KO')];
    await hold('anna', 'NONE');
    market.values.set('NONE', null);
    market.values.set('MSFT', {
      dte: 21,
      shortDelta: 0.55,
      management: { takeProfit: false, closeByDte: true, tested: true },
    });
    market.values.set('KO', {
      profitCapturedPct: 61,
      management: { takeProfit: true, closeByDte: false, tested: null },
    });
    for (const [closedAt, pnl] of [
      ['2026-11-27T15:00:00Z', '10.10'],
      ['2026-11-26T15:00:00Z', null],
      ['2026-11-01T04:00:00Z', '0.20'],
      ['2026-11-01T03:59:59Z', '1000'],
      // After the close: it belongs to the next day.
      ['2026-11-27T18:00:00Z', '5000'],
    ] as const) {
      await close('anna', await hold('anna', 'PEP', '2026-10-01T15:00:00Z'), closedAt, pnl);
    }
    const one = {
      owner: 'anna',
      type: 'position_alert',
      source: 'portfolioMonitor/1',
      data: { symbol: 'MSFT' },
    };
    await insertNotifications(database.pool, [
      { ...one, id: '1', at: new Date('2026-11-25T21:59:59Z') },
      { ...one, id: '2', at: new Date('2026-11-25T22:00:00Z') },
      { ...one, id: '3', type: 'price_alert_triggered', at: at('18:30:00') },
      { ...one, id: '4', type: 'analysis_complete', at: at('16:00:00') },
    ]);
    await begin();
    await clock.advanceTo(at('19:01:00'));
    const [report] = await told('daily_report');
    expect(report?.data).toMatchObject({
      results: {
        open: 3,
        unrealizedPnl: 60,
        unrealizedUnknown: 1,
        realizedDay: { pnl: 10.1, closed: 2, unknown: 1 },
        realizedMonth: { pnl: 10.3, closed: 3, unknown: 1 },
        realizedAll: { pnl: 1_010.3, closed: 4, unknown: 1 },
      },
      alerts: {
        count: 2,
        last: [
          { seq: 2, type: 'position_alert', symbol: 'MSFT' },
          { seq: 3, type: 'price_alert_triggered' },
        ],
      },
      manage: [
        { positionId: tested, reasons: ['tested', 'close_by_dte'] },
        { positionId: half, reasons: ['take_profit'] },
      ],
      manageUnknown: 1,
    });
  });

  test('an owner without anything open any more is told so', async () => {
    await close('anna', await hold('anna', 'PEP'), '2026-11-03T15:00:00Z', '1');
    await wantMorning('anna');
    await begin();
    await clock.advanceTo(at('20:00:00'));
    expect((await told()).map(({ type }) => type)).toEqual(['morning_briefing', 'daily_report']);
    for (const { data } of await told()) {
      expect(data).toMatchObject({ status: 'completed', source: null, asOf: null });
      expect(data.text).toContain('No open positions.');
      expect(data.text).not.toContain('Simulated');
    }
    expect(market.asked).toEqual([]);
  });
});
