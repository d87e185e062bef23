/** Whether there is another attempt at an effect, and when, by its policy. Not for running it (`effect-runner.ts`). */
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import { DoNotRetryError, PeerUnavailableError, RetryLaterError, TtaiError } from '../errors.ts';
import { retryDelayMs } from '../registry/effect.ts';
import type { Effect } from '../types.ts';

/** That its process ended says little of an effect, so one is begun again so often also where its limit is lower. */
const LEAST_RESTARTS = 3;

export interface Attempts {
  /** Attempts that count against the limit. */
  attempts: number;
  /** Attempts at a peer that was away; they only stretch the backoff. */
  unreachable: number;
}

/**
 * How long to wait after this error for the next attempt, in milliseconds; null when there is none. `away`: the peer was
 * not reached; `leftMs`: until the deadline. The attempts include the one that failed.
 */
export function delayToNext(
  error: unknown,
  away: boolean,
  { attempts, unreachable }: Attempts,
  { retries }: Effect,
  leftMs: number,
): number | null {
  if (error instanceof DoNotRetryError || (!away && attempts > retries.limit)) return null;
  const asksToWait = error instanceof PeerUnavailableError || error instanceof RetryLaterError;
  // Read from a peer's answer: it may be no number at all.
  const asked = asksToWait && Number.isFinite(error.retryAfterMs) ? Number(error.retryAfterMs) : 0;
  const delayMs = Math.max(asked, retryDelayMs(retries, away ? unreachable : attempts));
  return delayMs > leftMs ? null : delayMs;
}

/**
 * Why an effect whose row comes from another process is not begun again; null when it is. An attempt that its process
 * did not survive has been counted: the next one may end this process too.
 */
export function refusalToResume({ src, attempt, deadlineAt }: EffectRow, { retries }: Effect, now: number) {
  // The first attempt may be late, but not left out.
  if (attempt === 0) return null;
  if (attempt > Math.max(retries.limit, LEAST_RESTARTS)) {
    const message = `${src} was begun ${attempt} times, and the last time its process ended or was cut off meanwhile`;
    return new TtaiError('interrupted', message, { retryable: true });
  }
  if (now <= deadlineAt.getTime()) return null;
  // No `timeout`: nobody has tried for so long. Its machine may begin it anew.
  const message = `the process that ran ${src} ended meanwhile, and its deadline was over before another could go on with it`;
  return new TtaiError('interrupted', message, { retryable: true });
}
