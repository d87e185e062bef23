/** Reading which versions of their machines actors are of, for migrating them. Writing is `commit.ts`. */
import type { Database } from '../database.ts';

export interface VersionRow {
  machine: string;
  version: string;
  quarantined: boolean;
  actors: number;
}

/** How many actors that have not ended there are of each version of these machines. Reads the whole table. */
export async function countVersions(database: Database, machines: readonly string[]): Promise<VersionRow[]> {
  const { rows } = await database.query(
    `SELECT machine, version, status = 'quarantined' AS quarantined, count(*) AS actors FROM actors
     WHERE machine = ANY($1) AND status IN ('active', 'quarantined')
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
