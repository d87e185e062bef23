/** What came out of a screener, as a table for a person. */
import {
  leftOutLines,
  moreThanBest,
  type ScreenerResultView,
} from '../server/operations/screener-run-view.ts';
import { figure, localTimes, table } from './terminal.ts';

const head = ['SYMBOL', 'VERDICT', 'SCORE', 'PRICE', 'STRIKE', 'EXPIRES', 'DELTA', 'IV RANK', '% A WEEK'];

/** Its symbols, best first, those that were named and left out, and those that failed. */
export function screenerReport(result: ScreenerResultView): string[] {
  const { results, failed, failedCount } = result;
  const others = moreThanBest(result);
  const rows = results.map((row) => [
    row.symbol,
    row.recommendation ?? '',
    figure(row.score, 1) ?? '–',
    figure(row.price) ?? '–',
    figure(row.bestStrike) ?? '–',
    row.bestExpiration ?? '–',
    figure(row.delta) ?? '–',
    figure(row.ivRank) ?? '–',
    figure(row.weeklyRocPct) ?? '–',
  ]);
  const more = failedCount - failed.length;
  return [
    ...(rows.length > 0 ? ['', ...table([head, ...rows])] : []),
    ...(others === null ? [] : [others]),
    ...leftOutLines(result),
    ...(failed.length > 0 ? ['', 'Failed:'] : []),
    ...failed.map(
      ({ symbol, code, message }) => `  ${symbol}  ${localTimes(message ?? '')} (${code ?? 'unknown'})`,
    ),
    ...(more > 0 ? [`  and ${more} more: add --json`] : []),
  ];
}
