/** R2: of two processes that step the same actor at the same time one wins, and revisions have no gaps. */
import { describe, expect, test } from 'vitest';
import { RuntimeProcess } from '../testing/fork.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

describe('R2: one writer', () => {
  test('many writers in three processes all get their steps in, without gaps', async () => {
    const { connectionString } = world.database;
    const here = await world.start();
    const [second, third] = await Promise.all([
      RuntimeProcess.start(connectionString),
      RuntimeProcess.start(connectionString),
    ]);
    const address = await here.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const events = upTo(60).map(() => ({ type: 'ADD', by: 1 }));
    const answers = await Promise.all([
      Promise.all(events.map((event) => here.send(address, event))),
      second.send(address, events),
      third.send(address, events),
    ]);
    await Promise.all([second.end(), third.end()]);
    const revisions = answers
      .flat()
      .map(({ revision }) => revision)
      .sort((a, b) => a - b);
    expect(revisions).toEqual(upTo(180).map((n) => n + 1));
    expect(await here.snapshot(address)).toMatchObject({ revision: 181, context: { count: 180 } });
    expect((await here.journal(address)).map(({ revision }) => revision)).toEqual(upTo(181));
  });

  test('the one who loses takes its step on what the winner has committed', async () => {
    const [first, second] = [await world.start(), await world.start()];
    const address = await first.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    // Both have the actor in memory now, and only one of them as it is.
    await second.send(address, { type: 'ADD', by: 1 });
    expect(await first.send(address, { type: 'ADD', by: 10 })).toMatchObject({ revision: 3 });
    expect(await second.send(address, { type: 'ADD', by: 100 })).toMatchObject({ revision: 4 });
    expect((await first.journal(address)).map(({ snapshot }) => snapshot.context)).toEqual([
      { count: 0 },
      { count: 1 },
      { count: 11 },
      { count: 111 },
    ]);
  });

  test('a refusal by what one had in memory is confirmed by what is committed', async () => {
    const [first, second] = [await world.start(), await world.start()];
    const address = await first.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    await second.send(address, { type: 'END' });
    // In the first one's memory it still counts, and would not know this.
    await expect(first.send(address, { type: 'ADD', by: 1 })).rejects.toMatchObject({ code: 'actor_ended' });
    expect(await first.snapshot(address)).toMatchObject({ revision: 2, status: 'done' });
  });

  test('what one had in memory of an earlier life of the address is not committed over the present one', async () => {
    const [first, second] = [await world.start(), await world.start()];
    const name = key();
    const address = await first.spawn('counter', name, { input: { start: 1_000 }, owner: 'a' });
    // Pruned, and nobody has told the first one.
    await world.database.pool.query('DELETE FROM actors WHERE address = $1', [address]);
    await second.spawn('counter', name, { input: { start: 0 }, owner: 'a' });
    expect(await first.send(address, { type: 'ADD', by: 1 })).toMatchObject({ revision: 2 });
    expect(await first.snapshot(address)).toMatchObject({ context: { count: 1 } });
  });
});
