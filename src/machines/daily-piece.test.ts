/** The machines `briefing`, `summary` and `report` alone, in memory, and what they say. */
import { describe, expect, test } from 'vitest';
import { type Model, pathsOf, replay, uncovered } from '../../test/model.ts';
import { briefingKind, type GatheredBriefing } from './briefing.ts';
import { type GatheredHead, MAX_RESTARTS, toldOf } from './daily-piece.ts';
import { reasonsToManage, reportKind } from './report.ts';
import { byMove, dayPnlOf, summaryKind, totalsOf } from './summary.ts';
import {
  briefingModel,
  gatheredBriefing,
  gatheredReport,
  gatheredSummary,
  pieceInput,
  reportModel,
  summaryModel,
} from './testing/daily-piece-models.ts';
import { failed } from './testing/models.ts';

const models: [string, Model, GatheredHead, string][] = [
  ['briefing', briefingModel, gatheredBriefing, 'morning_briefing'],
  ['summary', summaryModel, gatheredSummary, 'eod_summary'],
  ['report', reportModel, gatheredReport, 'daily_report'],
];

describe.each(models)('%s', (id, model, gathered, notification) => {
  const run = (event: object) => replay(model.machine, { input: model.inputs[0], events: [event as never] });
  const done = (now: string) => run({ type: 'xstate.done.actor.gatherPiece', output: { ...gathered, now } });
  const { piece } = pieceInput(id as 'briefing');

  test('every path: reaches every state and takes every transition', () => {
    const paths = pathsOf(model);
    const replayed = paths.map((path) => replay(model.machine, path));
    expect(uncovered(model.machine, replayed)).toEqual([]);
    console.log(`${id}: ${paths.length} paths reach every state and take every transition`);
    for (const live of replayed) {
      const { value, status } = live.seen();
      expect(live.emitted.length).toBe(status === 'active' || value === 'tooLate' ? 0 : 1);
    }
  });

  test('tells once, with figures and text', () => {
    const live = done(gathered.now);
    expect(live.seen()).toMatchObject({ value: 'done', output: { madeAt: gathered.now, error: null } });
    expect(live.emitted).toMatchObject([
      {
        type: 'notification',
        notification,
        data: {
          status: 'completed',
          date: '2026-11-27',
          late: false,
          halfDay: true,
          source: 'simulated',
          asOf: gathered.asOf,
          text: expect.stringContaining('Friday 27 November 2026'),
        },
      },
    ]);
    const { data } = live.emitted[0] as { data: { text: string } };
    expect(data.text).toContain('Simulated market data');
    expect(data.text).not.toContain('Late');
    expect(data.text).not.toMatch(/undefined|null|NaN|\[object/);
  });

  test('late says so, and too late says nothing', () => {
    const late = new Date(Date.parse(piece.at) + 600_000).toISOString();
    expect(done(late).emitted).toMatchObject([
      { data: { late: true, text: expect.stringContaining('Late: due at') } },
    ]);
    expect(done(piece.until)).toMatchObject({ emitted: [] });
    expect(done(piece.until).seen().value).toBe('tooLate');
  });

  test('what was cut off with its process is gathered anew and judged by then, but not for ever', () => {
    const cutOff = { type: 'xstate.error.actor.gatherPiece', error: failed('interrupted') };
    const late = new Date(Date.parse(piece.at) + 600_000).toISOString();
    const gatheredLate = { type: 'xstate.done.actor.gatherPiece', output: { ...gathered, now: late } };
    const replayed = (...events: object[]) =>
      replay(model.machine, { input: model.inputs[0], events: events as never[] });
    expect(replayed(cutOff).emitted).toEqual([]);
    expect(replayed(cutOff, gatheredLate).emitted).toMatchObject([
      { data: { status: 'completed', late: true } },
    ]);
    const often = replayed(...Array.from({ length: MAX_RESTARTS + 1 }, () => cutOff));
    expect(often.emitted).toMatchObject([{ data: { status: 'failed', error: { code: 'interrupted' } } }]);
  });

  test('what could not be gathered is told with the reason', () => {
    const live = run({
      type: 'xstate.error.actor.gatherPiece',
      error: { ...failed('provider_unavailable'), message: 'Nobody answers.' },
    });
    expect(live.seen().value).toBe('failed');
    expect(live.emitted).toMatchObject([
      {
        notification,
        data: {
          status: 'failed',
          error: { code: 'provider_unavailable' },
          text: expect.stringMatching(/could not be made: Nobody answers\.$/),
        },
      },
    ]);
  });
});

describe('texts', () => {
  const textOf = <T extends GatheredHead>(kind: Parameters<typeof toldOf<T>>[0], gathered: T) =>
    (toldOf(kind, pieceInput(kind.id as 'briefing'), gathered).text as string).split('\n');

  test('of a briefing, in the time zone of its owner', () => {
    expect(textOf(briefingKind, gatheredBriefing)).toEqual([
      'Morning briefing for Friday 27 November 2026',
      'A half day: the exchange closes at 27 Nov, 19:00 (Europe/Berlin).',
      'Simulated market data: none of these figures is real.',
      '2 open positions, unrealized +$12.50 (1 not known).',
      '- MSFT short put: expires today',
      '1 alert armed.',
      '- AAPL at 100.00: 2 % to above 102.00',
      'Since the previous close (25 Nov, 22:00 (Europe/Berlin)): 2 x analysis complete.',
      '- KO full analysis: select',
    ]);
  });

  test('of more positions than were looked at', () => {
    expect(textOf(briefingKind, { ...gatheredBriefing, isCut: true })).toContain(
      'There are more positions than these figures are of: only the first 10,000, by portfolio and symbol, were looked at.',
    );
  });

  test('of a briefing with nothing in it', () => {
    const empty: GatheredBriefing = {
      ...gatheredBriefing,
      source: null,
      positions: { open: 0, unrealizedPnl: 0, unknown: 0 },
      watch: [],
      alerts: { armed: 0, unknown: 0, nearest: [] },
      since: { ...gatheredBriefing.since, notifications: [], analyses: [] },
    };
    expect(textOf(briefingKind, empty).slice(2)).toEqual([
      'No open positions.',
      '0 alerts armed.',
      'Since the previous close (25 Nov, 22:00 (Europe/Berlin)): nothing.',
    ]);
  });

  test('of a summary', () => {
    expect(textOf(summaryKind, gatheredSummary).slice(3)).toEqual([
      'Profit and loss of the day: +$4.85 (1 not known).',
      'Counted from the close of Wednesday 25 November 2026.',
      'Of what is not known there is no value now, or none of that close, as on the first day.',
      '2 open positions: unrealized +$30.00 (1 not known), market value -$120.00 (1 not known).',
      '- MSFT short put: day -$5.25, in all +$30.00',
      '- KO: day unknown, in all unknown',
      '1 position closed: realized +$80.10.',
      '- PEP: realized +$80.10, day +$10.10',
    ]);
  });

  test('of a report', () => {
    expect(textOf(reportKind, gatheredReport).slice(3)).toEqual([
      'Realized today: +$80.10 of 1 position; this month: +$200.00 of 3 positions (1 not known); in all: +$1,200.00 of 9 positions (1 not known).',
      '2 open positions, unrealized +$30.00 (1 not known).',
      '3 alerts today:',
      '- 2 earlier ones',
      '- 27 Nov, 16:00 (Europe/Berlin) price alert triggered AAPL',
      'To manage (1 not known):',
      '- MSFT short put: a short strike is tested (delta 0.51); 21 days left; 50 % of the profit is there',
    ]);
  });
});

describe('the day of a position', () => {
  test.each<[string, number | null, boolean, { pnl: number | null } | undefined, number | null]>([
    ['since the previous close', 30.1, false, { pnl: 10 }, 20.1],
    ['since it was opened, for a new one', 30.1, true, undefined, 30.1],
    ['not known without a value of the close', 30.1, false, undefined, null],
    ['not known where that was not known', 30.1, false, { pnl: null }, null],
    ['not known where there is no value now', null, false, { pnl: 10 }, null],
  ])('is %s', (_what, pnl, isNew, before, expected) => {
    expect(dayPnlOf({ pnl, isNew }, before)).toBe(expected);
  });

  test('sums are exact, and count what is not known', () => {
    const open = [
      { marketValue: 0.1, pnl: 0.1, dayPnl: 0.1 },
      { marketValue: 0.2, pnl: 0.2, dayPnl: 0.2 },
      { marketValue: null, pnl: null, dayPnl: null },
    ];
    expect(totalsOf(open, [{ realizedPnl: null, dayPnl: -0.4 }])).toEqual({
      open: 3,
      closed: 1,
      dayPnl: { amount: -0.1, unknown: 1 },
      unrealizedPnl: { amount: 0.3, unknown: 1 },
      realizedPnl: { amount: null, unknown: 1 },
      marketValue: { amount: 0.3, unknown: 1 },
    });
    const order = [null, 1, -3, 0].map((dayPnl) => ({ dayPnl })).toSorted(byMove);
    expect(order.map(({ dayPnl }) => dayPnl)).toEqual([-3, 1, 0, null]);
  });

  test('what is not known is no reason to manage', () => {
    const management = { takeProfit: null, closeByDte: null, tested: null };
    expect(reasonsToManage({ dte: null, management })).toEqual([]);
    const all = { takeProfit: true, closeByDte: true, tested: true };
    expect(reasonsToManage({ dte: 0, management: all })).toHaveLength(3);
    expect(reasonsToManage({ dte: -1, management })).toEqual(['expired']);
  });
});
