/** The models of `briefing`, `summary` and `report`: gathered in time, late, too late, or not at all. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import type { Model } from '../../../test/model.ts';
import { briefing, type GatheredBriefing } from '../briefing.ts';
import type { DailyPieceInput } from '../daily-piece.ts';
import { type GatheredReport, report } from '../report.ts';
import { type GatheredSummary, summary } from '../summary.ts';
import { type DayPiece, planOf } from '../trading-day-plan.ts';
import { failed } from './models.ts';

export const halfDay = {
  opensAt: '2026-11-27T14:30:00.000Z',
  closesAt: '2026-11-27T18:00:00.000Z',
  halfDay: true,
  nextOpensAt: '2026-11-30T14:30:00.000Z',
};

/** The input of a half day's piece. */
export function pieceInput(kind: DayPiece['kind']): DailyPieceInput {
  const piece = planOf(halfDay).find((one) => one.kind === kind) as DayPiece;
  return { date: '2026-11-27', session: halfDay, piece };
}

const head = { timeZone: 'Europe/Berlin', source: 'simulated', asOf: '2026-11-27T14:30:00.000Z' };

export const gatheredBriefing: GatheredBriefing = {
  ...head,
  now: '2026-11-27T14:30:01.000Z',
  positions: { open: 2, unrealizedPnl: 12.5, unknown: 1 },
  watch: [{ positionId: 'p1', symbol: 'MSFT', structure: 'short_put', dte: 0, reasons: ['expires today'] }],
  watchOmitted: 0,
  alerts: {
    armed: 1,
    unknown: 0,
    nearest: [{ symbol: 'AAPL', price: 100, level: 102, direction: 'above', distancePct: 2 }],
  },
  since: {
    from: '2026-11-25T21:00:00.000Z',
    notifications: [{ type: 'analysis_complete', count: 2 }],
    analyses: [{ symbol: 'KO', type: 'full_analysis', status: 'completed', recommendation: 'select' }],
  },
};

export const gatheredSummary: GatheredSummary = {
  ...head,
  now: '2026-11-27T18:00:01.000Z',
  previousDate: '2026-11-25',
  positions: [
    { positionId: 'p1', symbol: 'MSFT', structure: 'short_put', marketValue: -120, pnl: 30, dayPnl: -5.25 },
    { positionId: 'p2', symbol: 'KO', structure: null, marketValue: null, pnl: null, dayPnl: null },
  ],
  positionsOmitted: 0,
  closed: [{ positionId: 'p3', symbol: 'PEP', realizedPnl: 80.1, dayPnl: 10.1 }],
  closedOmitted: 0,
  totals: {
    open: 2,
    closed: 1,
    dayPnl: { amount: 4.85, unknown: 1 },
    unrealizedPnl: { amount: 30, unknown: 1 },
    realizedPnl: { amount: 80.1, unknown: 0 },
    marketValue: { amount: -120, unknown: 1 },
  },
};

export const gatheredReport: GatheredReport = {
  ...head,
  now: '2026-11-27T19:00:01.000Z',
  results: {
    open: 2,
    unrealizedPnl: 30,
    unrealizedUnknown: 1,
    realizedDay: { pnl: 80.1, closed: 1, unknown: 0 },
    realizedMonth: { pnl: 200, closed: 3, unknown: 1 },
    realizedAll: { pnl: 1_200, closed: 9, unknown: 1 },
  },
  alerts: {
    count: 3,
    last: [{ at: '2026-11-27T15:00:00.000Z', type: 'price_alert_triggered', symbol: 'AAPL', seq: 7 }],
  },
  manage: [
    {
      positionId: 'p1',
      symbol: 'MSFT',
      structure: 'short_put',
      reasons: ['tested', 'close_by_dte', 'take_profit'],
      dte: 21,
      profitCapturedPct: 50.4,
      shortDelta: 0.512,
    },
  ],
  manageOmitted: 0,
  manageUnknown: 1,
};

function model(machine: AnyStateMachine, kind: DayPiece['kind'], gathered: { now: string }): Model {
  const input = pieceInput(kind);
  const late = new Date(Date.parse(input.piece.at) + 600_000).toISOString();
  return {
    machine,
    inputs: [input],
    events: [],
    outcomes: {
      gatherPiece: {
        outputs: [gathered, { ...gathered, now: late }, { ...gathered, now: input.piece.until }],
        errors: [failed('provider_unavailable'), failed('interrupted')],
      },
    },
    serialize: ({ value, context }: AnyMachineSnapshot) => JSON.stringify([value, context]),
  };
}

export const briefingModel = model(briefing.machine, 'briefing', gatheredBriefing);
export const summaryModel = model(summary.machine, 'summary', gatheredSummary);
export const reportModel = model(report.machine, 'report', gatheredReport);
