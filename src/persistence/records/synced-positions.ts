/**
 * Positions that follow a broker's accounts: what is known of them, and all changes of one reading in one statement, so
 * that they happen together or not at all. Which changes those are is not decided here.
 */
import type { Database } from '../database.ts';
import type { NewPosition, PositionLeg } from './positions.ts';

/** A position that follows a broker: open, or closed by its owner with an amount, which no reading takes away. */
export interface SyncedPosition {
  id: string;
  status: 'open' | 'closed';
  portfolio: string;
  symbol: string;
  legs: readonly PositionLeg[];
  /** Of its oldest leg. */
  openedAt: Date;
  externalId: string;
}

export interface SyncChanges {
  /** New, or closed here without an amount and held there all the same: those are open again. */
  added: readonly NewPosition[];
  updated: readonly { id: string; legs: readonly PositionLeg[] }[];
  /** Closed, at an amount that nobody told. */
  closed: readonly string[];
  /** Never closed: their legs stand in other positions now. */
  replaced: readonly string[];
}

/** All positions of an owner that follow a broker, but those closed without an amount: whoever holds them has them open. */
export async function syncedPositions(database: Database, owner: string): Promise<SyncedPosition[]> {
  const { rows } = await database.query(
    `SELECT id, status, portfolio, symbol, legs, opened_at AS "openedAt", external_id AS "externalId" FROM positions
     WHERE owner = $1 AND source = 'tastytrade' AND (status = 'open' OR realized_pnl IS NOT NULL) ORDER BY id`,
    [owner],
  );
  return rows as unknown as SyncedPosition[];
}

/**
 * Applies the changes of one reading, `at` when it was read. Twice at once is as once: what another has added, changed
 * or closed meanwhile is left alone. Answers the ids of the added ones by their external ids.
 */
export async function applySync(
  database: Database,
  owner: string,
  { added, updated, closed, replaced }: SyncChanges,
  at: Date,
): Promise<Map<string, string>> {
  const column = <T>(of: (position: NewPosition) => T): T[] => added.map(of);
  const { rows } = await database.query(
    `WITH added AS (
       INSERT INTO positions (id, owner, portfolio, symbol, legs, opened_at, source, external_id)
       SELECT id, $1, portfolio, symbol, legs, opened_at, 'tastytrade', external_id
       FROM unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::text[])
         AS held (id, portfolio, symbol, legs, opened_at, external_id)
       ON CONFLICT (owner, source, external_id) WHERE external_id IS NOT NULL
       DO UPDATE SET status = 'open', closed_at = NULL, legs = excluded.legs, updated_at = now()
         WHERE positions.status = 'closed' AND positions.realized_pnl IS NULL
       RETURNING id, external_id
     ), updated AS (
       UPDATE positions SET legs = held.legs, updated_at = now()
       FROM unnest($8::uuid[], $9::jsonb[]) AS held (id, legs)
       WHERE positions.id = held.id AND owner = $1 AND status = 'open'
     ), closed AS (
       UPDATE positions SET status = 'closed', closed_at = greatest($11, opened_at), realized_pnl = NULL,
         updated_at = now()
       WHERE id = ANY($10::uuid[]) AND owner = $1 AND status = 'open'
     ), replaced AS (
       DELETE FROM positions WHERE id = ANY($12::uuid[]) AND owner = $1 AND status = 'open'
     )
     SELECT id, external_id AS "externalId" FROM added`,
    [
      owner,
      column(({ id }) => id),
      column(({ portfolio }) => portfolio),
      column(({ symbol }) => symbol),
      column(({ legs }) => JSON.stringify(legs)),
      column(({ openedAt }) => openedAt),
      column(({ externalId }) => externalId),
      updated.map(({ id }) => id),
      updated.map(({ legs }) => JSON.stringify(legs)),
      closed,
      at,
      replaced,
    ],
  );
  return new Map(rows.map(({ id, externalId }) => [externalId as string, id as string]));
}
