/**
 * What this process tells the others. Notices are sent outside the transactions that carry the steps, at most one
 * statement at a time, since a NOTIFY inside one takes away Postgres's own group commit: what comes meanwhile is
 * gathered. Not for what the others say, nor for who they are (`peers.ts`).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { sendNotices } from '../../../persistence/actors/notices.ts';
import type { Database } from '../../../persistence/database.ts';
import { isServerTrouble } from '../../../persistence/database-errors.ts';
import type { Address, RuntimeLog } from '../types.ts';
import { GatheredNews, type Notice } from './notices.ts';

/** What others could not be told is tried again after this. */
const RETRY_MS = 300;

export class Telling {
  readonly #database: Database;
  readonly #log: RuntimeLog;
  /** The id of this process, which may change. */
  readonly #from: () => string;
  readonly #hasOthers: () => boolean;
  #news: GatheredNews | undefined;
  #sending: Promise<void> | undefined;
  #stopped = false;

  constructor(options: {
    database: Database;
    log: RuntimeLog;
    from: () => string;
    /** Whether anybody hears of commits. */
    hasOthers: () => boolean;
  }) {
    this.#database = options.database;
    this.#log = options.log;
    this.#from = options.from;
    this.#hasOthers = options.hasOthers;
  }

  /** Tells of a commit. */
  commit(addresses: readonly Address[], cancelled: readonly string[], due: number | undefined): void {
    this.#gather((news) => {
      news.add('addresses', addresses);
      news.add('cancelled', cancelled);
      if (due !== undefined) news.addDue(due);
    });
  }

  /** Tells of mail to an actor of a machine, or a version, that this process does not have. */
  mail(address: Address): void {
    this.#gather((news) => news.add('mail', [address]));
  }

  /** Says hello, greets, or says goodbye. Resolves when that is sent, or can't be. */
  say(notice: Pick<Notice, 'kind' | 'to'>): Promise<void> {
    return this.#send([{ from: this.#from(), ...notice }]);
  }

  /** Resolves when what was gathered is sent; nothing that fails is tried again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
  }

  #gather(add: (news: GatheredNews) => void): void {
    if (!this.#hasOthers()) return;
    this.#news ??= new GatheredNews();
    add(this.#news);
    this.#sending ??= this.#sendGathered();
  }

  async #sendGathered(): Promise<void> {
    for (let news = this.#news; news; news = this.#news) {
      this.#news = undefined;
      await this.#send(news.notices(this.#from()));
    }
    this.#sending = undefined;
  }

  /** While the database is in trouble it is tried again, until this process leaves: others wait for what it tells. */
  async #send(notices: readonly Notice[]): Promise<void> {
    const payloads = notices.map((notice) => JSON.stringify(notice));
    for (;;) {
      try {
        return await sendNotices(this.#database, payloads);
      } catch (error) {
        this.#log.warn({ err: error }, 'other processes could not be told');
        if (this.#stopped || !isServerTrouble(error)) return;
        await delay(RETRY_MS);
      }
    }
  }
}
