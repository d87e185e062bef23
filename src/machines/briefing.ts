/**
 * The machine `briefing`: the morning's briefing of one owner, at the open (`briefing/<date>.<owner>`).
 *
 * It says what the owner goes into the session with: how the open positions stand and which of them need an eye today,
 * the alerts that are armed and those nearest to their price, and what happened since the previous close. A position
 * that could not be valued is counted as not known. The states are those of `daily-piece.ts`.
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
import { moneyText, priceText } from './money.ts';

const watched = z.object({
  positionId: z.string(),
  symbol: z.string(),
  structure: z.string(),
  dte: z.number().nullable(),
  reasons: z.array(z.string()),
});

export const gatheredBriefing = gatheredHead.extend({
  positions: z.object({
    open: z.int(),
    /** In currency; null: there are some, and none is known. */
    unrealizedPnl: z.number().nullable(),
    unknown: z.int(),
  }),
  /** Positions that need an eye today, at most 20 of them. */
  watch: z.array(watched),
  watchOmitted: z.int(),
  alerts: z.object({
    armed: z.int(),
    /** Of which nearest were looked for among those with a fresh quote. */
    unknown: z.int(),
    nearest: z.array(
      z.object({
        symbol: z.string(),
        price: z.number(),
        level: z.number(),
        direction: z.enum(['above', 'below']),
        /** From the price to the level, in percent of the price. */
        distancePct: z.number(),
      }),
    ),
  }),
  since: z.object({
    from: z.string(),
    notifications: z.array(z.object({ type: z.string(), count: z.int() })),
    analyses: z.array(
      z.object({
        symbol: z.string(),
        type: z.string(),
        status: z.string(),
        recommendation: z.string().nullable(),
      }),
    ),
  }),
});
export type GatheredBriefing = z.infer<typeof gatheredBriefing>;

export const briefingKind: DailyPieceKind<GatheredBriefing> = {
  id: 'briefing',
  notification: 'morning_briefing',
  name: 'morning briefing',
  lines: ({ positions, watch, watchOmitted, alerts, since, timeZone }) => [
    positions.open === 0
      ? 'No open positions.'
      : `${count(positions.open, 'open position')}, unrealized ${moneyText(positions.unrealizedPnl)}${unknownText(positions.unknown)}.`,
    ...watch.map(
      ({ symbol, structure, reasons }) => `- ${symbol} ${words(structure)}: ${reasons.join('; ')}`,
    ),
    ...(watchOmitted > 0 ? [`- and ${watchOmitted} more to watch`] : []),
    `${count(alerts.armed, 'alert')} armed${unknownText(alerts.unknown)}.`,
    ...alerts.nearest.map(
      ({ symbol, price, level, direction, distancePct }) =>
        `- ${symbol} at ${priceText(price)}: ${distancePct} % to ${direction} ${priceText(level)}`,
    ),
    `Since the previous close (${timeText(since.from, timeZone)}): ${sinceText(since)}.`,
    ...since.analyses.map(
      ({ symbol, type, status, recommendation }) => `- ${symbol} ${words(type)}: ${recommendation ?? status}`,
    ),
  ],
};

function sinceText({ notifications }: GatheredBriefing['since']): string {
  if (notifications.length === 0) return 'nothing';
  return notifications.map(({ type, count: times }) => `${times} x ${words(type)}`).join(', ');
}

function words(name: string): string {
  return name.replaceAll('_', ' ');
}

export const briefing = dailyPiece(briefingKind);
