/** R6: leaving a state aborts its effect, on whichever process it runs, and its late result is dropped. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
let [system, second]: ActorSystem[] = [];
beforeAll(async () => {
  [system, second] = [await world.start(), await world.start()];
});

const spawn = (job: string) => here().spawn('worker', key(), { input: { job }, owner: 'a' });
const here = (): ActorSystem => system as ActorSystem;
const there = (): ActorSystem => second as ActorSystem;

describe('R6: leaving a state aborts its effect', () => {
  test.each([
    ['in the process that runs it', here],
    ['in another process', there],
  ])('left %s', async (_, where) => {
    const job = `hang ${key()}`;
    const address = await spawn(job);
    const { aborted, signal } = await world.work.began(job);
    await where().send(address, { type: 'ABORT' });
    await aborted;
    expect(signal.reason).toMatchObject({ code: 'cancelled' });
    expect(await here().snapshot(address)).toMatchObject({ value: 'aborted', status: 'done', effects: [] });
  });

  test('stopping the actor aborts it too', async () => {
    const job = `hang ${key()}`;
    const address = await spawn(job);
    const { aborted } = await world.work.began(job);
    await there().stop(address);
    await aborted;
  });

  test('so are very many at once, more than a notice can name', async () => {
    const job = `hang ${key()}`;
    // The two know each other when one has been aborted by the other.
    const first = await spawn(job);
    const { aborted } = await world.work.began(job);
    await there().send(first, { type: 'ABORT' });
    await aborted;
    const addresses = await Promise.all(Array.from({ length: 150 }, () => spawn(job)));
    await Promise.all(addresses.map((address) => there().send(address, { type: 'ABORT' })));
    const attempts = world.work.attempts(job);
    // Of the 64 places one owner has three quarters.
    expect(attempts.length).toBeGreaterThan(45);
    await Promise.all(attempts.map((attempt) => attempt.aborted));
  });

  test('the late result of work that does not heed its signal is dropped', async () => {
    const job = key();
    const late = Promise.withResolvers<{ done: string }>();
    world.work.answer(job, ({ attempt }) => (attempt === 1 ? late.promise : Promise.reject(new Error('no'))));
    const address = await spawn(job);
    const { aborted } = await world.work.began(job);
    await here().send(address, { type: 'PAUSE' });
    await aborted;
    late.resolve({ done: 'late' });
    // What was resolved before this one began has had its turn when this one is done.
    await here().waitFor(await spawn(key()), 'done', { timeoutMs: 5_000 });
    const dropped = await world.database.pool.query('SELECT FROM effects WHERE address = $1', [address]);
    expect(dropped.rowCount).toBe(0);
    expect(await here().snapshot(address)).toMatchObject({ value: 'paused', revision: 2, effects: [] });
  });

  test('a later visit has an effect of its own, with a key of its own, and only its result counts', async () => {
    const job = key();
    const ends = [1, 2].map(() => Promise.withResolvers<{ done: string }>());
    let visits = 0;
    world.work.answer(job, () => (ends[visits++] ?? ends[1])?.promise ?? Promise.reject(new Error('no')));
    const address = await spawn(job);
    const first = await world.work.began(job, 1);
    await there().send(address, { type: 'PAUSE' });
    await there().send(address, { type: 'RESUME' });
    await first.aborted;
    ends[0]?.resolve({ done: 'of the first visit' });
    // It has begun where its step was taken; both processes share what the test says.
    const again = await world.work.began(job, 2);
    expect(again.key).not.toBe(first.key);
    ends[1]?.resolve({ done: 'of the second visit' });
    const view = await here().waitFor(address, 'done', { timeoutMs: 5_000 });
    expect(view.context.result).toEqual({ done: 'of the second visit' });
    const journal = await here().journal(address);
    expect(journal.map(({ event }) => event.type)).toEqual([
      'xstate.init',
      'PAUSE',
      'RESUME',
      'xstate.done.actor.work',
    ]);
  });
});
