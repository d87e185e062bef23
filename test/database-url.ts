/** Connection strings of other databases on the same server. */

/** The same connection string with another database. Knows `postgresql://user:pw@/db?host=/socket/folder` too. */
export function databaseUrl(connectionString: string, database: string): string {
  const [head = '', query] = connectionString.split('?');
  const base = head.slice(0, head.lastIndexOf('/'));
  return `${base}/${encodeURIComponent(database)}${query === undefined ? '' : `?${query}`}`;
}
