/**
 * Delayed transitions: each one is a job of pg-boss, fired when the nearest deadline comes. This process knows the
 * deadlines that it commits, reads the nearest ones at its start and when those that it knows have run out, and hears
 * from other processes when they set timers.
 *
 * The job's id is the token of one visit of a state: what the actor does not wait for any more does nothing. So
 * cancelled jobs need not be deleted in the commit that cancels them; they are swept afterwards.
 */
import type { TimerJob } from '../../../persistence/actors/timers.ts';
import { isServerTrouble } from '../../../persistence/database-errors.ts';
import type { CommittedBatch } from '../commits/batch.ts';
import type { Clock, RuntimeLog } from '../types.ts';
import { Deadlines, MAX_READ } from './deadlines.ts';
import { MAX_JOBS_PER_BATCH, type TimerQueue } from './timer-batch.ts';

/** The safety net, for a deadline of which another process did not tell: two looks a minute, of the wall clock. */
const SLOW_POLL_MS = 30_000;
/** The database is in trouble; real time, as is the back-off, since other processes and servers take that. */
const RETRY_MS = 500;
/** A job that is due and not to be had, since another process steps it or the database's clock is behind. */
const BACK_OFF_MS = { first: 4, most: 250 };

export interface TimersOptions {
  queue: TimerQueue;
  clock: Clock;
  log: RuntimeLog;
  onCommitted: (committed: CommittedBatch) => void;
  /** A commit of which the outcome is not known: what follows from it must be found in the database. */
  onFound: () => void;
}

export class Timers {
  readonly #options: TimersOptions;
  readonly #deadlines = new Deadlines();
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake: () => void = () => {};
  #working: Promise<void> | undefined;
  /** Reads that were asked for from outside. */
  readonly #refreshing = new Set<Promise<void>>();
  #nextPoll: NodeJS.Timeout | undefined;
  /** Due jobs that could not be had are tried again after this. */
  #again: NodeJS.Timeout | undefined;
  /** So many are still taken one by one, after a batch with them failed. */
  #alone = 0;
  #backOffMs = BACK_OFF_MS.first;
  #toDiscard: string[] = [];
  #discarding: Promise<void> | undefined;
  #idle: (() => void)[] = [];
  /** The transaction of a failed firing may be committed yet: while it is not, what it has taken is due still. */
  #isUncertain = false;
  #stopped = false;

  constructor(options: TimersOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#readNearest();
    this.#pollLater();
  }

  /** Timers were committed here. */
  set(jobs: readonly TimerJob[]): void {
    for (const { job, due } of jobs) this.#deadlines.add(job, due.getTime());
    this.#arm();
  }

  /** Timers were committed by another process, the nearest of them due then: in milliseconds since 1970. */
  hear(due: number): void {
    this.#deadlines.hear(due);
    this.#arm();
  }

  /** The clock was set: what is waited for comes sooner, or later. */
  clockWasSet(): void {
    this.#cancelWake();
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#arm();
  }

  /** Deletes jobs that no actor waits for any more, in the background. */
  discard(jobs: readonly string[]): void {
    if (jobs.length === 0) return;
    for (const job of jobs) this.#deadlines.remove(job);
    this.#toDiscard.push(...jobs);
    this.#discarding ??= this.#sweep();
  }

  /** Reads the nearest deadlines again: notices of other processes may have been missed. */
  refresh(): void {
    const reading = this.#readNearest()
      .catch((error: unknown) => this.#later(error))
      .finally(() => {
        this.#refreshing.delete(reading);
        this.#tellIdle();
      });
    this.#refreshing.add(reading);
  }

  /** What goes on now, in words: not what waits for its time. */
  busyWith(): string[] {
    const busy: string[] = [];
    if (this.#working || this.#refreshing.size > 0) busy.push('timers are being fired or looked for');
    if (this.#again) busy.push('due timers that were not to be had are tried again');
    if (this.#discarding) busy.push('cancelled timers are being deleted');
    return busy;
  }

  /** Resolves when nothing goes on. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#tellIdle();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelWake();
    clearTimeout(this.#nextPoll);
    this.#cancelAgain();
    await this.idle();
  }

  #tellIdle(): void {
    if (this.busyWith().length > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #sweep(): Promise<void> {
    try {
      while (this.#toDiscard.length > 0) await this.#options.queue.remove(this.#toDiscard.splice(0, 1_000));
    } catch (error) {
      // They fire late and do nothing.
      this.#options.log.debug({ err: error }, 'cancelled timers were not swept');
    } finally {
      this.#discarding = undefined;
      this.#tellIdle();
    }
  }

  #arm(): void {
    const { next } = this.#deadlines;
    if (this.#stopped || this.#working || next >= this.#wakeAt) return;
    const { clock } = this.#options;
    this.#cancelWake();
    this.#wakeAt = next;
    this.#cancelWake = clock.schedule(Math.max(0, this.#wakeAt - clock.now()), () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#work(() => this.#fireDue());
    });
  }

  #pollLater(): void {
    this.#nextPoll = setTimeout(() => {
      // The safety net only looks: it fires nothing that is not due.
      this.refresh();
      this.#pollLater();
    }, SLOW_POLL_MS);
  }

  /** One thing at a time; a wake that comes meanwhile is armed again afterwards. */
  #work(work: () => Promise<void>): void {
    if (this.#stopped || this.#working) return;
    this.#working = work()
      .catch((error: unknown) => this.#later(error))
      .finally(() => {
        this.#working = undefined;
        this.#arm();
        this.#tellIdle();
      });
  }

  #tryAgain(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancelAgain();
    this.#again = setTimeout(() => {
      this.#again = undefined;
      if (this.#working) return this.#tryAgain(delayMs);
      this.#work(async () => {
        await this.#fireBatches();
        await this.#readNearest();
      });
    }, delayMs);
  }

  #cancelAgain(): void {
    clearTimeout(this.#again);
    this.#again = undefined;
  }

  #later(error: unknown): void {
    if (this.#stopped) return;
    const { log, onFound } = this.#options;
    log.warn({ err: error }, 'timers could not be fired; trying again');
    this.#tryAgain(RETRY_MS);
    // The transaction may have been committed before its connection broke, or be so later.
    this.#isUncertain = true;
    onFound();
  }

  async #readNearest(): Promise<void> {
    const { queue, clock } = this.#options;
    // What is committed from here on may not be in what is read, and is noted meanwhile.
    this.#deadlines.clear();
    const read = await queue.nearest(MAX_READ);
    const now = clock.now();
    // What is due already was not to be had: it is waited for, and not what comes after it.
    const waiting = read.filter(({ due }) => due.getTime() > now);
    this.#deadlines.fill(waiting, read.length === MAX_READ);
    if (waiting.length < read.length) this.#tryAgain(this.#backOffMs);
    else if (this.#isUncertain) {
      this.#isUncertain = false;
      this.#options.onFound();
    }
    this.#arm();
  }

  async #fireDue(): Promise<void> {
    await this.#fireBatches();
    // Somebody else has what is left, or it was cancelled elsewhere, or the database's clock is behind.
    if (this.#deadlines.next <= this.#options.clock.now()) await this.#readNearest();
  }

  async #fireBatches(): Promise<void> {
    while (!this.#stopped) {
      const isAlone = this.#alone > 0;
      const fired = await this.#fireBatch(isAlone ? 1 : MAX_JOBS_PER_BATCH);
      this.#backOffMs = fired > 0 ? BACK_OFF_MS.first : Math.min(this.#backOffMs * 2, BACK_OFF_MS.most);
      if (isAlone) this.#alone = fired > 0 ? this.#alone - 1 : 0;
      else if (fired < MAX_JOBS_PER_BATCH) return;
    }
  }

  /** Steps a batch of what is due, at most so many. Answers how many timers there were. */
  async #fireBatch(limit: number): Promise<number> {
    const { queue, onCommitted } = this.#options;
    try {
      const { jobs, committed, again } = await queue.fire(limit);
      for (const job of jobs) this.#deadlines.remove(job);
      if (again) this.#deadlines.hear(again.getTime());
      if (committed) onCommitted(committed);
      return jobs.length;
    } catch (error) {
      if (isServerTrouble(error) || limit === 1) throw error;
      // One bad step must not hold up the others: take them one by one.
      this.#alone = limit;
      return limit;
    }
  }
}
