/**
 * What came out of a screener, as clients see it. Outputs are read leniently, like those of analyses. Not for how far it
 * is (`run-view.ts`).
 */
import { z } from 'zod';
import { leftOutInWords } from '../../machines/screener-result.ts';
import { number, text } from './lenient.ts';

/** How many failed symbols, and how many left out, a summary names; detail=full names all. */
const failedShown = 10;

const row = z.object({
  symbol: z.string(),
  recommendation: text.describe('select or neutral'),
  score: number,
  price: number,
  bestStrike: number,
  bestExpiration: text,
  delta: number,
  ivRank: number,
  weeklyRocPct: number,
  asOf: text,
  source: text,
});
const failedSymbol = z.object({ symbol: z.string(), code: text, message: text });
const leftOut = z.object({ symbol: z.string(), reasons: z.array(z.string()) });

export const screenerResult = z.object({
  kind: z.literal('screener'),
  candidates: number.describe('Symbols that fulfil the criteria, maxSymbols at most'),
  analyzed: number,
  rejected: number,
  failed: z.array(failedSymbol).describe('The first of them'),
  failedCount: z.int(),
  leftOut: z.array(leftOut).describe('Of named symbols, the first that are no results, and why'),
  leftOutCount: z.int(),
  results: z.array(row).describe('Best first, ten at most; without rejected ones'),
  reasons: z.array(z.string()),
  asOf: text.describe('Of the oldest data'),
  source: text.describe('"simulated" is invented data'),
});
const output = screenerResult.omit({ kind: true, failedCount: true, leftOutCount: true }).extend({
  failed: z.array(failedSymbol).catch([]),
  leftOut: z.array(leftOut).catch([]),
  results: z.array(row).catch([]),
  reasons: z.array(z.string()).catch([]),
});

export type ScreenerResultView = z.output<typeof screenerResult>;

/** The output of a run in the size of a summary. */
export function screenerResultOf(ended: unknown): ScreenerResultView {
  const { failed, leftOut: left, ...rest } = output.parse(ended);
  return {
    kind: 'screener',
    ...rest,
    failed: failed.slice(0, failedShown),
    failedCount: failed.length,
    leftOut: left.slice(0, failedShown),
    leftOutCount: left.length,
  };
}

/** All that was found, with each failed symbol and the criteria. */
export function screenerInFull(ended: unknown): Record<string, unknown> {
  const { criteria, failed, results, leftOut: left } = ended as Record<string, unknown>;
  return { criteria, results, failed, ...(left !== undefined && { leftOut: left }) };
}

/** The named symbols that are no results, each with its reason; empty where there are none. */
export function leftOutLines({ leftOut: left, leftOutCount: all }: ScreenerResultView): string[] {
  if (all === 0) return [];
  const more = all > left.length ? `, and ${all - left.length} more` : '';
  return [`Left out: ${left.map(leftOutInWords).join(', ')}${more}.`];
}

/** What a person should know of those that are not shown; null where all are. */
export function moreThanBest({ analyzed, rejected, results }: ScreenerResultView): string | null {
  const passed = (analyzed ?? 0) - (rejected ?? 0);
  return passed > results.length
    ? `These are the best ${results.length} of ${passed} that were not rejected; the others are not kept.`
    : null;
}

/** Its symbols, a line each. */
export function screenerInWords(result: ScreenerResultView): string[] {
  const { results, failed, failedCount, reasons } = result;
  const others = moreThanBest(result);
  const more = failedCount > failed.length ? `, and ${failedCount - failed.length} more` : '';
  return [
    reasons.join(' '),
    ...results.map(
      ({ symbol, recommendation, score, price, bestStrike, bestExpiration, weeklyRocPct }, index) =>
        `${index + 1}. ${symbol} ${recommendation}, score ${score}, price ${price}${bestStrike === null ? '' : `, strike ${bestStrike} ${bestExpiration}, ${weeklyRocPct} % a week`}.`,
    ),
    ...(others === null ? [] : [others]),
    ...leftOutLines(result),
    ...(failedCount > 0
      ? [`Failed: ${failed.map(({ symbol, code }) => `${symbol} (${code})`).join(', ')}${more}.`]
      : []),
  ];
}
