/**
 * Delayed transitions: each one is a job of pg-boss, fetched when the nearest deadline comes. A fired job is fetched,
 * its actor stepped and the job deleted in one transaction, so that a process that dies there loses nothing.
 *
 * The job's id is the token of one visit of a state: what the actor does not wait for any more does nothing. So
 * cancelled jobs need not be deleted in the commit that cancels them; they are swept afterwards.
 */
import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type { PgBoss } from 'pg-boss';
import { lockActors } from '../../persistence/actors/actors.ts';
import { nearestDeadline } from '../../persistence/actors/timers.ts';
import type { Database } from '../../persistence/database.ts';
import { isConnectionError, isTransientError } from '../../persistence/database-errors.ts';
import { applyItem, isKnown } from './apply.ts';
import { type BatchWriter, type CommittedBatch, commitWorksIn, type TimerJob } from './batch.ts';
import type { Address, Clock, RuntimeLog, Transaction } from './types.ts';
import { Work } from './work.ts';

const QUEUE = 'actor-timers';
const MAX_JOBS_PER_BATCH = 500;
/** The safety net, for a deadline of which another process did not tell: two queries a minute. */
const SLOW_POLL_MS = 30_000;
const RETRY_MS = 500;
/** A timer of a machine that this process does not have waits this long for one that has it. */
const NOT_MINE_MS = 1_000;
/** The database's clock may be a little behind: a job that is due here may not be there yet. */
const SKEW_RETRY_MS = 4;
/** A timer may wait for years; pg-boss deletes what waits longer than its retention. */
const RETENTION_SECONDS = 10 * 365 * 86_400;

interface JobData {
  address: Address;
  timerId: string;
  due: string;
}

export class Timers {
  readonly #boss: PgBoss;
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #log: RuntimeLog;
  readonly #onCommitted: (committed: CommittedBatch) => void;
  #writer: BatchWriter | undefined;
  /** Milliseconds since 1970 of the nearest deadline that is known. */
  #nearest = Number.POSITIVE_INFINITY;
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake: () => void = () => {};
  #firing: Promise<void> | undefined;
  #batchSize = MAX_JOBS_PER_BATCH;
  #toDiscard: string[] = [];
  #discarding: Promise<void> | undefined;
  #stopped = false;

  constructor(options: {
    boss: PgBoss;
    pool: Pool;
    clock: Clock;
    log: RuntimeLog;
    onCommitted: (committed: CommittedBatch) => void;
  }) {
    this.#boss = options.boss;
    this.#pool = options.pool;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onCommitted = options.onCommitted;
  }

  async start(writer: BatchWriter): Promise<void> {
    this.#writer = writer;
    // A partition of its own: the claim query of a shared table can flip to a plan a hundred times slower.
    await this.#boss.createQueue(QUEUE, {
      partition: true,
      retryLimit: 0,
      retentionSeconds: RETENTION_SECONDS,
    });
    await this.#readNearest();
  }

  /** Inserts jobs in the transaction of the commit that sets them. */
  async set(transaction: Transaction, jobs: readonly TimerJob[]): Promise<void> {
    await this.#boss.insert(
      QUEUE,
      jobs.map(({ job, address, timerId, due }) => ({
        id: job,
        startAfter: due,
        data: { address, timerId, due: due.toISOString() } satisfies JobData,
      })),
      { db: asBossDatabase(transaction) },
    );
  }

  /** A deadline was committed, here or by another process. */
  note(due: number): void {
    if (due < this.#nearest) this.#nearest = due;
    this.#arm();
  }

  /** Deletes jobs that no actor waits for any more, in the background. */
  discard(jobs: readonly string[]): void {
    if (jobs.length === 0) return;
    this.#toDiscard.push(...jobs);
    this.#discarding ??= this.#sweep();
  }

  /** Reads the nearest deadline again: notices of other processes may have been missed. */
  refresh(): void {
    this.#readNearest().catch((error: unknown) => this.#later(error));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelWake();
    await this.#firing;
    await this.#discarding;
  }

  async #sweep(): Promise<void> {
    try {
      while (this.#toDiscard.length > 0) await this.#boss.deleteJob(QUEUE, this.#toDiscard.splice(0, 1_000));
    } catch (error) {
      // They fire late and do nothing.
      this.#log.debug({ err: error }, 'cancelled timers were not swept');
    } finally {
      this.#discarding = undefined;
    }
  }

  #arm(): void {
    if (this.#stopped || this.#firing) return;
    const now = this.#clock.now();
    const wakeAt = Math.min(this.#nearest, now + SLOW_POLL_MS);
    if (wakeAt >= this.#wakeAt && this.#wakeAt > now) return;
    this.#cancelWake();
    this.#wakeAt = wakeAt;
    this.#cancelWake = this.#clock.schedule(Math.max(0, wakeAt - now), () => this.#wake());
  }

  #wake(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    if (this.#stopped || this.#firing) return;
    this.#firing = this.#fireDue()
      .catch((error: unknown) => this.#later(error))
      .finally(() => {
        this.#firing = undefined;
        this.#arm();
      });
  }

  #later(error: unknown): void {
    if (this.#stopped) return;
    this.#log.warn({ err: error }, 'timers could not be fetched; trying again');
    this.#nearest = this.#clock.now() + RETRY_MS;
    this.#arm();
  }

  async #readNearest(): Promise<void> {
    const nearest = (await nearestDeadline(this.#pool, QUEUE))?.getTime() ?? Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    this.#nearest = nearest <= now ? now + SKEW_RETRY_MS : nearest;
    this.#arm();
  }

  async #fireDue(): Promise<void> {
    for (;;) {
      // What is committed from here on may be nearer than what the next reading finds, and is noted meanwhile.
      this.#nearest = Number.POSITIVE_INFINITY;
      const fired = await this.#fireBatch();
      if (this.#stopped) return;
      if (fired < this.#batchSize) {
        if (this.#batchSize < MAX_JOBS_PER_BATCH) this.#batchSize = MAX_JOBS_PER_BATCH;
        else break;
      }
    }
    const noted = this.#nearest;
    await this.#readNearest();
    this.#nearest = Math.min(this.#nearest, noted);
  }

  /** Fetches what is due and steps its actors, in one transaction. Returns the number of jobs. */
  async #fireBatch(): Promise<number> {
    const client = await this.#pool.connect();
    let failure: Error | undefined;
    try {
      await client.query('BEGIN');
      const jobs = await this.#boss.fetch<JobData>(QUEUE, {
        batchSize: this.#batchSize,
        db: asBossDatabase(client),
      });
      const committed = jobs.length > 0 ? await this.#stepAll(client, jobs) : undefined;
      await client.query('COMMIT');
      if (committed) this.#onCommitted(committed);
      return jobs.length;
    } catch (error) {
      failure = error as Error;
      await client.query('ROLLBACK').catch(() => {});
      if (isConnectionError(error) || isTransientError(error)) throw error;
      if (this.#batchSize === 1) await this.#buryFirst(error);
      // One bad job must not hold up the others: take them one by one.
      this.#batchSize = 1;
      return 1;
    } finally {
      client.release(failure);
    }
  }

  async #stepAll(
    client: PoolClient,
    jobs: readonly { id: string; data: JobData }[],
  ): Promise<CommittedBatch> {
    const writer = this.#writer;
    if (!writer) throw new Error('timers fire before they are started');
    const works = new Map<Address, Work>();
    const rows = await lockActors(client, [...new Set(jobs.map(({ data }) => data.address))]);
    const orderOf = ({ address, timerId }: JobData) => rows.get(address)?.pending.timers[timerId]?.order ?? 0;
    const inOrder = [...jobs].sort(
      (a, b) => Date.parse(a.data.due) - Date.parse(b.data.due) || orderOf(a.data) - orderOf(b.data),
    );
    const now = new Date(this.#clock.now());
    const notMine: TimerJob[] = [];
    for (const { id, data } of inOrder) {
      const row = rows.get(data.address);
      if (row && row.status === 'active' && !isKnown(writer.registry, row)) {
        const due = new Date(now.getTime() + NOT_MINE_MS);
        notMine.push({ job: id, address: data.address, timerId: data.timerId, due });
        continue;
      }
      const work = works.get(data.address) ?? new Work(data.address, row, now);
      works.set(data.address, work);
      // A step that throws is a dead letter of its actor; applyItem answers it.
      applyItem(writer.registry, work, {
        kind: 'timer',
        stepId: randomUUID(),
        address: data.address,
        job: id,
      });
    }
    const committed = await commitWorksIn(
      writer,
      client,
      [...works.values()].filter((work) => work.hasWrites()),
    );
    if (committed.lost.length > 0) throw new Error('a locked actor changed');
    await this.#boss.deleteJob(
      QUEUE,
      jobs.map(({ id }) => id),
      { db: asBossDatabase(client) },
    );
    if (notMine.length > 0) await this.set(client, notMine);
    return { ...committed, timersSet: [...committed.timersSet, ...notMine] };
  }

  /** A job that can't be committed even alone is given up, loudly: its actor's state can't be stored. */
  async #buryFirst(error: unknown): Promise<void> {
    const [job] = await this.#boss.fetch<JobData>(QUEUE);
    if (!job) return;
    this.#log.error({ err: error, ...job.data }, 'a timer could not be committed and is given up');
    await this.#boss.fail(QUEUE, job.id, { message: error instanceof Error ? error.message : String(error) });
  }
}

/** pg-boss's name for running SQL in somebody's transaction. */
function asBossDatabase(database: Database) {
  return { executeSql: (text: string, values?: unknown[]) => database.query(text, values) };
}
