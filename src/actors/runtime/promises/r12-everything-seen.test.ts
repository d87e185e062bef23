/** R12: the journal tells what each step did, and can be followed. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
let system: ActorSystem;
beforeAll(async () => {
  system = await world.start();
});

describe('R12: everything can be seen', () => {
  test('the stream of all steps can be followed from a cursor', async () => {
    const after = await system.inspectEnd();
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'stream' });
    await system.send(address, { type: 'ADD', by: 1 });
    // Steps are kept back while an older transaction runs, on whatever database of the server.
    await expect.poll(() => system.inspect({ after, address }), { timeout: 10_000 }).toHaveLength(2);
    const records = await system.inspect({ after, address });
    expect(records.map(({ event }) => event.type)).toEqual(['xstate.init', 'ADD']);
    expect(records[1]).toMatchObject({
      valueBefore: 'counting',
      snapshot: { value: 'counting', context: { count: 1 } },
      microsteps: [{ source: 'counter.counting', targets: [], eventType: 'ADD' }],
    });
    expect(await system.inspect({ after: records[1]?.cursor ?? '', address })).toEqual([]);
  });

  test('a journal that was restored on another server is followed from its beginning, and in order', async () => {
    const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'restored' });
    for (let by = 1; by <= 3; by++) await system.send(address, { type: 'ADD', by });
    await world.database.pool.query(
      `UPDATE journal SET txid = (pg_current_xact_id()::text::bigint + 1000000 - seq)::text::xid8`,
    );
    expect(await system.inspect({ address })).toEqual([]);
    const restarted = await world.start();
    await restarted.send(address, { type: 'ADD', by: 4 });
    const revisions = async () => (await restarted.inspect({ address })).map(({ revision }) => revision);
    await expect.poll(revisions, { timeout: 10_000 }).toEqual([1, 2, 3, 4, 5]);
  });
});

test('R12: an actor whose machine a process does not have is not stopped there, since nothing could tell of it', async () => {
  const address = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
  const without = await world.start({ machines: [] });
  await expect(without.stop(address)).rejects.toMatchObject({ code: 'machine_not_found' });
  // But somebody is told that it is there.
  const { versions } = await without.migrate({ dryRun: true });
  const counted = versions.filter(({ machine }) => machine === 'counter');
  expect(counted).toMatchObject([{ unknown: expect.any(Number), left: 0 }]);
  expect(counted[0]?.unknown).toBeGreaterThan(0);
  expect(await system.snapshot(address)).toMatchObject({ status: 'active', revision: 1 });
});
