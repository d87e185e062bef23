/** Screeners that owners have saved by name, to run by hand or at each full hour of a session. */
import type { Database } from '../database.ts';

export interface SavedScreener {
  id: string;
  owner: string;
  /** One of an owner's. */
  name: string;
  /** As /screener/candidates takes it. */
  criteria: Record<string, unknown>;
  maxSymbols: number;
  autoRun: boolean;
}

const COLUMNS = 'id, owner, name, criteria, max_symbols AS "maxSymbols", auto_run AS "autoRun"';

/** Keeps a screener; the owner's one of this name is replaced, and keeps its id. */
export async function saveScreener(database: Database, screener: SavedScreener): Promise<SavedScreener> {
  const { id, owner, name, criteria, maxSymbols, autoRun } = screener;
  const { rows } = await database.query(
    `INSERT INTO saved_screeners (id, owner, name, criteria, max_symbols, auto_run) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (owner, name) DO UPDATE SET criteria = excluded.criteria, max_symbols = excluded.max_symbols,
       auto_run = excluded.auto_run, updated_at = now() RETURNING ${COLUMNS}`,
    [id, owner, name, JSON.stringify(criteria), maxSymbols, autoRun],
  );
  return rows[0] as unknown as SavedScreener;
}

/** An owner's screeners by name; at most 200. */
export async function savedScreeners(database: Database, owner: string): Promise<SavedScreener[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM saved_screeners WHERE owner = $1 ORDER BY name LIMIT 200`,
    [owner],
  );
  return rows as unknown as SavedScreener[];
}

/** Null when this owner has no such screener. */
export async function savedScreenerOf(
  database: Database,
  owner: string,
  id: string,
): Promise<SavedScreener | null> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM saved_screeners WHERE id = $1 AND owner = $2`,
    [id, owner],
  );
  return (rows[0] as SavedScreener | undefined) ?? null;
}

/** Whether there was one. */
export async function deleteScreener(database: Database, owner: string, id: string): Promise<boolean> {
  const { rowCount } = await database.query('DELETE FROM saved_screeners WHERE id = $1 AND owner = $2', [
    id,
    owner,
  ]);
  return rowCount === 1;
}

/** Those of all owners that run by themselves, after one in the order of their ids (null: from the first). */
export async function autoRunScreeners(
  database: Database,
  after: string | null,
  limit: number,
): Promise<SavedScreener[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM saved_screeners WHERE auto_run AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2`,
    [after, limit],
  );
  return rows as unknown as SavedScreener[];
}
