/**
 * What users are told: a row first, with a sequence number per owner, then delivered from there. Rows are written in
 * the transaction of the step that emits them, so a notification is there exactly when its step is.
 */
import pg from 'pg';
import type { Database } from '../database.ts';

const CHANNEL = 'ttai_notifications';
const RECONNECT_MS = 300;

export interface NewNotification {
  owner: string;
  /** Unique for ever: that of the emitted event. */
  id: string;
  type: string;
  /** The address of the actor that tells. */
  source: string;
  at: Date;
  data: Record<string, unknown>;
}

export interface Notification extends NewNotification {
  /** Counts an owner's notifications from 1, without gaps. */
  seq: number;
}

// The counters are locked in the order of the owners, so that two transactions can't deadlock, and until the commit,
// so that sequence numbers become visible in their order.
const INSERT = `
WITH input AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::jsonb[])
    WITH ORDINALITY AS n(owner, id, type, source, at, data, position)
), counted AS (
  INSERT INTO notification_counters AS c (owner, last_seq)
  SELECT owner, count(*) FROM input GROUP BY owner ORDER BY owner
  ON CONFLICT (owner) DO UPDATE SET last_seq = c.last_seq + excluded.last_seq
  RETURNING owner, last_seq
)
INSERT INTO notifications (owner, seq, id, type, source, at, data)
SELECT owner, last_seq - count(*) OVER (PARTITION BY owner) + row_number() OVER (PARTITION BY owner ORDER BY position),
       id, type, source, at, data
FROM input JOIN counted USING (owner)`;

/** Inserts notifications in the caller's transaction, in their order, and wakes listeners when it commits. */
export async function insertNotifications(
  transaction: Database,
  notifications: readonly NewNotification[],
): Promise<void> {
  await transaction.query(INSERT, [
    notifications.map(({ owner }) => owner),
    notifications.map(({ id }) => id),
    notifications.map(({ type }) => type),
    notifications.map(({ source }) => source),
    notifications.map(({ at }) => at),
    notifications.map(({ data }) => JSON.stringify(data)),
  ]);
  // One for the batch. Batches that tell somebody something are few, so its lock at commit costs nothing to speak of.
  const owners = [...new Set(notifications.map(({ owner }) => owner))].join('\n');
  await transaction.query('SELECT pg_notify($1, $2)', [CHANNEL, owners.length < 7_500 ? owners : '']);
}

/** Reads notifications and hears of new ones, from whichever process. */
export class Notifications {
  readonly #database: Database;
  readonly #connectionString: string;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<(owner: string | null) => void>();
  #client: pg.Client | undefined;
  #stopped = false;

  constructor(options: { database: Database; connectionString: string; onError: (error: unknown) => void }) {
    this.#database = options.database;
    this.#connectionString = options.connectionString;
    this.#onError = options.onError;
  }

  /** Begins to listen. */
  async start(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#connectionString, keepAlive: true });
    client.on('notification', ({ payload }) => {
      if (payload) for (const owner of payload.split('\n')) this.#tell(owner);
      else this.#tell(null);
    });
    client.on('error', this.#onError);
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
    // From here on: an attempt to connect that fails ends too, and is not to be followed by two.
    client.once('end', () => this.#reconnect());
    this.#client = client;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#client?.end().catch(() => {});
  }

  /** An owner's notifications after a sequence number, in order. */
  async since(owner: string, afterSeq: number, limit: number): Promise<Notification[]> {
    const { rows } = await this.#database.query(
      `SELECT owner, seq, id, type, source, at, data FROM notifications
       WHERE owner = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
      [owner, afterSeq, limit],
    );
    return rows.map((row) => ({ ...(row as unknown as Notification), seq: Number(row.seq) }));
  }

  /** The owner's last sequence number; 0 when there was none yet. */
  async latestSeq(owner: string): Promise<number> {
    const { rows } = await this.#database.query(
      'SELECT last_seq FROM notification_counters WHERE owner = $1',
      [owner],
    );
    return Number(rows[0]?.last_seq ?? 0);
  }

  /** Told of an owner's new notifications; null: some may have been missed, read again for all. */
  onNotification(listener: (owner: string | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(owner: string | null): void {
    for (const listener of this.#listeners) listener(owner);
  }

  #reconnect(): void {
    if (this.#stopped) return;
    setTimeout(() => {
      if (this.#stopped) return;
      this.start().then(
        () => this.#tell(null),
        (error: unknown) => {
          this.#onError(error);
          this.#reconnect();
        },
      );
    }, RECONNECT_MS);
  }
}
