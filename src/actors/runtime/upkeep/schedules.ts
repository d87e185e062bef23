/**
 * What is started by the calendar: pg-boss's cron, in a time zone, starts an actor. Which one is said by the schedule,
 * from the moment at hand, and its key makes it one: however many processes have the schedule, and however often a job
 * of it is tried. Not for what happens within an actor's life; those are its own delayed transitions.
 *
 * pg-boss files an occurrence only while something runs. What came due meanwhile is made up for once, and at the moment
 * at which it is: that many were missed, the one who starts the system must know by itself.
 */
import type { PgBoss } from 'pg-boss';
import { isName, refuse } from '../registry/faults.ts';
import { messageOf } from '../storable.ts';
import type { Address, RuntimeLog, Schedule, SpawnOptions } from '../types.ts';

const NAME = /^[\w.-]{1,100}$/;
/** Cron has a grain of a minute. */
const POLL_SECONDS = 60;
const DAY_SECONDS = 86_400;
/** While the database is in trouble, or this process is shutting down: a day of tries, a quarter of an hour apart. */
const RETRIES = { retryLimit: 100, retryDelay: 15, retryBackoff: true, retryDelayMax: 900 };

export interface ScheduleNeeds {
  now: () => Date;
  spawn: (machine: string, key: string, options: SpawnOptions) => Promise<Address>;
  log: RuntimeLog;
}

/** Throws `registration_refused` for what pg-boss could not keep, naming it. */
export function refuseSchedules(schedules: readonly Schedule[]): void {
  const faults = schedules.flatMap(({ name, cron, timeZone, spawn }, index) => {
    const what = `the schedule "${String(name)}"`;
    return [
      ...(typeof name === 'string' && NAME.test(name)
        ? []
        : [`${what} needs a name of 1 to 100 letters, digits or . _ -`]),
      ...(schedules.findIndex((other) => other.name === name) === index ? [] : [`${what} is there twice`]),
      ...(isName(cron) ? [] : [`${what} has no cron, such as "5 0 * * *"`]),
      ...(isTimeZone(timeZone) ? [] : [`${what} has no time zone such as America/New_York`]),
      ...(typeof spawn === 'function' ? [] : [`${what} has no function \`spawn\``]),
    ];
  });
  if (faults.length > 0) refuse('a schedule', faults);
}

/** The queue of a schedule. */
export function queueOf({ name }: Pick<Schedule, 'name'>): string {
  return `actor-schedule.${name}`;
}

/** Registers the schedules, and this process's part in them. Throws `registration_refused` for a wrong cron. */
export async function startSchedules(
  boss: PgBoss,
  schedules: readonly Schedule[],
  { now, spawn, log }: ScheduleNeeds,
): Promise<void> {
  for (const schedule of schedules) {
    const queue = queueOf(schedule);
    await boss.createQueue(queue, {
      ...RETRIES,
      retentionSeconds: DAY_SECONDS,
      deleteAfterSeconds: DAY_SECONDS,
    });
    try {
      await boss.schedule(queue, schedule.cron, null, { tz: schedule.timeZone, missed: 'once' });
    } catch (error) {
      if (!isFaultOfCron(error)) throw error;
      refuse(`the schedule "${schedule.name}"`, [`"${schedule.cron}" is no cron: ${messageOf(error)}`]);
    }
    await boss.work(queue, { pollingIntervalSeconds: POLL_SECONDS }, async () => {
      try {
        const { machine, key, input, owner } = schedule.spawn(now());
        await spawn(machine, key, { input, owner });
      } catch (error) {
        log.warn(
          { err: error, schedule: schedule.name },
          'a schedule could not start its actor; it tries again',
        );
        throw error;
      }
    });
  }
}

/** What the database says has a code. */
function isFaultOfCron(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === undefined || code === 'ERR_ASSERTION';
}

function isTimeZone(value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}
