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

/** Of one owner. */
export const MAX_SAVED_SCREENERS = 200;

/**
 * What is undefined stays as it is kept, or is the usual: all criteria, 50 symbols, not by itself. So does each of the
 * criteria that is not there; one that is null is taken away.
 */
export interface ScreenerToSave extends Pick<SavedScreener, 'id' | 'owner' | 'name'> {
  criteria?: SavedScreener['criteria'] | undefined;
  maxSymbols?: number | undefined;
  autoRun?: boolean | undefined;
}

/**
 * Keeps a screener, or changes the owner's one of this name, which keeps its id (`isNew` false). Null when the owner has
 * `MAX_SAVED_SCREENERS` of other names.
 */
export async function saveScreener(
  database: Database,
  screener: ScreenerToSave,
): Promise<(SavedScreener & { isNew: boolean }) | null> {
  const { id, owner, name, criteria, maxSymbols, autoRun } = screener;
  const { rows } = await database.query(
    `INSERT INTO saved_screeners (id, owner, name, criteria, max_symbols, auto_run)
     SELECT $1::uuid, $2::text, $3::text, jsonb_strip_nulls(coalesce($4::jsonb, '{}')), coalesce($5::integer, 50), coalesce($6::boolean, false)
     WHERE (SELECT count(*) FROM saved_screeners WHERE owner = $2 AND name <> $3) < ${MAX_SAVED_SCREENERS}
     ON CONFLICT (owner, name) DO UPDATE SET
       criteria = jsonb_strip_nulls(saved_screeners.criteria || coalesce($4::jsonb, '{}')),
       max_symbols = coalesce($5, saved_screeners.max_symbols), auto_run = coalesce($6, saved_screeners.auto_run),
       updated_at = now() RETURNING ${COLUMNS}, id = $1 AS "isNew"`,
    [id, owner, name, criteria && JSON.stringify(criteria), maxSymbols, autoRun],
  );
  return (rows[0] as (SavedScreener & { isNew: boolean }) | undefined) ?? null;
}

/** An owner's screeners by name. */
export async function savedScreeners(database: Database, owner: string): Promise<SavedScreener[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM saved_screeners WHERE owner = $1 ORDER BY name LIMIT ${MAX_SAVED_SCREENERS}`,
    [owner],
  );
  return rows as unknown as SavedScreener[];
}

/** The one with this id, else of this name. Null when this owner has no such screener. */
export async function savedScreenerOf(
  database: Database,
  owner: string,
  idOrName: string,
): Promise<SavedScreener | null> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM saved_screeners WHERE owner = $1 AND (id::text = lower($2) OR name = $2)
     ORDER BY name = $2 LIMIT 1`,
    [owner, idOrName],
  );
  return (rows[0] as SavedScreener | undefined) ?? null;
}

/** What it was; null when this owner has no such screener. */
export async function deleteScreener(
  database: Database,
  owner: string,
  id: string,
): Promise<SavedScreener | null> {
  const { rows } = await database.query(
    `DELETE FROM saved_screeners WHERE id = $1 AND owner = $2 RETURNING ${COLUMNS}`,
    [id, owner],
  );
  return (rows[0] as SavedScreener | undefined) ?? null;
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
