/**
 * The rules of a trading day as data: what is started when, and until when it is of use. Pure: the machine
 * (`trading-day.ts`), the daily pieces and the effects that start them all judge by this.
 */
import { z } from 'zod';

export const EXCHANGE_TIME_ZONE = 'America/New_York';

export const pieceKind = z.enum(['briefing', 'scan', 'summary', 'report']);

/** Times in RFC 3339. */
export const daySession = z.object({
  opensAt: z.string(),
  closesAt: z.string(),
  halfDay: z.boolean(),
  /** The open of the session after it. */
  nextOpensAt: z.string(),
});
export type DaySession = z.infer<typeof daySession>;

/** What is started at one moment of a day, for each owner who is to have it. */
export const dayPiece = z.object({
  kind: pieceKind,
  /** New York's wall clock: `09:30`. Of one kind no two are the same. */
  clock: z.string(),
  at: z.string(),
  /** From then on it is of no use. */
  until: z.string(),
});
export type DayPiece = z.infer<typeof dayPiece>;

export const timing = z.enum(['on_time', 'late', 'too_late']);
export type Timing = z.infer<typeof timing>;

const HOUR_MS = 3_600_000;
/** The report comes this long after the close. */
const REPORT_AFTER_MS = HOUR_MS;
/** What begins later than this says so. Some minutes are the work itself, where there are many owners. */
const LATE_AFTER_MS = 300_000;

/**
 * The pieces of a session, in their order.
 *
 * | piece | at | of use until |
 * |---|---|---|
 * | briefing | the open | the close: it prepares for this session |
 * | scan | each full hour within the session | the next full hour, which scans anew, or the close |
 * | summary | the close | the next session's open: until then prices are still this close's |
 * | report | an hour after the close | the next session's open |
 */
export function planOf({ opensAt, closesAt, nextOpensAt }: DaySession): DayPiece[] {
  const [opens, closes] = [Date.parse(opensAt), Date.parse(closesAt)];
  const piece = (kind: DayPiece['kind'], at: number, until: number): DayPiece => ({
    kind,
    clock: clockOf(at),
    at: new Date(at).toISOString(),
    until: new Date(until).toISOString(),
  });
  const scans: DayPiece[] = [];
  // New York is whole hours from UTC.
  const firstHour = Math.floor(opens / HOUR_MS) * HOUR_MS + HOUR_MS;
  for (let hour = firstHour; hour < closes; hour += HOUR_MS) {
    scans.push(piece('scan', hour, Math.min(hour + HOUR_MS, closes)));
  }
  const nextOpens = Date.parse(nextOpensAt);
  return [
    piece('briefing', opens, closes),
    ...scans,
    piece('summary', closes, nextOpens),
    piece('report', reportAfter(new Date(closes)).getTime(), nextOpens),
  ];
}

/** Whether a piece that begins, or would be told, at `now` is on time, late, or of no use any more. */
export function timingOf({ at, until }: Pick<DayPiece, 'at' | 'until'>, now: string): Timing {
  const moment = Date.parse(now);
  if (moment >= Date.parse(until)) return 'too_late';
  return moment > Date.parse(at) + LATE_AFTER_MS ? 'late' : 'on_time';
}

/** The moment at which the report of a session that closed then was due. */
export function reportAfter(close: Date): Date {
  return new Date(close.getTime() + REPORT_AFTER_MS);
}

/** The date in New York, such as 2026-11-27. */
export function exchangeDateOf(moment: Date): string {
  return new Intl.DateTimeFormat('en-CA', {
    timeZone: EXCHANGE_TIME_ZONE,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).format(moment);
}

const exchangeClock = new Intl.DateTimeFormat('en-GB', {
  timeZone: EXCHANGE_TIME_ZONE,
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

function clockOf(time: number): string {
  return exchangeClock.format(time);
}
