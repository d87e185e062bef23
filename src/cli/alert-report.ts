/** Alerts, quotes and notifications in words and columns for a person. */

import type { z } from 'zod';
import { priceText } from '../machines/money.ts';
import { notificationText } from '../machines/notification-text.ts';
import type { alertView } from '../server/operations/alert-view.ts';
import type { listNotifications } from '../server/operations/notifications.ts';
import type { getQuote } from '../server/operations/quotes.ts';
import { printable } from './printable.ts';
import { figure, localTime, localTimes, type Terminal, table } from './terminal.ts';

export type Alert = z.output<typeof alertView>;
type Quotes = z.output<typeof getQuote.output>;

/** One alert in a line or two. */
export function alertReport(alert: Alert, { style }: Pick<Terminal, 'style'>): string[] {
  const { alertId, symbol, condition, threshold, repeat, status } = alert;
  const waits = waitsFor(alert);
  const more = [repeat === 'once' && 'once', special(alert)];
  return [
    `${style('bold', `${symbol} ${condition} ${priceText(threshold)}`)}  ${status}  (${more.filter(Boolean).join(', ')})`,
    ...(waits === '' ? [] : [`Waits for ${waits}`]),
    style('dim', alertId),
  ];
}

/** Alerts as a table, newest first. */
export function alertList(alerts: readonly Alert[]): string[] {
  if (alerts.length === 0) return ['No alerts. Set one: npm run ttai -- alert add AAPL above 200'];
  const rows = alerts.map((alert) => [
    alert.symbol,
    `${alert.condition} ${priceText(alert.threshold)}`,
    alert.status,
    alert.lastQuote ? `${figure(alert.lastQuote.price)}${alert.lastQuote.stale ? ' (stale)' : ''}` : '–',
    alert.lastQuote?.source ?? '',
    String(alert.triggers),
    waitsFor(alert),
    special(alert),
    alert.alertId,
  ]);
  const head = ['SYMBOL', 'CONDITION', 'STATUS', 'LAST', 'SOURCE', 'FIRED', 'WAITS FOR', 'SPECIAL', 'ALERT'];
  return table([head, ...rows]);
}

/** What has become of an alert that was to be deleted. */
export function deletedAlert(alert: Alert, wasArmed: boolean): string {
  const { symbol, condition, threshold, status, alertId } = alert;
  const more = [special(alert), alertId].filter(Boolean).join(', ');
  return `The alert ${symbol} ${condition} ${priceText(threshold)} (${more}) ${
    wasArmed ? 'is deleted' : `had ended before (${status}); nothing was changed`
  }.`;
}

/** What tells it from another alert of the same condition. */
function special({ repeat, expiresAt, note }: Alert): string {
  const parts = [
    repeat === 'every_cross' && 'every time',
    expiresAt && `until ${localTime(expiresAt)}`,
    note && `"${note}"`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** What an alert waits for, and why where something is amiss; empty when it has ended. */
function waitsFor({ waitingFor, blindBecause }: Alert): string {
  if (waitingFor === null) return '';
  return `${waitingFor === 'quote' ? 'a fresh price' : 'its price'}${blindBecause === null ? '' : `: ${localTimes(blindBecause)}`}`;
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

/** A notification: when, its type, and its text, whose further lines stand under it. */
export function notificationLine(
  { type, at, data }: { type: string; at: string; data: Record<string, unknown> },
  { style }: Pick<Terminal, 'style'>,
): string {
  const text = localTimes(notificationText(type, data).split('\n').map(printable).join('\n  '));
  return `${style('dim', localTime(at))}  ${style('bold', printable(type))}  ${text}`;
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
