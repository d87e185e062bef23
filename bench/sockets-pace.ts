/** What the writer of sockets.ts and its floor have in common: the pace, the clock, and what a notification says. */
import { setTimeout as delay } from 'node:timers/promises';

const TICK_MS = 20;
/** More at once only when it is late. */
const MAX_AT_ONCE = 100;

/** Comparable between the processes of one machine, with parts of a millisecond. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Does `work` on the numbers from 0, so many a second; who is late gets more at once. Resolves with how many. */
export async function paced(
  { seconds, perSecond }: { seconds: number; perSecond: number },
  work: (from: number, to: number) => Promise<void>,
): Promise<number> {
  const all = Math.round(seconds * perSecond);
  const began = performance.now();
  let done = 0;
  while (done < all) {
    const due = Math.min(all, Math.ceil(((performance.now() - began) * perSecond) / 1_000));
    const to = Math.min(due, done + MAX_AT_ONCE);
    if (to > done) await work(done, to);
    done = Math.max(done, to);
    if (done >= due) await delay(TICK_MS);
  }
  return done;
}

/** As long as what an alert says. */
export function notificationData(number: number): { number: number } & Record<string, unknown> {
  return {
    number,
    symbol: `S${number % 100}`,
    condition: 'above',
    threshold: 100,
    price: 100.25,
    asOf: '2026-01-05T15:00:00.000Z',
    source: 'simulated',
    message: 'The price is above 100.',
  };
}
