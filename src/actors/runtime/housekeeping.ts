/**
 * What is done about the tables from time to time, by pg-boss's cron: one of the processes prunes the journals that
 * keep only their last rows. And how quietly pg-boss keeps its own house meanwhile.
 */
import type { PgBoss } from 'pg-boss';
import { pruneJournal } from '../../persistence/actors/journal.ts';
import type { Database } from '../../persistence/database.ts';
import type { DurableMachine, RuntimeLog } from './types.ts';

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
export async function scheduleHousekeeping(options: {
  boss: PgBoss;
  database: Database;
  machines: readonly DurableMachine[];
  log: RuntimeLog;
}): Promise<void> {
  const { boss, database, machines, log } = options;
  await boss.createQueue(QUEUE, { policy: 'singleton', deleteAfterSeconds: 3_600 });
  await boss.schedule(QUEUE, CRON);
  await boss.work(QUEUE, { pollingIntervalSeconds: 600 }, async () => {
    for (const { id, journal } of machines) {
      if (journal?.keepLast === undefined) continue;
      const rows = await pruneJournal(database, id, journal.keepLast);
      if (rows > 0) log.info({ machine: id, rows }, 'journal pruned');
    }
  });
}
