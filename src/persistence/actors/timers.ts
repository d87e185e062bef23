/**
 * Reads of pg-boss's jobs that pg-boss itself does not offer. Its `fetch` orders by priority and creation, and so looks
 * at every job that waits; these two look only at the nearest, by the index on `start_after`.
 */
import type { Database } from '../database.ts';

/** What a timer's job holds. */
export interface TimerJobData {
  address: string;
  timerId: string;
  /** RFC 3339. */
  due: string;
}

/** When the nearest waiting job of a queue is due; null when none waits. */
export async function nearestDeadline(database: Database, queue: string): Promise<Date | null> {
  const { rows } = await database.query(
    `SELECT start_after AS nearest FROM pgboss.job
     WHERE name = $1 AND state = 'created' AND NOT blocked ORDER BY start_after LIMIT 1`,
    [queue],
  );
  return (rows[0]?.nearest as Date | undefined) ?? null;
}

/** The jobs that are due, the nearest deadline first. No other transaction gets them until this one ends. */
export async function takeDueJobs(
  transaction: Database,
  queue: string,
  limit: number,
): Promise<{ id: string; data: TimerJobData }[]> {
  const { rows } = await transaction.query(
    `SELECT id, data FROM pgboss.job
     WHERE name = $1 AND state = 'created' AND NOT blocked AND start_after <= pgboss.job_now()
     ORDER BY start_after LIMIT $2 FOR UPDATE SKIP LOCKED`,
    [queue, limit],
  );
  return rows as unknown as { id: string; data: TimerJobData }[];
}
