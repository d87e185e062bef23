/**
 * A database of its own for a test file, cloned from the migrated template.
 *
 *   const database = await createTestDatabase();
 *   afterAll(() => database[Symbol.asyncDispose]());
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { databaseUrl } from './database-url.ts';

export interface TestDatabase extends AsyncDisposable {
  readonly connectionString: string;
  /** Ends with the database. At most ten connections. */
  readonly pool: pg.Pool;
}

/** Clones the template: all tables, no rows but those of the migrations. Dropped when disposed of. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = inject('adminDatabaseUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await administer(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${inject('templateDatabase')}`);
  const connectionString = databaseUrl(adminUrl, name);
  const pool = new pg.Pool({ connectionString, max: 10 });
  // Idle connections are cut when a test drops or restarts the database under them.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    connectionString,
    pool,
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      await administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function administer(adminUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
