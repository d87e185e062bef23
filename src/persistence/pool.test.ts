/** The pool of a process: on a real Postgres, and on none. */
import { expect, inject, test } from 'vitest';
import { databaseUrl } from '../../test/database-url.ts';
import { closePool, databaseAnswers, openPool } from './pool.ts';

test.each([
  ['a database', () => inject('adminDatabaseUrl'), true],
  ['no server', () => 'postgres://nobody@127.0.0.1:1/nothing', false],
  ['no socket', () => 'postgres:///nothing?host=/nowhere', false],
])('whether %s answers', async (_, url, answers) => {
  const pool = openPool(url(), () => {});
  expect(await databaseAnswers(pool)).toBe(answers);
  await closePool(pool);
});

test('what a database refuses is no outage', async () => {
  const pool = openPool(databaseUrl(inject('adminDatabaseUrl'), 'there_is_none'), () => {});
  await expect(databaseAnswers(pool)).rejects.toThrow('does not exist');
  await closePool(pool);
});
