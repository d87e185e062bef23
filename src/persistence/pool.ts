/** The one pool of connections of a process. */
import pg from 'pg';
import { isConnectionError } from './database-errors.ts';

/**
 * Commits take at most three at once (two flushes and the timers); the rest serves reads and effects. More would only
 * queue inside Postgres on a machine of a few cores.
 */
const MAX_CONNECTIONS = 10;

/** What is still asked of the database when a pool is closed has so long to be answered. */
const CLOSE_MS = 1_000;

/** The connections of each pool that is open. */
const connections = new WeakMap<pg.Pool, Set<pg.PoolClient>>();

/** Opens the pool. Waiting for a connection, and for an answer, is bounded: callers get an error and may come back. */
export function openPool(connectionString: string, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: 5_000,
    query_timeout: 15_000,
    // A process that was frozen within a transaction must not hold its rows for ever.
    idle_in_transaction_session_timeout: 5_000,
    idleTimeoutMillis: 60_000,
    application_name: 'ttai',
  });
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on('error', onError);
  // The pool does not listen while a connection is checked out, and one may break between two statements of a
  // transaction. The statement that follows fails, and says so to its caller.
  const open = new Set<pg.PoolClient>();
  connections.set(pool, open);
  pool.on('connect', (client) => {
    client.on('error', onError);
    open.add(client);
  });
  pool.on('remove', (client) => open.delete(client));
  return pool;
}

/** Closes a pool that was opened here. A statement that stalls is cut off, so that the process can end. */
export async function closePool(pool: pg.Pool): Promise<void> {
  const over = setTimeout(() => {
    for (const client of connections.get(pool) ?? []) client.connection.stream.destroy();
  }, CLOSE_MS);
  await pool.end();
  clearTimeout(over);
}

/** False where the database is away; what else it may say is thrown. */
export async function databaseAnswers(pool: Pick<pg.Pool, 'query'>): Promise<boolean> {
  try {
    await pool.query('SELECT 1');
    return true;
  } catch (error) {
    if (isConnectionError(error)) return false;
    throw error;
  }
}
