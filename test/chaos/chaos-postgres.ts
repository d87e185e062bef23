/**
 * A Postgres of the chaos commands' own, in a temporary folder: databases cloned from templates, and the pid to send
 * signals to. It starts again by itself when it is killed. Not for who works on it.
 */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type RunningPostgres, startPostgres } from '../../src/launch/postgres.ts';
import { createLog } from '../../src/log.ts';
import { migrate } from '../../src/persistence/migrate.ts';
import { databaseUrl } from '../database-url.ts';
import { endPostgresAt, undoAtExit } from '../undo-at-exit.ts';

/** What the machines emit. Without a key, so that what is written twice is seen. */
const EMITTED = 'CREATE TABLE emitted (address text, revision bigint, index integer, event jsonb)';

export class ChaosPostgres {
  readonly #postgres: RunningPostgres;
  /** The folder of this run, also for other files. */
  readonly home: string;
  readonly #forget: () => void;
  #clones = 0;

  private constructor(postgres: RunningPostgres, home: string, forget: () => void) {
    this.#postgres = postgres;
    this.home = home;
    this.#forget = forget;
  }

  /** `settings` go over the usual ones. */
  static async start(settings: Readonly<Record<string, string>>): Promise<ChaosPostgres> {
    const home = mkdtempSync(join(tmpdir(), 'ttai-chaos-'));
    // It is in a session of its own and hears nothing of Ctrl-C.
    const forget = undoAtExit(() => endPostgresAt(home));
    try {
      return new ChaosPostgres(
        await startPostgres({ home, log: createLog('error'), settings }),
        home,
        forget,
      );
    } catch (error) {
      await rm(home, { recursive: true, force: true });
      forget();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#postgres.stop();
    await rm(this.home, { recursive: true, force: true });
    this.#forget();
  }

  /** Of the postmaster that runs now. */
  get pid(): number {
    return this.#postgres.pid;
  }

  url(database: string): string {
    return databaseUrl(this.#postgres.connectionString, database);
  }

  /** A migrated database, with a table for what machines emit. */
  async createMigrated(name: string): Promise<void> {
    await this.#administer(`CREATE DATABASE ${name}`);
    await migrate(this.url(name));
    const client = new pg.Client({ connectionString: this.url(name) });
    await client.connect();
    await client.query(EMITTED);
    await client.end();
  }

  /** A copy of a database that nobody uses. Returns its name. */
  async clone(template: string): Promise<string> {
    const name = `clone_${this.#clones++}`;
    await this.#administer(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    return name;
  }

  async drop(name: string): Promise<void> {
    await this.#administer(`DROP DATABASE ${name} WITH (FORCE)`);
  }

  async #administer(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url('postgres') });
    try {
      await client.connect();
      await client.query(statement);
    } finally {
      await client.end();
    }
  }
}
