/**
 * Declaring effects: work outside, with its policy. The runner is `effect-runner.ts`.
 */
import type { z } from 'zod';
import type { Duration, Effect, EffectContext } from '../types.ts';

const UNIT_MS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration in milliseconds. Throws a RangeError on anything but a number or `30 s`-like words. */
export function toMs(duration: Duration): number {
  if (typeof duration === 'number') return duration;
  const match = /^(\d+(?:\.\d+)?) (ms|s|min|h|d)$/.exec(duration);
  if (!match) throw new RangeError(`not a duration: ${duration}`);
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}

export interface EffectPolicy<Input, Output> {
  input: z.ZodType<Input>;
  output: z.ZodType<Output>;
  /** Per attempt; 30 s unless said. */
  timeout?: Duration;
  /** From the first attempt on; an hour unless said. */
  deadline?: Duration;
  /** `limit: 3` is three retries after the first attempt; 3 at 1 s exponential, at most 30 s, unless said. */
  retries?: { limit?: number; delay?: Duration; backoff?: 'exponential' | 'fixed'; maxDelay?: Duration };
  /** How many run at once in one process; 64 unless said. */
  concurrency?: number;
}

/**
 * Declares an effect. `run` may be called more than once for one start (at least once): give
 * `context.idempotencyKey` to the peer, and stop when `context.signal` aborts.
 */
export function effect<Input, Output>(
  name: string,
  policy: EffectPolicy<Input, Output>,
  run: (input: Input, context: EffectContext) => Promise<Output>,
): Effect {
  const retries = policy.retries ?? {};
  const declared: Effect<Input, Output> = {
    name,
    input: policy.input,
    output: policy.output,
    timeoutMs: toMs(policy.timeout ?? '30 s'),
    deadlineMs: toMs(policy.deadline ?? '1 h'),
    retries: {
      limit: retries.limit ?? 3,
      delayMs: toMs(retries.delay ?? '1 s'),
      backoff: retries.backoff ?? 'exponential',
      maxDelayMs: toMs(retries.maxDelay ?? '30 s'),
    },
    concurrency: policy.concurrency ?? 64,
    run,
  };
  // The runtime hands `run` only what `input` has parsed, so that the types hold where they were erased.
  return declared as unknown as Effect;
}

/** How long to wait before retry number `retry` (1 for the first), in milliseconds. */
export function retryDelayMs(retries: Effect['retries'], retry: number): number {
  const grown =
    retries.backoff === 'fixed' ? retries.delayMs : retries.delayMs * 2 ** Math.min(retry - 1, 30);
  return Math.min(grown, retries.maxDelayMs);
}
