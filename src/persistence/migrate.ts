/** Brings a database up to date with the numbered SQL in `migrations/`. */
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

/** The names of the migrations that make the domain's tables; the others are the runtime's, and stand without these. */
const RECORDS = '.*_records.*';

/**
 * Applies what is missing: all, or only the runtime's own tables. Answers the names of what was applied. Several
 * processes may call this at once: one migrates, the others wait for it.
 */
export async function migrate(
  connectionString: string,
  { records = true }: { records?: boolean } = {},
): Promise<string[]> {
  const applied = await runner({
    databaseUrl: connectionString,
    dir: MIGRATIONS,
    direction: 'up',
    migrationsTable: 'migrations',
    count: Number.POSITIVE_INFINITY,
    singleTransaction: true,
    // A database that served the runtime alone may get the domain's tables later.
    checkOrder: false,
    // Without a pattern of ours, the runner leaves out hidden files only.
    ...(records ? {} : { ignorePattern: `\\..*|${RECORDS}` }),
    advisoryLockMode: 'wait',
    log: () => {},
  } as Parameters<typeof runner>[0]);
  return applied.map(({ name }) => name);
}
