/**
 * `system.migrate`: what became, or would become, of the actors of old versions. Not for how one of them is migrated
 * (`migrate.ts`).
 */
import { countVersions } from '../../persistence/actors/versions.ts';
import type { Database } from '../../persistence/database.ts';
import type { Registry } from './registry.ts';
import type { MigrateOptions, MigrationReport, VersionCount } from './types.ts';

export async function migrateActors(
  database: Database,
  registry: Registry,
  { machine, dryRun }: MigrateOptions,
): Promise<MigrationReport> {
  const machines =
    machine === undefined
      ? registry.definitions.map(({ id }) => id)
      : [registry.machine(machine).definition.id];
  const versions = new Map<string, VersionCount>();
  for (const row of await countVersions(database, machines)) {
    const key = `${row.machine} ${row.version}`;
    const count = versions.get(key) ?? { machine: row.machine, version: row.version, ...NONE };
    versions.set(key, count);
    if (row.quarantined) count.quarantined += row.actors;
    else if (registry.machine(row.machine).definition.version === row.version) count.current += row.actors;
    else count.unknown += row.actors;
  }
  return { dryRun, versions: [...versions.values()], quarantined: [] };
}

const NONE = { current: 0, goesOn: 0, migrated: 0, quarantined: 0, unknown: 0, left: 0 };
