/** Which days options can expire on, as the analysis service has it: what it would refuse, the doors refuse before. */
import { exchangeDateOf } from '../machines/trading-day-plan.ts';

const OLDEST_YEAR = 1990;
const NEWEST_YEAR = 2040;
/** Monthly options expired on Saturdays until then. */
const LAST_SATURDAY_EXPIRATION = '2015-02-21';
const weekday = new Intl.DateTimeFormat('en', { weekday: 'long', timeZone: 'UTC' });

/** What is wrong with a day (`2026-12-18`) as an expiration; null: nothing. */
export function expirationFault(day: string): string | null {
  const year = Number(day.slice(0, 4));
  if (year < OLDEST_YEAR || year > NEWEST_YEAR) {
    return `must be of the years ${OLDEST_YEAR} to ${NEWEST_YEAR}`;
  }
  const name = weekday.format(new Date(`${day}T00:00:00Z`));
  if (!name.startsWith('S') || day <= LAST_SATURDAY_EXPIRATION) return null;
  return `no option expires on ${day}, a ${name}`;
}

/**
 * What is wrong with a position whose option was over when it was opened: on a day, or at a moment by New York's date.
 * Null: nothing.
 */
export function expiredBefore(expiration: string, openedAt: Date | string): string | null {
  const opened = typeof openedAt === 'string' ? openedAt : exchangeDateOf(openedAt);
  return expiration < opened ? `expired on ${expiration}, before the position was opened on ${opened}` : null;
}
