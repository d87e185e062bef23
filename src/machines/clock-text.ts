/** Times in texts for a person, as a clock shows them: `2026-11-28 04:17:10 CET`. Not for JSON, nor for machines. */

/** A clock of a time zone (IANA), or of this process's. */
export function clockOf(timeZone?: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('sv-SE', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
    ...(timeZone !== undefined && { timeZone }),
  });
}

/** A time of ISO 8601 by this clock; what is none stays as it is. */
export function timeBy(clock: Intl.DateTimeFormat, iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : clock.format(date);
}

/** What somebody wrote stands in quotation marks. */
const QUOTED_OR_TIME = /"[^"]*"|\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** A text with its times (ISO 8601, UTC) by this clock; dates stay, and what is quoted. */
export function timesBy(clock: Intl.DateTimeFormat, text: string): string {
  return text.replaceAll(QUOTED_OR_TIME, (found) => (found.startsWith('"') ? found : timeBy(clock, found)));
}
