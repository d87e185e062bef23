/**
 * Deleting what need not be kept: steps, ended actors, idempotency keys, dead letters. Each statement deletes a bounded
 * number of rows, but for what hangs on an ended actor, and may be run by several processes at once. Nothing updates rows
 * of the journal (but the restart of a restored one), so they are deleted by their place: no plan looks at the others. Not for what is to be kept; that is the runtime's.
 */
import type { Database } from '../database.ts';

/** Of an actor's steps before its last `keep` ones, those from before `before` go. */
export interface StepRule {
  address: string;
  keep: number;
  before: Date;
}

/**
 * Deletes at most `limit` steps, from each actor's oldest on. Returns how many; fewer than `limit` when none is left.
 * An actor whose oldest step is to stay costs two looks into an index, however many it has.
 */
export async function pruneSteps(
  database: Database,
  rules: readonly StepRule[],
  limit: number,
): Promise<number> {
  const { rowCount } = await database.query(
    `DELETE FROM journal WHERE ctid = ANY(ARRAY(
       SELECT old.ctid
       FROM unnest($1::text[], $2::int[], $3::timestamptz[]) AS rule(address, keep, before)
       CROSS JOIN LATERAL (
         SELECT at FROM journal j WHERE j.address = rule.address ORDER BY j.seq LIMIT 1
       ) AS oldest
       CROSS JOIN LATERAL (
         SELECT seq FROM journal j WHERE j.address = rule.address AND oldest.at < rule.before
         ORDER BY j.seq DESC OFFSET rule.keep LIMIT 1
       ) AS newest_to_go
       CROSS JOIN LATERAL (
         SELECT ctid, at FROM journal j WHERE j.address = rule.address AND j.seq <= newest_to_go.seq
         ORDER BY j.seq LIMIT $4
       ) AS old
       WHERE old.at < rule.before LIMIT $4
     ))`,
    [
      rules.map(({ address }) => address),
      rules.map(({ keep }) => keep),
      rules.map(({ before }) => before),
      limit,
    ],
  );
  return rowCount ?? 0;
}

/** Addresses in their order, those after `after`. */
export async function nextAddresses(database: Database, after: string, limit: number): Promise<string[]> {
  const { rows } = await database.query(
    'SELECT address FROM actors WHERE address > $1 ORDER BY address LIMIT $2',
    [after, limit],
  );
  return rows.map((row) => row.address as string);
}

export interface EndedActor {
  address: string;
  /** Postgres's own words: a Date would lose its microseconds. */
  endedAt: string;
}

/** The actors of a machine that ended before `before`, in the order in which they did, those after `after`. */
export async function endedActors(
  database: Database,
  machine: string,
  before: Date,
  after: EndedActor,
  limit: number,
): Promise<EndedActor[]> {
  const { rows } = await database.query(
    `SELECT address, ended_at::text AS ended_at FROM actors
     WHERE machine = $1 AND ended_at < $2 AND (ended_at, address) > ($3::timestamptz, $4)
     ORDER BY actors.ended_at, address LIMIT $5`,
    [machine, before, after.endedAt, after.address, limit],
  );
  return rows.map((row) => ({ address: row.address as string, endedAt: row.ended_at as string }));
}

/** These actors and all that they started, and what those started; each with the one that it was found by. */
export async function descendants(
  database: Database,
  roots: readonly string[],
): Promise<{ root: string; address: string; ended: boolean }[]> {
  const { rows } = await database.query(
    `WITH RECURSIVE tree AS (
       SELECT address AS root, address, ended_at FROM actors WHERE address = ANY($1)
       UNION ALL
       SELECT tree.root, child.address, child.ended_at
       FROM tree JOIN actors child ON child.parent->>'address' = tree.address
     )
     SELECT root, address, ended_at IS NOT NULL AS ended FROM tree`,
    [roots],
  );
  return rows as unknown as { root: string; address: string; ended: boolean }[];
}

/**
 * Deletes at most `limit` steps of these actors that have ended. Returns how many; fewer than `limit` when none is left.
 * Another process may have deleted one of them meanwhile, and its address have begun another life: that one is left.
 */
export async function deleteSteps(
  database: Database,
  addresses: readonly string[],
  limit: number,
): Promise<number> {
  const { rowCount } = await database.query(
    `DELETE FROM journal WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM journal WHERE address IN (
         SELECT address FROM actors WHERE address = ANY($1) AND ended_at IS NOT NULL
       ) LIMIT $2))`,
    [addresses, limit],
  );
  return rowCount ?? 0;
}

/**
 * Deletes actors that have ended, with their dead letters and their mail. Returns how many actors. They are locked in
 * the order of their addresses, as by commits: mail to one that has ended is taken by a commit too.
 */
export async function deleteEnded(database: Database, addresses: readonly string[]): Promise<number> {
  const { rowCount } = await database.query(
    `WITH locked AS MATERIALIZED (
       SELECT address FROM actors WHERE address = ANY($1) AND ended_at IS NOT NULL ORDER BY address FOR UPDATE
     ), letters AS (DELETE FROM dead_letters WHERE address IN (SELECT address FROM locked)),
       mail AS (DELETE FROM messages WHERE to_address IN (SELECT address FROM locked))
     DELETE FROM actors WHERE address IN (SELECT address FROM locked)`,
    [addresses],
  );
  return rowCount ?? 0;
}

/** Deletes at most `limit` dead letters from before `before`. Returns how many. */
export async function pruneDeadLetters(database: Database, before: Date, limit: number): Promise<number> {
  const { rowCount } = await database.query(
    `DELETE FROM dead_letters USING (SELECT id, at FROM dead_letters ORDER BY id LIMIT $2) AS oldest
     WHERE dead_letters.id = oldest.id AND oldest.at < $1`,
    [before, limit],
  );
  return rowCount ?? 0;
}

/** A place among the idempotency keys, in the order in which they were remembered. */
export interface KeyPlace {
  createdAt: string;
  scope: string;
  key: string;
}

/**
 * Looks at `limit` keys from before `before` and after a place, and deletes those whose step the journal does not keep
 * any more. Returns how many went, and the place to go on from: null at the end.
 */
export async function pruneKeys(
  database: Database,
  before: Date,
  after: KeyPlace,
  limit: number,
): Promise<{ deleted: number; next: KeyPlace | null }> {
  const { rows } = await database.query(
    `WITH old AS MATERIALIZED (
       SELECT scope, key, created_at, coalesce(answer->>'address', scope) AS address,
         coalesce((answer->>'revision')::bigint, 1) AS revision
       FROM idempotency_keys
       WHERE created_at < $1 AND (created_at, scope, key) > ($2::timestamptz, $3, $4)
       ORDER BY created_at, scope, key LIMIT $5
     ),
     gone AS (
       DELETE FROM idempotency_keys k USING old
       WHERE k.scope = old.scope AND k.key = old.key AND coalesce((
         SELECT j.revision FROM journal j WHERE j.address = old.address ORDER BY j.seq LIMIT 1
       ) > old.revision, true)
       RETURNING 1
     )
     SELECT created_at::text AS "createdAt", scope, key,
       (SELECT count(*) FROM gone) AS deleted, (SELECT count(*) FROM old) AS seen
     FROM old ORDER BY created_at DESC, scope DESC, key DESC LIMIT 1`,
    [before, after.createdAt, after.scope, after.key, limit],
  );
  const [last] = rows;
  if (!last) return { deleted: 0, next: null };
  const { createdAt, scope, key } = last as unknown as KeyPlace;
  return {
    deleted: Number(last.deleted),
    next: Number(last.seen) === limit ? { createdAt, scope, key } : null,
  };
}
