/**
 * The items that wait for the committer, a mailbox for each actor: which may go into the next batch, and in what
 * order. An actor is in one batch at a time, so its items keep their order. Not for applying or committing them.
 */

import type { Answer, Item } from '../steps/work.ts';
import type { Address } from '../types.ts';

const MAX_ACTORS_PER_BATCH = 512;
const MAX_ITEMS_PER_ACTOR = 32;

/** What became of an item. `address` differs from the item's when a spawn found one that exists already. */
export interface Settled {
  address: Address;
  answer: Answer;
}

export interface Entry {
  item: Item;
  resolve: (settled: Settled) => void;
  reject: (error: Error) => void;
  /** Null for the system's own items, which are never given up. */
  patienceEnds: number | null;
  /** A commit of it may have happened: look before each further try. */
  uncertain: boolean;
  /** Its outcome on a cached row was a refusal, to be confirmed on the row as it is now. */
  wantsFresh: boolean;
  /** Why its step can't be stored: the actor goes on without it. */
  unstorable: Error | null;
  /** What it came to, without a step of its own, in a commit that may have happened. */
  shown: Shown | null;
}

/** An outcome that leaves no trace of its own: it holds when this later step of the same commit is found. */
export interface Shown {
  by: string;
  outcome: Settled | Error;
}

/** The entries of a batch, by actor. */
export type Batch = Map<Address, Entry[]>;

export class Mailboxes {
  readonly #waiting = new Map<Address, Entry[]>();
  /** Addresses with entries that no batch holds, in the order in which they became ready. */
  readonly #ready = new Set<Address>();
  readonly #inFlight = new Set<Address>();
  /** Addresses whose entries are committed one by one, after a batch with them failed. */
  readonly #solo = new Set<Address>();
  #size = 0;

  /** Entries that wait or are in a batch. */
  get size(): number {
    return this.#size;
  }

  get hasReady(): boolean {
    return this.#ready.size > 0;
  }

  add(entry: Entry): void {
    const { address } = entry.item;
    const mailbox = this.#waiting.get(address);
    if (mailbox) mailbox.push(entry);
    else this.#waiting.set(address, [entry]);
    this.#size++;
    if (!this.#inFlight.has(address)) this.#ready.add(address);
  }

  takeBatch(): Batch {
    const batch: Batch = new Map();
    for (const address of this.#ready) {
      const solo = this.#solo.has(address);
      if (solo && batch.size > 0) continue;
      const mailbox = this.#waiting.get(address) ?? [];
      batch.set(address, mailbox.splice(0, solo ? 1 : MAX_ITEMS_PER_ACTOR));
      this.#ready.delete(address);
      this.#inFlight.add(address);
      if (solo || batch.size === MAX_ACTORS_PER_BATCH) break;
    }
    return batch;
  }

  /** The entries of this actor are settled. */
  done(address: Address, entries: number): void {
    this.#size -= entries;
    this.#solo.delete(address);
    this.#release(address);
  }

  /** Entries to be tried again, before those that came after them. */
  putBack(address: Address, entries: readonly Entry[]): void {
    const mailbox = this.#waiting.get(address);
    if (mailbox) mailbox.unshift(...entries);
    else this.#waiting.set(address, [...entries]);
    this.#release(address);
  }

  /** Entries to be tried again, after those that came after them. */
  putBehind(address: Address, entries: readonly Entry[]): void {
    const mailbox = this.#waiting.get(address);
    if (mailbox) mailbox.push(...entries);
    else this.#waiting.set(address, [...entries]);
    this.#release(address);
  }

  /** Takes out the entries, of those that no batch holds, that are not to stay. */
  takeOut(stays: (entry: Entry) => boolean): Entry[] {
    const taken: Entry[] = [];
    for (const [address, mailbox] of this.#waiting) {
      const staying: Entry[] = [];
      for (const entry of mailbox) (stays(entry) ? staying : taken).push(entry);
      if (staying.length === mailbox.length) continue;
      if (staying.length > 0) this.#waiting.set(address, staying);
      else this.#forget(address);
    }
    this.#size -= taken.length;
    return taken;
  }

  /** An entry of a batch was settled before its turn, or given up. */
  drop(batch: Batch, entry: Entry): void {
    const list = batch.get(entry.item.address);
    const at = list?.indexOf(entry) ?? -1;
    if (at >= 0) list?.splice(at, 1);
    this.#size--;
  }

  /** From now on, until one of them is settled, the entries of this actor are committed one by one. */
  isolate(address: Address): void {
    this.#solo.add(address);
  }

  isIsolated(address: Address): boolean {
    return this.#solo.has(address);
  }

  #release(address: Address): void {
    this.#inFlight.delete(address);
    if ((this.#waiting.get(address)?.length ?? 0) > 0) this.#ready.add(address);
    else this.#forget(address);
  }

  #forget(address: Address): void {
    this.#waiting.delete(address);
    this.#ready.delete(address);
    // In an outage many are isolated, of which nothing is left to be tried.
    if (!this.#inFlight.has(address)) this.#solo.delete(address);
  }
}
