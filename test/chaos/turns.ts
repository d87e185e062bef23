/**
 * Has a process do one thing at a time, so that each run of it meets the same statements in the same order: statements
 * and new connections take turns in the order in which they were asked for, and what comes from outside or by time
 * begins when nothing is under way. Not for what happens at once; that is for the chaos run (`actors.ts`).
 */
import { systemClock } from '../../src/actors/runtime/timers/clock.ts';
import type { Clock } from '../../src/actors/runtime/types.ts';

interface Asked {
  /** The connection that it is for. */
  who: object;
  text: string;
  send: (end: () => void) => void;
}

/** Nothing is under way when nobody has asked for anything in so many turns of the event loop. */
const STILL_TURNS = 3;
/** The database's clock judges what is due, and a timer of Node's may come a moment early. */
const LATE_MS = 5;

export class Turns {
  readonly #waiting: Asked[] = [];
  readonly #outside: (() => void)[] = [];
  #isSending = false;
  /** The connection that has begun a transaction: the others wait for its end, as they may have to for its locks. */
  #holder: object | undefined;
  #isLooking = false;
  #still = 0;

  /** Calls `send` when it is its turn, which lasts until `end` is called. */
  take(who: object, text: string, send: (end: () => void) => void): void {
    this.#waiting.push({ who, text, send });
    this.#still = 0;
    this.#lookSoon();
  }

  /** Calls `begin` when nothing is under way; of several, the next one when nothing of this one is under way any more. */
  whenStill(begin: () => void): void {
    this.#outside.push(begin);
    this.#lookSoon();
  }

  /** Resolves when nothing is under way. */
  still(): Promise<void> {
    return new Promise((resolve) => this.whenStill(resolve));
  }

  /** Sends what waits for its turn, all at once: nobody will hear the answers. */
  sendAll(): void {
    for (const { send } of this.#waiting.splice(0)) send(() => {});
  }

  /** The wall clock; what it calls begins when nothing is under way. */
  clock(): Clock {
    return clockThat((begin) => this.whenStill(begin), LATE_MS);
  }

  /** In the next turn of the event loop: until then what was answered may ask for more. */
  #lookSoon(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(() => {
      this.#isLooking = false;
      this.#look();
    });
  }

  #look(): void {
    if (this.#isSending) return;
    const next = this.#waiting.findIndex(({ who }) => who === (this.#holder ?? who));
    if (next >= 0) {
      const [asked] = this.#waiting.splice(next, 1) as [Asked];
      this.#send(asked);
      return;
    }
    if (this.#holder || this.#outside.length === 0) return;
    if (++this.#still > STILL_TURNS) {
      this.#still = 0;
      this.#outside.shift()?.();
    }
    this.#lookSoon();
  }

  #send({ who, text, send }: Asked): void {
    this.#isSending = true;
    if (text === 'BEGIN') this.#holder = who;
    send(() => {
      this.#isSending = false;
      if (text === 'COMMIT' || text === 'ROLLBACK') this.#holder = undefined;
      this.#lookSoon();
    });
  }
}

/** The wall clock, whose callbacks are handed to `hold`, which calls them when it wants. */
export function clockThat(hold: (begin: () => void) => void, lateMs = 0): Clock {
  return {
    now: () => Date.now(),
    schedule(delayMs, callback) {
      let isCancelled = false;
      const begin = () => {
        if (!isCancelled) callback();
      };
      const cancel = systemClock.schedule(delayMs + lateMs, () => hold(begin));
      return () => {
        isCancelled = true;
        cancel();
      };
    },
  };
}
