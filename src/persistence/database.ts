/** What runs SQL, for the stores and those who hand it to them. Only a type: the pool is `pool.ts`. */

/** A statement that each connection prepares once, under its name. */
export interface NamedStatement {
  name: string;
  text: string;
  values: unknown[];
}

/** Anything that runs SQL: the pool, or a client inside a transaction. */
export interface Database {
  query(
    statement: string | NamedStatement,
    values?: unknown[],
  ): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>;
}
