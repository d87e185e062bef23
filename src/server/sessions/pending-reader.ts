/**
 * Reads new notifications for all clients of this process: those who ask in the same moment share one query, so that
 * the cost grows with the wake-ups and not with the sockets. Who is far behind reads alone, a few at a time.
 * Not for what a client is sent, or when; delivery.ts does that.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RuntimeLog } from '../../actors/runtime/index.ts';
import type { Notification, Place } from '../../persistence/records/notifications.ts';
import type { SessionLimits } from './protocol.ts';

/** The part of the store of notifications that is needed here. */
export interface PendingRows {
  /** For each place, in their order, what is to be pushed after it, by `seq`: at most `limit` rows each. */
  pending(places: readonly Place[], limit: number): Promise<Notification[][]>;
}

/** Places in one query: with 20 rows each it stays below a few megabytes. */
const MAX_PLACES = 1_000;
/** Clients that catch up at once. The pool has ten connections, and the actors need them more. */
const MAX_CATCHING_UP = 3;

interface Ask extends Place {
  answer: PromiseWithResolvers<Notification[]>;
}

export class PendingReader {
  readonly #rows: PendingRows;
  readonly #limits: SessionLimits;
  readonly #log: RuntimeLog;
  /** Those who have asked since the last query began, by what they ask for. */
  readonly #gathered = new Map<string, Ask>();
  readonly #waiting: (() => void)[] = [];
  #reading = false;
  /** Said once for all who wait. */
  #failing = false;
  #catchingUp = 0;

  constructor(rows: PendingRows, limits: SessionLimits, log: RuntimeLog) {
    this.#rows = rows;
    this.#limits = limits;
    this.#log = log;
  }

  /** What comes after a number, at most `sharedRows`; rows that were committed before this call are among them. */
  next(owner: string, afterSeq: number): Promise<Notification[]> {
    const key = `${afterSeq} ${owner}`;
    let ask = this.#gathered.get(key);
    if (!ask) {
      ask = { owner, afterSeq, answer: Promise.withResolvers<Notification[]>() };
      this.#gathered.set(key, ask);
      if (!this.#reading) void this.#readGathered();
    }
    return ask.answer.promise;
  }

  /** The same for one that is far behind: at most `batchRows`. */
  async catchUp(owner: string, afterSeq: number): Promise<Notification[]> {
    if (this.#catchingUp >= MAX_CATCHING_UP)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#catchingUp += 1;
    try {
      const [rows = []] = await this.#rows.pending([{ owner, afterSeq }], this.#limits.batchRows);
      return rows;
    } finally {
      const next = this.#waiting.shift();
      // Who waited takes this one's place.
      if (next) next();
      else this.#catchingUp -= 1;
    }
  }

  /** Never rejects: each who asked hears of a failure. */
  async #readGathered(): Promise<void> {
    this.#reading = true;
    // A wake-up names many owners; all of them ask in this turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#gathered.size > 0) {
      const asks = [...this.#gathered].slice(0, MAX_PLACES);
      for (const [key] of asks) this.#gathered.delete(key);
      await this.#read(asks.map(([, ask]) => ask));
      await delay(this.#limits.readPauseMs);
    }
    this.#reading = false;
  }

  async #read(asks: readonly Ask[]): Promise<void> {
    try {
      const answers = await this.#rows.pending(asks, this.#limits.sharedRows);
      this.#failing = false;
      for (const [index, { answer }] of asks.entries()) answer.resolve(answers[index] ?? []);
    } catch (error) {
      if (!this.#failing) this.#log.warn({ err: error }, 'notifications cannot be read; delivery waits');
      this.#failing = true;
      for (const { answer } of asks) answer.reject(error);
    }
  }
}
