/**
 * The nearest deadlines of timers, in memory: of those that this process sets itself and those that it has read, so
 * many and no more, whatever waits in the database. Not for reading or firing them.
 */

/** A few hundred kilobytes, and a second's worth at the rate that is promised. */
export const MAX_DEADLINES = 1_024;
/** So many are read at once: few, since most that sleep are not due before the next start of the process. */
export const MAX_READ = 64;

interface Deadline {
  job: string;
  /** Milliseconds since 1970. */
  due: number;
}

export class Deadlines {
  /** Nearest first. */
  #sorted: Deadline[] = [];
  readonly #dueOf = new Map<string, number>();
  /** From here on the database may have others. */
  #horizon = Number.POSITIVE_INFINITY;

  /** When to look next, in milliseconds since 1970; infinite when nothing is known to wait. */
  get next(): number {
    return Math.min(this.#sorted[0]?.due ?? Number.POSITIVE_INFINITY, this.#horizon);
  }

  /** A timer was set. */
  add(job: string, due: number): void {
    if (due >= this.#horizon || this.#dueOf.has(job)) return;
    this.#dueOf.set(job, due);
    this.#sorted.splice(this.#after(due), 0, { job, due });
    if (this.#sorted.length <= MAX_DEADLINES) return;
    const farthest = this.#sorted.pop();
    if (!farthest) return;
    this.#dueOf.delete(farthest.job);
    this.hear(farthest.due);
  }

  /** A timer was fired or cancelled. */
  remove(job: string): void {
    const due = this.#dueOf.get(job);
    if (due === undefined) return;
    this.#dueOf.delete(job);
    let at = this.#after(due) - 1;
    while (this.#sorted[at]?.job !== job) at--;
    this.#sorted.splice(at, 1);
  }

  /** Another process has set timers of which this is the nearest; there may be more of them from there on. */
  hear(due: number): void {
    this.#horizon = Math.min(this.#horizon, due);
  }

  /** Begins anew; what is added from here on is kept when the read that follows is taken in. */
  clear(): void {
    this.#sorted = [];
    this.#dueOf.clear();
    this.#horizon = Number.POSITIVE_INFINITY;
  }

  /** Takes in the nearest ones as they were read. `isMore`: the database may have others from the last of them on. */
  fill(read: readonly { job: string; due: Date }[], isMore: boolean): void {
    const last = read.at(-1);
    if (last && isMore) this.hear(last.due.getTime());
    for (const { job, due } of read) this.add(job, due.getTime());
  }

  /** The index behind the last one that is due at or before a moment. */
  #after(due: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as Deadline).due <= due) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
