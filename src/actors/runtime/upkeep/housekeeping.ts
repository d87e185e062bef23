/**
 * What is done about the tables from time to time, by pg-boss's cron: one of the processes deletes what need not be
 * kept any more. And how quietly pg-boss keeps its own house meanwhile. Not for what is kept; that is `retention.ts`.
 */
import type { PgBoss } from 'pg-boss';
import type { Retention } from './retention.ts';

const QUEUE = 'actor-housekeeping';
/** Hourly, off the full hour. */
const CRON = '17 * * * *';

/**
 * pg-boss looks after its queues every few seconds. Timers are fetched by their deadlines and never left active, so
 * what it would find is the hourly housekeeping: an idle system need not be asked more often than this.
 */
export const quietIntervals = {
  superviseIntervalSeconds: 600,
  monitorIntervalSeconds: 600,
  queueCacheIntervalSeconds: 600,
  flowIntervalSeconds: 3_600,
  bamIntervalSeconds: 600,
  cronMonitorIntervalSeconds: 45,
  cronWorkerIntervalSeconds: 45,
};

/** Registers the cron and this process's part in it. */
export async function scheduleHousekeeping(boss: PgBoss, retention: Retention): Promise<void> {
  await boss.createQueue(QUEUE, { policy: 'singleton', deleteAfterSeconds: 3_600 });
  await boss.schedule(QUEUE, CRON);
  await boss.work(QUEUE, { pollingIntervalSeconds: 600 }, async ([job]) => {
    await retention.round(job?.signal);
  });
}
