/**
 * R6: effects are retried and bounded by their declaration, and their results and errors are events. Their
 * cancellation is `r06-cancellation.test.ts`.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import { runOnce } from '../effects/attempt.ts';
import {
  type ActorSystem,
  type ActorView,
  DoNotRetryError,
  effect,
  PeerUnavailableError,
  RetryLaterError,
} from '../index.ts';
import { retryDelayMs } from '../registry/effect.ts';
import { worker } from '../testing/subjects.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
let system: ActorSystem;
beforeAll(async () => {
  system = await world.start();
});

const spawn = (job: string, one = system) => one.spawn('worker', key(), { input: { job }, owner: 'a' });
const ended = (address: string, one = system): Promise<ActorView> =>
  one.waitFor(address, 'done', { timeoutMs: 10_000 });
/** What each attempt at a job throws; then it is done. */
function fails(job: string, ...errors: (Error | string)[]): void {
  world.work.answer(job, async ({ attempt }) => {
    const error = errors[attempt - 1];
    if (error !== undefined) throw error;
    return { done: job };
  });
}
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('R6: effects are retried and bounded', () => {
  test('a result is an event, and its effect is gone', async () => {
    const address = await spawn('plain');
    const view = await ended(address);
    expect(view).toMatchObject({ value: 'done', context: { result: { done: 'plain' } }, effects: [] });
    expect((await world.database.pool.query('SELECT FROM effects')).rowCount).toBe(0);
  });

  test('a limit of three is three retries, each with the same key; then the error event, plain', async () => {
    const job = key();
    fails(job, ...times(5, new TypeError('no luck')));
    const view = await ended(await spawn(job));
    expect(view).toMatchObject({ value: 'failed' });
    expect(view.context.error).toEqual({
      name: 'TypeError',
      message: 'no luck',
      code: 'internal_error',
      retryable: false,
    });
    const attempts = world.work.attempts(job);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(new Set(attempts.map((attempt) => attempt.key)).size).toBe(1);
  });

  test('one that succeeds at its last retry has succeeded', async () => {
    const job = key();
    fails(job, ...times(3, new Error('no luck')));
    expect(await ended(await spawn(job))).toMatchObject({ value: 'done', context: { error: null } });
  });

  test('what is thrown and is no error is an error event all the same', async () => {
    const job = key();
    fails(job, ...times(4, 'just words'));
    const view = await ended(await spawn(job));
    expect(view.context.error).toMatchObject({ message: 'just words', code: 'internal_error' });
  });

  test('work that throws before it has begun leaves nothing behind that an abort could break the process with', async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    const declared = effect('sync', { input: z.unknown(), output: z.unknown() }, () => {
      throw new Error('at once');
    });
    const row = { effectId: 'e', owner: 'a', address: 'a/1', input: {} } as EffectRow;
    const aborting = new AbortController();
    const { signal } = aborting;
    const { send, spawn } = system;
    const given = { signal, attempt: 1, send, spawn, now: () => new Date() };
    await expect(runOnce(declared, row, given)).rejects.toThrow('at once');
    aborting.abort(new Error('draining'));
    // Node tells of those that nobody handles when its microtasks are done.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });

  test('an error that says so is not retried', async () => {
    const job = key();
    fails(job, new DoNotRetryError('symbol_not_found', 'no such symbol'));
    const view = await ended(await spawn(job));
    expect(view).toMatchObject({ value: 'failed', context: { error: { code: 'symbol_not_found' } } });
    expect(world.work.attempts(job)).toHaveLength(1);
  });

  test('a peer that is away does not use up the limit', async () => {
    const job = key();
    const away = times(6, new PeerUnavailableError('away', 'refused'));
    fails(job, ...away, ...times(3, new Error('no luck')));
    expect(await ended(await spawn(job))).toMatchObject({ value: 'done' });
    expect(world.work.attempts(job)).toHaveLength(10);
  });

  test('it is waited for until the deadline, and then that is the error event', async () => {
    const job = key();
    world.work.answer(job, () => Promise.reject(new PeerUnavailableError('away', 'refused')));
    const hasty = await world.start({
      effects: [world.work.effect({ deadline: '500 ms', retries: { limit: 0, delay: '5 ms' } })],
    });
    const view = await ended(await spawn(job, hasty), hasty);
    await hasty.drain();
    expect(view).toMatchObject({ value: 'failed', context: { error: { code: 'away', retryable: true } } });
    // With a limit of none it was tried again.
    expect(world.work.attempts(job).length).toBeGreaterThan(1);
  });

  test('the timeout is of each attempt: it aborts the signal, and the attempt counts as failed', async () => {
    const job = `hang ${key()}`;
    const hasty = await world.start({
      effects: [world.work.effect({ timeout: '10 ms', retries: { limit: 2, delay: '1 ms' } })],
    });
    const view = await ended(await spawn(job, hasty), hasty);
    await hasty.drain();
    expect(view.context.error).toMatchObject({ code: 'timeout', retryable: true });
    const attempts = world.work.attempts(job);
    expect(attempts).toHaveLength(3);
    for (const { signal } of attempts) expect(signal.reason).toMatchObject({ code: 'timeout' });
  });

  test.each([
    ['an input', 'invalid_effect_input', z.object({ job: z.literal('other') }), z.unknown()],
    ['an output', 'invalid_effect_output', z.unknown(), z.object({ done: z.number() })],
  ])('%s of the wrong shape is an error event, not retried', async (_, code, input, output) => {
    let attempts = 0;
    const shaped = effect('work', { input, output, retries: { delay: 1 } }, async () => {
      attempts++;
      return { done: 'words' };
    });
    const other = await world.start({ effects: [shaped], machines: [worker] });
    const view = await ended(await spawn(key(), other), other);
    await other.drain();
    expect(view.context.error).toMatchObject({ code });
    expect(attempts).toBeLessThanOrEqual(1);
  });

  test('no more run at once than the declaration says, and each gets its turn', async () => {
    let [running, most] = [0, 0];
    const single = await world.start({ effects: [world.work.effect({ concurrency: 2 })] });
    const jobs = times(8, 0).map(() => key());
    for (const job of jobs) {
      world.work.answer(job, async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return { done: job };
      });
    }
    const addresses = await Promise.all(jobs.map((job) => spawn(job, single)));
    for (const address of addresses) expect(await ended(address, single)).toMatchObject({ value: 'done' });
    await single.drain();
    expect(most).toBe(2);
  });

  test('delay, backoff and ceiling are the declaration’s', () => {
    const { retries } = effect('e', { input: z.unknown(), output: z.unknown() }, async () => null);
    const delays = [1, 2, 3, 4, 5, 6, 7, 1_000].map((retry) => retryDelayMs(retries, retry));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    const fixed = { ...retries, backoff: 'fixed', delayMs: 250 } as const;
    expect([1, 2, 9].map((retry) => retryDelayMs(fixed, retry))).toEqual([250, 250, 250]);
  });

  test.each([
    ['the delay of the declaration', new Error('no luck'), 60_000],
    [
      'Retry-After of one that asks to wait',
      new RetryLaterError('slow', 'slow', { retryAfterMs: 90_000 }),
      90_000,
    ],
    [
      'Retry-After of a peer that is away',
      new PeerUnavailableError('503', '503', { retryAfterMs: 90_000 }),
      90_000,
    ],
    [
      'the delay, where Retry-After is shorter',
      new RetryLaterError('slow', 'slow', { retryAfterMs: 5 }),
      60_000,
    ],
  ])('the next attempt waits for %s, and another process goes on there', async (_, error, waitsMs) => {
    const job = key();
    fails(job, error);
    const retries = { limit: 1, delay: '1 min', maxDelay: '1 min' } as const;
    const patient = await world.start({ effects: [world.work.effect({ retries })] });
    const before = Date.now();
    const address = await spawn(job, patient);
    const noted =
      'SELECT attempt, due_at, last_error FROM effects WHERE address = $1 AND last_error IS NOT NULL';
    const rows = async () => (await world.database.pool.query(noted, [address])).rows;
    await expect.poll(rows, { interval: 5 }).toHaveLength(1);
    const [{ due_at, last_error, attempt }] = await rows();
    expect(due_at.getTime()).toBeGreaterThanOrEqual(before + waitsMs);
    expect(due_at.getTime()).toBeLessThan(Date.now() + waitsMs + 1);
    expect(last_error).toMatchObject({ message: error.message });
    expect(attempt).toBe(error instanceof PeerUnavailableError ? 0 : 1);
    expect(world.work.attempts(job)).toHaveLength(1);
    await patient.stop(address);
    await patient.drain();
  });
});
