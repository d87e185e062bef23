/**
 * Rows handed to a statement as arrays, one for each column, and unnested there: however many rows, one statement.
 * Not for the statements themselves.
 */

interface Column<Row> {
  name: string;
  /** Postgres's type of one value. */
  type: string;
  pick: (row: Row) => unknown;
}

export class RowSet<Row> {
  readonly #columns: readonly Column<Row>[];

  constructor(columns: Record<string, readonly [type: string, pick: (row: Row) => unknown]>) {
    this.#columns = Object.entries(columns).map(([name, [type, pick]]) => ({ name, type, pick }));
  }

  /** The names of the columns, for INSERT. */
  get names(): string {
    return this.#columns.map(({ name }) => name).join(', ');
  }

  /** The rows as a table named `alias`, with their position; its arrays are the parameters from `first` on. */
  from(alias: string, first: number): string {
    const arrays = this.#columns.map(({ type }, index) => `$${first + index}::${type}[]`).join(', ');
    return `unnest(${arrays}) WITH ORDINALITY AS ${alias}(${this.names}, position)`;
  }

  /** How many parameters it takes. */
  get width(): number {
    return this.#columns.length;
  }

  values(rows: readonly Row[]): unknown[][] {
    return this.#columns.map(({ pick }) => rows.map(pick));
  }
}

/** A value for a column of type jsonb. */
export function json(value: unknown): string {
  return JSON.stringify(value ?? null);
}
