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
  /** Of the actor, when the timer was set; timers of before versions were kept here have none. */
  version?: string;
}

/** Those of actors of the given versions: the others are left alone, for the processes that have theirs. */
const OF_VERSIONS = `split_part(data->>'address', '/', 1) || coalesce('@' || (data->>'version'), '') = ANY($2)`;

/** The versions of machines as the timers name them. */
export function timerVersions(versions: readonly { id: string; version: string }[]): string[] {
  return [...new Set(versions.flatMap(({ id, version }) => [id, `${id}@${version}`]))];
}

/** When the nearest waiting job of a queue is due; null when none waits. */
export async function nearestDeadline(
  database: Database,
  queue: string,
  versions: readonly string[],
): Promise<Date | null> {
  const { rows } = await database.query(
    `SELECT start_after AS nearest FROM pgboss.job
     WHERE name = $1 AND state = 'created' AND NOT blocked AND ${OF_VERSIONS} ORDER BY start_after LIMIT 1`,
    [queue, versions],
  );
  return (rows[0]?.nearest as Date | undefined) ?? null;
}

/**
 * The jobs that are due, the nearest deadline first. No other transaction gets them until this one ends.
 * `now`: the time that decides; null for the database's.
 */
export async function takeDueJobs(
  transaction: Database,
  queue: string,
  versions: readonly string[],
  limit: number,
  now: Date | null,
): Promise<{ id: string; data: TimerJobData }[]> {
  const { rows } = await transaction.query(
    `SELECT id, data FROM pgboss.job
     WHERE name = $1 AND state = 'created' AND NOT blocked AND start_after <= coalesce($4, pgboss.job_now()) AND ${OF_VERSIONS}
     ORDER BY start_after LIMIT $3 FOR UPDATE SKIP LOCKED`,
    [queue, versions, limit, now],
  );
  return rows as unknown as { id: string; data: TimerJobData }[];
}
