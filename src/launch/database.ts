/** Whether a database that the settings name will do. Not for the embedded one, which does. */
import pg from 'pg';
import { LaunchError } from './errors.ts';

const OLDEST = 14;
const CONNECT_TIMEOUT_MS = 10_000;

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
