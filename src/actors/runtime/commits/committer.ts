/**
 * Group commit: while one batch commits, the next one gathers. Each batch loads what it needs (`batch-loader.ts`),
 * applies the items of its actors in order, and commits them in one transaction (`batch.ts`).
 *
 * A batch that fails for a reason of its data is taken apart, so that one bad item harms no neighbour. One that lost
 * its connection is looked up before it is tried again, since it may have been committed. Trouble of the server's is
 * waited out: callers only for so long, the system's own items for ever.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { findSingleton, type RememberedKey, rememberKey } from '../../../persistence/actors/actors.ts';
import { findSteps } from '../../../persistence/actors/journal.ts';
import { keptEffects } from '../../../persistence/actors/processes.ts';
import type { ActorRow } from '../../../persistence/actors/rows.ts';
import { isConnectionError, isDataError, isServerTrouble } from '../../../persistence/database-errors.ts';
import { RuntimeError } from '../errors.ts';
import { applyItem } from '../steps/apply.ts';
import { applyUnstorable } from '../steps/apply-unstorable.ts';
import { type Item, Work } from '../steps/work.ts';
import type { Address, RuntimeLog } from '../types.ts';
import { answerAgain, keyName, outcomeOf } from './answers.ts';
import { type BatchWriter, type CommittedBatch, commitWorks, tellCommit } from './batch.ts';
import { BatchLoader } from './batch-loader.ts';
import { type Batch, type Entry, Mailboxes, type Settled } from './mailboxes.ts';

/** Two: one gathers and applies while the other waits for its flush to disk. */
const MAX_FLUSHES = 2;
/** More waiting items than this and callers are told to come back later. */
const MAX_QUEUED = 20_000;
/** How long a caller waits for a database that is away. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 200;

export interface CommitterOptions {
  writer: BatchWriter;
  log: RuntimeLog;
  now: () => Date;
  onCommitted: (committed: CommittedBatch) => void;
  /** Something was committed without our knowing: what follows from it must be found in the database. */
  onFound: () => void;
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #mailboxes = new Mailboxes();
  readonly #loader: BatchLoader;
  /** What follows from a commit must not run in the context, and so in the trace, of one of its many callers. */
  readonly #detached = AsyncLocalStorage.snapshot();
  #flushes = 0;
  #pumping = false;
  #idle: (() => void)[] = [];

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#loader = new BatchLoader(options.writer.pool);
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

  /** Queues an item of the system's own; it is tried until it is committed. */
  submitInternal(item: Item): Promise<Settled> {
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

  /** Takes over rows that another committer of this process has written. */
  learn(row: ActorRow): void {
    this.#loader.learn(row);
  }

  /** Another process has committed these, or any when null: they are read before their next steps, which would lose. */
  forget(addresses: readonly Address[] | null): void {
    this.#loader.forget(addresses);
  }

  #enqueue(item: Item, patienceEnds: number | null): Promise<Settled> {
    return new Promise((resolve, reject) => {
      const tried = { uncertain: false, wantsFresh: false, unstorable: null };
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
      const committed = await commitWorks(this.#options.writer, works);
      tellCommit({ telemetry, log: this.#options.log }, 'items', began, committed);
      for (const work of committed.works) if (work.row) this.#loader.learn(work.row);
      for (const { address } of committed.lost) {
        for (const entry of batch.get(address) ?? []) entry.wantsFresh = true;
        again.add(address);
      }
      await this.#dropFenced(batch, committed.lost);
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
      uncertain.map(({ item }) => item.stepId),
    );
    for (const entry of uncertain) {
      const step = found.get(entry.item.stepId);
      if (!step) continue;
      this.#mailboxes.drop(batch, entry);
      const outcome = outcomeOf(step);
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
    if (isDataError(error)) this.#isolate(batch, error);
    else this.#tryLater(batch, error);
  }

  /** The database is away, or in trouble. */
  #tryLater(batch: Batch, error: unknown): void {
    const entries = [...batch.values()].flat();
    this.#options.log.warn({ err: error, items: entries.length }, 'a batch was not committed; trying again');
    if (isConnectionError(error)) for (const entry of entries) entry.uncertain = true;
    setTimeout(() => {
      // The system's own item that is refused by itself may be so for ever: what the actor is asked goes before it.
      const isStuck = ([entry]: Entry[]) => entry?.patienceEnds === null && !isServerTrouble(error);
      for (const [address, list] of batch) {
        // One by one: two commits that block each other would do so again.
        this.#mailboxes.isolate(address);
        if (list.length === 1 && isStuck(list)) this.#mailboxes.putBehind(address, list);
        else this.#mailboxes.putBack(address, list);
      }
      for (const entry of this.#mailboxes.takeImpatient(Date.now())) {
        const known = entry.uncertain
          ? 'whether the step was committed is not known'
          : 'no step was committed';
        const message = `the database does not answer; ${known}`;
        entry.reject(new RuntimeError('unavailable', message, { retryable: true, cause: error }));
      }
      this.#pumpSoon();
      this.#tellIdle();
    }, RETRY_MS);
  }

  /** Something of the batch can't be stored: its entries are tried alone, and the one that it is has failed. */
  #isolate(batch: Batch, error: unknown): void {
    const [entry, ...others] = [...batch.values()].flat();
    if (entry && others.length === 0 && this.#mailboxes.isIsolated(entry.item.address)) {
      this.#giveUp(batch, entry, error);
      return;
    }
    for (const [address, list] of batch) {
      this.#mailboxes.isolate(address);
      this.#mailboxes.putBack(address, list);
    }
  }

  #giveUp(batch: Batch, entry: Entry, error: unknown): void {
    const { item, patienceEnds } = entry;
    const { address, kind } = item;
    this.#options.log.error({ err: error, address, kind }, 'a step could not be committed');
    const message = `the step could not be committed: ${error instanceof Error ? error.message : String(error)}`;
    const failure = new RuntimeError('step_failed', message, { cause: error });
    if (patienceEnds === null && entry.unstorable === null) {
      // What the actor waits for must not stay: it goes on without it, and the event is a dead letter.
      entry.unstorable = failure;
      for (const [one, list] of batch) this.#mailboxes.putBack(one, list);
      return;
    }
    this.#settle(address, [entry], new Map([[entry, failure]]));
  }
}
