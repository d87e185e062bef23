/** The tests' own ground: each file gets a database that nobody else sees. */
import { expect, test } from 'vitest';
import { createTestDatabase } from './database.ts';

test('two test databases do not see each other', async () => {
  await using one = await createTestDatabase();
  await using other = await createTestDatabase();
  await one.pool.query('CREATE TABLE mine (n int)');
  const found = await other.pool.query("SELECT 1 FROM pg_tables WHERE tablename = 'mine'");
  expect(found.rowCount).toBe(0);
});

test('a test database is gone when disposed of', async () => {
  await using other = await createTestDatabase();
  const one = await createTestDatabase();
  await one[Symbol.asyncDispose]();
  const name = new URL(one.connectionString.replace('@/', '@localhost/')).pathname.slice(1);
  const found = await other.pool.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  expect(found.rowCount).toBe(0);
});
