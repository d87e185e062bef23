/** The system's own clock. Tests pass another one. Not for timers of machines: those are rows. */
import type { Clock } from '../types.ts';

/** Node's timers take at most this; a longer wait is cut into pieces. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

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
