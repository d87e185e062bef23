import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Effect, EffectContext } from './actors/runtime/index.ts';
import { drain, watchRunning } from './drain.ts';

test('what still runs when the process stops is told by name', async () => {
  const answer = Promise.withResolvers<string>();
  const hung: Effect = {
    name: 'chartAnalysis',
    input: z.unknown(),
    output: z.unknown(),
    timeoutMs: 1,
    deadlineMs: 1,
    retries: { limit: 0, delayMs: 0, backoff: 'fixed', maxDelayMs: 0 },
    concurrency: 1,
    run: () => answer.promise,
  };
  const { effects, running } = watchRunning([hung]);
  const attempt = effects[0]?.run({}, {} as EffectContext);
  const told = Promise.withResolvers<object>();
  const log = { debug() {}, info: (fields: object) => told.resolve(fields), warn() {}, error() {} };
  let bound = 0;
  const system = {
    drain: async ({ timeoutMs = 0 } = {}) => {
      bound = timeoutMs;
      await attempt;
    },
  };
  const drained = drain(system, running, log);
  expect(await told.promise).toEqual({ running: ['chartAnalysis'] });
  answer.resolve('late');
  await drained;
  expect(bound).toBe(5_000);
  expect(running()).toEqual([]);
});
