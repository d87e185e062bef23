/**
 * Declaring effects: work outside, with its policy. The runner is `effect-runner.ts`.
 */
import type { z } from 'zod';
import { faultsOfNames } from '../options.ts';
import { messageOf } from '../storable.ts';
import type { Duration, Effect, EffectContext } from '../types.ts';
import { isName, isSchema, refuse } from './faults.ts';

const UNIT_MS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration in milliseconds. Throws a RangeError on anything but a number or `30 s`-like words. */
export function toMs(duration: Duration): number {
  if (typeof duration === 'number') return duration;
  const match = /^(\d+(?:\.\d+)?) (ms|s|min|h|d)$/.exec(duration);
  if (!match) throw new RangeError(`not a duration such as "30 s": ${String(duration)}`);
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
  /** How many run at once in one process; 64 unless said. Of those that wait, the owners take turns. */
  concurrency?: number;
}

const POLICY = ['input', 'output', 'timeout', 'deadline', 'retries', 'concurrency'];

/**
 * Declares an effect. `run` may be called more than once for one start (at least once): give
 * `context.idempotencyKey` to the peer, and stop when `context.signal` aborts. Throws `registration_refused` naming what
 * is wrong with its policy.
 */
export function effect<Input, Output>(
  name: string,
  policy: EffectPolicy<Input, Output>,
  run: (input: Input, context: EffectContext) => Promise<Output>,
): Effect {
  const {
    input,
    output,
    timeout = '30 s',
    deadline = '1 h',
    concurrency = 64,
    retries = {},
  } = policy ?? ({} as EffectPolicy<Input, Output>);
  const faults = [
    ...faultsOfNames(policy, POLICY),
    ...faultsOfNames(retries, ['limit', 'delay', 'backoff', 'maxDelay'], 'retries'),
  ];
  const ms = (field: string, duration: Duration): number => {
    try {
      return toMs(duration);
    } catch (error) {
      faults.push(`its ${field} is ${messageOf(error)}`);
      return 1;
    }
  };
  const declared: Effect<Input, Output> = {
    name,
    input,
    output,
    timeoutMs: ms('timeout', timeout),
    deadlineMs: ms('deadline', deadline),
    retries: {
      limit: retries.limit ?? 3,
      delayMs: ms('retries.delay', retries.delay ?? '1 s'),
      backoff: retries.backoff ?? 'exponential',
      maxDelayMs: ms('retries.maxDelay', retries.maxDelay ?? '30 s'),
    },
    concurrency,
    run,
  };
  // The runtime hands `run` only what `input` has parsed, so that the types hold where they were erased.
  const erased = declared as unknown as Effect;
  faults.push(...faultsOfEffect(erased));
  if (faults.length > 0) refuse(`the effect ${String(name)}`, faults);
  return erased;
}

/** What is wrong with an effect, naming the fields. With any of these it would never run, or never end. */
export function faultsOfEffect(declared: Effect): string[] {
  const { name, input, output, timeoutMs, deadlineMs, retries, concurrency, run } = declared ?? {};
  const { limit, delayMs, backoff, maxDelayMs } = retries ?? {};
  const faults: string[] = [];
  const must = (isMet: boolean, field: string, be: string) => {
    if (!isMet) faults.push(`its ${field} is not ${be}`);
  };
  must(isName(name), 'name', 'a text of 1 to 200 characters');
  must(isSchema(input), 'input', 'a zod schema');
  must(isSchema(output), 'output', 'a zod schema');
  // Node's timers take no more, and fire at once instead.
  must(timeoutMs > 0 && timeoutMs < 2 ** 31, 'timeout', 'a duration above 0 and below 25 days');
  must(deadlineMs >= 0 && deadlineMs <= MAX_DEADLINE_MS, 'deadline', 'a duration of 0 to 10 years');
  must(Number.isInteger(limit) && limit >= 0, 'retries.limit', 'a whole number of 0 or more');
  must(isDelay(delayMs), 'retries.delay', 'a duration of 0 or more');
  must(isDelay(maxDelayMs), 'retries.maxDelay', 'a duration of 0 or more');
  must(['exponential', 'fixed'].includes(backoff), 'retries.backoff', '"exponential" or "fixed"');
  must(Number.isInteger(concurrency) && concurrency > 0, 'concurrency', 'a whole number above 0');
  must(typeof run === 'function', 'run', 'a function');
  return faults;
}

const MAX_DEADLINE_MS = 10 * 365 * UNIT_MS.d;

function isDelay(ms: number): boolean {
  return Number.isFinite(ms) && ms >= 0;
}

/** How long to wait before retry number `retry` (1 for the first), in milliseconds. */
export function retryDelayMs(retries: Effect['retries'], retry: number): number {
  const grown =
    retries.backoff === 'fixed' ? retries.delayMs : retries.delayMs * 2 ** Math.min(retry - 1, 30);
  return Math.min(grown, retries.maxDelayMs);
}
