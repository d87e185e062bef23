/** Reading the journal. Its rows are written by `commit.ts`, and deleted by `retention.ts`, only. */
import type { Database } from '../database.ts';

export interface StoredStep {
  cursor: string;
  address: string;
  revision: number;
  owner: string;
  stepId: string;
  at: Date;
  record: Record<string, unknown>;
}

const COLUMNS = 'txid::text AS txid, seq, address, revision, owner, step_id, at, record';

function toStoredStep(row: Record<string, unknown>): StoredStep {
  return {
    cursor: `${row.txid}.${row.seq}`,
    address: row.address as string,
    revision: Number(row.revision),
    owner: row.owner as string,
    stepId: row.step_id as string,
    at: row.at as Date,
    record: row.record as Record<string, unknown>,
  };
}

/** One actor's steps from a revision on, oldest first. */
export async function readSteps(
  database: Database,
  address: string,
  from: number,
  limit: number,
): Promise<StoredStep[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM journal WHERE address = $1 AND revision >= $2 ORDER BY seq LIMIT $3`,
    [address, from, limit],
  );
  return rows.map(toStoredStep);
}

/** Which of these steps were committed, by step id. Asked when a connection broke during a commit. */
export async function findSteps(
  database: Database,
  addresses: readonly string[],
  stepIds: readonly string[],
): Promise<Map<string, StoredStep>> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM journal WHERE address = ANY($1) AND step_id = ANY($2::uuid[])`,
    [addresses, stepIds],
  );
  return new Map(rows.map((row) => [row.step_id as string, toStoredStep(row)]));
}

/** Null unless it is a cursor of this journal. */
export function parseCursor(cursor: string): { txid: string; seq: string } | null {
  const match = /^(\d{1,19})\.(\d{1,18})$/.exec(cursor);
  return match ? { txid: match[1] as string, seq: match[2] as string } : null;
}

export interface StreamPosition {
  after: { txid: string; seq: string };
  address?: string | undefined;
  /** Steps of these owners only. */
  owners?: readonly string[] | undefined;
  limit: number;
}

/**
 * Steps of all actors in commit order. Steps of transactions that may still be overtaken by an older one that is
 * running are left for the next call.
 */
export async function readStream(database: Database, position: StreamPosition): Promise<StoredStep[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM journal
     WHERE (txid, seq) > ($1::text::xid8, $2::bigint) AND txid < pg_snapshot_xmin(pg_current_snapshot())
       AND ($3::text IS NULL OR address = $3) AND ($4::text[] IS NULL OR owner = ANY($4))
     ORDER BY journal.txid, seq LIMIT $5`,
    [
      position.after.txid,
      position.after.seq,
      position.address ?? null,
      position.owners ?? null,
      position.limit,
    ],
  );
  return rows.map(toStoredStep);
}

/** The cursor after which nothing that can be read now stands. */
export async function streamEnd(database: Database): Promise<string> {
  const { rows } = await database.query(
    `SELECT txid::text AS txid, seq FROM journal WHERE txid < pg_snapshot_xmin(pg_current_snapshot())
     ORDER BY journal.txid DESC, seq DESC LIMIT 1`,
  );
  return rows[0] ? `${rows[0].txid}.${rows[0].seq}` : '0.0';
}

/** Rows in one statement: so many that a start is not held up, and few enough that none takes long. */
const ROWS_AT_ONCE = 20_000;

/**
 * The stream's order is that of the transactions of one server. In a journal that was restored on another from a dump,
 * some may be ahead of all that the new server will give for long, and would be hidden: the order begins anew there,
 * with what was restored as it was written. Answers how many rows that were.
 */
export async function restartRestoredStream(database: Database): Promise<number> {
  let restarted = 0;
  for (;;) {
    // Those that are ahead come last, so that one who is interrupted goes on.
    const { rowCount } = await database.query(
      `UPDATE journal SET txid = '0' FROM (
         SELECT address, seq FROM journal WHERE txid > '0' AND EXISTS (
           SELECT FROM journal AS ahead WHERE ahead.txid >= pg_snapshot_xmax(pg_current_snapshot())
         ) ORDER BY txid, seq LIMIT ${ROWS_AT_ONCE}
       ) AS restored WHERE journal.address = restored.address AND journal.seq = restored.seq`,
    );
    if (!rowCount) return restarted;
    restarted += rowCount;
  }
}
