/** Where owners are told outside: an address, a format, a secret that signs. Not for telling. */
import type { Database } from '../database.ts';

export interface Webhook {
  id: string;
  owner: string;
  url: string;
  format: 'json' | 'slack' | 'discord';
  /** Never leaves the server after it was made, but in signatures. */
  secret: string;
  /** Types of notifications that are wanted; null: all. */
  types: string[] | null;
  /** The last notification that its delivery has done with. */
  deliveredSeq: number;
  createdAt: Date;
}

const COLUMNS = `id, owner, url, format, secret, types, delivered_seq::float8 AS "deliveredSeq",
  created_at AS "createdAt"`;

/** It is told what comes from now on. */
export async function insertWebhook(
  database: Database,
  { id, owner, url, format, secret, types }: Omit<Webhook, 'deliveredSeq' | 'createdAt'>,
): Promise<Webhook> {
  const { rows } = await database.query(
    `INSERT INTO webhooks (id, owner, url, format, secret, types, delivered_seq)
     VALUES ($1, $2, $3, $4, $5, $6, coalesce((SELECT last_seq FROM notification_counters WHERE owner = $2), 0))
     RETURNING ${COLUMNS}`,
    [id, owner, url, format, secret, types],
  );
  return rows[0] as unknown as Webhook;
}

/** An owner's webhooks, oldest first; at most 100. */
export async function webhooksOf(database: Database, owner: string): Promise<Webhook[]> {
  const { rows } = await database.query(
    `SELECT ${COLUMNS} FROM webhooks WHERE owner = $1 ORDER BY created_at, id LIMIT 100`,
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

/** Whether there was one. */
export async function deleteWebhook(database: Database, owner: string, id: string): Promise<boolean> {
  const { rowCount } = await database.query('DELETE FROM webhooks WHERE id = $1 AND owner = $2', [id, owner]);
  return rowCount === 1;
}
