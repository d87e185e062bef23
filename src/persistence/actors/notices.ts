/** What processes tell each other through Postgres. Not for what it means: that is the runtime's. */
import type { Database } from '../database.ts';

/** To be listened to. */
export const NOTICE_CHANNEL = 'ttai_actors';

/** Sends notices, each of at most 8,000 bytes, in their order and together, to all that listen, their sender too. */
export async function sendNotices(database: Database, payloads: readonly string[]): Promise<void> {
  await database.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload', [
    NOTICE_CHANNEL,
    payloads,
  ]);
}
