/**
 * What briefings, summaries and reports say: gathered on the durable runtime from the records of an owner, with the time
 * turned and a market in the process. When they come is tested in `daily-pieces.test.ts`.
 */
import { describe, expect, test } from 'vitest';
import { startTradingDay } from '../src/actors/effects/index.ts';
import { saveAnalysis } from '../src/persistence/records/analyses.ts';
import { armAlerts } from '../src/persistence/records/armed-alerts.ts';
import { insertNotifications } from '../src/persistence/records/notifications.ts';
import { saveMarks } from '../src/persistence/records/position-marks.ts';
import {
  at,
  begin,
  clock,
  close,
  database,
  hold,
  market,
  system,
  told,
  useDay,
  wantMorning,
} from './day-world.ts';

useDay();

describe('what is told', () => {
  test('a position that the service refuses is not known, and hides none of the others', async () => {
    const known = await hold('anna', 'MSFT');
    const refused = await hold('anna', 'ODD');
    market.refused.add('ODD');
    market.values.set('MSFT', { pnl: 30.3 });
    await begin();
    await clock.advanceTo(at('18:00:30'));
    const [summary] = await told('eod_summary');
    expect(summary?.data).toMatchObject({ status: 'completed' });
    const data: unknown = summary?.data;
    const { positions } = data as {
      positions: { positionId: string; pnl: number | null }[];
    };
    expect(Object.fromEntries(positions.map(({ positionId, pnl }) => [positionId, pnl]))).toEqual({
      [known]: 30.3,
      [refused]: null,
    });
  });

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
    await armAlerts(database.pool, [
      {
        ...armed,
        address: 'priceAlert/a',
        symbol: 'AAPL',
        upper: 205,
        lower: null,
      },
    ]);
    await armAlerts(database.pool, [
      {
        ...armed,
        address: 'priceAlert/b',
        symbol: 'AAPL',
        upper: null,
        lower: 199,
      },
    ]);
    await armAlerts(database.pool, [
      {
        ...armed,
        address: 'priceAlert/c',
        symbol: 'OLD',
        upper: 2,
        lower: null,
      },
    ]);
    await armAlerts(database.pool, [
      {
        ...armed,
        owner: 'bert',
        address: 'priceAlert/d',
        symbol: 'AAPL',
        upper: 201,
        lower: null,
      },
    ]);
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
    // Trades of a few weeks are not to be closed by the calendar: so the service has to know.
    expect(market.openedAt.get(soon)).toBe('2026-11-02T15:00:00.000Z');
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
