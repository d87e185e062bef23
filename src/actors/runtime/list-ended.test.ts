/** What of an owner's has ended since a moment: on a real Postgres. */
import { expect, test } from 'vitest';
import { endedActors } from '../../persistence/actors/actors.ts';
import { key, useWorld } from './testing/world.ts';

const world = useWorld();
const owner = 'a';

test('the last ones first, and how many there are, of one owner and these machines', async () => {
  const system = await world.start();
  const spawn = (of: string, machine = 'counter') =>
    system.spawn(machine, key(), { input: { start: 0, delay: 60_000 }, owner: of });
  const end = (address: string) => system.send(address, { type: 'END' });
  const before = await spawn(owner);
  await end(before);
  const since = new Date((await system.snapshot(before)).updatedAt.getTime() + 1);
  const runs = [await spawn(owner), await spawn(owner), await spawn(owner)];
  await end(await spawn('b'));
  await system.stop(await spawn(owner, 'waiter'));
  await spawn(owner);
  // Not in the order in which they began.
  for (const address of runs.toReversed()) await end(address);

  const { actors, count } = await system.listEnded({ owner, machine: 'counter', since, limit: 2 });
  expect(count).toBe(3);
  expect(actors.map(({ address }) => address)).toEqual(runs.slice(0, 2));
  const both = await system.listEnded({ owner, machine: ['counter', 'waiter'], since });
  expect(both.count).toBe(4);
  const later = { owner, machine: 'counter', since: new Date(Date.now() + 60_000) };
  expect(await system.listEnded(later)).toEqual({ actors: [], count: 0 });
});

test('goes by an index, however many go on or are of others', async () => {
  const { pool } = world.database;
  await pool.query(
    `INSERT INTO actors (address, machine, key, version, owner, incarnation, status, revision, tags, snapshot, pending, created_at, updated_at)
     SELECT 'counter/many' || n, 'counter', 'many' || n, '1', 'owner ' || n % 100, gen_random_uuid(),
       CASE WHEN n % 10 = 0 THEN 'done' ELSE 'active' END, 1, '{}', '{}', '{}', now(), now() - n * interval '1 minute'
     FROM generate_series(1, 50000) AS n`,
  );
  await pool.query('ANALYZE actors');
  const plans: string[] = [];
  const explaining = {
    query: async (text: string, values: unknown[]) => {
      const { rows } = await pool.query(`EXPLAIN ${text}`, values);
      plans.push(JSON.stringify(rows));
      return { rows: [], rowCount: 0 };
    },
  } as unknown as typeof pool;
  const since = new Date(Date.now() - 86_400_000);
  await endedActors(explaining, { owner: 'owner 10', machines: ['counter'], since, limit: 5 });
  expect(plans).toHaveLength(1);
  expect(plans[0]).toContain('actors_ended_of_owner');
  expect(plans[0]).not.toContain('Seq Scan');
});
