/**
 * `system.migrate`: takes actors of old versions on, one page after the other, and tells what became of them. Not for
 * how one of them is migrated (`migrate.ts`): each is an item of the committer, like an event.
 */
import { randomUUID } from 'node:crypto';
import type { ActorRow } from '../../../persistence/actors/rows.ts';
import { countVersions, pageOfVersions } from '../../../persistence/actors/versions.ts';
import type { Database } from '../../../persistence/database.ts';
import { isConnectionError } from '../../../persistence/database-errors.ts';
import { RuntimeError, toPlainError } from '../errors.ts';
import { optionsOf, wrongOption } from '../options.ts';
import type { Registry } from '../registry/registry.ts';
import { applyMigrate } from '../steps/bring-up.ts';
import { type Answer, type Item, Work } from '../steps/work.ts';
import type { MigrateOptions, MigrationReport, VersionCount } from '../types.ts';

/** As many as one batch of the committer takes. */
const PAGE = 512;
const MAX_ERRORS = 100;

export interface MigratorOptions {
  database: Database;
  registry: Registry;
  /** Commits the item. Rejects with why it could not be migrated. */
  submit: (item: Item) => Promise<{ answer: Answer }>;
}

/** What is to be taken up: the versions, and whether those that are not in quarantine are. */
interface Wanted {
  versions: { id: string; version: string }[];
  statuses: ('active' | 'quarantined')[];
}

export class Migrator {
  readonly #options: MigratorOptions;

  constructor(options: MigratorOptions) {
    this.#options = options;
  }

  /** Throws `machine_not_found`, `invalid_input`, and `unavailable` while the database is away. */
  async migrate(options: MigrateOptions): Promise<MigrationReport> {
    // Without a default: a call that forgot it must not mean it.
    const { dryRun, limit } = optionsOf(options ?? {}, ['dryRun', 'limit', 'machine']);
    if (typeof dryRun !== 'boolean') {
      const message = 'say dryRun: true to be told what would become of the actors, false to migrate them';
      throw wrongOption('dryRun', message);
    }
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1))
      throw wrongOption('limit', 'a limit is a whole number of 1 or more');
    try {
      return await this.#migrateAll(options);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      const message =
        'the database does not answer; what was migrated so far stays so, call again for the rest';
      throw new RuntimeError('unavailable', message, { retryable: true, cause: error });
    }
  }

  async #migrateAll({
    machine,
    dryRun,
    limit = Number.POSITIVE_INFINITY,
  }: MigrateOptions): Promise<MigrationReport> {
    const { registry, database } = this.#options;
    // Those of a machine that is not here are counted as well: else nobody would be told of them.
    const machines = machine === undefined ? null : [registry.machine(machine).definition.id];
    const report = new Report(registry, dryRun);
    for (const row of await countVersions(database, machines)) report.found(row);
    const known = registry.allVersions.filter(({ id }) => machines?.includes(id) ?? true);
    const leading = known.filter(({ id, version }) => registry.version(id, version)?.link);
    let left = limit;
    // In this order, so that none is taken up twice.
    for (const wanted of [
      { versions: known, statuses: ['quarantined'] },
      { versions: leading, statuses: ['active'] },
    ] satisfies Wanted[]) {
      for await (const page of this.#pages(wanted)) {
        const rows = page.slice(0, left);
        left -= rows.length;
        await Promise.all(
          rows.map(async (row) => report.taken(row, dryRun ? this.#try(row) : await this.#take(row))),
        );
        if (left === 0) return report.written;
      }
    }
    report.complete();
    return report.written;
  }

  /**
   * Takes those out of quarantine that fit a version of this process, or that it has a migration for that works.
   * Answers how many. Ends early when it is `stopped`.
   */
  async release(stopped: () => boolean): Promise<number> {
    const { allVersions } = this.#options.registry;
    let released = 0;
    for await (const page of this.#pages({ versions: allVersions, statuses: ['quarantined'] })) {
      if (stopped()) break;
      const taken = await Promise.all(page.map((row) => this.#take(row)));
      released += taken.filter((error) => error === null).length;
    }
    return released;
  }

  async *#pages(wanted: Wanted): AsyncGenerator<ActorRow[]> {
    if (wanted.versions.length === 0) return;
    for (let after = ''; ; ) {
      const page = await pageOfVersions(this.#options.database, { ...wanted, after, limit: PAGE });
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (!last || page.length < PAGE) return;
      after = last.address;
    }
  }

  /** Answers why it is in quarantine now; null when it is not. */
  async #take({ address }: ActorRow): Promise<RuntimeError | null> {
    try {
      await this.#options.submit({ kind: 'migrate', stepId: randomUUID(), address });
      return null;
    } catch (error) {
      const failure = error as RuntimeError;
      if (failure.code !== 'migration_failed') throw error;
      return failure;
    }
  }

  /** What would become of it. */
  #try(row: ActorRow): RuntimeError | null {
    const { address } = row;
    const item: Item = { kind: 'migrate', stepId: randomUUID(), address };
    const answer = applyMigrate(this.#options.registry, new Work(address, row, row.updatedAt), item);
    return answer instanceof RuntimeError ? answer : null;
  }
}

/** The report as it is being written. */
class Report {
  readonly #registry: Registry;
  readonly #versions = new Map<string, VersionCount>();
  readonly written: MigrationReport;

  constructor(registry: Registry, dryRun: boolean) {
    this.#registry = registry;
    this.written = { dryRun, versions: [], quarantined: [] };
  }

  found({ machine, version, quarantined, actors }: Awaited<ReturnType<typeof countVersions>>[number]): void {
    const known = this.#registry.version(machine, version);
    const count = this.#countOf({ machine, version });
    if (!known) count.unknown += actors;
    else if (known.link || quarantined) count.left += actors;
    else if (known === this.#registry.machine(machine)) count.current += actors;
    else count.goesOn += actors;
  }

  taken({ address, machine, version }: ActorRow, failure: RuntimeError | null): void {
    const count = this.#countOf({ machine, version });
    // One that has come since they were counted was not left.
    if (count.left > 0) count.left--;
    if (!failure) {
      count.migrated++;
      return;
    }
    count.quarantined++;
    if (this.written.quarantined.length === MAX_ERRORS) return;
    const { code, message } = toPlainError(failure);
    this.written.quarantined.push({ address, machine, version, code, message });
  }

  /** All were looked at: what was counted and not taken up was migrated, or has ended, by itself meanwhile. */
  complete(): void {
    for (const count of this.written.versions) count.left = 0;
  }

  #countOf({ machine, version }: { machine: string; version: string }): VersionCount {
    const key = `${machine}\n${version}`;
    const known = this.#versions.get(key);
    if (known) return known;
    const count = {
      ...{ machine, version, current: 0, goesOn: 0 },
      ...{ migrated: 0, quarantined: 0, unknown: 0, left: 0 },
    };
    this.#versions.set(key, count);
    this.written.versions.push(count);
    return count;
  }
}
