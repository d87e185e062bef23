/**
 * Input fields that several operations share. Patterns are checked in refinements, so that the schemas which
 * assistants read stay small and don't refuse what is mended here (a lower-case symbol).
 */
import { z } from 'zod';
import { ticker } from '../../machines/criteria.ts';

const timestamp = z.iso.datetime({ offset: true });
const yearsAhead = 5;
/** A client's clock may be ahead of ours. */
const clockSkewMs = 60_000;
const dayMs = 86_400_000;
export const future = 'must not be in the future';
const earliestMs = Date.UTC(1970, 0, 2);
const controls = /[^\P{Cc}\n\t]/u;
/** Characters that make the text after them read in another order than it is stored in. */
const directionOverrides = /[\u202a-\u202e\u2066-\u2069]/;

/**
 * Text of a person or a program, at most this long. What the database can't keep (NUL, half a surrogate pair) and what
 * would deceive its reader is refused.
 */
export function text(maxLength: number): z.ZodString {
  return z
    .string()
    .max(maxLength)
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode: it has half a surrogate pair')
    .refine((value) => !controls.test(value), 'must not have control characters, except newline and tab')
    .refine(
      (value) => !directionOverrides.test(value),
      'must not have characters that override the direction of text (U+202A-202E, U+2066-2069)',
    );
}

/** A ticker, trimmed and upper-cased. */
export const symbol = ticker.describe('Ticker, e.g. AAPL');

/** A time to come, some years ahead at most. RFC 3339 with an offset. */
export const futureTime = z
  .string()
  .refine((value) => timestamp.safeParse(value).success, {
    error: 'must be a time such as 2030-01-31T21:00:00Z',
    abort: true,
  })
  .refine((value) => Date.parse(value) > Date.now(), 'must be in the future')
  .refine((value) => Date.parse(value) <= latestTime(), `must be at most ${yearsAhead} years ahead`)
  .describe('RFC 3339');

/** A time that has been. RFC 3339 with an offset. */
export const pastTime = z
  .string()
  .refine((value) => timestamp.safeParse(value).success, {
    error: 'must be a time such as 2026-01-31T21:00:00Z',
    abort: true,
  })
  .refine((value) => Date.parse(value) <= Date.now() + clockSkewMs, future)
  .refine((value) => Date.parse(value) >= earliestMs, 'must be after 1970')
  .describe('RFC 3339');

/** A time that has been, or a date (`isDate`), which begins when it does for its owner. */
export const pastTimeOrDate = z
  .string()
  .refine((value) => isDate(value) || timestamp.safeParse(value).success, {
    error: 'must be a time such as 2026-01-31T21:00:00Z, or a date such as 2026-01-31',
    abort: true,
  })
  // In the east a day begins before it does in UTC. Whether it has begun for its owner is for the operation to see.
  .refine((value) => Date.parse(value) <= Date.now() + (isDate(value) ? dayMs : clockSkewMs), future)
  .refine((value) => Date.parse(value) >= earliestMs, 'must be after 1970')
  .describe('RFC 3339, or a date of the user');

/** Whether it is a date such as 2026-01-31. */
export function isDate(value: string): boolean {
  return z.iso.date().safeParse(value).success;
}

function latestTime(): number {
  const now = new Date();
  return now.setUTCFullYear(now.getUTCFullYear() + yearsAhead);
}

export const idempotencyKey = text(200).min(1).optional().describe('The same text again starts nothing new');

export const limit = z.int().min(1).max(100).default(20);
export const cursor = text(500).min(1).optional().describe('nextCursor of the page before');
export const nextCursor = z.string().nullable().describe('null on the last page');

export const owner = text(100).min(1);
export const machine = text(100).refine((value) => /^[\w.-]+$/.test(value), 'is not the name of a machine');
/** The part of an address behind the machine. A child's key is its parent's, with more behind it. */
export const actorKey = text(500).refine((value) => /^[\w.:@-]+$/.test(value), 'is not the key of an actor');
