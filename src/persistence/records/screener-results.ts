/** Finished screener runs, kept for reading and reports. Written once for each run. */
import type { Database } from '../database.ts';

export interface ScreenerRecord {
  runId: string;
  owner: string;
  savedScreenerId: string | null;
  status: string;
  result: unknown;
}

/** Keeps a result. The same run again changes nothing. */
export async function saveScreenerResult(database: Database, record: ScreenerRecord): Promise<void> {
  const { runId, owner, savedScreenerId, status, result } = record;
  await database.query(
    `INSERT INTO screener_results (run_id, owner, saved_screener_id, status, result) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (run_id) DO NOTHING`,
    [runId, owner, savedScreenerId, status, JSON.stringify(result)],
  );
}
