/** What processes tell each other through Postgres. Not for what it means: that is the runtime's. */
import type { Database } from '../database.ts';

const CHANNEL = 'ttai_actors';

/** From here on the connection receives notices, until it ends. */
export async function listenToNotices(connection: Database): Promise<void> {
  await connection.query(`LISTEN ${CHANNEL}`);
}

/** Sends a notice, of at most 8,000 bytes, to all that listen, its sender too. */
export async function sendNotice(database: Database, payload: string): Promise<void> {
  await database.query('SELECT pg_notify($1, $2)', [CHANNEL, payload]);
}
