/**
 * The clocks of real time. Tests pass one that they turn (`turned-clock.ts`). Not for timers of machines: those are
 * rows.
 */
import type { Clock } from '../types.ts';

/** Node's timers take at most this; a longer wait is cut into pieces. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, callback) {
    const due = Date.now() + delayMs;
    let handle: NodeJS.Timeout;
    const wait = () => {
      const left = due - Date.now();
      handle = setTimeout(
        left > LONGEST_TIMEOUT_MS ? wait : callback,
        Math.min(Math.max(left, 0), LONGEST_TIMEOUT_MS),
      );
    };
    wait();
    return () => clearTimeout(handle);
  },
};

/**
 * The database's time, as far as it was told: one for all processes, which also decides what is due. The clock of this
 * machine may be hours off. It is taken as it is while all that the database has said could be said by it: where both
 * run on one machine, that is always.
 */
export class DatabaseClock implements Clock {
  /** By how much the database is ahead of this machine. */
  #aheadMs = 0;

  now(): number {
    return Date.now() + this.#aheadMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return systemClock.schedule(delayMs, callback);
  }

  /**
   * The database said that it is `now`, at some moment between two of this machine's clock; all in milliseconds since
   * 1970. Answers whether this clock was wrong, and has been set.
   */
  learn(now: number, askedAt: number, answeredAt: number): boolean {
    // This machine's moments are cut to whole milliseconds.
    const [least, most] = [now - answeredAt - 1, now - askedAt];
    const aheadMs = Math.min(Math.max(this.#aheadMs, least), most);
    if (aheadMs === this.#aheadMs) return false;
    this.#aheadMs = aheadMs;
    return true;
  }
}
