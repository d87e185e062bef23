/** How long records are kept, and their deletion in bounded bites. Positions, closed ones included, are kept for ever. */
import type { Database } from '../database.ts';

const dayMs = 86_400_000;
export const KEEP_NOTIFICATIONS_MS = 90 * dayMs;
const KEEP_RESULTS_MS = 365 * dayMs;

/** What a bite has deleted, by table. */
export interface PrunedRecords {
  analyses: number;
  screenerResults: number;
  notifications: number;
}

/** Deletes what is old at a moment, at most so many rows of each table: fewer of each means that no more are. */
export async function pruneRecords(database: Database, now: Date, limit: number): Promise<PrunedRecords> {
  const results = new Date(now.getTime() - KEEP_RESULTS_MS);
  return {
    analyses: await rowsOf(database, DELETE_ANALYSES, results, limit),
    screenerResults: await rowsOf(database, DELETE_SCREENER_RESULTS, results, limit),
    notifications: await rowsOf(
      database,
      DELETE_NOTIFICATIONS,
      new Date(now.getTime() - KEEP_NOTIFICATIONS_MS),
      limit,
    ),
  };
}

async function rowsOf(database: Database, statement: string, before: Date, limit: number): Promise<number> {
  const { rowCount } = await database.query(statement, [before, limit]);
  return rowCount ?? 0;
}

const DELETE_ANALYSES = `
DELETE FROM analyses WHERE run_id = ANY(ARRAY(
  SELECT run_id FROM analyses WHERE created_at < $1 ORDER BY created_at LIMIT $2))`;

const DELETE_SCREENER_RESULTS = `
DELETE FROM screener_results WHERE run_id = ANY(ARRAY(
  SELECT run_id FROM screener_results WHERE created_at < $1 ORDER BY created_at LIMIT $2))`;

// The highest number that went is noted with the deletion, so that who has read less is told of a gap. The counters are
// locked in the order in which insertions lock them.
const DELETE_NOTIFICATIONS = `
WITH old AS MATERIALIZED (
  SELECT owner, seq FROM notifications WHERE at < $1 ORDER BY at LIMIT $2
), highest AS MATERIALIZED (
  SELECT owner, max(seq) AS seq FROM old GROUP BY owner
), locked AS MATERIALIZED (
  SELECT c.owner FROM notification_counters c WHERE c.owner = ANY(ARRAY(SELECT owner FROM highest))
  ORDER BY c.owner FOR UPDATE
), noted AS (
  UPDATE notification_counters c SET pruned_seq = greatest(c.pruned_seq, h.seq)
  FROM highest h JOIN locked USING (owner) WHERE c.owner = h.owner
)
DELETE FROM notifications n USING old WHERE n.owner = old.owner AND n.seq = old.seq`;
