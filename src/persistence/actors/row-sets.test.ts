/** Rows that go to a statement as arrays come out of it as they went in. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/database.ts';
import { json, RowSet } from './row-sets.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

interface Row {
  name: string;
  body: unknown;
  tags: unknown;
}

const rowSet = new RowSet<Row>({
  name: ['text', ({ name }) => name],
  body: ['json', ({ body }) => json(body)],
  tags: ['json', ({ tags }) => (tags === null ? null : json(tags))],
});

test('quotes, separators, NULs, halves of pairs and nulls', async () => {
  const rows = [
    {
      name: 'a "quoted", {braced} name\\',
      body: { text: 'back\\slash "quote" \u001e \u001f \0 \ud800' },
      tags: null,
    },
    { name: '', body: '', tags: [] },
    { name: 'NULL', body: null, tags: [null] },
  ];
  const { rows: read } = await database.pool.query(
    `SELECT name, body::text AS body, tags::text AS tags, position::int FROM ${rowSet.from('r', 1)} ORDER BY position`,
    rowSet.values(rows),
  );
  expect(read).toEqual(
    rows.map(({ name, body, tags }, index) => ({
      name,
      body: json(body),
      tags: tags === null ? null : json(tags),
      position: index + 1,
    })),
  );
});
