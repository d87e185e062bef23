/**
 * Rows handed to a statement as arrays, one for each column, and unnested there: however many rows, one statement.
 * Not for the statements themselves.
 */

/**
 * Between the texts of a column of JSON, which goes over as one text: as an array literal, each of its quotes
 * would be escaped here and unescaped there. JSON text holds no control character but as an escape.
 */
const SEPARATOR = '\u001e';

interface Column<Row> {
  name: string;
  /** Postgres's type of one value. */
  type: string;
  /** For a column of type json or jsonb: its text, or null. */
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
    const arrays = this.#columns.map(({ type }, index) => arrayOf(type, first + index)).join(', ');
    return `unnest(${arrays}) WITH ORDINALITY AS ${alias}(${this.names}, position)`;
  }

  /** How many parameters it takes. */
  get width(): number {
    return this.#columns.length;
  }

  /** The parameters: an array for each column, or one text for those of JSON. */
  values(rows: readonly Row[]): (unknown[] | string)[] {
    return this.#columns.map(({ type, pick }) => {
      const column = rows.map(pick);
      return isJson(type) ? column.join(SEPARATOR) : column;
    });
  }
}

/** The array of a parameter. Among texts of JSON an empty one stands for null, which is what `join` makes of it. */
function arrayOf(type: string, parameter: number): string {
  if (!isJson(type)) return `$${parameter}::${type}[]`;
  return `string_to_array($${parameter}::text, chr(${SEPARATOR.charCodeAt(0)}), '')::${type}[]`;
}

function isJson(type: string): boolean {
  return type === 'json' || type === 'jsonb';
}

/** A value for a column of type json or jsonb. */
export function json(value: unknown): string {
  return JSON.stringify(value ?? null);
}
