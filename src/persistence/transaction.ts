/** Running statements in one transaction. */
import type { Pool, PoolClient } from 'pg';

/**
 * Commits what `work` does, or nothing of it when it throws. A connection on which it failed is not used again. When
 * the connection breaks during the commit, whether it happened is not known.
 */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    failure = error as Error;
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release(failure);
  }
}
