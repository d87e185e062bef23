/**
 * R6: whatever an attempt answers or throws, its machine hears of it, and nobody notes anything for another. Retries
 * and bounds are `r06-effects.test.ts`.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import { EffectRunner } from '../effects/effect-runner.ts';
import { type ActorSystem, effect, PeerUnavailableError, RetryLaterError } from '../index.ts';
import { Registry } from '../registry/registry.ts';
import { counter, worker } from '../testing/subjects.ts';
import { key, useWorld } from '../testing/world.ts';
import { systemClock } from '../timers/clock.ts';

const world = useWorld();
afterEach(() => world.rest());

const anything = { input: z.unknown(), output: z.unknown() };
const spawn = (system: ActorSystem, job = key()) =>
  system.spawn('worker', key(), { input: { job }, owner: 'a' });
const ended = (system: ActorSystem, address: string) =>
  system.waitFor(address, 'done', { timeoutMs: 10_000 });

/** The end of a worker whose attempts do this, and how many there were. */
async function endOf(run: (attempt: number) => unknown, limit = 1) {
  let attempts = 0;
  const retries = { limit, delay: 1, maxDelay: 1 };
  const work = effect('work', { ...anything, retries }, async () => run(++attempts));
  const system = await world.start({ machines: [worker], effects: [work] });
  const address = await spawn(system);
  const view = await ended(system, address);
  const left = await world.database.pool.query('SELECT FROM effects WHERE address = $1', [address]);
  expect(left.rowCount).toBe(0);
  return { view, attempts };
}

const cycle: Record<string, unknown> = {};
cycle.self = { cycle };

describe('R6: a result that JSON can not hold is the error event, and is not tried again', () => {
  test.each<[what: string, result: unknown, place: RegExp]>([
    ['a BigInt', 1n, /the whole is a bigint/],
    ['a BigInt deep inside', { bars: [{ volume: 1n }] }, /bars\.0\.volume is a bigint/],
    ['a cycle', cycle, /contains itself/],
    ['a function', () => 1, /the whole is a function/],
    ['a field that is a function', { run: () => 1 }, /run is a function/],
    ['a symbol', { name: Symbol('x') }, /name is a symbol/],
    ['a Date', { at: new Date(0) }, /at is a Date/],
    ['a Map', { by: new Map() }, /by is a Map/],
    ['NaN', { price: Number.NaN }, /price is NaN/],
    ['a hole in a list', { prices: [1, undefined] }, /prices\.1 is undefined/],
  ])('%s', async (_, result, place) => {
    const { view, attempts } = await endOf(() => result);
    expect(view).toMatchObject({ value: 'failed', effects: [] });
    expect(view.context.error).toEqual({
      name: 'DoNotRetryError',
      message: expect.stringMatching(place),
      code: 'invalid_effect_output',
      retryable: false,
    });
    expect(attempts).toBe(1);
  });

  test('what it can hold in another way comes so: undefined as null, odd text without its odd characters', async () => {
    expect((await endOf(() => undefined)).view).toMatchObject({ value: 'done', context: { result: null } });
    const odd = { 'a\0b': 'c\0d', 'e\ud800': ['f\udc00', { 'g\0': 1 }], gone: undefined };
    expect((await endOf(() => odd)).view).toMatchObject({
      value: 'done',
      context: { result: { ab: 'cd', 'e\ufffd': ['f\ufffd', { g: 1 }] } },
    });
  });
});

describe('R6: whatever is thrown is an error event', () => {
  const unreadable = new Error('x');
  Object.defineProperty(unreadable, 'message', {
    get() {
      throw new Error('no message');
    },
  });
  test.each<[what: string, thrown: unknown, message: unknown]>([
    ['nothing', undefined, 'undefined'],
    ['what can be made no text', Object.create(null), 'what was thrown can not be read'],
    ['an error that can not be read', unreadable, 'what was thrown can not be read'],
    ['text that can not be stored', new Error('a\0b \ud800'), 'ab \ufffd'],
    ['text without bounds', new Error('x'.repeat(1e6)), expect.stringMatching(/^x{10000}… \(1000000 /)],
    ['details that JSON can not hold', new RetryLaterError('slow', 'slow', { details: { big: 1n } }), 'slow'],
  ])('%s', async (_, thrown, message) => {
    const { view, attempts } = await endOf(() => Promise.reject(thrown));
    expect(view).toMatchObject({
      value: 'failed',
      context: { error: { message, code: expect.any(String) } },
    });
    expect(attempts).toBe(2);
  });

  test('those who measure and trace can throw, and it ends all the same', async () => {
    const fail = () => {
      throw new Error('the meter is broken');
    };
    const metrics = { attempted: fail, committed: () => {} };
    const system = await world.start({ telemetry: { metrics } });
    expect(await ended(system, await spawn(system))).toMatchObject({ value: 'done' });
  });
});

describe('R6: only a peer that was not reached does not use up the limit', () => {
  test('one that refuses, as fetch and sockets say it', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const { view, attempts } = await endOf(
      (attempt) => (attempt > 4 ? 'there' : fetch(`http://127.0.0.1:${port}`)),
      1,
    );
    expect(view).toMatchObject({ value: 'done', context: { result: 'there' } });
    expect(attempts).toBe(5);
  });

  test('a file that is missing is no peer', async () => {
    const { view, attempts } = await endOf(() => readFile(`/no/such/${key()}`));
    expect(view).toMatchObject({
      value: 'failed',
      context: { error: { message: expect.stringContaining('ENOENT') } },
    });
    expect(attempts).toBe(2);
  });

  test.each([Number.NaN, Number.NEGATIVE_INFINITY, 'soon' as unknown as number])(
    'a Retry-After of %s is none: delay and deadline hold',
    async (retryAfterMs) => {
      const away = new PeerUnavailableError('away', 'refused', { retryAfterMs });
      let attempts = 0;
      const work = effect('work', { ...anything, deadline: 0, retries: { delay: '1 s' } }, async () => {
        attempts++;
        throw away;
      });
      const system = await world.start({ machines: [worker], effects: [work] });
      expect(await ended(system, await spawn(system))).toMatchObject({ value: 'failed' });
      expect(attempts).toBe(1);
    },
  );
});

describe('R6, R7: an attempt is noted by the process that runs the effect, and by no other', () => {
  test('one from which it was taken notes nothing, and gives it up', async () => {
    const retries = { limit: 3, delay: '1 min', maxDelay: '1 min' } as const;
    const system = await world.start({ effects: [world.work.effect({ retries })] });
    const job = key();
    const failing = Promise.withResolvers<{ done: string }>();
    world.work.answer(job, () => failing.promise);
    const address = await spawn(system, job);
    await world.work.began(job);
    const read = 'SELECT process, attempt, due_at, last_error FROM effects WHERE address = $1';
    const [{ process: first }] = (await world.database.pool.query(read, [address])).rows;
    // It has not this effect, so that the row stays as it was taken.
    await world.start({ machines: [counter], effects: [] });
    const take =
      'UPDATE effects SET process = (SELECT id FROM processes WHERE id <> $2), attempt = 2 WHERE address = $1';
    await world.database.pool.query(take, [address, first]);
    const taken = (await world.database.pool.query(read, [address])).rows;
    failing.reject(new Error('late'));
    await expect.poll(() => system.load().effects.size).toBe(0);
    expect((await world.database.pool.query(read, [address])).rows).toEqual(taken);
    expect(taken).toMatchObject([{ attempt: 2, last_error: null }]);
  });
});

describe('R6: an end that comes before the news of its start', () => {
  const started: string[] = [];
  const work = effect('work', anything, async (_input, { idempotencyKey }) => {
    started.push(idempotencyKey);
    return null;
  });
  const runner = new EffectRunner({
    database: { query: async () => ({ rows: [], rowCount: 0 }) },
    registry: new Registry([], [work]),
    clock: systemClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    processIds: () => [],
    calls: {
      send: () => Promise.reject(new Error('not here')),
      spawn: () => Promise.reject(new Error('not here')),
    },
    onOutcome: async () => true,
    onUnwanted: () => {},
    telemetry: {},
  });
  const row = (effectId: string): EffectRow => ({
    ...{ effectId, address: 'worker/1', invokeId: 'work', src: 'work', owner: 'a', input: {} },
    ...{ attempt: 0, dueAt: new Date(0), deadlineAt: new Date(0), trace: null },
  });

  test('is remembered, for the latest ten thousand and no more', async () => {
    runner.cancel(Array.from({ length: 10_001 }, (_, index) => `e${index}`));
    for (const id of ['e0', 'e1', 'e10000']) runner.start(row(id));
    await runner.idle();
    expect(started).toEqual(['e0']);
  });
});
