/**
 * R7: a crash costs seconds. Processes of their own are killed, and frozen and woken; those that live go on with what
 * they ran, no acknowledged event is lost, and no step is taken twice. The connection that breaks around a commit is
 * `faults.test.ts`.
 */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { RuntimeProcess } from '../testing/fork.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
const processes: RuntimeProcess[] = [];
let survivor: ActorSystem;
beforeAll(async () => {
  survivor = await world.start();
});
afterEach(async () => {
  for (const one of processes.splice(0)) await one.end();
});

async function startProcess(): Promise<RuntimeProcess> {
  const started = await RuntimeProcess.start(world.database.connectionString);
  processes.push(started);
  return started;
}

const ended = (address: string) => survivor.waitFor(address, 'done', { timeoutMs: 20_000 });
const query = (text: string, values: unknown[] = []) => world.database.pool.query(text, values);

/** Starts a process, and an actor whose effect it runs. Here the effect is held too, until the test ends it. */
async function startWithWork() {
  const process = await startProcess();
  const job = key();
  const here = Promise.withResolvers<{ done: string }>();
  world.work.answer(job, () => here.promise);
  const address = await process.spawn('worker', key(), { input: { job }, owner: 'a' });
  await process.began(job);
  return { process, job, address, finishHere: (done: string) => here.resolve({ done }) };
}

/** Of an actor whose effect runs: the process of its row. */
async function runs(address: string): Promise<string> {
  const { rows } = await query('SELECT process FROM effects WHERE address = $1', [address]);
  return rows[0]?.process as string;
}
const setLease = (id: string, until: string) =>
  query(`UPDATE processes SET lease_until = now() + $2::interval WHERE id = $1`, [id, until]);

describe('R7: a crash costs seconds', () => {
  test('what a killed process ran is run by another at once, whatever is left of its lease', async () => {
    const { process, job, address, finishHere } = await startWithWork();
    await setLease(await runs(address), '1 hour');
    process.signal('SIGKILL');
    const attempt = await world.work.began(job);
    // The first attempt may have done its work: the second tells so to whom it asks.
    expect(attempt.key).toMatch(/#[0-9a-f]{8}\.1\.0$/);
    expect(attempt.attempt).toBe(2);
    finishHere('by the survivor');
    expect(await ended(address)).toMatchObject({
      revision: 2,
      context: { result: { done: 'by the survivor' } },
    });
  });

  test('so it is when nobody lived: at once on restart', async () => {
    const alone = await startProcess();
    const job = key();
    await survivor.drain();
    const address = await alone.spawn('worker', key(), { input: { job }, owner: 'a' });
    await alone.began(job);
    await setLease(await runs(address), '1 hour');
    await alone.end();
    survivor = await world.start();
    expect(await ended(address)).toMatchObject({ revision: 2, context: { result: { done: job } } });
  });

  test('no acknowledged event is lost, and none is applied twice', async () => {
    const process = await startProcess();
    const address = await survivor.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const acknowledged: number[] = [];
    const sent = Array.from({ length: 400 }, (_, index) => index + 1).map((by) =>
      process.send(address, [{ type: 'ADD', by }]).then(
        () => {
          acknowledged.push(by);
          if (acknowledged.length === 100) process.signal('SIGKILL');
        },
        () => {},
      ),
    );
    await Promise.all(sent);
    // What it had asked of Postgres is done or gone when its connections are.
    const connections = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`;
    await expect.poll(async () => (await query(connections)).rowCount, { timeout: 10_000 }).toBe(0);
    const steps = (await survivor.journal(address)).slice(1);
    const applied = steps.map(({ event }) => Number(event.by));
    expect(acknowledged.length).toBeGreaterThanOrEqual(100);
    // In the order sent, from the first, none left out, none twice; and more than was acknowledged may be there.
    expect(applied).toEqual(applied.map((_, index) => index + 1));
    expect(applied).toEqual(expect.arrayContaining(acknowledged));
    expect(steps.map(({ revision }) => revision)).toEqual(steps.map((_, index) => index + 2));
  });

  test('one that was frozen for longer than its lease and wakes can not commit over the survivor', async () => {
    const { process, job, address, finishHere } = await startWithWork();
    const counter = await process.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    process.signal('SIGSTOP');
    await setLease(await runs(address), '-1 second');
    await world.work.began(job);
    await survivor.send(counter, { type: 'ADD', by: 1 });
    // Its own attempt ends, and events come to it, the moment that it wakes.
    process.finish(job, 'by the one that was frozen');
    const sent = [10, 100].map((by) => process.send(counter, [{ type: 'ADD', by }]));
    process.signal('SIGCONT');
    expect((await Promise.all(sent)).flat().map(({ revision }) => revision)).toEqual([3, 4]);
    expect(await survivor.snapshot(counter)).toMatchObject({ revision: 4, context: { count: 111 } });
    await process.send(counter, [{ type: 'ADD', by: 1_000 }]);
    expect(await survivor.snapshot(address)).toMatchObject({ revision: 1, value: 'working' });
    finishHere('by the survivor');
    expect(await ended(address)).toMatchObject({
      revision: 2,
      context: { result: { done: 'by the survivor' } },
    });
  });
});
