/** Where owners are told outside: an address, a format, a secret that signs, and how far it is. Not for telling. */
import type { Database } from '../database.ts';
import type { Notification } from './notifications.ts';

export const MAX_WEBHOOKS = 10;

export interface Webhook {
  id: string;
  owner: string;
  /** Secret too: who has that of a Slack channel may write there. */
  url: string;
  format: 'json' | 'slack' | 'discord';
  /** Never leaves the server after it was made, but in signatures. */
  secret: string;
  /** Types of notifications that are wanted; null: all. */
  types: string[] | null;
  /** The last notification that its delivery has done with. */
  deliveredSeq: number;
  /** Nothing has been sent since, and is until a test succeeds. */
  disabledAt: Date | null;
  createdAt: Date;
}

const COLUMNS = `id, owner, url, format, secret, types, delivered_seq::float8 AS "deliveredSeq",
  disabled_at AS "disabledAt", created_at AS "createdAt"`;

/** One with a slot that is free, which another transaction may take first; no row then, or when there is none. */
const INSERT = `
  INSERT INTO webhooks (id, owner, url, format, secret, types, slot, delivered_seq)
  SELECT $1, $2, $3, $4, $5, $6, free.slot,
         coalesce((SELECT last_seq FROM notification_counters WHERE owner = $2), 0)
  FROM generate_series(1, ${MAX_WEBHOOKS}) AS free(slot)
  WHERE NOT EXISTS (SELECT FROM webhooks w WHERE w.owner = $2 AND w.slot = free.slot)
  ORDER BY free.slot LIMIT 1
  ON CONFLICT DO NOTHING
  RETURNING ${COLUMNS}`;

/**
 * It is told what comes from now on. `exists`: the owner has one of this URL; `full`: the owner has `MAX_WEBHOOKS`,
 * however many are added at once.
 */
export async function insertWebhook(
  database: Database,
  webhook: Pick<Webhook, 'id' | 'owner' | 'url' | 'format' | 'secret' | 'types'>,
): Promise<Webhook | 'exists' | 'full'> {
  const { id, owner, url, format, secret, types } = webhook;
  for (;;) {
    const { rows } = await database.query(INSERT, [id, owner, url, format, secret, types]);
    if (rows[0]) return rows[0] as unknown as Webhook;
    const present = await webhooksOf(database, owner);
    if (present.some((other) => other.url === url)) return 'exists';
    if (present.length >= MAX_WEBHOOKS) return 'full';
    // Another one has taken the slot.
  }
}

/** An owner's webhooks, oldest first. */
export async function webhooksOf(database: Database, owner: string): Promise<Webhook[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM webhooks WHERE owner = $1 ORDER BY created_at, id`,
    [owner],
  );
  return rows as unknown as Webhook[];
}

/** Null when this owner has no such webhook. */
export async function webhookOf(database: Database, owner: string, id: string): Promise<Webhook | null> {
  const { rows } = await database.query(`SELECT ${COLUMNS} FROM webhooks WHERE id = $1 AND owner = $2`, [
    id,
    owner,
  ]);
  return (rows[0] as Webhook | undefined) ?? null;
}

/** What it was, or null when this owner has no such webhook. */
export async function deleteWebhook(database: Database, owner: string, id: string): Promise<Webhook | null> {
  const { rows } = await database.query(
    `DELETE FROM webhooks WHERE id = $1 AND owner = $2 RETURNING ${COLUMNS}`,
    [id, owner],
  );
  return (rows[0] as Webhook | undefined) ?? null;
}

/** The owner's next notification that it wants, after one and not of this source; and the owner's last of all. */
export async function nextForWebhook(
  database: Database,
  { owner, types }: Pick<Webhook, 'owner' | 'types'>,
  { after, notFrom }: { after: number; notFrom: string },
): Promise<{ next: Notification | null; lastSeq: number }> {
  // One statement, so that nothing comes between the two.
  const { rows } = await database.query(
    `SELECT c.last_seq::float8 AS "lastSeq", n.seq::float8 AS seq, n.id, n.type, n.source, n.at, n.data
     FROM notification_counters c LEFT JOIN LATERAL (
       SELECT * FROM notifications n
       WHERE n.owner = c.owner AND n.seq > $2 AND n.source <> $3 AND ($4::text[] IS NULL OR n.type = ANY($4))
       ORDER BY n.seq LIMIT 1
     ) n ON true
     WHERE c.owner = $1`,
    [owner, after, notFrom, types],
  );
  const row = rows[0] as (Notification & { lastSeq: number }) | undefined;
  if (!row) return { next: null, lastSeq: 0 };
  const { lastSeq, ...next } = row;
  return { next: next.seq === null ? null : { ...next, owner }, lastSeq };
}

/** Its delivery has done with the owner's notifications up to this one. Never goes back. */
export async function markDelivered(database: Database, id: string, seq: number): Promise<void> {
  await database.query('UPDATE webhooks SET delivered_seq = $2 WHERE id = $1 AND delivered_seq < $2', [
    id,
    seq,
  ]);
}

/** Since when nothing is sent any more; null: it is again. */
export async function setWebhookDisabled(
  database: Database,
  owner: string,
  id: string,
  at: Date | null,
): Promise<void> {
  await database.query('UPDATE webhooks SET disabled_at = $3 WHERE id = $1 AND owner = $2', [id, owner, at]);
}

export interface BehindWebhook {
  id: string;
  owner: string;
  /** The owner's last notification. */
  lastSeq: number;
}

const BEHIND = `SELECT w.id, w.owner, c.last_seq::float8 AS "lastSeq"
  FROM webhooks w JOIN notification_counters c ON c.owner = w.owner
  WHERE w.delivered_seq < c.last_seq AND w.disabled_at IS NULL`;

/** The webhooks of these owners that have notifications before them. */
export async function webhooksBehindOf(
  database: Database,
  owners: readonly string[],
): Promise<BehindWebhook[]> {
  const { rows } = await database.query(`${BEHIND} AND w.owner = ANY($1)`, [owners]);
  return rows as unknown as BehindWebhook[];
}

/** Those of all owners, after one in the order of their ids. */
export async function webhooksBehind(
  database: Database,
  after: string,
  limit: number,
): Promise<BehindWebhook[]> {
  const { rows } = await database.query(`${BEHIND} AND w.id > $1 ORDER BY w.id LIMIT $2`, [after, limit]);
  return rows as unknown as BehindWebhook[];
}
