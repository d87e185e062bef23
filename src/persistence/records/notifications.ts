/**
 * What users are told: a row first, with a sequence number per owner, then delivered from there. Rows are written in
 * the transaction of the step that emits them, so a notification is there exactly when its step is.
 */
import type { Database } from '../database.ts';
import { ListeningConnection, type ListeningOptions } from '../listening-connection.ts';

const CHANNEL = 'ttai_notifications';
/** Postgres takes at most 8,000 bytes in a notice. */
const MAX_NOTICE_BYTES = 7_500;

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

/** A place in an owner's notifications. */
export interface Place {
  owner: string;
  afterSeq: number;
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

// The preference is read with the rows, so that it counts on every server from its commit on and costs no query more.
const PENDING = `
SELECT asked.position, n.owner, n.seq, n.id, n.type, n.source, n.at, n.data
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked(owner, after_seq, position)
CROSS JOIN LATERAL (
  SELECT owner, seq, id, type, source, at, data FROM notifications
  WHERE owner = asked.owner AND seq > asked.after_seq ORDER BY seq LIMIT $3
) AS n
WHERE coalesce((SELECT 'live' = ANY (channels) FROM preferences AS p WHERE p.owner = asked.owner), true)
ORDER BY asked.position, n.seq`;

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
  await wakeListeners(transaction, new Set(notifications.map(({ owner }) => owner)));
}

/** Has all processes look for what of these owners is to be pushed, when the transaction commits. */
export async function wakeListeners(database: Database, owners: Iterable<string>): Promise<void> {
  const names = [...owners].join('\n');
  const fits = Buffer.byteLength(names) <= MAX_NOTICE_BYTES;
  await database.query('SELECT pg_notify($1, $2)', [CHANNEL, fits ? names : '']);
}

/** Reads notifications and hears of new ones, from whichever process. */
export class Notifications {
  readonly #database: Database;
  readonly #connection: ListeningConnection;
  readonly #listeners = new Set<(owner: string | null) => void>();

  constructor(options: {
    database: Database;
    connectionString: string;
    onError: (error: unknown) => void;
    watch?: ListeningOptions['watch'];
  }) {
    const { database, connectionString, onError, watch } = options;
    this.#database = database;
    this.#connection = new ListeningConnection({
      connectionString,
      channel: CHANNEL,
      onNotice: (payload) => {
        if (payload) for (const owner of payload.split('\n')) this.#tell(owner);
        else this.#tell(null);
      },
      onReopened: () => this.#tell(null),
      onError,
      watch,
    });
  }

  /** Begins to listen. */
  start(): Promise<void> {
    return this.#connection.start();
  }

  stop(): Promise<void> {
    return this.#connection.stop();
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

  /**
   * For each place, in their order, what is to be pushed live after it, by `seq`: at most `limit` rows each, and none
   * while the owner's preferences leave out the channel `live`. One query for all.
   */
  async pending(places: readonly Place[], limit: number): Promise<Notification[][]> {
    const { rows } = await this.#database.query({
      name: 'pending_notifications',
      text: PENDING,
      values: [places.map(({ owner }) => owner), places.map(({ afterSeq }) => afterSeq), limit],
    });
    const answers = places.map((): Notification[] => []);
    for (const { position, seq, ...row } of rows) {
      answers[Number(position) - 1]?.push({ ...(row as Omit<Notification, 'seq'>), seq: Number(seq) });
    }
    return answers;
  }

  /** The owner's last sequence number; 0 when there was none yet. */
  async latestSeq(owner: string): Promise<number> {
    const { rows } = await this.#database.query(
      'SELECT last_seq FROM notification_counters WHERE owner = $1',
      [owner],
    );
    return Number(rows[0]?.last_seq ?? 0);
  }

  /**
   * Who has read no further than below this one has missed some: they were deleted for their age. 0: none were, and
   * numbers have no gaps.
   */
  async prunedSeq(owner: string): Promise<number> {
    const { rows } = await this.#database.query(
      'SELECT pruned_seq FROM notification_counters WHERE owner = $1',
      [owner],
    );
    return Number(rows[0]?.pruned_seq ?? 0);
  }

  /** Told of an owner's new notifications; null: some may have been missed, read again for all. */
  onNotification(listener: (owner: string | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(owner: string | null): void {
    for (const listener of this.#listeners) listener(owner);
  }
}
