/**
 * What a batch needs of the database before its items are applied: the rows of its actors, of which those that were
 * stepped lately are kept here, their mail, dead letters and remembered keys. Not for applying or committing.
 */
import { loadActors, loadKeys, type RememberedKey } from '../../../persistence/actors/actors.ts';
import { loadDeadLetters, type StoredDeadLetter } from '../../../persistence/actors/dead-letters.ts';
import { loadMessages, MAX_MESSAGES_TAKEN } from '../../../persistence/actors/messages.ts';
import type { ActorRow, MessageRow } from '../../../persistence/actors/rows.ts';
import type { Database } from '../../../persistence/database.ts';
import type { Address } from '../types.ts';
import { keyName } from './answers.ts';
import type { Batch, Entry } from './mailboxes.ts';

const MAX_CACHED_ACTORS = 4_096;

/** Mailboxes by address; `mailboxFull` where more may wait. */
type LoadedMail = Map<Address, { mailbox: MessageRow[]; mailboxFull: boolean }>;

export interface LoadedBatch {
  /** Those that exist. */
  rows: Map<Address, ActorRow>;
  /** Whose rows are as they were known here, and may be old. */
  cached: Set<Address>;
  mailboxes: LoadedMail;
  letters: Map<string, StoredDeadLetter>;
}

export class BatchLoader {
  readonly #database: Database;
  readonly #cache = new Map<Address, ActorRow>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Takes over a row that this process has written. */
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

  /** The answers that are remembered under the keys of these items, by `keyName`. */
  async keys(batch: Batch): Promise<Map<string, RememberedKey>> {
    const keys = [...batch.values()].flat().flatMap(({ item }) => item.idempotency ?? []);
    return keys.length > 0 ? loadKeys(this.#database, keys) : new Map();
  }

  /** `isAlone`: whether the items of an actor are tried one by one. */
  async load(
    batch: Batch,
    remembered: ReadonlyMap<string, RememberedKey>,
    isAlone: (address: Address) => boolean,
  ): Promise<LoadedBatch> {
    const cached = new Set<Address>();
    // The row before its mail: mail that another process takes in between shows in the revision.
    const rows = await this.#loadRows(batch, cached, remembered);
    const mailboxes = await this.#loadMail(batch, rows, isAlone);
    const letters = await this.#loadLetters(batch);
    return { rows, cached, mailboxes, letters };
  }

  /** The rows as they are known here, `cached`, or as they are read now. */
  async #loadRows(
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
      for (const [address, row] of await loadActors(this.#database, missing)) rows.set(address, row);
    }
    return rows;
  }

  /** The messages of those that are told to look into their mailbox; `rows` may grow by those that exist meanwhile. */
  async #loadMail(
    batch: Batch,
    rows: Map<Address, ActorRow>,
    isAlone: (address: Address) => boolean,
  ): Promise<LoadedMail> {
    const looked = new Set<Address>();
    for (;;) {
      const mailboxes = await this.#readMail(batch, isAlone);
      // Mail to one that is not there begins with its spawn, unless another process has taken that since.
      const born = [...mailboxes]
        .filter(([address, { mailbox }]) => !rows.has(address) && mailbox[0]?.kind !== 'spawn')
        .map(([address]) => address)
        .filter((address) => !looked.has(address));
      if (born.length === 0) return mailboxes;
      for (const address of born) looked.add(address);
      // Again the row before its mail. One that is not there now either could not be started.
      for (const [address, row] of await loadActors(this.#database, born)) rows.set(address, row);
    }
  }

  async #readMail(batch: Batch, isAlone: (address: Address) => boolean): Promise<LoadedMail> {
    const told = [...batch].filter(([, list]) => list.some(({ item }) => item.kind === 'mail'));
    if (told.length === 0) return new Map();
    const addresses = told.map(([address]) => address);
    // One that is tried alone takes its messages one by one, so that the bad one among them shows.
    const limit = addresses.some(isAlone) ? 1 : MAX_MESSAGES_TAKEN;
    const mailboxes = await loadMessages(this.#database, addresses, limit);
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
    return ids.length > 0 ? loadDeadLetters(this.#database, ids) : new Map();
  }
}

/** A spawn is nearly always of an actor that is not there: when it is, the commit loses, and the row is read. */
function isNew([first]: readonly Entry[], remembered: ReadonlyMap<string, RememberedKey>): boolean {
  if (first?.item.kind !== 'spawn') return false;
  const { idempotency } = first.item;
  return !idempotency || !remembered.has(keyName(idempotency));
}
