/**
 * The processes that serve a database, their leases, and the effects that each runs.
 *
 * A process holds a session advisory lock of its number while it lives, which Postgres frees the moment that it dies;
 * a frozen one keeps the lock, so it also has a lease that runs out.
 */
import type { Database } from '../database.ts';
import { type EffectRow, toEffectRow } from './rows.ts';

/** First half of the advisory lock's key; the second is the process's number. */
const PROCESS_LOCK_CLASS = 0x77a1;

/** Of a row `p` of processes: its lease has not run out, and it holds its lock. */
export const ALIVE = `(p.lease_until > now() AND EXISTS (
  SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = ${PROCESS_LOCK_CLASS}
    AND l.objid = p.number::oid AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())))`;

/**
 * Registers a process, or one whose first try to join has broken off, and takes the lock of its number for as long as
 * the connection lives: in one statement, since a row without its lock looks dead to others. Shared: a lock that an
 * earlier connection of this process still holds on the server must not block.
 */
export async function registerProcess(connection: Database, id: string, leaseMs: number): Promise<void> {
  await connection.query(
    `WITH registered AS (
       INSERT INTO processes AS p (id, lease_until) VALUES ($1, now() + $2 * interval '1 ms')
       ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until RETURNING p.number)
     SELECT pg_advisory_lock_shared($3, number::int) FROM registered`,
    [id, leaseMs, PROCESS_LOCK_CLASS],
  );
}

/** Gives what a process ran to its next life, unless another has taken it over, and forgets those before. */
export async function succeedProcesses(
  database: Database,
  before: readonly string[],
  next: string,
): Promise<void> {
  await database.query('UPDATE effects SET process = $1 WHERE process = ANY($2)', [next, before]);
  await database.query('DELETE FROM processes WHERE id = ANY($1)', [before]);
}

/** The machines, in their versions, and the effects that a process has: what it may take from others. */
export interface Abilities {
  machines: readonly { id: string; version: string }[];
  effects: readonly string[];
}

export interface LeaseRenewal {
  /** False when it was lost: others have taken over. */
  kept: boolean;
  others: { id: string; alive: boolean }[];
  /** There are effects that no process in the table runs, and that this one can take. */
  orphans: boolean;
  /** The database's time, in milliseconds since 1970. */
  now: number;
}

/**
 * Of a row `e` of effects: this process can run it, and can step or migrate its actor. The effects are $2, and the
 * machines with their versions $3 and $4. One in quarantine is run again when it is released.
 */
const CAN_TAKE = `e.src = ANY($2) AND EXISTS (
  SELECT FROM actors a JOIN unnest($3::text[], $4::text[]) AS known(machine, version) USING (machine, version)
  WHERE a.address = e.address AND a.status = 'active')`;

function abilityValues({ machines, effects }: Abilities): unknown[] {
  return [effects, machines.map((machine) => machine.id), machines.map(({ version }) => version)];
}

/** Renews a lease, and looks around. */
export async function renewLease(
  database: Database,
  id: string,
  leaseMs: number,
  abilities: Abilities,
): Promise<LeaseRenewal> {
  const { rows } = await database.query(
    `WITH renewed AS (UPDATE processes SET lease_until = now() + $5 * interval '1 ms' WHERE id = $1 RETURNING id),
     orphaned AS MATERIALIZED (
       SELECT e.address, e.src FROM effects e LEFT JOIN processes p ON p.id = e.process WHERE p.id IS NULL)
     SELECT (SELECT count(*) FROM renewed) AS kept, extract(epoch FROM clock_timestamp()) * 1000 AS now,
       EXISTS (SELECT FROM orphaned e WHERE ${CAN_TAKE}) AS orphans,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'alive', ${ALIVE})), '[]')
        FROM processes p WHERE p.id <> $1) AS others`,
    [id, ...abilityValues(abilities), leaseMs],
  );
  const row = rows[0];
  return {
    kept: Number(row?.kept) > 0,
    others: (row?.others ?? []) as LeaseRenewal['others'],
    orphans: row?.orphans === true,
    now: Number(row?.now),
  };
}

const EFFECT_COLUMNS =
  'effect_id, address, invoke_id, src, owner, input, attempt, due_at, deadline_at, trace';

/**
 * Takes the effects of processes that are gone, and of none, as far as this process can run and step them. One of
 * several that ask gets each. One whose row is still held by the dying is left for the next look. An attempt that was
 * due in a process that is gone counts as one that failed: it may be what ended the process.
 */
export async function takeOverEffects(
  database: Database,
  id: string,
  abilities: Abilities,
): Promise<EffectRow[]> {
  const { rows } = await database.query(
    `WITH gone AS (DELETE FROM processes p WHERE p.id <> $1 AND NOT ${ALIVE} RETURNING p.id)
     UPDATE effects SET process = $1,
       attempt = attempt + CASE WHEN process IS NOT NULL AND due_at <= now() THEN 1 ELSE 0 END
     WHERE effect_id IN (
       SELECT effect_id FROM effects e
       WHERE ${CAN_TAKE} AND (e.process IS NULL OR e.process IN (SELECT gone.id FROM gone)
          OR NOT EXISTS (SELECT FROM processes p WHERE p.id = e.process))
       FOR UPDATE OF e SKIP LOCKED)
     RETURNING ${EFFECT_COLUMNS}`,
    [id, ...abilityValues(abilities)],
  );
  return rows.map(toEffectRow);
}

/** Gives up an effect of this process's whose actor it could not tell: another can, or this one later. */
export async function freeEffect(database: Database, id: string, effectId: string): Promise<void> {
  await database.query('UPDATE effects SET process = NULL WHERE effect_id = $1 AND process = $2', [
    effectId,
    id,
  ]);
}

/** The effects that this process runs by their rows: some may have been committed without its knowing. */
export async function ownEffects(database: Database, id: string): Promise<EffectRow[]> {
  const { rows } = await database.query(`SELECT ${EFFECT_COLUMNS} FROM effects WHERE process = $1`, [id]);
  return rows.map(toEffectRow);
}

/** Which of these effects are still this process's to run, by its ids. */
export async function keptEffects(
  database: Database,
  ids: readonly string[],
  effectIds: readonly string[],
): Promise<Set<string>> {
  const { rows } = await database.query(
    'SELECT effect_id FROM effects WHERE process = ANY($1) AND effect_id = ANY($2)',
    [ids, effectIds],
  );
  return new Set(rows.map((row) => row.effect_id as string));
}

/**
 * Notes a failed attempt, so that whoever takes over goes on from there. Answers false, and notes nothing, when the
 * effect is not this process's any more, by its ids: it was taken over, or has ended.
 */
export async function noteAttempt(
  database: Database,
  ids: readonly string[],
  effectId: string,
  { attempt, dueAt, lastError }: { attempt: number; dueAt: Date; lastError: unknown },
): Promise<boolean> {
  const { rowCount } = await database.query(
    'UPDATE effects SET attempt = $2, due_at = $3, last_error = $4 WHERE effect_id = $1 AND process = ANY($5)',
    [effectId, attempt, dueAt, JSON.stringify(lastError), ids],
  );
  return rowCount !== 0;
}

/**
 * The connections, by their server processes, whose statements run and began before this moment (milliseconds since
 * 1970, of the database): the server goes on with those of a client that has died, and may still commit them.
 */
export async function runningSince(database: Database, moment: number): Promise<Set<number>> {
  const { rows } = await database.query(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND backend_type = 'client backend' AND state = 'active'
       AND least(xact_start, query_start) < to_timestamp($1 / 1000.0)`,
    [moment],
  );
  return new Set(rows.map(({ pid }) => pid as number));
}

/** A process leaves, with the ids that it had: its effects are free for others. */
export async function leaveProcesses(database: Database, ids: readonly string[]): Promise<void> {
  await database.query(
    `WITH freed AS (UPDATE effects SET process = NULL WHERE process = ANY($1))
     DELETE FROM processes WHERE id = ANY($1)`,
    [ids],
  );
}
