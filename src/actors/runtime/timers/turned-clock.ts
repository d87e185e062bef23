/**
 * A clock that a test turns, over the real database: give it to one actor system, or to several that stand for the
 * processes of one deployment. Time stands until it is turned; then each moment at which something is due is visited
 * in order, and time goes on from there when every system has settled: nothing queued or being committed, no timer
 * being fired, no effect attempt running, no messages undelivered. What lies between two such moments costs nothing.
 *
 * On this clock: the timers of machines, the delays between an effect's attempts and its deadline, the times in the
 * journal. Not on it, since work outside takes real time: an attempt's own timeout, patience with a database that is
 * away, the leases of processes, and what pg-boss does on its own (its upkeep and the housekeeping's cron).
 *
 * pg-boss has a clock for tests too. It is not used: each move of it is one more commit (53 ms for 30 s of its time,
 * and 114 ms with pg-boss's upkeep turned along, on a machine so busy that a whole step took 14 ms), and it waits for no
 * steps and no effects. What is due is therefore asked by this clock's time, which the statement that takes the timers
 * is given; on the real clock the database's time decides, one for processes whose clocks differ.
 */

import { TtaiError } from '../errors.ts';
import { toMs } from '../registry/effect.ts';
import type { Clock, ClockMember, Duration } from '../types.ts';

export interface TurnOptions {
  /** The names of effects that the test holds open: their attempts are not waited for. */
  leaveRunning?: readonly string[];
}

export interface TurnedClock extends Clock {
  join(member: ClockMember): () => void;
  /** Turns time on by a duration, for example `30 s`. Errors: as `advanceTo`. */
  advance(duration: Duration, options?: TurnOptions): Promise<void>;
  /**
   * Turns time on to a moment. Rejects with `clock_is_turning` while it is being turned, so also in an effect or a
   * listener that runs meanwhile; with `clock_not_settled`, naming what still runs, when time could not go on.
   */
  advanceTo(moment: Date | number, options?: TurnOptions): Promise<void>;
  /** Resolves when all that is due now has been done. Errors: as `advanceTo`. */
  settle(options?: TurnOptions): Promise<void>;
}

/** An effect's attempt may take its 30 s; what takes longer than this is a test that waits for itself. */
const PATIENCE_MS = 60_000;

/** A clock that stands at `start` until it is turned. `patienceMs`: real time in which the systems must settle. */
export function turnedClock(
  start: Date | number | string = Date.now(),
  options: { patienceMs?: number } = {},
): TurnedClock {
  return new Turned(momentOf(start), options.patienceMs ?? PATIENCE_MS);
}

interface Scheduled {
  due: number;
  callback: () => void;
}

class Turned implements TurnedClock {
  #now: number;
  readonly #patienceMs: number;
  /** By their moment, and of one moment in the order in which they were scheduled. */
  readonly #scheduled: Scheduled[] = [];
  readonly #members = new Set<ClockMember>();
  #turning = false;

  constructor(start: number, patienceMs: number) {
    this.#now = start;
    this.#patienceMs = patienceMs;
  }

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const scheduled = { due: this.#now + Math.max(0, delayMs), callback };
    let at = this.#scheduled.length;
    while (at > 0 && (this.#scheduled[at - 1] as Scheduled).due > scheduled.due) at--;
    this.#scheduled.splice(at, 0, scheduled);
    // What is due at once happens although the clock stands.
    if (scheduled.due <= this.#now) setImmediate(() => this.#fireDue());
    return () => {
      const index = this.#scheduled.indexOf(scheduled);
      if (index >= 0) this.#scheduled.splice(index, 1);
    };
  }

  join(member: ClockMember): () => void {
    this.#members.add(member);
    return () => {
      if (this.#members.delete(member)) for (const other of this.#members) other.look();
    };
  }

  async advance(duration: Duration, options?: TurnOptions): Promise<void> {
    await this.advanceTo(this.#now + toMs(duration), options);
  }

  async advanceTo(moment: Date | number, { leaveRunning = [] }: TurnOptions = {}): Promise<void> {
    const target = momentOf(moment);
    if (target < this.#now)
      throw new RangeError(`time does not go back to ${new Date(target).toISOString()}`);
    await this.#turn(async () => {
      await this.#settled(leaveRunning);
      for (;;) {
        const next = this.#scheduled[0];
        if (!next || next.due > target) break;
        this.#now = next.due;
        await this.#settled(leaveRunning);
      }
      this.#now = target;
    });
  }

  settle({ leaveRunning = [] }: TurnOptions = {}): Promise<void> {
    return this.#turn(() => this.#settled(leaveRunning));
  }

  async #turn(work: () => Promise<void>): Promise<void> {
    if (this.#turning) {
      const message = 'the clock is being turned already: await that first, and turn it from the test alone';
      throw new TtaiError('clock_is_turning', message);
    }
    this.#turning = true;
    try {
      await work();
    } finally {
      this.#turning = false;
    }
  }

  #fireDue(): boolean {
    let fired = false;
    for (;;) {
      const [next] = this.#scheduled;
      if (!next || next.due > this.#now) return fired;
      this.#scheduled.shift();
      fired = true;
      next.callback();
    }
  }

  /** One may wake another, so all of them must be quiet in the same pass. */
  async #settled(leaveRunning: readonly string[]): Promise<void> {
    for (;;) {
      let waited = this.#fireDue();
      for (const member of this.#members) {
        if (member.busyWith(leaveRunning).length === 0) continue;
        waited = true;
        await this.#inTime(member, leaveRunning);
      }
      if (!waited) return;
    }
  }

  async #inTime(member: ClockMember, leaveRunning: readonly string[]): Promise<void> {
    let over: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      over = setTimeout(() => {
        const what = member.busyWith(leaveRunning).join('; ');
        const message =
          `time does not go on from ${new Date(this.#now).toISOString()}: after ${this.#patienceMs} ms there is ` +
          `still going on: ${what}. Name the effects that are to be left running in leaveRunning`;
        reject(new TtaiError('clock_not_settled', message));
      }, this.#patienceMs);
    });
    try {
      await Promise.race([member.settled(leaveRunning), late]);
    } finally {
      clearTimeout(over);
    }
  }
}

function momentOf(moment: Date | number | string): number {
  const ms = new Date(moment).getTime();
  if (Number.isNaN(ms)) throw new RangeError(`not a moment: ${String(moment)}`);
  return ms;
}
