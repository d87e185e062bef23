/**
 * Group commit: while one batch commits, the next one gathers. Each batch loads the actors that are not cached,
 * applies their items in order, and commits them in one transaction.
 *
 * A batch that fails for a reason of its data is taken apart, so that one bad item harms no neighbour. One that lost
 * its connection is looked up before it is tried again, since it may have been committed. Trouble of the server's is
 * waited out: callers only for so long, the system's own items for ever.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  findSingleton,
  loadActors,
  loadKeys,
  type RememberedKey,
  rememberKey,
} from '../../../persistence/actors/actors.ts';
import { loadDeadLetters, type StoredDeadLetter } from '../../../persistence/actors/dead-letters.ts';
import { findSteps, type StoredStep } from '../../../persistence/actors/journal.ts';
import { loadMessages, MAX_MESSAGES_TAKEN } from '../../../persistence/actors/messages.ts';
import { keptEffects } from '../../../persistence/actors/processes.ts';
import type { ActorRow, MessageRow } from '../../../persistence/actors/rows.ts';
import { isConnectionError, isDataError, isServerTrouble } from '../../../persistence/database-errors.ts';
import { RuntimeError } from '../errors.ts';
import { applyItem } from '../steps/apply.ts';
import { applyUnstorable } from '../steps/apply-unstorable.ts';
import type { RecordBody } from '../steps/record.ts';
import { type Item, Work } from '../steps/work.ts';
import type { Address, RuntimeLog, SendAnswer } from '../types.ts';
import { type BatchWriter, type CommittedBatch, commitWorks, tellCommit } from './batch.ts';
import { type Batch, type Entry, Mailboxes, type Settled } from './mailboxes.ts';

/** Two: one gathers and applies while the other waits for its flush to disk. */
const MAX_FLUSHES = 2;
/** More waiting items than this and callers are told to come back later. */
const MAX_QUEUED = 20_000;
const MAX_CACHED_ACTORS = 4_096;
/** How long a caller waits for a database that is away. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 200;

/** Mailboxes by address; `mailboxFull` where more may wait. */
type LoadedMail = Map<Address, { mailbox: MessageRow[]; mailboxFull: boolean }>;

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
  readonly #cache = new Map<Address, ActorRow>();
  /** What follows from a commit must not run in the context, and so in the trace, of one of its many callers. */
  readonly #detached = AsyncLocalStorage.snapshot();
  #flushes = 0;
  #pumping = false;
  #idle: (() => void)[] = [];

  constructor(options: CommitterOptions) {
    this.#options = options;
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
    const known = this.#cache.get(row.address);
    if (known && known.revision > row.revision) return;
    this.#cache.delete(row.address);
    // An ended actor is seldom asked for again.
    if (row.status === 'active') this.#cache.set(row.address, row);
    if (this.#cache.size > MAX_CACHED_ACTORS) this.#cache.delete(this.#cache.keys().next().value as Address);
  }

  /** Another process has committed these, or any when null: they are read before their next steps, which would lose. */
  forget(addresses: readonly Address[] | null): void {
    if (addresses === null) this.#cache.clear();
    else for (const address of addresses) this.#cache.delete(address);
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
    const remembered = await this.#rememberedKeys(batch);
    await this.#settleSingletons(batch, remembered);
    const cached = new Set<Address>();
    // The row before its mail: mail that another process takes in between shows in the revision.
    const rows = await this.#load(batch, cached, remembered);
    const mailboxes = await this.#loadMail(batch, rows);
    const letters = await this.#loadLetters(batch);
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
      for (const work of committed.works) if (work.row) this.learn(work.row);
      for (const { address } of committed.lost) {
        for (const entry of batch.get(address) ?? []) entry.wantsFresh = true;
        again.add(address);
      }
      await this.#dropFenced(batch, committed.lost);
      if (committed.works.length > 0) this.#tell(() => this.#options.onCommitted(committed));
    }
    for (const address of again) this.#cache.delete(address);
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

  async #rememberedKeys(batch: Batch): Promise<Map<string, RememberedKey>> {
    const keys = [...batch.values()].flat().flatMap(({ item }) => item.idempotency ?? []);
    return keys.length > 0 ? loadKeys(this.#options.writer.pool, keys) : new Map();
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

  /** The rows as they are known here, `cached`, or as they are read now. */
  async #load(
    batch: Batch,
    cached: Set<Address>,
    remembered: ReadonlyMap<string, RememberedKey>,
  ): Promise<Map<Address, ActorRow>> {
    const missing: Address[] = [];
    const rows = new Map<Address, ActorRow>();
    for (const [address, list] of batch) {
      const row = this.#cache.get(address);
      const isKnown = row !== undefined || isNew(list, remembered);
      if (isKnown && !list.some(({ wantsFresh }) => wantsFresh)) {
        cached.add(address);
        if (row) rows.set(address, row);
      } else if (list.length > 0) {
        missing.push(address);
      }
    }
    if (missing.length > 0) {
      for (const [address, row] of await loadActors(this.#options.writer.pool, missing))
        rows.set(address, row);
    }
    return rows;
  }

  /** The messages of those that are told to look into their mailbox; `rows` may grow by those that exist meanwhile. */
  async #loadMail(batch: Batch, rows: Map<Address, ActorRow>): Promise<LoadedMail> {
    const looked = new Set<Address>();
    for (;;) {
      const mailboxes = await this.#readMail(batch);
      // Mail to one that is not there begins with its spawn, unless another process has taken that since.
      const born = [...mailboxes]
        .filter(([address, { mailbox }]) => !rows.has(address) && mailbox[0]?.kind !== 'spawn')
        .map(([address]) => address)
        .filter((address) => !looked.has(address));
      if (born.length === 0) return mailboxes;
      for (const address of born) looked.add(address);
      // Again the row before its mail. One that is not there now either could not be started.
      for (const [address, row] of await loadActors(this.#options.writer.pool, born)) rows.set(address, row);
    }
  }

  async #readMail(batch: Batch): Promise<LoadedMail> {
    const told = [...batch].filter(([, list]) => list.some(({ item }) => item.kind === 'mail'));
    if (told.length === 0) return new Map();
    const addresses = told.map(([address]) => address);
    // One that is tried alone takes its messages one by one, so that the bad one among them shows.
    const limit = addresses.some((address) => this.#mailboxes.isIsolated(address)) ? 1 : MAX_MESSAGES_TAKEN;
    const mailboxes = await loadMessages(this.#options.writer.pool, addresses, limit);
    return new Map(
      [...mailboxes].map(([address, mailbox]) => [
        address,
        { mailbox, mailboxFull: mailbox.length === limit },
      ]),
    );
  }

  /** The dead letters that are to be retried, by id. */
  async #loadLetters(batch: Batch): Promise<Map<string, StoredDeadLetter>> {
    const items = [...batch.values()].flat().map(({ item }) => item);
    const ids = items.flatMap((item) => (item.kind === 'retry' ? [item.letter] : []));
    return ids.length > 0 ? loadDeadLetters(this.#options.writer.pool, ids) : new Map();
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
    for (const address of batch.keys()) this.#cache.delete(address);
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

/** A spawn is nearly always of an actor that is not there: when it is, the commit loses, and the row is read. */
function isNew([first]: readonly Entry[], remembered: ReadonlyMap<string, RememberedKey>): boolean {
  if (first?.item.kind !== 'spawn') return false;
  const { idempotency } = first.item;
  return !idempotency || !remembered.has(keyName(idempotency));
}

function keyName({ scope, key }: { scope: string; key: string }): string {
  return `${scope}\n${key}`;
}

/** The answer under a key that was there before. */
function answerAgain(item: Item, known: RememberedKey): Settled | Error {
  if (known.payloadHash !== item.idempotency?.payloadHash) {
    const message = `the idempotency key "${item.idempotency?.key}" came with another payload before`;
    return new RuntimeError('idempotency_conflict', message);
  }
  if (item.kind === 'spawn') return { address: (known.answer as { address: Address }).address, answer: null };
  const answer = known.answer as SendAnswer | { failed: string };
  if ('failed' in answer) return new RuntimeError('step_failed', answer.failed);
  return { address: item.address, answer };
}

/** What a step that is in the journal was answered, or would have been. */
function outcomeOf(step: StoredStep): Settled | Error {
  const { kind, snapshot } = step.record as unknown as RecordBody;
  if (kind === 'failed') return new RuntimeError('step_failed', snapshot.error?.message ?? 'the step threw');
  const { value, status } = snapshot;
  return {
    address: step.address,
    answer: { revision: step.revision, value, status, changed: kind !== 'unchanged' },
  };
}
