/** Where a command writes, and how: answers on stdout, everything else on stderr, colour only on a terminal. */
import { styleText } from 'node:util';
import { clockOf, timeBy, timesBy } from '../machines/clock-text.ts';
import { printable } from './printable.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'inverse';

/** Both ends of a terminal; tests pass their own. */
export interface Terminal {
  /** A line of the answer. */
  out(line: string): void;
  /** A line beside the answer: progress, errors, advice. */
  note(line: string): void;
  /** Replaces the present line of stderr; only on a terminal. */
  status: ((text: string) => void) | undefined;
  style(style: Style, text: string): string;
}

export const processTerminal: Terminal = {
  out: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  status: process.stderr.isTTY ? (text) => process.stderr.write(`\r\u001b[2K${text}`) : undefined,
  // Looks at the stream and at NO_COLOR by itself.
  style: (style, text) => styleText(style, text, { stream: process.stdout }),
};

/** Rows as aligned columns. The first row is the head. Numbers stand to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const isNumeric = widths.map((_, column) =>
    rows.slice(1).every((row) => /^-?[\d.,]*%?$|^–$/.test(row[column] ?? '')),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** Names and values, aligned. Those without a value are left out. */
export function pairs(values: readonly (readonly [string, string | null])[]): string[] {
  const known = values.filter((pair): pair is readonly [string, string] => pair[1] !== null);
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}

/** For a column of a table, or a line. */
export function shortened(words: string, length: number): string {
  return words.length > length ? `${words.slice(0, length - 1)}…` : words;
}

/** A number for a person, or null. */
export function figure(value: number | null | undefined, digits = 2): string | null {
  return value === null || value === undefined ? null : value.toFixed(digits);
}

const clock = clockOf();

/** What the doors say of times, as the reader's clock shows them. Not for JSON, nor for examples of what to type. */
export function localTimes(line: string): string {
  return timesBy(clock, line);
}

/** Says what an answer warns of, or that it was so before: beside the answer, with --json too. */
export function sayBeside({ note }: Pick<Terminal, 'note'>, words: readonly string[]): void {
  for (const line of words) note(printable(line));
}

/** A time as the reader's clock shows it. */
export function localTime(iso: string): string {
  return timeBy(clock, iso);
}
