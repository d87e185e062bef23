/** Reading actors and what belongs to them: snapshots, keys, lists. Writing is `commit.ts`. */
import type { Database } from '../database.ts';
import { ACTOR_COLUMNS, type ActorRow, toActorRow } from './rows.ts';

/** The actors of these addresses, by address; those that do not exist are absent. */
export async function loadActors(
  database: Database,
  addresses: readonly string[],
): Promise<Map<string, ActorRow>> {
  const { rows } = await database.query(`SELECT ${ACTOR_COLUMNS} FROM actors WHERE address = ANY($1)`, [
    addresses,
  ]);
  return byAddress(rows);
}

/** As `loadActors`, and no other transaction changes them until this one ends. Locked in the order of addresses. */
export async function lockActors(
  database: Database,
  addresses: readonly string[],
): Promise<Map<string, ActorRow>> {
  const { rows } = await database.query(
    `SELECT ${ACTOR_COLUMNS} FROM actors WHERE address = ANY($1) ORDER BY address FOR UPDATE`,
    [addresses],
  );
  return byAddress(rows);
}

function byAddress(rows: Record<string, unknown>[]): Map<string, ActorRow> {
  return new Map(rows.map((row) => [row.address as string, toActorRow(row)]));
}

export async function loadActor(database: Database, address: string): Promise<ActorRow | undefined> {
  return (await loadActors(database, [address])).get(address);
}

/** The address of the actor with this singleton key that has not ended, if there is one. */
export async function findSingleton(
  database: Database,
  machine: string,
  owner: string,
  singletonKey: string,
): Promise<string | undefined> {
  const { rows } = await database.query(
    `SELECT address FROM actors WHERE machine = $1 AND owner = $2 AND singleton_key = $3
       AND status IN ('active', 'quarantined')`,
    [machine, owner, singletonKey],
  );
  return rows[0]?.address as string | undefined;
}

export interface RememberedKey {
  payloadHash: string;
  answer: unknown;
}

/** What was answered under these keys, by `scope` and `key` joined with a newline. */
export async function loadKeys(
  database: Database,
  keys: readonly { scope: string; key: string }[],
): Promise<Map<string, RememberedKey>> {
  const { rows } = await database.query(
    `SELECT scope, key, payload_hash, answer FROM idempotency_keys
     JOIN unnest($1::text[], $2::text[]) AS wanted(scope, key) USING (scope, key)`,
    [keys.map(({ scope }) => scope), keys.map(({ key }) => key)],
  );
  return new Map(
    rows.map((row) => [
      `${row.scope}\n${row.key}`,
      { payloadHash: row.payload_hash as string, answer: row.answer },
    ]),
  );
}

/** Keeps an answer that no commit carries. A key that is there already stays as it is. */
export async function rememberKey(
  database: Database,
  key: { scope: string; key: string; payloadHash: string; answer: unknown; createdAt: Date },
): Promise<void> {
  await database.query(
    `INSERT INTO idempotency_keys (scope, key, payload_hash, answer, created_at)
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    [key.scope, key.key, key.payloadHash, JSON.stringify(key.answer), key.createdAt],
  );
}

export interface ActorPage {
  owner?: string | undefined;
  machines?: readonly string[] | undefined;
  status?: string | undefined;
  limit: number;
  /** Rows before this one in the order newest first. */
  before?: { createdAt: Date; address: string } | undefined;
}

/** A page of actors, newest first. */
export async function listActors(database: Database, page: ActorPage): Promise<ActorRow[]> {
  const { rows } = await database.query(
    `SELECT ${ACTOR_COLUMNS} FROM actors
     WHERE ($1::text IS NULL OR owner = $1) AND ($2::text[] IS NULL OR machine = ANY($2))
       AND ($3::text IS NULL OR status = $3)
       AND ($4::timestamptz IS NULL OR (created_at, address) < ($4, $5))
     ORDER BY created_at DESC, address DESC LIMIT $6`,
    [
      page.owner ?? null,
      page.machines ?? null,
      page.status ?? null,
      page.before?.createdAt ?? null,
      page.before?.address ?? null,
      page.limit,
    ],
  );
  return rows.map(toActorRow);
}

/** What is counted of the ended ones goes so far back. */
const MAX_COUNTED = 10_000;

/** An owner's actors of these machines that ended since a moment: how many, and those that ended last. */
export async function endedActors(
  database: Database,
  {
    owner,
    machines,
    since,
    limit,
  }: { owner: string; machines: readonly string[]; since: Date; limit: number },
): Promise<{ count: number; rows: ActorRow[] }> {
  const { rows } = await database.query(
    `WITH ended AS (
       SELECT address, ended_at FROM actors
       WHERE owner = $1 AND machine = ANY($2) AND ended_at >= $3 ORDER BY ended_at DESC LIMIT ${MAX_COUNTED}
     )
     SELECT ${ACTOR_COLUMNS}, (SELECT count(*)::int FROM ended) AS count
     FROM (SELECT address FROM ended ORDER BY ended_at DESC, address LIMIT $4) AS newest JOIN actors USING (address)
     ORDER BY ended_at DESC, address`,
    [owner, machines, since, limit],
  );
  return { count: Number(rows[0]?.count ?? 0), rows: rows.map(toActorRow) };
}
