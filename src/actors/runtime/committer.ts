/**
 * Group commit: items wait in a mailbox per actor; while one batch commits, the next one gathers. Each batch loads
 * the actors that are not cached, applies their items in order, and commits them in one transaction.
 *
 * An actor is in one batch at a time, so its items keep their order. A batch that fails for a reason of its data is
 * taken apart, so that one bad item harms no neighbour; one that lost its connection is looked up before it is tried
 * again, since it may have been committed.
 */
import { findSingleton, loadActors, loadKeys, type RememberedKey } from '../../persistence/actors/actors.ts';
import { findSteps } from '../../persistence/actors/journal.ts';
import { loadMessages } from '../../persistence/actors/messages.ts';
import type { ActorRow, MessageRow } from '../../persistence/actors/rows.ts';
import { isConnectionError, isTransientError } from '../../persistence/database-errors.ts';
import { applyItem } from './apply.ts';
import { type BatchWriter, type CommittedBatch, commitWorks } from './batch.ts';
import { RuntimeError } from './errors.ts';
import type { Address, RuntimeLog, SendAnswer } from './types.ts';
import { type Answer, type Item, Work } from './work.ts';

/** Two: one gathers and applies while the other waits for its flush to disk. */
const MAX_FLUSHES = 2;
const MAX_ACTORS_PER_BATCH = 512;
const MAX_ITEMS_PER_ACTOR = 32;
/** More waiting items than this and callers are told to come back later. */
const MAX_QUEUED = 20_000;
const MAX_CACHED_ACTORS = 4_096;
/** How long a caller waits for a database that is away. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 200;
/** Tries of an item alone whose transaction is rolled back for a reason that may pass. */
const MAX_TRIES_ALONE = 5;

/** What became of an item. `address` differs from the item's when a spawn found one that exists already. */
export interface Settled {
  address: Address;
  answer: Answer;
}

interface Entry {
  item: Item;
  resolve: (settled: Settled) => void;
  reject: (error: Error) => void;
  /** Null for the system's own items, which are never given up. */
  patienceEnds: number | null;
  /** Its commit may have happened: look before trying again. */
  uncertain: boolean;
  /** How often its own transaction was rolled back. */
  failures: number;
  /** Its outcome on a cached row was a refusal, to be confirmed on the row as it is now. */
  wantsFresh: boolean;
}

export class Committer {
  readonly #writer: BatchWriter;
  readonly #log: RuntimeLog;
  readonly #now: () => Date;
  readonly #onCommitted: (committed: CommittedBatch) => void;
  readonly #mailboxes = new Map<Address, Entry[]>();
  /** Addresses with items that no batch holds, in the order in which they became ready. */
  readonly #ready = new Set<Address>();
  readonly #inFlight = new Set<Address>();
  /** Addresses whose items are committed one by one, after a batch with them failed. */
  readonly #solo = new Set<Address>();
  readonly #cache = new Map<Address, ActorRow>();
  #queued = 0;
  #flushes = 0;
  #pumping = false;
  #idle: (() => void)[] = [];

  constructor(options: {
    writer: BatchWriter;
    log: RuntimeLog;
    now: () => Date;
    onCommitted: (committed: CommittedBatch) => void;
  }) {
    this.#writer = options.writer;
    this.#log = options.log;
    this.#now = options.now;
    this.#onCommitted = options.onCommitted;
  }

  /** Queues an item from a caller. Rejects with `busy` or `unavailable` within a bounded time. */
  submit(item: Item): Promise<Settled> {
    if (this.#queued >= MAX_QUEUED) {
      return Promise.reject(
        new RuntimeError('busy', 'too many events are waiting to be committed; try again shortly', {
          retryable: true,
        }),
      );
    }
    return this.#enqueue(item, Date.now() + PATIENCE_MS);
  }

  /** Queues an item of the system's own; it is tried until it is committed. */
  submitInternal(item: Item): Promise<Settled> {
    return this.#enqueue(item, null);
  }

  /** Resolves when nothing is queued or being committed. */
  idle(): Promise<void> {
    if (this.#queued === 0 && this.#flushes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
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

  #enqueue(item: Item, patienceEnds: number | null): Promise<Settled> {
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        item,
        resolve,
        reject,
        patienceEnds,
        uncertain: false,
        failures: 0,
        wantsFresh: false,
      };
      const mailbox = this.#mailboxes.get(item.address);
      if (mailbox) mailbox.push(entry);
      else this.#mailboxes.set(item.address, [entry]);
      this.#queued++;
      if (!this.#inFlight.has(item.address)) this.#ready.add(item.address);
      this.#pumpSoon();
    });
  }

  /** In a microtask, so that what is sent in one go goes into one batch. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#flushes < MAX_FLUSHES && this.#ready.size > 0) {
      const entries = this.#takeBatch();
      this.#flushes++;
      this.#flush(entries)
        .catch((error: unknown) => this.#giveBack(entries, error))
        .finally(() => {
          this.#flushes--;
          this.#pumpSoon();
          if (this.#queued === 0 && this.#flushes === 0)
            for (const resolve of this.#idle.splice(0)) resolve();
        });
    }
  }

  #takeBatch(): Map<Address, Entry[]> {
    const batch = new Map<Address, Entry[]>();
    for (const address of this.#ready) {
      const solo = this.#solo.has(address);
      if (solo && batch.size > 0) continue;
      const mailbox = this.#mailboxes.get(address) ?? [];
      batch.set(address, mailbox.splice(0, solo ? 1 : MAX_ITEMS_PER_ACTOR));
      this.#ready.delete(address);
      this.#inFlight.add(address);
      if (solo || batch.size === MAX_ACTORS_PER_BATCH) break;
    }
    return batch;
  }

  async #flush(batch: Map<Address, Entry[]>): Promise<void> {
    const entries = [...batch.values()].flat();
    const uncertain = entries.filter(({ uncertain }) => uncertain);
    if (uncertain.length > 0) await this.#settleCommitted(batch, uncertain);
    const remembered = await this.#rememberedKeys(entries);
    await this.#settleSingletons(batch);
    const cached = new Set<Address>();
    const rows = await this.#load(batch, cached);
    const mailboxes = await this.#loadMail(batch);
    const outcomes = new Map<Entry, Settled | Error>();
    const works: Work[] = [];
    const now = this.#now();
    for (const [address, list] of batch) {
      const work = new Work(address, rows.get(address), now, mailboxes.get(address));
      for (const entry of list) {
        const outcome = this.#apply(work, entry, remembered);
        const refused = outcome instanceof Error || outcome.answer === null;
        if (refused && cached.has(address)) {
          // What another process has committed since may change this: everything of this actor waits for the row.
          this.#cache.delete(address);
          entry.wantsFresh = true;
        }
        outcomes.set(entry, outcome);
      }
      if (list.some(({ wantsFresh }) => wantsFresh) && cached.has(address)) continue;
      if (work.hasWrites()) works.push(work);
    }
    const committed =
      works.length > 0
        ? await commitWorks(this.#writer, works)
        : { works: [], lost: [], effectsStarted: [], effectsCancelled: [], timersSet: [], jobsCancelled: [] };
    for (const work of committed.works) if (work.row) this.learn(work.row);
    const lost = new Set(committed.lost.map(({ address }) => address));
    for (const address of lost) this.#cache.delete(address);
    if (committed.works.length > 0) this.#tell(committed);
    for (const [address, list] of batch) {
      const again = lost.has(address) || (list.some(({ wantsFresh }) => wantsFresh) && cached.has(address));
      if (again) this.#requeue(address, list);
      else this.#settle(address, list, outcomes);
    }
  }

  /** What follows a commit must not make it look as if it had failed. */
  #tell(committed: CommittedBatch): void {
    try {
      this.#onCommitted(committed);
    } catch (error) {
      this.#log.error({ err: error }, 'what follows a commit failed');
    }
  }

  /** Answers those whose commit did happen although its connection broke. */
  async #settleCommitted(batch: Map<Address, Entry[]>, uncertain: Entry[]): Promise<void> {
    const found = await findSteps(
      this.#writer.pool,
      uncertain.map(({ item }) => item.address),
      uncertain.map(({ item }) => item.stepId),
    );
    for (const entry of uncertain) {
      entry.uncertain = false;
      const step = found.get(entry.item.stepId);
      if (!step) continue;
      const record = step.record as {
        kind: string;
        snapshot: { value: SendAnswer['value']; status: SendAnswer['status'] };
      };
      const answer = {
        revision: step.revision,
        ...pick(record.snapshot),
        changed: record.kind !== 'unchanged',
      };
      this.#take(batch, entry);
      entry.resolve({ address: step.address, answer });
    }
  }

  async #rememberedKeys(entries: readonly Entry[]): Promise<Map<string, RememberedKey>> {
    const keys = entries.flatMap(({ item }) => item.idempotency ?? []);
    return keys.length > 0 ? loadKeys(this.#writer.pool, keys) : new Map();
  }

  /** A spawn whose singleton is active is answered with that one. */
  async #settleSingletons(batch: Map<Address, Entry[]>): Promise<void> {
    for (const entry of [...batch.values()].flat()) {
      const { item } = entry;
      if (item.kind !== 'spawn' || item.singletonKey === null) continue;
      const address = await findSingleton(this.#writer.pool, item.machine, item.owner, item.singletonKey);
      if (address === undefined) continue;
      this.#take(batch, entry);
      entry.resolve({ address, answer: null });
    }
  }

  async #load(batch: Map<Address, Entry[]>, cached: Set<Address>): Promise<Map<Address, ActorRow>> {
    const missing: Address[] = [];
    const rows = new Map<Address, ActorRow>();
    for (const [address, list] of batch) {
      const row = this.#cache.get(address);
      if (row && !list.some(({ wantsFresh }) => wantsFresh)) {
        cached.add(address);
        rows.set(address, row);
      } else if (list.length > 0) {
        missing.push(address);
      }
    }
    if (missing.length > 0) {
      for (const [address, row] of await loadActors(this.#writer.pool, missing)) rows.set(address, row);
    }
    return rows;
  }

  /** The messages of those that are told to look into their mailbox. */
  async #loadMail(batch: Map<Address, Entry[]>): Promise<Map<Address, MessageRow[]>> {
    const addresses = [...batch].filter(([, list]) => list.some(({ item }) => item.kind === 'mail'));
    if (addresses.length === 0) return new Map();
    return loadMessages(
      this.#writer.pool,
      addresses.map(([address]) => address),
    );
  }

  #apply(work: Work, entry: Entry, remembered: Map<string, RememberedKey>): Settled | Error {
    const { item } = entry;
    const { idempotency } = item;
    const name = idempotency && `${idempotency.scope}\n${idempotency.key}`;
    const known = name === undefined ? undefined : remembered.get(name);
    if (known) {
      if (known.payloadHash !== idempotency?.payloadHash) {
        return new RuntimeError(
          'idempotency_conflict',
          `the idempotency key "${idempotency?.key}" came with another payload before`,
        );
      }
      if (item.kind === 'spawn')
        return { address: (known.answer as { address: Address }).address, answer: null };
      return { address: item.address, answer: known.answer as SendAnswer };
    }
    try {
      const answer = applyItem(this.#writer.registry, work, item);
      if (answer instanceof Error) return answer;
      if (name !== undefined && idempotency) {
        const remember = item.kind === 'spawn' ? { address: item.address } : answer;
        remembered.set(name, { payloadHash: idempotency.payloadHash, answer: remember });
      }
      return { address: item.address, answer };
    } catch (error) {
      return error as Error;
    }
  }

  #settle(address: Address, list: readonly Entry[], outcomes: Map<Entry, Settled | Error>): void {
    this.#release(address);
    this.#solo.delete(address);
    for (const entry of list) {
      const outcome = outcomes.get(entry);
      this.#queued--;
      if (outcome instanceof Error) entry.reject(outcome);
      else if (outcome) entry.resolve(outcome);
    }
  }

  /** Removes an entry that was answered before its turn. */
  #take(batch: Map<Address, Entry[]>, entry: Entry): void {
    const list = batch.get(entry.item.address);
    list?.splice(list.indexOf(entry), 1);
    this.#queued--;
  }

  #requeue(address: Address, list: readonly Entry[]): void {
    const mailbox = this.#mailboxes.get(address);
    if (mailbox) mailbox.unshift(...list);
    else this.#mailboxes.set(address, [...list]);
    this.#release(address);
  }

  #release(address: Address): void {
    this.#inFlight.delete(address);
    if ((this.#mailboxes.get(address)?.length ?? 0) > 0) this.#ready.add(address);
    else this.#mailboxes.delete(address);
  }

  /** A batch failed as a whole. */
  #giveBack(batch: Map<Address, Entry[]>, error: unknown): void {
    for (const address of batch.keys()) this.#cache.delete(address);
    const entries = [...batch.values()].flat();
    if (isConnectionError(error)) {
      this.#log.warn({ err: error, items: entries.length }, 'the database did not answer; trying again');
      for (const entry of entries) entry.uncertain = true;
      setTimeout(() => {
        this.#rejectImpatient(batch);
        for (const [address, list] of batch) this.#requeue(address, list);
        this.#pumpSoon();
      }, RETRY_MS);
      return;
    }
    const alone = entries.length === 1 ? entries[0] : undefined;
    if (alone && this.#solo.has(alone.item.address)) {
      alone.failures++;
      if (!isTransientError(error) || alone.failures === MAX_TRIES_ALONE) {
        this.#log.error(
          { err: error, address: alone.item.address, kind: alone.item.kind },
          'a step could not be committed',
        );
        const message = error instanceof Error ? error.message : String(error);
        const failure = new RuntimeError('step_failed', `the step could not be committed: ${message}`, {
          cause: error,
        });
        this.#settle(alone.item.address, [alone], new Map([[alone, failure]]));
        return;
      }
    }
    for (const [address, list] of batch) {
      this.#solo.add(address);
      this.#requeue(address, list);
    }
  }

  /** Callers who have waited long enough for a database that is away are told. */
  #rejectImpatient(batch: Map<Address, Entry[]>): void {
    for (const [address, list] of batch) {
      const patient = list.filter((entry) => {
        if (entry.patienceEnds === null || Date.now() < entry.patienceEnds) return true;
        this.#queued--;
        entry.reject(
          new RuntimeError(
            'unavailable',
            'the database does not answer; whether the step was committed is not known',
            {
              retryable: true,
            },
          ),
        );
        return false;
      });
      batch.set(address, patient);
    }
  }
}

function pick({ value, status }: { value: SendAnswer['value']; status: SendAnswer['status'] }) {
  return { value, status };
}
