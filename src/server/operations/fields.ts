/**
 * Input fields that several operations share. Patterns are checked in refinements, so that the schemas which
 * assistants read stay small and don't refuse what is mended here (a lower-case symbol).
 */
import { z } from 'zod';

const symbolPattern = /^[A-Z][A-Z0-9.\-/]{0,9}$/;
const timestamp = z.iso.datetime({ offset: true });

/** A ticker, trimmed and upper-cased. */
export const symbol = z
  .string()
  .trim()
  .toUpperCase()
  .refine((text) => symbolPattern.test(text), 'must be a ticker such as AAPL or BRK.B, at most 10 characters')
  .describe('Ticker, e.g. AAPL');

/** A time to come. RFC 3339 with an offset. */
export const futureTime = z
  .string()
  .refine((text) => timestamp.safeParse(text).success, 'must be a time such as 2030-01-31T21:00:00Z')
  .refine((text) => !(Date.parse(text) <= Date.now()), 'must be in the future')
  .describe('RFC 3339');

export const idempotencyKey = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .describe('Any text; the same key again answers the same and starts nothing new');

export const limit = z.int().min(1).max(100).default(20);
export const cursor = z.string().min(1).max(500).optional().describe('nextCursor of the page before');
export const nextCursor = z.string().nullable().describe('null on the last page');
