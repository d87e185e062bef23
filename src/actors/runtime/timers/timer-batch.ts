/**
 * One batch of due timers: their jobs are taken, their actors stepped and the jobs deleted in one transaction, so that
 * a process that dies there loses nothing. Not for when this is done; that is `timers.ts`.
 */
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { PgBoss } from 'pg-boss';
import { lockActors } from '../../../persistence/actors/actors.ts';
import {
  deleteTimers,
  nearestTimers,
  setBackTimer,
  setTimers,
  type TakenTimers,
  TIMER_QUEUE,
  type TimerJob,
  type TimerJobData,
  takeDueTimers,
  timerPartition,
  timerVersions,
} from '../../../persistence/actors/timers.ts';
import { isDataError, isServerTrouble } from '../../../persistence/database-errors.ts';
import { inTransaction } from '../../../persistence/transaction.ts';
import { type BatchWriter, type CommittedBatch, commitWorksIn, tellCommit } from '../commits/batch.ts';
import { applyItem } from '../steps/apply.ts';
import { applyUnstorable } from '../steps/apply-unstorable.ts';
import { hasEnded, isKnown } from '../steps/bring-up.ts';
import { Work } from '../steps/work.ts';
import type { Address, Clock, RuntimeLog } from '../types.ts';

export const MAX_JOBS_PER_BATCH = 500;
/**
 * A timer may wait for years, and a turned clock may stand at any of them; pg-boss deletes what is due for longer than
 * its retention, by the wall clock.
 */
const RETENTION_SECONDS = 60 * 365 * 86_400;

/** A timer that is refused, and not for its data, is tried again after this: what it needs may be there by then. */
const SET_BACK_MS = 5_000;

type Job = TakenTimers['jobs'][number];

/** What became of a batch of due timers. */
interface Fired {
  /** These need not be known any more. */
  jobs: string[];
  committed?: CommittedBatch;
  /** When one of them that was set back is due again. */
  again?: Date;
}

/** The queue of timers on pg-boss, and the batches taken from it. */
export class TimerQueue {
  readonly #boss: PgBoss;
  readonly #writer: BatchWriter;
  readonly #clock: Clock;
  readonly #log: RuntimeLog;
  readonly #versions: readonly string[];
  #partition = '';

  constructor(options: { boss: PgBoss; writer: BatchWriter; clock: Clock; log: RuntimeLog }) {
    this.#boss = options.boss;
    this.#writer = options.writer;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#versions = timerVersions(options.writer.registry.allVersions);
  }

  /** The nearest timers of which this process has the version, at most so many, the nearest first. */
  nearest(limit: number): Promise<{ job: string; due: Date }[]> {
    return nearestTimers(this.#writer.pool, this.#versions, limit);
  }

  async create(): Promise<void> {
    // A partition of its own: the queries of a shared table can flip to a plan a hundred times slower.
    await this.#boss.createQueue(TIMER_QUEUE, {
      partition: true,
      retryLimit: 0,
      retentionSeconds: RETENTION_SECONDS,
    });
    this.#partition = await timerPartition(this.#writer.pool);
  }

  /** Deletes cancelled timers. */
  remove(jobs: readonly string[]): Promise<void> {
    return deleteTimers(this.#writer.pool, this.#partition, jobs);
  }

  /**
   * Steps what is due, at most `limit` timers. Answers which there were, what was committed, and when one that was set
   * back is due again. Throws what the database throws; a lone timer whose step can't be stored is given up, and its
   * actor goes on without it, and one that is refused for another reason of its own is tried again later.
   */
  async fire(limit: number): Promise<Fired> {
    let jobs: Job[] = [];
    const began = performance.now();
    try {
      const fired = await inTransaction<Fired>(this.#writer.pool, async (client) => {
        const taken = await takeDueTimers(client, this.#partition, this.#versions, limit, this.#judge());
        jobs = taken.jobs;
        if (jobs.length === 0) return { jobs: [] };
        return { jobs: jobs.map(({ id }) => id), committed: await this.#stepAll(client, taken) };
      });
      const { committed } = fired;
      if (!committed) return fired;
      tellCommit(this.#listeners, 'timers', began, committed);
      // Those that fired are deleted already.
      const taken = new Set(fired.jobs);
      const jobsCancelled = committed.jobsCancelled.filter((job) => !taken.has(job));
      return { jobs: fired.jobs, committed: { ...committed, jobsCancelled } };
    } catch (error) {
      const [job, ...others] = jobs;
      if (!job || others.length > 0 || isServerTrouble(error)) throw error;
      this.#log.error({ err: error, ...job.data }, 'the step of a timer could not be committed');
      if (!isDataError(error)) return this.#setBack(job);
      try {
        const committed = await this.#giveUp(job, error as Error);
        tellCommit(this.#listeners, 'timers', began, committed);
        return { jobs: [job.id], committed };
      } catch (failure) {
        if (isServerTrouble(failure)) throw failure;
        this.#log.error({ err: failure, ...job.data }, 'a timer could not be given up');
        return this.#setBack(job);
      }
    }
  }

  /** It must not be in the way of those that come after it. */
  async #setBack({ id }: Job): Promise<Fired> {
    const again = new Date(this.#clock.now() + SET_BACK_MS);
    await setBackTimer(this.#writer.pool, id, again);
    return { jobs: [id], again };
  }

  get #listeners() {
    return { telemetry: this.#writer.telemetry, log: this.#log };
  }

  /** The time by which jobs are due; null for the database's own. */
  #judge(): Date | null {
    return this.#clock.join ? new Date(this.#clock.now()) : null;
  }

  async #stepAll(client: PoolClient, { jobs, actors: rows }: TakenTimers): Promise<CommittedBatch> {
    const { registry } = this.#writer;
    const works = new Map<Address, Work>();
    const orderOf = ({ address, timerId }: TimerJobData) =>
      rows.get(address)?.pending.timers[timerId]?.order ?? 0;
    const inOrder = [...jobs].sort(
      (a, b) => Date.parse(a.data.due) - Date.parse(b.data.due) || orderOf(a.data) - orderOf(b.data),
    );
    const now = new Date(this.#clock.now());
    const notMine: TimerJob[] = [];
    const { tracer } = this.#writer.telemetry;
    for (const { id, data } of inOrder) {
      const { address, timerId } = data;
      const row = rows.get(address);
      if (row && !hasEnded(row) && !isKnown(registry, row)) {
        // From here on it is left to those who have the version.
        notMine.push({ job: id, address, timerId, due: new Date(data.due), version: row.version });
        continue;
      }
      const work = works.get(address) ?? new Work(address, row, now, { tracer });
      works.set(address, work);
      // A step that throws is a dead letter of its actor; applyItem answers it.
      applyItem(registry, work, { kind: 'timer', stepId: randomUUID(), address, job: id });
    }
    const committed = await this.#commit(client, [...works.values()]);
    if (notMine.length > 0) await setTimers(client, notMine);
    return { ...committed, timersSet: [...committed.timersSet, ...notMine] };
  }

  #giveUp({ id, data: { address } }: Job, error: Error): Promise<CommittedBatch> {
    return inTransaction(this.#writer.pool, async (client) => {
      const rows = await lockActors(client, [address]);
      const { tracer } = this.#writer.telemetry;
      const work = new Work(address, rows.get(address), new Date(this.#clock.now()), { tracer });
      applyUnstorable(
        this.#writer.registry,
        work,
        { kind: 'timer', stepId: randomUUID(), address, job: id },
        error,
      );
      const committed = await this.#commit(client, [work]);
      await deleteTimers(client, this.#partition, [id]);
      return committed;
    });
  }

  async #commit(client: PoolClient, works: readonly Work[]): Promise<CommittedBatch> {
    const written = works.filter((work) => work.hasWrites());
    const committed = await commitWorksIn(this.#writer, client, written);
    if (committed.lost.length > 0) throw new Error('a locked actor changed');
    return committed;
  }
}
