/** Finished analyses, kept for reading and reports. Written once for each run. */
import type { Database } from '../database.ts';

export interface AnalysisRecord {
  runId: string;
  owner: string;
  symbol: string;
  type: string;
  status: string;
  recommendation: string | null;
  result: unknown;
}

/** Keeps a result. The same run again changes nothing. */
export async function saveAnalysis(database: Database, record: AnalysisRecord): Promise<void> {
  await database.query(
    `INSERT INTO analyses (run_id, owner, symbol, type, status, recommendation, result)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (run_id) DO NOTHING`,
    [
      record.runId,
      record.owner,
      record.symbol,
      record.type,
      record.status,
      record.recommendation,
      JSON.stringify(record.result),
    ],
  );
}
