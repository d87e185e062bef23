/**
 * The schema after all migrations, as a committed text, so that a change of it shows in review. pg-boss's own schema is
 * its own, and not here.
 *
 * After a migration that means to change it: UPDATE_FIXTURES=1 npm test -- test/schema.test.ts, and commit the fixture.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.ts';

const FIXTURE = fileURLToPath(new URL('fixtures/schema.txt', import.meta.url));

/** Only of the schema `public`; names as a person would write them, for any Postgres from 14 on. */
const COLUMNS = `
  SELECT c.relname AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
    a.attidentity <> '' AS identity, pg_get_expr(d.adbin, d.adrelid) AS fallback
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  ORDER BY c.relname COLLATE "C", a.attnum`;
// NOT NULL stands with the columns; Postgres 18 lists it among the constraints as well.
const CONSTRAINTS = `
  SELECT c.relname AS "table", k.conname AS name, pg_get_constraintdef(k.oid) AS definition
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  WHERE c.relnamespace = 'public'::regnamespace AND k.contype <> 'n'
  ORDER BY c.relname COLLATE "C", k.conname COLLATE "C"`;
const INDEXES = `
  SELECT tablename AS "table", indexname AS name, indexdef AS definition FROM pg_indexes
  WHERE schemaname = 'public' ORDER BY tablename COLLATE "C", indexname COLLATE "C"`;
const OPTIONS = `
  SELECT relname AS "table", array_to_string(reloptions, ', ') AS options FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND reloptions IS NOT NULL ORDER BY relname COLLATE "C"`;
const ROUTINES = `
  SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
  UNION ALL SELECT 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass::text FROM pg_trigger t WHERE NOT t.tgisinternal
  ORDER BY 1`;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

async function rowsOf(statement: string): Promise<Record<string, string | boolean | null>[]> {
  return (await database.pool.query(statement)).rows;
}

async function dump(): Promise<string> {
  const [columns, constraints, indexes, options, routines] = [
    await rowsOf(COLUMNS),
    await rowsOf(CONSTRAINTS),
    await rowsOf(INDEXES),
    await rowsOf(OPTIONS),
    await rowsOf(ROUTINES),
  ];
  const tables = [...new Set(columns.map(({ table }) => table))];
  const sections = tables.map((table) => {
    const mine = (row: { table?: unknown }) => row.table === table;
    return [
      `table ${table}${options
        .filter(mine)
        .map((row) => ` with (${row.options})`)
        .join('')}`,
      ...columns.filter(mine).map(({ name, type, required, identity, fallback }) => {
        const parts = [
          type,
          required && 'not null',
          identity && 'identity',
          fallback !== null && `default ${fallback}`,
        ];
        return `  ${name}: ${parts.filter(Boolean).join(' ')}`;
      }),
      ...constraints.filter(mine).map(({ name, definition }) => `  constraint ${name}: ${definition}`),
      ...indexes.filter(mine).map(({ name, definition }) => `  index ${name}: ${definition}`),
    ].join('\n');
  });
  return `${[...sections, ...routines.map(({ name }) => String(name))].join('\n\n')}\n`;
}

test('the migrated schema is the one that was reviewed', async () => {
  const schema = await dump();
  if (process.env.UPDATE_FIXTURES === '1') writeFileSync(FIXTURE, schema);
  expect(schema, 'see the first lines of this test for how a change is taken over').toBe(
    readFileSync(FIXTURE, 'utf8'),
  );
});
