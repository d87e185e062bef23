/**
 * Whether a database that the settings name will do. Not for the embedded one, which does.
 * And who uses a database beside us.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { LaunchError } from './errors.ts';

const OLDEST = 14;
const CONNECT_TIMEOUT_MS = 10_000;
const ASK_TIMEOUT_MS = 1_000;
const OWN_GONE_MS = 200;
/** Of the pool of each server (src/persistence/pool.ts). */
const APPLICATION_NAME = 'ttai';

/** Throws LaunchError, without the password, when it is no address, does not answer or is too old. */
export async function checkDatabase(databaseUrl: string): Promise<void> {
  const client = clientOf(databaseUrl);
  client.on('error', () => {});
  let version: number;
  try {
    await client.connect();
    const { rows } = await client.query("SELECT current_setting('server_version_num')::int AS version");
    version = Math.floor(Number(rows[0]?.version) / 10_000);
  } catch (cause) {
    const why =
      cause instanceof Error ? cause.message || ('code' in cause && String(cause.code)) : String(cause);
    throw new LaunchError(
      `The database of DATABASE_URL (${client.host}:${client.port}/${client.database}) can't be used: ${why}. ` +
        'Start it or mend DATABASE_URL; without that setting TTAI brings its own.',
      { cause },
    );
  } finally {
    await client.end().catch(() => {});
  }
  if (version < OLDEST) {
    throw new LaunchError(
      `The database of DATABASE_URL is Postgres ${version}; TTAI needs ${OLDEST} or later.`,
    );
  }
}

/** True when other servers are connected. For one that stops: its own connections have ended. Never throws. */
export async function othersUse(connectionString: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: ASK_TIMEOUT_MS,
    query_timeout: ASK_TIMEOUT_MS,
  });
  client.on('error', () => {});
  const ask = async (): Promise<boolean> => {
    const { rows } = await client.query(
      `SELECT 1 FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid() LIMIT 1`,
      [APPLICATION_NAME],
    );
    return rows.length > 0;
  };
  try {
    await client.connect();
    if (!(await ask())) return false;
    // Postgres lets go of our own a moment after we did.
    await delay(OWN_GONE_MS);
    return await ask();
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

function clientOf(databaseUrl: string): pg.Client {
  try {
    return new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  } catch {
    // Not as the cause: the driver's error repeats the whole address.
    throw new LaunchError(
      'DATABASE_URL must be an address such as postgresql://user:password@host:5432/database, ' +
        'with % and other special characters of the password written as %25 and so on.',
      { exitCode: 2 },
    );
  }
}
