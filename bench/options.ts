/** What each bench is given, and how they print. */

export interface BenchOptions {
  /** Of an empty, migrated database of the bench's own. */
  connectionString: string;
  /** A few pieces only, to see that it runs. */
  smoke: boolean;
  /** The sizes that take minutes, too. */
  full: boolean;
  /** Of which the median is taken. */
  runs: number;
}

/** Prints rows under their heads on stderr, aligned to the right. */
export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
): void {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('   '));
  process.stderr.write(`\n${title}\n${lines.join('\n')}\n`);
}
