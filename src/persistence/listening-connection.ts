/**
 * A connection of its own that listens to one channel, and is watched: one that does not answer is given up, since it
 * may be dead without a word, and one that is gone is opened anew. Not for what is told there.
 */
import pg from 'pg';
import type { Database, NamedStatement } from './database.ts';
import { isConnectionError } from './database-errors.ts';

/** Asked so often whether it is there, where nothing else is asked of it. */
const WATCH_MS = 15_000;
const ANSWER_MS = 5_000;
const REOPEN_MS = 300;
/** Ending waits so long for the server's good-bye. */
const GOODBYE_MS = 500;

export interface ListeningOptions {
  connectionString: string;
  channel: string;
  onNotice: (payload: string) => void;
  /** Each time that it listens, before it counts as open. When this rejects, it is given up. */
  onListening?: (connection: Database) => Promise<void>;
  /** It is open again: what was told meanwhile was missed. */
  onReopened: () => void;
  onError: (error: unknown) => void;
  /** How long a dead connection may go unnoticed, in milliseconds: until it is asked, and until it must have answered. */
  watch?: { everyMs: number; answerMs: number } | undefined;
}

export class ListeningConnection implements Database {
  readonly #options: ListeningOptions;
  readonly #watch: { everyMs: number; answerMs: number };
  #client: pg.Client | undefined;
  #opening: pg.Client | undefined;
  #reopen: NodeJS.Timeout | undefined;
  #nextLook: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ListeningOptions) {
    this.#options = options;
    this.#watch = options.watch ?? { everyMs: WATCH_MS, answerMs: ANSWER_MS };
  }

  /** Whether it listens, as far as is known. */
  get isOpen(): boolean {
    return this.#client !== undefined;
  }

  /** Opens it. Where this rejects nothing is left open, and it is not tried again. */
  start(): Promise<void> {
    return this.#open();
  }

  /** Runs a statement on this connection, which is given up when no answer comes. */
  async query(statement: string | NamedStatement, values?: unknown[]): ReturnType<Database['query']> {
    const client = this.#client;
    if (!client) throw new Error('connection terminated: it is being opened anew');
    try {
      return await client.query(statement, values);
    } catch (error) {
      if (isConnectionError(error)) this.#gone(client);
      throw error;
    } finally {
      this.#lookLater(client);
    }
  }

  /** Ends it, whether or not the server says so too. What it was asked and has not answered fails. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#reopen);
    clearTimeout(this.#nextLook);
    this.#opening?.connection.stream.destroy();
    const client = this.#client;
    if (!client) return;
    const over = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS);
    await client.end().catch(() => {});
    clearTimeout(over);
  }

  async #open(): Promise<void> {
    const { connectionString, channel, onNotice, onListening, onError } = this.#options;
    const { answerMs } = this.#watch;
    const client = new pg.Client({
      connectionString,
      keepAlive: true,
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
    });
    let hasEnded = false;
    client.on('notification', ({ payload }) => {
      // Anybody can send one, also a release to come: what can't be taken must not end the process.
      try {
        onNotice(payload ?? '');
      } catch (error) {
        onError(error);
      }
    });
    client.on('error', onError);
    client.once('end', () => {
      hasEnded = true;
      this.#gone(client);
    });
    this.#opening = client;
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      await onListening?.(client);
      if (hasEnded || this.#stopped) throw new Error('connection terminated while it was being opened');
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    } finally {
      this.#opening = undefined;
    }
    this.#client = client;
    this.#lookLater(client);
  }

  #gone(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    clearTimeout(this.#nextLook);
    client.connection.stream.destroy();
    this.#reopenSoon();
  }

  #reopenSoon(): void {
    if (this.#stopped) return;
    this.#reopen = setTimeout(() => {
      this.#open().then(this.#options.onReopened, (error: unknown) => {
        if (this.#stopped) return;
        this.#options.onError(error);
        this.#reopenSoon();
      });
    }, REOPEN_MS);
  }

  #lookLater(client: pg.Client): void {
    clearTimeout(this.#nextLook);
    if (this.#stopped || this.#client !== client) return;
    // What fails is given up, and whoever listens is told when it is open again.
    this.#nextLook = setTimeout(() => this.query('SELECT').catch(this.#options.onError), this.#watch.everyMs);
  }
}
