/** The dead letters: reading, locking and deleting them. They are written by `commit.ts`, with the step that failed. */
import type { Database } from '../database.ts';
import type { DeadLetterRow, PlainErrorRow } from './rows.ts';

export interface StoredDeadLetter extends DeadLetterRow {
  id: string;
}

const COLUMNS = 'id, address, owner, incarnation, revision, event, outside, source, error, at';

function toDeadLetter(row: Record<string, unknown>): StoredDeadLetter {
  return {
    id: row.id as string,
    address: row.address as string,
    owner: row.owner as string,
    incarnation: row.incarnation as string,
    revision: Number(row.revision),
    event: row.event,
    outside: row.outside as boolean,
    source: row.source as string | null,
    error: row.error as PlainErrorRow,
    at: row.at as Date,
  };
}

export interface DeadLetterPage {
  owner?: string | undefined;
  address?: string | undefined;
  machine?: string | undefined;
  /** Only those with a lower id. */
  before?: string | undefined;
  limit: number;
}

/** A page of dead letters, newest first. */
export async function listDeadLetters(database: Database, page: DeadLetterPage): Promise<StoredDeadLetter[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM dead_letters
     WHERE ($1::text IS NULL OR owner = $1) AND ($2::text IS NULL OR address = $2)
       AND ($3::text IS NULL OR split_part(address, '/', 1) = $3) AND ($4::bigint IS NULL OR id < $4)
     ORDER BY id DESC LIMIT $5`,
    [page.owner ?? null, page.address ?? null, page.machine ?? null, page.before ?? null, page.limit],
  );
  return rows.map(toDeadLetter);
}

/** The dead letters of these ids, by id; those that are gone are absent. */
export async function loadDeadLetters(
  database: Database,
  ids: readonly string[],
): Promise<Map<string, StoredDeadLetter>> {
  const { rows } = await database.query(`SELECT ${COLUMNS} FROM dead_letters WHERE id = ANY($1::bigint[])`, [
    ids,
  ]);
  return new Map(rows.map((row) => [row.id as string, toDeadLetter(row)]));
}

/** Those of these that are still there. Until the transaction ends no other one takes them. */
export async function lockDeadLetters(transaction: Database, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await transaction.query(
    'SELECT id FROM dead_letters WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE',
    [ids],
  );
  return new Set(rows.map((row) => row.id as string));
}

/** Deletes dead letters. Answers those that were there. */
export async function deleteDeadLetters(
  database: Database,
  ids: readonly string[],
): Promise<StoredDeadLetter[]> {
  const { rows } = await database.query(
    `DELETE FROM dead_letters WHERE id = ANY($1::bigint[]) RETURNING ${COLUMNS}`,
    [ids],
  );
  return rows.map(toDeadLetter);
}

/** How many dead letters there are; counts no further than `atMost`. */
export async function countDeadLetters(database: Database, atMost: number): Promise<number> {
  const { rows } = await database.query(
    'SELECT count(*) AS letters FROM (SELECT FROM dead_letters LIMIT $1) AS counted',
    [atMost],
  );
  return Number(rows[0]?.letters);
}
