/**
 * What a notification says, in a line or a few for a person: the one text for chats, terminals and assistants. Plain
 * text without characters that steer, but for line breaks; who shows it escapes what means something there. Not for
 * what is told to whom.
 */

import { priceText } from './money.ts';
import { clauseOf } from './sentence.ts';

/** What an owner may be told of. */
export const NOTIFICATION_TYPES = [
  'analysis_complete',
  'screener_complete',
  'position_alert',
  'price_alert_triggered',
  'morning_briefing',
  'eod_summary',
  'daily_report',
  'monitor_health',
] as const;

type Data = Record<string, unknown>;

/** Longer texts of users are cut. */
const MAX_FIELD_CHARS = 500;
const MAX_CHARS = 4_000;

const WORDS: Readonly<Record<string, (data: Data) => string>> = {
  price_alert_triggered: (data) =>
    join([
      `${word(data.symbol)} is at ${price(data.price)}: ${word(data.condition)} ${price(data.threshold)}`,
      note(data),
    ]),
  analysis_complete: (data) =>
    join([
      `${analysisName(data)} of ${word(data.symbol)}: ${word(data.recommendation ?? data.status)}`,
      list(data.cautions),
      list(data.reasons),
    ]),
  screener_complete: screened,
  position_alert: (data) => said(data, `Look at your position${named(data.symbol)}${rule(data)}`),
  morning_briefing: (data) => said(data, `Your morning briefing${dated(data)} is ready`),
  eod_summary: (data) => said(data, `Your summary of the day${dated(data)} is ready`),
  daily_report: (data) => said(data, `Your daily report${dated(data)} is ready`),
  monitor_health: (data) => said(data, 'Something that watches for you has changed'),
  test: () => 'This is a test from TTAI: this webhook works.',
};

/** The text of a notification, never empty. A type that is not known here is shown by its name. */
export function notificationText(type: string, data: Data): string {
  const known = Object.hasOwn(WORDS, type) ? WORDS[type] : undefined;
  const words = known?.(data) ?? said(data, word(type).replaceAll('_', ' '));
  const origin = data.source === 'simulated' ? 'SIMULATED. ' : '';
  const asOf = typeof data.asOf === 'string' ? ` (as of ${word(data.asOf)})` : '';
  return `${origin}${words}${asOf}`.slice(0, MAX_CHARS).toWellFormed();
}

/** What the notification says of itself, else these words. Only a `text` may have several lines. */
function said({ text, message }: Data, otherwise: string): string {
  if (typeof text === 'string' && text !== '') return text.split('\n').map(lineOf).join('\n');
  return typeof message === 'string' && message !== '' ? word(message) : otherwise;
}

function lineOf(line: string): string {
  return line === '' ? '' : word(line);
}

/** The screener's name, how it ended, and its best three, or why there are none. */
function screened({ name, status, results, reasons }: Data): string {
  const symbols = (Array.isArray(results) ? results : []).map((row: { symbol?: unknown } | null) =>
    word(row?.symbol),
  );
  const best = symbols.slice(0, 3).join(', ');
  const more = symbols.length > 3 ? ` and ${symbols.length - 3} more` : '';
  const found = status === 'completed' && best !== '' ? `${best}${more}` : list(reasons);
  const what = typeof status === 'string' ? word(status) : 'has ended';
  return `Screener${typeof name === 'string' ? ` "${word(name)}"` : ''} ${what}${found === '' ? '' : `: ${found}`}`;
}

function analysisName({ analysisType: type }: Data): string {
  if (typeof type !== 'string' || type === '') return 'Analysis';
  const name = word(type).replaceAll('_', ' ');
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function price(value: unknown): string {
  return typeof value === 'number' ? priceText(value) : word(value);
}

function note({ note: text }: Data): string {
  return typeof text === 'string' && text !== '' ? `"${word(text)}"` : '';
}

function named(value: unknown): string {
  return value === undefined || value === null ? '' : ` ${word(value)}`;
}

function dated({ date }: Data): string {
  return typeof date === 'string' ? ` of ${word(date)}` : '';
}

function rule(data: Data): string {
  const kind = typeof data.rule === 'string' ? data.rule : typeof data.type === 'string' ? data.type : '';
  const value = typeof data.value === 'number' ? ` (${word(data.value)})` : '';
  return kind === '' ? '' : `: ${word(kind).replaceAll('_', ' ')}${value}`;
}

function list(values: unknown): string {
  if (!Array.isArray(values)) return '';
  const parts = values.slice(0, 3).map(word);
  // Sentences bring a full stop of their own.
  return parts.map(clauseOf).join('; ');
}

function join(parts: readonly string[]): string {
  return parts.filter(Boolean).join(' – ');
}

/** A value as one short piece of text without characters that steer a terminal or turn the line around. */
function word(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string' || value === '') return '?';
  const plain = value.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
  return plain.length > MAX_FIELD_CHARS ? `${plain.slice(0, MAX_FIELD_CHARS).toWellFormed()}…` : plain;
}
