/**
 * The machine `report`: the daily report of one owner, an hour after the close (`report/<date>.<owner>`).
 *
 * It says the performance (what was realized on the day, in its month and in all, and what is not realized yet), the
 * alerts of the day, and what to manage by the usual rules for sold options: half of the profit is there, 21 days to
 * expiry are left, a short strike is tested, closing costs twice what was received; or an option has expired, and
 * nobody has said how. A day's alerts are those since the moment at which the report of the session before was due, so
 * that each is in one report; what was closed after the close belongs to the next day. A realized amount that was not
 * said is counted as not known. The states are those of `daily-piece.ts`.
 */
import { z } from 'zod';
import {
  count,
  type DailyPieceKind,
  dailyPiece,
  gatheredHead,
  timeText,
  unknownText,
} from './daily-piece.ts';
import type { PositionValue } from './market.ts';
import { moneyText } from './money.ts';

const amount = z.number().nullable();

const realized = z.object({ pnl: amount, closed: z.int(), unknown: z.int() });

export const manageReason = z.enum(['take_profit', 'close_by_dte', 'tested', 'cost_doubled', 'expired']);
export type ManageReason = z.infer<typeof manageReason>;

export const gatheredReport = gatheredHead.extend({
  results: z.object({
    open: z.int(),
    unrealizedPnl: amount,
    unrealizedUnknown: z.int(),
    realizedDay: realized,
    realizedMonth: realized,
    realizedAll: realized,
  }),
  alerts: z.object({
    count: z.int(),
    /** The last of them, at most 20, oldest first. */
    last: z.array(
      z.object({ at: z.string(), type: z.string(), symbol: z.string().nullable(), seq: z.int() }),
    ),
  }),
  /** At most 50. */
  manage: z.array(
    z.object({
      positionId: z.string(),
      symbol: z.string(),
      structure: z.string(),
      reasons: z.array(manageReason),
      dte: z.number().nullable(),
      profitCapturedPct: z.number().nullable(),
      shortDelta: z.number().nullable(),
    }),
  ),
  manageOmitted: z.int(),
  /** Positions of which nobody knows whether they are to be managed. */
  manageUnknown: z.int(),
});
export type GatheredReport = z.infer<typeof gatheredReport>;
type Managed = GatheredReport['manage'][number];
type Realized = z.infer<typeof realized>;

/** To close costs twice what was received, or more. */
export const COST_DOUBLED_WORDS = 'closing costs twice what was received';

/** Of a position that nobody has closed. */
export const EXPIRED_WORDS = 'has expired: record how it ended';

/** Which of the usual rules say to act. */
export function reasonsToManage({
  dte,
  management,
}: Pick<PositionValue, 'dte' | 'management'>): ManageReason[] {
  return [
    ...(dte !== null && dte < 0 ? (['expired'] as const) : []),
    ...(management.tested
      ? [management.testedBy === 'cost' ? ('cost_doubled' as const) : ('tested' as const)]
      : []),
    ...(management.closeByDte ? (['close_by_dte'] as const) : []),
    ...(management.takeProfit ? (['take_profit'] as const) : []),
  ];
}

function reasonText(reason: ManageReason, { dte, profitCapturedPct, shortDelta }: Managed): string {
  if (reason === 'expired') return EXPIRED_WORDS;
  if (reason === 'cost_doubled') return COST_DOUBLED_WORDS;
  if (reason === 'take_profit') {
    return `${profitCapturedPct === null ? 'half' : `${Math.round(profitCapturedPct)} %`} of the profit is there`;
  }
  if (reason === 'close_by_dte')
    return dte === null ? '21 days or less are left' : `${count(dte, 'day')} left`;
  return `a short strike is tested${shortDelta === null ? '' : ` (delta ${shortDelta.toFixed(2)})`}`;
}

function realizedText({ pnl, closed, unknown }: Realized): string {
  return closed === 0
    ? 'nothing closed'
    : `${moneyText(pnl)} of ${count(closed, 'position')}${unknownText(unknown)}`;
}

export const reportKind: DailyPieceKind<GatheredReport> = {
  id: 'report',
  notification: 'daily_report',
  name: 'daily report',
  lines: ({ results, alerts, manage, manageOmitted, manageUnknown, timeZone }) => [
    `Realized today: ${realizedText(results.realizedDay)}; this month: ${realizedText(results.realizedMonth)}; in all: ${realizedText(results.realizedAll)}.`,
    results.open === 0
      ? 'No open positions.'
      : `${count(results.open, 'open position')}, unrealized ${moneyText(results.unrealizedPnl)}${unknownText(results.unrealizedUnknown)}.`,
    alerts.count === 0 ? 'No alerts today.' : `${count(alerts.count, 'alert')} today:`,
    ...(alerts.count > alerts.last.length ? [`- ${alerts.count - alerts.last.length} earlier ones`] : []),
    ...alerts.last.map(
      ({ at, type, symbol }) =>
        `- ${timeText(at, timeZone)} ${type.replaceAll('_', ' ')}${symbol ? ` ${symbol}` : ''}`,
    ),
    ...(results.open === 0
      ? []
      : [manage.length === 0 ? 'Nothing to manage.' : `To manage${unknownText(manageUnknown)}:`]),
    ...manage.map(
      (one) =>
        `- ${one.symbol} ${one.structure.replaceAll('_', ' ')}: ${one.reasons.map((reason) => reasonText(reason, one)).join('; ')}`,
    ),
    ...(manageOmitted > 0 ? [`- and ${manageOmitted} more`] : []),
    ...(manage.length === 0 && manageUnknown > 0
      ? [`${count(manageUnknown, 'position')} could not be judged.`]
      : []),
  ],
};

export const report = dailyPiece(reportKind);
