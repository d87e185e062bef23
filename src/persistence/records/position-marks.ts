/** What positions were worth at the closes: each summary keeps it for the next one, which counts the day from there. */
import type { Database } from '../database.ts';

/** Amounts in currency for the whole position; null: not known. */
export interface PositionMark {
  positionId: string;
  marketValue: number | null;
  pnl: number | null;
}

/** Marks are of use to the next session; these many days are kept for looking back. */
const KEPT_DAYS = 400;

/** Keeps the marks of an owner's day, in place of those that it has, and forgets old ones. */
export async function saveMarks(
  database: Database,
  owner: string,
  date: string,
  marks: readonly PositionMark[],
): Promise<void> {
  await database.query(
    `INSERT INTO position_marks (owner, date, position_id, market_value, pnl)
     SELECT $1, $2, * FROM unnest($3::uuid[], $4::numeric[], $5::numeric[])
     ON CONFLICT (owner, date, position_id) DO UPDATE SET market_value = excluded.market_value, pnl = excluded.pnl`,
    [
      owner,
      date,
      marks.map(({ positionId }) => positionId),
      marks.map(({ marketValue }) => marketValue),
      marks.map(({ pnl }) => pnl),
    ],
  );
  await database.query('DELETE FROM position_marks WHERE owner = $1 AND date < $2::date - $3::int', [
    owner,
    date,
    KEPT_DAYS,
  ]);
}

/** The marks of an owner's day; none where no summary was made for it. */
export async function marksOf(database: Database, owner: string, date: string): Promise<PositionMark[]> {
  const { rows } = await database.query(
    `SELECT position_id AS "positionId", market_value::float8 AS "marketValue", pnl::float8 AS pnl
     FROM position_marks WHERE owner = $1 AND date = $2`,
    [owner, date],
  );
  return rows as unknown as PositionMark[];
}
