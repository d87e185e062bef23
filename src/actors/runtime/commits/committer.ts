/**
 * Group commit: while one batch commits, the next one gathers. Each batch loads what it needs (`batch-loader.ts`),
 * applies the items of its actors in order, and commits them in one transaction (`batch.ts`).
 *
 * One that fails as a whole is `failed-batches.ts`; one that lost its connection is looked up here before it is tried
 * again, since it may have been committed.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { findSingleton, type RememberedKey, rememberKey } from '../../../persistence/actors/actors.ts';
import { findSteps } from '../../../persistence/actors/journal.ts';
import { keptEffects } from '../../../persistence/actors/processes.ts';
import { RuntimeError } from '../errors.ts';
import { applyItem } from '../steps/apply.ts';
import { applyUnstorable } from '../steps/apply-unstorable.ts';
import { type Item, Work } from '../steps/work.ts';
import type { Address, RuntimeLog } from '../types.ts';
import { answerAgain, keyName, noteShown, outcomeOf } from './answers.ts';
import { type BatchWriter, type CommittedBatch, commitWorks, tellCommit } from './batch.ts';
import { BatchLoader } from './batch-loader.ts';
import { FailedBatches } from './failed-batches.ts';
import { type Batch, type Entry, Mailboxes, type Settled } from './mailboxes.ts';

/** Two: one gathers and applies while the other waits for its flush to disk. */
const MAX_FLUSHES = 2;
/** More waiting items than this and callers are told to come back later. */
const MAX_QUEUED = 20_000;
/** How long a caller waits for a database that is away. */
const PATIENCE_MS = 10_000;

export interface CommitterOptions {
  writer: BatchWriter;
  log: RuntimeLog;
  now: () => Date;
  /** Has the rows `known` that were committed: here, and by timers. */
  onCommitted: (committed: CommittedBatch) => void;
  /** Something was committed without our knowing: what follows from it must be found in the database. */
  onFound: () => void;
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #mailboxes = new Mailboxes();
  readonly #loader: BatchLoader;
  readonly #failures: FailedBatches;
  /** What follows from a commit must not run in the context, and so in the trace, of one of its many callers. */
  readonly #detached = AsyncLocalStorage.snapshot();
  #flushes = 0;
  #pumping = false;
  #idle: (() => void)[] = [];
  #stopped = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#loader = new BatchLoader(options.writer.pool);
    this.#failures = new FailedBatches({
      mailboxes: this.#mailboxes,
      log: options.log,
      onMoved: () => {
        this.#pumpSoon();
        this.#tellIdle();
      },
      onUncertain: options.onFound,
    });
  }

  /** Items that wait to be committed, or are being. */
  get size(): number {
    return this.#mailboxes.size;
  }

  /** Queues an item from a caller. Rejects with `busy` or `unavailable` within a bounded time. */
  submit(item: Item): Promise<Settled> {
    if (this.#mailboxes.size >= MAX_QUEUED) {
      const message = 'too many events are waiting to be committed; try again shortly';
      return Promise.reject(new RuntimeError('busy', message, { retryable: true }));
    }
    const trace = this.#options.writer.telemetry.tracer?.active();
    return this.#enqueue(trace === undefined ? item : { ...item, trace }, Date.now() + PATIENCE_MS);
  }

  /** Queues an item of the system's own; it is tried until it is committed, or this process leaves. */
  submitInternal(item: Item): Promise<Settled> {
    // A look for mail may end when this process has been drained: what it finds is for others.
    if (this.#stopped) return Promise.resolve({ address: item.address, answer: null });
    return this.#enqueue(item, null);
  }

  /** What is queued or being committed, in words. */
  busyWith(): string[] {
    const { size } = this.#mailboxes;
    return size > 0 || this.#flushes > 0 ? [`${size} items of work are being committed`] : [];
  }

  /** Resolves when nothing is queued or being committed. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#tellIdle();
    });
  }

  /** What has not been committed by now is given up: callers are told, the rest is left to other processes. */
  stop(): void {
    this.#stopped = true;
    this.#failures.stop();
    this.#tellIdle();
  }

  /** The rows that are known here, to be told of what others than this committer commit. */
  get known(): Pick<BatchLoader, 'learn' | 'forget'> {
    return this.#loader;
  }

  #enqueue(item: Item, patienceEnds: number | null): Promise<Settled> {
    return new Promise((resolve, reject) => {
      const tried = { uncertain: false, wantsFresh: false, unstorable: null, shown: null };
      this.#mailboxes.add({ item, resolve, reject, patienceEnds, ...tried });
      this.#pumpSoon();
    });
  }

  /** In a microtask, so that what is sent in one go goes into one batch. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#detached(() => this.#pump());
    });
  }

  #pump(): void {
    while (this.#flushes < MAX_FLUSHES && this.#mailboxes.hasReady) {
      const batch = this.#mailboxes.takeBatch();
      this.#flushes++;
      this.#flush(batch)
        .catch((error: unknown) => this.#failed(batch, error))
        .finally(() => {
          this.#flushes--;
          this.#pumpSoon();
          this.#tellIdle();
        });
    }
  }

  #tellIdle(): void {
    if (this.#mailboxes.size > 0 || this.#flushes > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #flush(batch: Batch): Promise<void> {
    await this.#settleCommitted(batch);
    const remembered = await this.#loader.keys(batch);
    await this.#settleSingletons(batch, remembered);
    const isAlone = (address: Address) => this.#mailboxes.isIsolated(address);
    const { rows, cached, mailboxes, letters } = await this.#loader.load(batch, remembered, isAlone);
    const outcomes = new Map<Entry, Settled | Error>();
    const works: Work[] = [];
    const again = new Set<Address>();
    const now = this.#options.now();
    const { telemetry } = this.#options.writer;
    const { tracer } = telemetry;
    for (const [address, list] of batch) {
      const beside = { ...mailboxes.get(address), letters, tracer };
      const work = new Work(address, rows.get(address), now, beside);
      for (const entry of list) {
        const outcome = this.#apply(work, entry, remembered);
        outcomes.set(entry, outcome);
        const refused = outcome instanceof Error || outcome.answer === null;
        if (!refused || !cached.has(address)) continue;
        // What another process has committed since may change this: everything of this actor waits for the row.
        entry.wantsFresh = true;
        again.add(address);
      }
      if (cached.has(address) && !work.hasWrites()) {
        // Nothing will be committed that would show that the row is not the latest: the same.
        const events = list.filter(({ item }) => item.kind === 'event');
        for (const entry of events) entry.wantsFresh = true;
        if (events.length > 0) again.add(address);
      }
      if (!again.has(address) && work.hasWrites()) works.push(work);
    }
    if (works.length > 0) {
      const began = performance.now();
      const committed = await commitWorks(this.#options.writer, works).catch((error: unknown) => {
        for (const work of works) noteShown(work, batch.get(work.address) ?? [], outcomes);
        throw error;
      });
      tellCommit({ telemetry, log: this.#options.log }, 'items', began, committed);
      for (const { address } of committed.lost) {
        for (const entry of batch.get(address) ?? []) entry.wantsFresh = true;
        again.add(address);
      }
      // The others are committed: they must not be tried again because of these, which will lose again.
      await this.#dropFenced(batch, committed.lost).catch((error: unknown) =>
        this.#options.log.warn({ err: error }, 'could not look which results are late'),
      );
      if (committed.works.length > 0) this.#tell(() => this.#options.onCommitted(committed));
    }
    this.#loader.forget([...again]);
    for (const [address, list] of batch) {
      if (again.has(address)) this.#mailboxes.putBack(address, list);
      else this.#settle(address, list, outcomes);
    }
  }

  /** Results of effects that another process has taken over since are late. */
  async #dropFenced(batch: Batch, lost: readonly Work[]): Promise<void> {
    const effectIds = lost.flatMap(({ outcomes }) => outcomes);
    if (effectIds.length === 0) return;
    const { pool, processIds } = this.#options.writer;
    const kept = await keptEffects(pool, processIds, effectIds);
    for (const { address } of lost) {
      for (const entry of [...(batch.get(address) ?? [])]) {
        if (entry.item.kind !== 'effect' || kept.has(entry.item.effectId)) continue;
        this.#mailboxes.drop(batch, entry);
        entry.resolve({ address, answer: null });
      }
    }
  }

  /** What follows a commit must not make it look as if it had failed. */
  #tell(others: () => void): void {
    try {
      others();
    } catch (error) {
      this.#options.log.error({ err: error }, 'what follows a commit failed');
    }
  }

  /** Answers those whose commit did happen although its connection broke. */
  async #settleCommitted(batch: Batch): Promise<void> {
    const uncertain = [...batch.values()].flat().filter((entry) => entry.uncertain);
    if (uncertain.length === 0) return;
    const found = await findSteps(
      this.#options.writer.pool,
      uncertain.map(({ item }) => item.address),
      uncertain.flatMap(({ item, shown }) => (shown ? [item.stepId, shown.by] : [item.stepId])),
    );
    for (const entry of uncertain) {
      const { item, shown } = entry;
      const step = found.get(item.stepId);
      const outcome = step ? outcomeOf(step) : shown && found.has(shown.by) ? shown.outcome : undefined;
      if (!outcome) continue;
      this.#mailboxes.drop(batch, entry);
      if (outcome instanceof Error) entry.reject(outcome);
      else entry.resolve(outcome);
    }
    // Also where a mailbox was opened, which has no step of its own to be found by.
    this.#options.onFound();
  }

  /** A spawn whose singleton is active is answered with that one, also when the same key comes again. */
  async #settleSingletons(batch: Batch, remembered: Map<string, RememberedKey>): Promise<void> {
    const { pool } = this.#options.writer;
    for (const entry of [...batch.values()].flat()) {
      const { item } = entry;
      if (item.kind !== 'spawn' || item.singletonKey === null) continue;
      const { idempotency } = item;
      if (idempotency && remembered.has(keyName(idempotency))) continue;
      const address = await findSingleton(pool, item.machine, item.owner, item.singletonKey);
      if (address === undefined) continue;
      if (idempotency)
        await rememberKey(pool, { ...idempotency, answer: { address }, createdAt: this.#options.now() });
      this.#mailboxes.drop(batch, entry);
      entry.resolve({ address, answer: null });
    }
  }

  #apply(work: Work, entry: Entry, remembered: Map<string, RememberedKey>): Settled | Error {
    const { item, unstorable } = entry;
    const { idempotency } = item;
    const { registry } = this.#options.writer;
    const known = idempotency && remembered.get(keyName(idempotency));
    if (known) return answerAgain(item, known);
    try {
      const answer = unstorable
        ? applyUnstorable(registry, work, item, unstorable)
        : applyItem(registry, work, item);
      const failed = answer instanceof Error;
      if (idempotency) {
        const known = failed ? { failed: answer.message } : answer;
        const remember = item.kind === 'spawn' ? { address: item.address } : known;
        remembered.set(keyName(idempotency), { payloadHash: idempotency.payloadHash, answer: remember });
      }
      return failed ? answer : { address: item.address, answer };
    } catch (error) {
      return error as Error;
    }
  }

  #settle(address: Address, list: readonly Entry[], outcomes: Map<Entry, Settled | Error>): void {
    this.#mailboxes.done(address, list.length);
    for (const entry of list) {
      const outcome = outcomes.get(entry);
      if (outcome instanceof Error) entry.reject(outcome);
      else if (outcome) entry.resolve(outcome);
    }
  }

  /** A batch failed as a whole. */
  #failed(batch: Batch, error: unknown): void {
    this.#loader.forget([...batch.keys()]);
    this.#failures.take(batch, error);
  }
}
