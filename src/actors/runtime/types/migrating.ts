/** What taking actors to other versions is asked and answers. Types only. */
import type { Address } from './machine.ts';

export interface MigrateOptions {
  /** Of this machine only; of all unless said. */
  machine?: string;
  /** Says what would become of them, and changes nothing. It has no default. */
  dryRun: boolean;
  /** At most so many actors are taken up; the others are counted as `left`. All unless said. */
  limit?: number;
}

/** What became of the actors of one version of a machine. Those that have ended are not counted. */
export interface VersionCount {
  machine: string;
  version: string;
  /** Of the machine's current version. */
  current: number;
  /** Of an old version that goes on. */
  goesOn: number;
  /** Taken to a later version, or released; with `dryRun`: would be. */
  migrated: number;
  /** Quarantined now, or still; with `dryRun`: would be. */
  quarantined: number;
  /** Of a version, or of a machine, that this process does not have; another may. */
  unknown: number;
  /** Not taken up, since the limit was reached. */
  left: number;
}

export interface MigrationReport {
  dryRun: boolean;
  /** By the version in which the actors were found. */
  versions: VersionCount[];
  /** At most 100 of those that could not be migrated, with the reason. */
  quarantined: { address: Address; machine: string; version: string; code: string; message: string }[];
}
