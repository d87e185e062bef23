/** Reading which versions of their machines actors are of, for migrating them. Writing is `commit.ts`. */
import type { Database } from '../database.ts';
import { ACTOR_COLUMNS, type ActorRow, toActorRow } from './rows.ts';

export interface VersionRow {
  machine: string;
  version: string;
  quarantined: boolean;
  actors: number;
}

/** How many actors that have not ended there are of each version of these machines, of all when null. Reads the whole table. */
export async function countVersions(
  database: Database,
  machines: readonly string[] | null,
): Promise<VersionRow[]> {
  const { rows } = await database.query(
    `SELECT machine, version, status = 'quarantined' AS quarantined, count(*) AS actors FROM actors
     WHERE ($1::text[] IS NULL OR machine = ANY($1)) AND status IN ('active', 'quarantined')
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
    [machines],
  );
  return rows.map((row) => ({
    machine: row.machine as string,
    version: row.version as string,
    quarantined: row.quarantined === true,
    actors: Number(row.actors),
  }));
}

/** Actors of these versions with one of these statuses, by address, after the one named; at most `limit`. */
export async function pageOfVersions(
  database: Database,
  page: {
    versions: readonly { id: string; version: string }[];
    statuses: readonly string[];
    after: string;
    limit: number;
  },
): Promise<ActorRow[]> {
  const { rows } = await database.query(
    `SELECT ${ACTOR_COLUMNS} FROM actors
     WHERE (machine, version) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND status = ANY($3)
       AND address > $4 ORDER BY address LIMIT $5`,
    [
      page.versions.map(({ id }) => id),
      page.versions.map(({ version }) => version),
      page.statuses,
      page.after,
      page.limit,
    ],
  );
  return rows.map(toActorRow);
}
