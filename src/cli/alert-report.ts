/** Alerts, quotes and notifications in words and columns for a person. */
import type { z } from 'zod';
import type { alertView } from '../server/operations/alert-view.ts';
import type { listNotifications } from '../server/operations/notifications.ts';
import type { getQuote } from '../server/operations/quotes.ts';
import { figure, localTime, type Terminal, table } from './terminal.ts';

export type Alert = z.output<typeof alertView>;
type Quotes = z.output<typeof getQuote.output>;

/** One alert in a line or two. */
export function alertReport(alert: Alert, { style }: Pick<Terminal, 'style'>): string[] {
  const { alertId, symbol, condition, threshold, repeat, expiresAt, note, status } = alert;
  const waits = waitsFor(alert);
  const more = [
    repeat === 'every_cross' ? 'every time' : 'once',
    expiresAt && `until ${localTime(expiresAt)}`,
    note && `"${note}"`,
  ];
  return [
    `${style('bold', `${symbol} ${condition} ${threshold}`)}  ${status}  (${more.filter(Boolean).join(', ')})`,
    ...(waits === '' ? [] : [`Waits for ${waits}`]),
    style('dim', alertId),
  ];
}

/** Alerts as a table, newest first. */
export function alertList(alerts: readonly Alert[]): string[] {
  if (alerts.length === 0) return ['No alerts. Set one: npm run ttai -- alert add AAPL above 200'];
  const rows = alerts.map((alert) => [
    alert.symbol,
    `${alert.condition} ${alert.threshold}`,
    alert.status,
    alert.lastQuote ? `${figure(alert.lastQuote.price)}${alert.lastQuote.stale ? ' (stale)' : ''}` : '–',
    alert.lastQuote?.source ?? '',
    String(alert.triggers),
    waitsFor(alert),
    alert.alertId,
  ]);
  const head = ['SYMBOL', 'CONDITION', 'STATUS', 'LAST', 'SOURCE', 'FIRED', 'WAITS FOR', 'ALERT'];
  return table([head, ...rows]);
}

/** What an alert waits for, and why where something is amiss; empty when it has ended. */
function waitsFor({ waitingFor, blindBecause }: Alert): string {
  if (waitingFor === null) return '';
  return `a ${waitingFor}${blindBecause === null ? '' : `: ${blindBecause}`}`;
}

/** Quotes as a table, and the symbols that nobody knows. */
export function quoteList({ quotes, missing }: Quotes): string[] {
  const rows = quotes.map(({ symbol, price, bid, ask, changePct, asOf, source, stale }) => [
    symbol,
    figure(price) ?? '–',
    figure(bid) ?? '–',
    figure(ask) ?? '–',
    changePct === null ? '–' : `${figure(changePct)}%`,
    asOf === null ? '–' : `${localTime(asOf)}${stale ? ' (stale)' : ''}`,
    source,
  ]);
  return [
    ...table([['SYMBOL', 'PRICE', 'BID', 'ASK', 'CHANGE', 'AS OF', 'SOURCE'], ...rows]),
    ...(missing.length > 0 ? [`Unknown: ${missing.join(', ')}`] : []),
  ];
}

/** A notification in a line. Fields that it does not know, it shows as they are. */
export function notificationLine(
  { type, at, data }: { type: string; at: string; data: Record<string, unknown> },
  { style }: Pick<Terminal, 'style'>,
): string {
  const simulated = data.source === 'simulated' ? ` ${style('inverse', ' SIMULATED ')}` : '';
  return `${style('dim', localTime(at))}  ${style('bold', type)}  ${wordsOf(type, data)}${simulated}`;
}

/** A page of notifications, and where the next one is. */
export function notificationList(
  { notifications, latestSeq, missed }: z.output<typeof listNotifications.output>,
  terminal: Pick<Terminal, 'style'>,
): string[] {
  const last = notifications.at(-1)?.seq;
  return [
    ...(missed ? ['Older ones are deleted: they are kept for 90 days.'] : []),
    ...(last === undefined ? [`Nothing new. The last one is ${latestSeq}.`] : []),
    ...notifications.map((one) => notificationLine(one, terminal)),
    ...(last !== undefined && last < latestSeq ? [`There are more: add --after ${last}`] : []),
  ];
}

function wordsOf(type: string, data: Record<string, unknown>): string {
  if (type === 'price_alert_triggered') {
    const note = typeof data.note === 'string' ? `  "${data.note}"` : '';
    return `${data.symbol} is at ${data.price}: ${data.condition} ${data.threshold}${note}`;
  }
  if (type === 'position_alert' || type === 'monitor_health') return String(data.message);
  if (type === 'analysis_complete') {
    const cautions = Array.isArray(data.cautions) ? data.cautions : [];
    return [`${data.symbol} ${data.analysisType}: ${data.recommendation ?? data.status}`, ...cautions].join(
      '; ',
    );
  }
  if (type === 'screener_complete') return screenerWords(data);
  return JSON.stringify(data);
}

/** The screener's name, how it ended, and its best three. */
function screenerWords({ name, status, results, reasons }: Record<string, unknown>): string {
  const symbols = (Array.isArray(results) ? results : []).map((row) => (row as { symbol: string }).symbol);
  const more = symbols.length > 3 ? ` and ${symbols.length - 3} more` : '';
  const why = Array.isArray(reasons) ? reasons.join(' ') : '';
  const what =
    status === 'completed' && symbols.length > 0 ? `${symbols.slice(0, 3).join(', ')}${more}` : why;
  return `${name ?? 'screener'} ${status}: ${what}`;
}
