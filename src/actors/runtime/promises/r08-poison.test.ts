/** R8: a step that throws, or that can't be stored, harms that one actor at most. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
let system: ActorSystem;
beforeAll(async () => {
  system = await world.start();
});

describe('R8: poison is contained', () => {
  test('a step that throws leaves the actor as it was, and its batch neighbours are committed', async () => {
    const a = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const b = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const [bad, good] = await Promise.allSettled([
      system.send(a, { type: 'THROW' }),
      system.send(b, { type: 'ADD', by: 1 }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'step_failed' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { changed: true } });
    expect(await system.send(a, { type: 'ADD', by: 1 })).toMatchObject({ changed: true, revision: 2 });
    const letters = 'SELECT event FROM dead_letters WHERE address = $1';
    const { rows } = await world.database.pool.query(letters, [a]);
    expect(rows).toEqual([{ event: { type: 'THROW' } }]);
  });
});
