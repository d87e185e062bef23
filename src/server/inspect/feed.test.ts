/** The feed on a real journal: a step that an older transaction keeps back is shown when that one has ended. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, test } from 'vitest';
import { createMachine } from 'xstate';
import { z } from 'zod';
import { createTestDatabase } from '../../../test/database.ts';
import { createActorSystem } from '../../actors/runtime/index.ts';
import { followSteps } from './feed.ts';

test('a step behind an older transaction is not lost, though nothing is committed after it', async () => {
  await using database = await createTestDatabase();
  const { pool, connectionString } = database;
  const machine = createMachine({ id: 'still' });
  const still = { id: 'still', version: '1', machine, input: z.object({}), events: {} };
  const system = await createActorSystem({ pool, connectionString, machines: [still], effects: [] });
  const older = new pg.Client({ connectionString });
  await older.connect();
  await older.query('BEGIN; SELECT pg_current_xact_id()');
  const stop = new AbortController();
  try {
    const address = await system.spawn('still', randomUUID(), { input: {}, owner: 'a' });
    expect(await system.inspect({ address })).toEqual([]);
    const first = followSteps(system, { after: '0.0', address, signal: stop.signal }).next();
    await older.query('COMMIT');
    expect((await first).value).toMatchObject({ address, kind: 'spawn' });
  } finally {
    stop.abort();
    await older.end();
    await system.drain();
  }
});
