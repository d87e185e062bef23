/**
 * When what looks at the market looks again: at its interval while the exchange is open, once after the close, and at
 * the next open. Not for what a look does, nor for the calendar (`market-hours.ts` of the effects).
 */
import { z } from 'zod';

/** Closing auctions print within seconds. */
const AFTER_CLOSE_MS = 60_000;
/** The look after the close, when it fails, is tried again for so long. */
const AGAIN_AFTER_CLOSE_MS = 3_600_000;

/** The exchange at one moment; times are UTC. `closesAt`: of the session that is on, else of the last one. */
export const exchangeHours = z.object({ open: z.boolean(), closesAt: z.string(), nextOpen: z.string() });
export type ExchangeHours = z.infer<typeof exchangeHours>;

/** One look, and the exchange at its beginning. */
interface Look {
  at: string;
  endedAt: string;
  /** Null: the calendar can't be had. */
  market: ExchangeHours | null;
}

/** How long to wait after the end of a look, in milliseconds. One that began before the close does not count for it. */
export function pauseAfter({ at, endedAt, market }: Look, seconds: number, hasFailed: boolean): number {
  const everyMs = seconds * 1_000;
  if (!market) return everyMs;
  const [began, now] = [Date.parse(at), Date.parse(endedAt)];
  const closesAt = Date.parse(market.closesAt);
  const closeLook = closesAt + AFTER_CLOSE_MS;
  if (began < closeLook) return now + everyMs < closesAt ? everyMs : Math.max(0, closeLook - now);
  if (hasFailed && now < closeLook + AGAIN_AFTER_CLOSE_MS) return everyMs;
  return Math.max(0, Date.parse(market.nextOpen) - now);
}
