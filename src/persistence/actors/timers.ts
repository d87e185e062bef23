/** Reads of pg-boss's jobs that pg-boss itself does not offer. */
import type { Database } from '../database.ts';

/** When the nearest waiting job of a queue is due; null when none waits. */
export async function nearestDeadline(database: Database, queue: string): Promise<Date | null> {
  const { rows } = await database.query(
    `SELECT min(start_after) AS nearest FROM pgboss.job WHERE name = $1 AND state < 'active'`,
    [queue],
  );
  return (rows[0]?.nearest as Date | null | undefined) ?? null;
}
