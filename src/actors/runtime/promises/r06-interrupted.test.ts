/**
 * R6: an attempt that its process does not survive is counted, so that an effect that ends each process that runs it
 * ends in an event too. That others go on with what a dead one ran is `r07-crash.test.ts`.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { EffectPolicy } from '../registry/effect.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
afterEach(() => world.rest());

type Retries = NonNullable<EffectPolicy<unknown, unknown>['retries']>;
const query = (text: string, values: unknown[]) => world.database.pool.query(text, values);
const start = (retries: Retries) => world.start({ effects: [world.work.effect({ retries })] });

/** An actor whose effect is being attempted, by what is left of a process when it has died. */
async function interrupted(job: string, retries: Retries): Promise<string> {
  const system = await start(retries);
  const address = await system.spawn('worker', key(), { input: { job }, owner: 'a' });
  await world.work.began(job);
  await loseProcess(address);
  return address;
}
/** As if the process that runs it had died. */
const loseProcess = (address: string) =>
  query('UPDATE effects SET process = gen_random_uuid() WHERE address = $1', [address]);

describe('R6: an effect whose process dies', () => {
  test.each([
    ['as often as its limit says', 4, 5],
    ['three times where its limit is lower', 0, 4],
  ])('is begun again %s, and then that is its error event', async (_, limit, most) => {
    const job = `hang ${key()}`;
    const address = await interrupted(job, { limit });
    for (let attempt = 2; attempt <= most; attempt++) {
      await start({ limit });
      expect(await world.work.began(job, attempt)).toMatchObject({ attempt });
      await loseProcess(address);
    }
    const last = await start({ limit });
    const view = await last.waitFor(address, 'done', { timeoutMs: 20_000 });
    expect(view).toMatchObject({
      value: 'failed',
      context: { error: { code: 'interrupted', retryable: true } },
    });
    expect(view.context.error).toMatchObject({ message: expect.stringContaining(`${most} times`) });
    expect(world.work.attempts(job)).toHaveLength(most);
  });

  test('does not lose by that the patience with a peer that is away', async () => {
    const [job, limit] = [`hang ${key()}`, 0];
    const address = await interrupted(job, { limit });
    let isAway = true;
    world.work.answer(job, async () => {
      if (!isAway) return { done: 'there' };
      isAway = false;
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    });
    const next = await start({ limit, delay: 1 });
    const view = await next.waitFor(address, 'done', { timeoutMs: 20_000 });
    expect(view).toMatchObject({ value: 'done', context: { result: { done: 'there' } } });
  });

  test('is not begun again when its deadline is over', async () => {
    const job = `hang ${key()}`;
    const address = await interrupted(job, { limit: 3 });
    await query(`UPDATE effects SET deadline_at = now() - interval '1 s' WHERE address = $1`, [address]);
    const next = await start({ limit: 3 });
    const view = await next.waitFor(address, 'done', { timeoutMs: 20_000 });
    expect(view).toMatchObject({
      value: 'failed',
      context: { error: { code: 'interrupted', message: expect.stringContaining('deadline') } },
    });
    expect(world.work.attempts(job)).toHaveLength(1);
  });

  test('or was stopped, has its first attempt all the same, however late', async () => {
    const job = `hang ${key()}`;
    const address = await interrupted(job, { limit: 3 });
    await query(
      `UPDATE effects SET process = NULL, deadline_at = now() - interval '1 s' WHERE address = $1`,
      [address],
    );
    const next = await start({ limit: 3 });
    expect(await world.work.began(job, 2)).toMatchObject({ attempt: 1 });
    await next.stop(address);
  });

  test('while it waits for its next attempt has not lost that one', async () => {
    const job = key();
    world.work.answer(job, () => Promise.reject(new Error('no luck')));
    const retries = { limit: 3, delay: '10 min', maxDelay: '10 min' } as const;
    const system = await start(retries);
    const address = await system.spawn('worker', key(), { input: { job }, owner: 'a' });
    const attempts = async () =>
      (await query('SELECT attempt FROM effects WHERE address = $1', [address])).rows[0]?.attempt;
    await expect.poll(attempts, { interval: 5, timeout: 20_000 }).toBe(1);
    await loseProcess(address);
    const next = await start(retries);
    const processes = await query(
      'SELECT FROM effects e JOIN processes p ON p.id = e.process WHERE address = $1',
      [address],
    );
    expect(processes.rowCount).toBe(1);
    expect(await attempts()).toBe(1);
    await next.stop(address);
  });
});
