/** Which trading days there are: each of New York's calendar has its actor, begun soon after midnight. */
import { tradingDay } from '../../machines/trading-day.ts';
import { EXCHANGE_TIME_ZONE, exchangeDateOf } from '../../machines/trading-day-plan.ts';
import type { ActorSystem, Address, Schedule } from '../runtime/index.ts';

const OWNER = 'system';
const DAY_MS = 86_400_000;
/**
 * Over a long weekend what Friday leaves is of use until the next open; beyond, days are begun for their record alone.
 */
const MOST_DAYS_MADE_UP = 7;

/** Begins each day: at five past midnight, when also a clock that is behind is in the new day. */
export const tradingDaySchedule: Schedule = {
  name: 'trading-day',
  cron: '5 0 * * *',
  timeZone: EXCHANGE_TIME_ZONE,
  spawn: (now) => {
    const date = exchangeDateOf(now);
    return { machine: tradingDay.id, key: date, input: { date }, owner: OWNER };
  },
};

/**
 * Begins today's trading day where it is missing, and those that are missing between the last one that was begun and
 * today, at most a week of them: each judges by itself what of it is still of use. The first day ever is today. Called
 * again, it is no work. Answers the address of today's.
 */
export async function startTradingDay(
  system: Pick<ActorSystem, 'spawn' | 'list'>,
  now: Date,
): Promise<Address> {
  const today = exchangeDateOf(now);
  const { actors } = await system.list({
    machine: tradingDay.id,
    owner: OWNER,
    limit: MOST_DAYS_MADE_UP + 1,
  });
  const last = actors.map(({ key }) => key).reduce((a, b) => (a > b ? a : b), '');
  const missing: string[] = [];
  for (
    let day = today;
    last !== '' && day > last && missing.length < MOST_DAYS_MADE_UP;
    day = dayBefore(day)
  ) {
    missing.unshift(day);
  }
  for (const date of missing.length > 0 ? missing : [today]) {
    await system.spawn(tradingDay.id, date, { input: { date }, owner: OWNER });
  }
  return `${tradingDay.id}/${today}`;
}

function dayBefore(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) - DAY_MS).toISOString().slice(0, 10);
}
