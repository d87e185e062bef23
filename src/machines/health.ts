/**
 * Whether what looks again and again still sees: its failures in a row, and whether its owner knows. Shared by the
 * monitors of positions and of the broker's accounts. Not for what a look is, nor for what is told.
 */
import { z } from 'zod';

/** Why a look has failed: a code for programs, and what a person reads. */
export const problem = z.object({ code: z.string(), message: z.string() });
export type Problem = z.infer<typeof problem>;

export interface Health {
  /** Looks that failed, in a row. */
  failures: number;
  /** When the first of them was; null when even that is not known. */
  since: string | null;
  /** Why the last of them did. */
  reason: Problem | null;
  /** The owner knows. */
  told: boolean;
}

export const SEEING: Readonly<Health> = { failures: 0, since: null, reason: null, told: false };

/** Failures in a row before the owner is told. */
const FAILURES_BEFORE_TOLD = 3;

/**
 * Health after a look that failed, at `at` where that is known. `maySay`: whether the failures that there are, since
 * `since`, may be told.
 */
export function failedOnce(
  health: Health,
  reason: Problem,
  at: string | null,
  maySay: (since: string | null) => boolean = () => true,
): Health {
  const failures = health.failures + 1;
  const since = health.failures === 0 ? at : health.since;
  return {
    failures,
    since,
    reason,
    told: health.told || (failures >= FAILURES_BEFORE_TOLD && maySay(since)),
  };
}

/** What the owner is to be told now: that it sees nothing any more, that it sees again, or null. */
export function newsOf(before: Health, after: Health): 'blind' | 'seeing' | null {
  if (before.told === after.told) return null;
  return after.told ? 'blind' : 'seeing';
}
