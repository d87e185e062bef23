/** A broker's file of positions: read, its lines put together as trades. Nothing is kept here. */
import { createHash } from 'node:crypto';
import { CsvError, parse } from 'csv-parse/sync';
import { tradesOf } from '../../actors/effects/index.ts';
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { PositionLeg } from '../../persistence/records/positions.ts';
import { type Format, formats, type Layout, layoutOf } from './brokers.ts';
import { type HeldLine, LineReader } from './lines.ts';

export { formats } from './brokers.ts';

export interface FoundPosition {
  symbol: string;
  legs: PositionLeg[];
  openedAt: Date | null;
  note: string | null;
  /** The same lines of the same account again have the same one. */
  externalId: string;
  /** Of the file, from 1. */
  lines: number[];
}

export interface ReadFile {
  format: Format;
  positions: FoundPosition[];
  refused: { line: number; reason: string }[];
  /** Totals, cash, disclaimers. */
  ignored: number;
}

/** Of one file. Legs are compared with one another, while everybody waits. */
const maxHeld = 2_000;
/** Of a file whose lines are each read by itself, at some 20 microseconds a line, while everybody waits. */
const maxLinesAlone = 5_000;
/** Of a cell; what is longer is no symbol, number or word of ours. */
const maxCell = 500;

interface CsvRow {
  record: string[];
  info: { lines: number };
}

/** `now`: what expired before was not opened then. Throws `invalid_input` when it is no CSV, or of no known layout. */
export function readPositions(csv: string, wanted: Format | 'auto' = 'auto', now = new Date()): ReadFile {
  const delimiter = delimiterOf(csv);
  const { rows, broken } = rowsOf(csv, delimiter);
  let layout: Layout | undefined;
  let header: string[] = [];
  let reader: LineReader | undefined;
  const held: HeldLine[] = [];
  const refused: ReadFile['refused'] = [...broken];
  let ignored = 0;
  for (const { record, info } of rows) {
    const names = record.map((name) => name.toLowerCase().replaceAll(/\s+/g, ' ').trim());
    // Several tables may follow one another, as in a statement: each begins with its names.
    const found = layoutOf(new Set(names), layout?.format ?? wanted);
    if (found) {
      layout = found;
      header = names;
      reader = new LineReader(found, delimiter === ';', now);
    } else if (reader && isOfTable(header, record)) {
      const cells = new Map(record.map((value, index) => [header[index] ?? '', value.slice(0, maxCell)]));
      const read = reader.read(info.lines, cells);
      if ('held' in read) held.push(read.held);
      else if ('refused' in read) refused.push(read.refused);
      else ignored += 1;
    } else ignored += 1;
  }
  if (!layout) throw unknownLayout(wanted);
  if (held.length > maxHeld) {
    throw invalid(`The file has ${held.length} lines that are held; at most ${maxHeld} at once.`);
  }
  return {
    format: layout.format,
    positions: positionsOf(held, layout.format),
    refused: refused.sort((a, b) => a.line - b.line),
    ignored,
  };
}

/** In a statement of several tables, each line says in front of which one it is, and whether it is data. */
function isOfTable(header: readonly string[], record: readonly string[]): boolean {
  if (header[1] !== 'header') return true;
  return record[0]?.toLowerCase() === header[0] && record[1]?.toLowerCase() === 'data' && record[2] !== 'Lot';
}

/** Where a quote does not close, which swallows what follows, each line is read by itself. */
function rowsOf(csv: string, delimiter: string): { rows: CsvRow[]; broken: ReadFile['refused'] } {
  try {
    return { rows: parsed(csv, delimiter), broken: [] };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
  }
  const rows: CsvRow[] = [];
  const broken: ReadFile['refused'] = [];
  const lines = csv.split(/\r?\n/);
  if (lines.length > maxLinesAlone) {
    throw invalid(
      `A quote in the file does not close, and of such a file at most ${maxLinesAlone} lines can be read, not ${lines.length}.`,
    );
  }
  lines.forEach((text, index) => {
    const line = index + 1;
    try {
      rows.push(...parsed(text, delimiter).map(({ record }) => ({ record, info: { lines: line } })));
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      const isOpen = error.code === 'CSV_QUOTE_NOT_CLOSED';
      broken.push({
        line,
        reason: isOpen ? 'a quote in it does not close' : 'it is no CSV that can be read',
      });
    }
  });
  return { rows, broken };
}

function parsed(csv: string, delimiter: string): CsvRow[] {
  return parse(csv, {
    bom: true,
    delimiter,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
  }) as unknown as CsvRow[];
}

/** The one of comma, semicolon and tab that most of the first lines have. */
function delimiterOf(csv: string): string {
  const head = csv.slice(0, 5_000);
  const counted = [',', ';', '\t'].map((one) => ({ one, count: head.split(one).length }));
  return counted.sort((a, b) => b.count - a.count)[0]?.one ?? ',';
}

function positionsOf(held: readonly HeldLine[], format: Format): FoundPosition[] {
  const times = new Map<string, number>();
  const identities = new Map(
    held.map((line) => {
      const { account, symbol, leg, position } = line;
      const said = JSON.stringify([format, account, symbol, position, leg]);
      // The same line twice in a file are two lots.
      const time = times.get(said) ?? 0;
      times.set(said, time + 1);
      return [line, `${said}#${time}`];
    }),
  );
  return tradesOf(held).map((lines) => {
    const openings = lines
      .flatMap(({ openedAt }) => openedAt ?? [])
      .sort((a, b) => a.getTime() - b.getTime());
    const said = lines.map((line) => identities.get(line)).sort();
    return {
      symbol: lines[0]?.symbol ?? '',
      legs: lines.map(({ leg }) => leg),
      openedAt: openings[0] ?? null,
      note: lines.find(({ note }) => note)?.note ?? null,
      externalId: createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 40),
      lines: lines.map(({ line }) => line),
    };
  });
}

function unknownLayout(wanted: Format | 'auto'): TtaiError {
  const what = wanted === 'auto' ? `any of ${formats.join(', ')}` : wanted;
  return invalid(
    `No line has the columns of an export of positions from ${what}. TTAI's own: symbol,kind,right,strike,expiration,quantity,openPrice.`,
  );
}

function invalid(message: string): TtaiError {
  return new TtaiError('invalid_input', message, { details: { issues: [{ field: 'csv', message }] } });
}
