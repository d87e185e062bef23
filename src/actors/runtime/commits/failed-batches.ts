/**
 * What becomes of a batch that failed as a whole. For a reason of its data it is taken apart, until the one bad item has
 * failed alone; trouble of the server's is waited out, by callers only for so long. Not for a batch of which some lost
 * to another writer: that has been committed.
 */
import { isConnectionError, isDataError, isServerTrouble } from '../../../persistence/database-errors.ts';
import { RuntimeError } from '../errors.ts';
import { messageOf } from '../storable.ts';
import type { RuntimeLog } from '../types.ts';
import type { Batch, Entry, Mailboxes } from './mailboxes.ts';

const RETRY_MS = 200;

export class FailedBatches {
  readonly #mailboxes: Mailboxes;
  readonly #log: RuntimeLog;
  /** Some of what had failed can be tried again now, or was given up. */
  readonly #onMoved: () => void;
  /** What may have been committed was given up: nobody else will look what follows from it. */
  readonly #onUncertain: () => void;
  #stopped = false;

  constructor(options: {
    mailboxes: Mailboxes;
    log: RuntimeLog;
    onMoved: () => void;
    onUncertain: () => void;
  }) {
    this.#mailboxes = options.mailboxes;
    this.#log = options.log;
    this.#onMoved = options.onMoved;
    this.#onUncertain = options.onUncertain;
  }

  take(batch: Batch, error: unknown): void {
    if (isDataError(error)) this.#isolate(batch, error);
    else this.#tryLater(batch, error);
  }

  /** From here on nothing is tried again, and what waits is given up. */
  stop(): void {
    this.#stopped = true;
    this.#giveUpWaiting();
  }

  /** The database is away, or in trouble. */
  #tryLater(batch: Batch, error: unknown): void {
    const entries = [...batch.values()].flat();
    this.#log.warn({ err: error, items: entries.length }, 'a batch was not committed; trying again');
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
      const now = Date.now();
      const isPatient = ({ patienceEnds }: Entry) => patienceEnds === null || now < patienceEnds;
      const impatient = this.#mailboxes.takeOut(isPatient);
      for (const entry of impatient)
        entry.reject(givenUp(entry, 'unavailable', 'the database does not answer', error));
      // They are not looked up any more.
      if (impatient.some(({ uncertain }) => uncertain)) this.#onUncertain();
      if (this.#stopped) this.#giveUpWaiting();
      this.#onMoved();
    }, RETRY_MS);
  }

  /** The system's own items are left to other processes, which find them in the database. */
  #giveUpWaiting(): void {
    for (const entry of this.#mailboxes.takeOut(() => false)) {
      if (entry.patienceEnds === null) entry.resolve({ address: entry.item.address, answer: null });
      else entry.reject(givenUp(entry, 'stopped', 'this process has shut down'));
    }
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
    this.#log.error({ err: error, address, kind }, 'a step could not be committed');
    const message = `the step could not be committed: ${messageOf(error)}`;
    const failure = new RuntimeError('step_failed', message, { cause: error });
    if (patienceEnds === null && entry.unstorable === null) {
      // What the actor waits for must not stay: it goes on without it, and the event is a dead letter.
      entry.unstorable = failure;
      for (const [one, list] of batch) this.#mailboxes.putBack(one, list);
      return;
    }
    this.#mailboxes.done(address, 1);
    entry.reject(failure);
  }
}

/** It is not tried any more. `details.applied`: whether it may have been. */
function givenUp(
  { uncertain }: Entry,
  code: 'unavailable' | 'stopped',
  why: string,
  cause?: unknown,
): RuntimeError {
  const known = uncertain ? 'whether the step was committed is not known' : 'no step was committed';
  const details = { applied: uncertain ? 'unknown' : 'no' };
  return new RuntimeError(code, `${why}; ${known}`, { retryable: true, details, cause });
}
