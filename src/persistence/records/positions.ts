/** What owners hold: one trade a row, with its legs. Not for what it is worth; the analysis service says that. */
import type { Database } from '../database.ts';

/** As /positions/evaluate takes it. `quantity` is signed: negative is sold. `openPrice` per share. */
export interface PositionLeg {
  kind: 'option' | 'stock';
  right?: 'call' | 'put';
  strike?: number;
  /** New York's date, such as 2026-12-18. */
  expiration?: string;
  quantity: number;
  openPrice: number;
}

export type PositionSource = 'manual' | 'csv' | 'tastytrade';

export interface NewPosition {
  id: string;
  owner: string;
  portfolio: string;
  symbol: string;
  legs: readonly PositionLeg[];
  openedAt: Date;
  source: PositionSource;
  /** The id that it has at its source; one of a source is kept once. */
  externalId: string | null;
  note: string | null;
}

export interface Position extends NewPosition {
  status: 'open' | 'closed';
  closedAt: Date | null;
  /** In currency for the whole position, as decimal text; null when it is open or not known. */
  realizedPnl: string | null;
  updatedAt: Date;
}

const COLUMNS = `id, owner, portfolio, symbol, legs, status, opened_at AS "openedAt", closed_at AS "closedAt",
  realized_pnl AS "realizedPnl", source, external_id AS "externalId", note, updated_at AS "updatedAt"`;

/** Keeps a position. One of the same source and external id is not kept again: answers null. */
export async function insertPosition(database: Database, position: NewPosition): Promise<Position | null> {
  const { id, owner, portfolio, symbol, legs, openedAt, source, externalId, note } = position;
  const { rows } = await database.query(
    `INSERT INTO positions (id, owner, portfolio, symbol, legs, opened_at, source, external_id, note)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    [id, owner, portfolio, symbol, JSON.stringify(legs), openedAt, source, externalId, note],
  );
  return (rows[0] as Position | undefined) ?? null;
}

/** Keeps positions of one owner in one statement; answers those that were new, in no order. */
export async function insertPositions(
  database: Database,
  positions: readonly NewPosition[],
): Promise<Position[]> {
  if (positions.length === 0) return [];
  const column = <T>(of: (position: NewPosition) => T): T[] => positions.map(of);
  const { rows } = await database.query(
    `INSERT INTO positions (id, owner, portfolio, symbol, legs, opened_at, source, external_id, note)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::text[],
       $8::text[], $9::text[])
     ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    [
      column(({ id }) => id),
      column(({ owner }) => owner),
      column(({ portfolio }) => portfolio),
      column(({ symbol }) => symbol),
      column(({ legs }) => JSON.stringify(legs)),
      column(({ openedAt }) => openedAt),
      column(({ source }) => source),
      column(({ externalId }) => externalId),
      column(({ note }) => note),
    ],
  );
  return rows as unknown as Position[];
}

/** Of these ids at a source, those that this owner has already, and in which portfolio. */
export async function knownExternalIds(
  database: Database,
  owner: string,
  source: PositionSource,
  externalIds: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await database.query(
    'SELECT external_id, portfolio FROM positions WHERE owner = $1 AND source = $2 AND external_id = ANY($3)',
    [owner, source, externalIds],
  );
  return new Map(rows.map(({ external_id: id, portfolio }) => [id as string, portfolio as string]));
}

export interface PositionPlace {
  openedAt: Date;
  id: string;
}

/** An owner's positions, the last opened first: of a status or of all, of a portfolio or of all, behind a place. */
export async function listPositions(
  database: Database,
  owner: string,
  page: {
    status?: 'open' | 'closed' | undefined;
    portfolio?: string | undefined;
    after?: PositionPlace | undefined;
    limit: number;
  },
): Promise<Position[]> {
  const values: unknown[] = [owner, page.limit];
  const given = (value: unknown): string => `$${values.push(value)}`;
  const conditions = ['owner = $1'];
  // Only what is asked stands in the statement, so that its plan is the one for it.
  if (page.status) conditions.push(`status = ${given(page.status)}`);
  if (page.portfolio !== undefined) conditions.push(`portfolio = ${given(page.portfolio)}`);
  if (page.after) {
    const [openedAt, id] = [given(page.after.openedAt), given(page.after.id)];
    conditions.push(`opened_at <= ${openedAt}`, `(opened_at < ${openedAt} OR id > ${id})`);
  }
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM positions WHERE ${conditions.join(' AND ')} ORDER BY opened_at DESC, id LIMIT $2`,
    values,
  );
  return rows as unknown as Position[];
}

/** What it was; null when this owner has no such position. */
export async function deletePosition(
  database: Database,
  owner: string,
  id: string,
): Promise<Position | null> {
  const { rows } = await database.query(
    `DELETE FROM positions WHERE id = $1 AND owner = $2 RETURNING ${COLUMNS}`,
    [id, owner],
  );
  return (rows[0] as Position | undefined) ?? null;
}

/** Null when this owner has no such position. */
export async function positionOf(database: Database, owner: string, id: string): Promise<Position | null> {
  const { rows } = await database.query(`SELECT ${COLUMNS} FROM positions WHERE id = $1 AND owner = $2`, [
    id,
    owner,
  ]);
  return (rows[0] as Position | undefined) ?? null;
}

/** An owner's open positions, of one portfolio or of all, of these symbols or of all: by portfolio, and in it by symbol. */
export async function openPositions(
  database: Database,
  owner: string,
  {
    portfolio,
    symbols,
    limit = 10_000,
  }: { portfolio?: string; symbols?: readonly string[]; limit?: number } = {},
): Promise<Position[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM positions WHERE owner = $1 AND status = 'open' AND ($2::text IS NULL OR portfolio = $2)
       AND ($4::text[] IS NULL OR symbol = ANY($4))
     ORDER BY portfolio, symbol, id LIMIT $3`,
    [owner, portfolio ?? null, limit, symbols ?? null],
  );
  return rows as unknown as Position[];
}

/** Positions of an owner that were closed between two moments, the first included. */
export async function closedPositions(
  database: Database,
  owner: string,
  { from, to }: { from: Date; to: Date },
): Promise<Position[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM positions WHERE owner = $1 AND status = 'closed' AND closed_at >= $2 AND closed_at < $3
     ORDER BY closed_at, id`,
    [owner, from, to],
  );
  return rows as unknown as Position[];
}

/** What was realized in a time: decimal text in currency of the known ones (null: none is known). */
export interface Realized {
  pnl: string | null;
  closed: number;
  /** Closed ones whose amount is not known. */
  unknown: number;
}

/** What an owner has realized before `to`: since `dayFrom`, in the month of `date` (of `timeZone`), and in all. */
export async function realizedSums(
  database: Database,
  owner: string,
  { dayFrom, date, timeZone, to }: { dayFrom: Date; date: string; timeZone: string; to: Date },
): Promise<{ day: Realized; month: Realized; all: Realized }> {
  const { rows } = await database.query(
    `SELECT span.name, sum(realized_pnl)::text AS pnl, count(p.id)::int AS closed,
       (count(p.id) - count(realized_pnl))::int AS unknown
     FROM (VALUES ('day', $2::timestamptz), ('month', date_trunc('month', $3::timestamp) AT TIME ZONE $5),
       ('all', '-infinity')) AS span (name, since)
     LEFT JOIN positions p ON p.owner = $1 AND p.status = 'closed' AND p.closed_at >= span.since AND p.closed_at < $4
     GROUP BY span.name`,
    [owner, dayFrom, date, to, timeZone],
  );
  const spans = Object.fromEntries(rows.map(({ name, ...sums }) => [name as string, sums]));
  return spans as unknown as { day: Realized; month: Realized; all: Realized };
}

/**
 * Closes an open position, or says for how much one was closed of which that is not known; null when there is none of
 * either. `closedAt` null: now, or as it was closed. `realizedPnl`: decimal text in currency.
 */
export async function closePosition(
  database: Database,
  owner: string,
  id: string,
  { closedAt, realizedPnl }: { closedAt: Date | null; realizedPnl: string | null },
): Promise<Position | null> {
  const { rows } = await database.query(
    `UPDATE positions SET status = 'closed', closed_at = greatest(coalesce($3, closed_at, now()), opened_at), realized_pnl = $4,
       updated_at = now()
     WHERE id = $1 AND owner = $2 AND (status = 'open' OR realized_pnl IS NULL) RETURNING ${COLUMNS}`,
    [id, owner, closedAt, realizedPnl],
  );
  return (rows[0] as Position | undefined) ?? null;
}

/** Owners with open positions, after one in the order of their names: one look into the index for each. */
export function ownersWithOpenPositions(database: Database, after: string, limit: number): Promise<string[]> {
  return ownersOf(database, `SELECT owner FROM positions WHERE status = 'open' AND owner > `, after, limit);
}

/** Owners that have, or had, a position, after one in the order of their names: one look for each. */
export function ownersWithPositions(database: Database, after: string, limit: number): Promise<string[]> {
  return ownersOf(database, 'SELECT owner FROM positions WHERE owner > ', after, limit);
}

async function ownersOf(database: Database, select: string, after: string, limit: number): Promise<string[]> {
  const { rows } = await database.query(
    `WITH RECURSIVE holders(owner) AS (
       (${select} $1 ORDER BY owner LIMIT 1)
       UNION ALL
       SELECT (${select} holders.owner ORDER BY owner LIMIT 1) FROM holders WHERE holders.owner IS NOT NULL
     )
     SELECT owner FROM holders WHERE owner IS NOT NULL LIMIT $2`,
    [after, limit],
  );
  return rows.map(({ owner }) => owner as string);
}
