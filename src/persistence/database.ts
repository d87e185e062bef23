/** What runs SQL, for the stores and those who hand it to them. Only a type: the pool is `pool.ts`. */

/** Anything that runs SQL: the pool, or a client inside a transaction. */
export interface Database {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>;
}
