/**
 * The machine `summary`: the end of one owner's day, at the close (`summary/<date>.<owner>`).
 *
 * It says the profit and loss of the day, per position and in all. That is each position's profit and loss since it was
 * opened, less what that was at the previous close; each summary keeps these values for the next one
 * (`position_marks`). So it is right also where legs were corrected or added meanwhile. A position that was opened, or
 * closed, within the day counts with what it made since or until then. Without a value of the previous close, as on the
 * first day, the day's is not known, and said so: it is never taken for 0. What was closed after the close belongs to
 * the next day. The states are those of `daily-piece.ts`.
 */
import { z } from 'zod';
import {
  count,
  type DailyPieceKind,
  dailyPiece,
  dateText,
  gatheredHead,
  unknownText,
} from './daily-piece.ts';
import { difference, type KnownSum, moneyText, sumOf } from './money.ts';

const amount = z.number().nullable();
/** Amounts in currency; `unknown`: how many are not in it. */
const sum = z.object({ amount, unknown: z.int() });

export const gatheredSummary = gatheredHead.extend({
  /** The session at whose close the day begins. */
  previousDate: z.string(),
  /** Those that moved most first, at most 50; the sums are of all. */
  positions: z.array(
    z.object({
      positionId: z.string(),
      symbol: z.string(),
      structure: z.string().nullable(),
      marketValue: amount,
      /** Since it was opened. */
      pnl: amount,
      dayPnl: amount,
    }),
  ),
  positionsOmitted: z.int(),
  /** Closed within the day, at most 50. */
  closed: z.array(
    z.object({ positionId: z.string(), symbol: z.string(), realizedPnl: amount, dayPnl: amount }),
  ),
  closedOmitted: z.int(),
  totals: z.object({
    open: z.int(),
    closed: z.int(),
    /** Of open and closed ones. */
    dayPnl: sum,
    unrealizedPnl: sum,
    realizedPnl: sum,
    marketValue: sum,
  }),
});
export type GatheredSummary = z.infer<typeof gatheredSummary>;

/** The day's profit and loss of one position: `before` is what it was at the previous close. */
export function dayPnlOf(
  { pnl, isNew }: { pnl: number | null; isNew: boolean },
  before: { pnl: number | null } | undefined,
): number | null {
  if (before) return difference(pnl, before.pnl);
  return isNew ? pnl : null;
}

/** What moved most comes first; what is not known last. */
export function byMove(a: { dayPnl: number | null }, b: { dayPnl: number | null }): number {
  return moveOf(b) - moveOf(a);
}

function moveOf({ dayPnl }: { dayPnl: number | null }): number {
  return dayPnl === null ? -1 : Math.abs(dayPnl);
}

/** The sums of a day. */
export function totalsOf(
  open: readonly { marketValue: number | null; pnl: number | null; dayPnl: number | null }[],
  closed: readonly { realizedPnl: number | null; dayPnl: number | null }[],
): GatheredSummary['totals'] {
  return {
    open: open.length,
    closed: closed.length,
    dayPnl: sumOf([...open, ...closed].map(({ dayPnl }) => dayPnl)),
    unrealizedPnl: sumOf(open.map(({ pnl }) => pnl)),
    realizedPnl: sumOf(closed.map(({ realizedPnl }) => realizedPnl)),
    marketValue: sumOf(open.map(({ marketValue }) => marketValue)),
  };
}

function sumText({ amount: known, unknown }: KnownSum): string {
  return `${moneyText(known)}${unknownText(unknown)}`;
}

export const summaryKind: DailyPieceKind<GatheredSummary> = {
  id: 'summary',
  notification: 'eod_summary',
  name: 'end-of-day summary',
  lines: ({ previousDate, positions, positionsOmitted, closed, closedOmitted, totals }) => [
    `Profit and loss of the day: ${sumText(totals.dayPnl)}.`,
    `Counted from the close of ${dateText(previousDate)}.`,
    ...(totals.dayPnl.unknown === 0
      ? []
      : ['Of what is not known there is no value now, or none of that close, as on the first day.']),
    totals.open === 0
      ? 'No open positions.'
      : `${count(totals.open, 'open position')}: unrealized ${sumText(totals.unrealizedPnl)}, market value ${sumText(totals.marketValue)}.`,
    ...positions.map(
      ({ symbol, structure, dayPnl, pnl }) =>
        `- ${symbol}${structure ? ` ${structure.replaceAll('_', ' ')}` : ''}: day ${moneyText(dayPnl)}, in all ${moneyText(pnl)}`,
    ),
    ...(positionsOmitted > 0 ? [`- and ${positionsOmitted} more`] : []),
    ...(totals.closed === 0
      ? []
      : [`${count(totals.closed, 'position')} closed: realized ${sumText(totals.realizedPnl)}.`]),
    ...closed.map(
      ({ symbol, realizedPnl, dayPnl }) =>
        `- ${symbol}: realized ${moneyText(realizedPnl)}, day ${moneyText(dayPnl)}`,
    ),
    ...(closedOmitted > 0 ? [`- and ${closedOmitted} more`] : []),
  ],
};

export const summary = dailyPiece(summaryKind);
