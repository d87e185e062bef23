/** The example of docs/runtime.md: it is what the page shows, and it runs. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { createActorSystem, turnedClock } from '../src/actors/runtime/index.ts';
import { createTestDatabase } from '../test/database.ts';
import { diskWatch, measureSpace } from './disk-watch.ts';

const database = await createTestDatabase();
afterAll(() => database[Symbol.asyncDispose]());

test('it looks every 30 seconds, and raises the alarm when there is too little', async () => {
  const clock = turnedClock();
  const { connectionString } = database;
  const system = await createActorSystem({
    database: connectionString,
    machines: [diskWatch],
    effects: [measureSpace],
    clock,
  });
  const enough = await system.spawn('diskWatch', 'enough', {
    input: { folder: tmpdir(), leastBytes: 1 },
    owner: 'me',
  });
  const low = await system.spawn('diskWatch', 'low', {
    input: { folder: tmpdir(), leastBytes: Number.MAX_SAFE_INTEGER },
    owner: 'me',
  });
  await clock.advance('5 min');
  expect(await system.snapshot(enough)).toMatchObject({ value: 'enough', tags: [], revision: 22 });
  expect(await system.snapshot(low)).toMatchObject({ value: 'low', tags: ['alarm'] });
  await system.drain();
});

test('docs/runtime.md shows it as it is', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const code = read('./disk-watch.ts');
  const shown = read('../docs/runtime.md');
  expect(shown).toContain(code.slice(code.indexOf('import')));
  expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
});
