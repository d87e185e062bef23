/**
 * What a screener run has found so far, and what it comes to: pure functions over its context. Not for when anything
 * happens; that is the machine `screener`.
 */
import { z } from 'zod';
import type { Criteria } from './criteria.ts';
import type { EffectError } from './effect-source.ts';
import { originOf, quickAnalysis } from './market.ts';

/** How many of the best are kept. */
export const KEPT = 10;
/** The service's own words, at most so long: there may be a failure for each symbol. */
const MESSAGE_LENGTH = 200;
/** How many of the criteria that stopped most are named. */
const CRITERIA_NAMED = 3;

/** Of a quick analysis, what ranking and the report need. */
export const screenedSymbol = z.object({
  ...quickAnalysis.omit({ reasons: true, quality: true }).shape,
  source: z.string(),
});
export type ScreenedSymbol = z.infer<typeof screenedSymbol>;

/** How many named symbols that are no results are named with the reason: as many as may be named, to be sure. */
export const MAX_LEFT_OUT = 500;

/** A symbol that the owner named, and why it is no result. */
const leftOut = z.object({ symbol: z.string(), reasons: z.array(z.string()) });
export type LeftOut = z.infer<typeof leftOut>;

/** Candidates, and why there are no more of them. */
export const foundCandidates = z.object({
  symbols: z.array(z.string()),
  universeSize: z.number(),
  failedCounts: z.record(z.string(), z.number()),
  /** Of symbols that were named, those that are no candidates; runs of older releases have none. */
  leftOut: z.array(leftOut).max(MAX_LEFT_OUT).optional(),
  asOf: z.string(),
  source: z.string(),
});
export type FoundCandidates = z.infer<typeof foundCandidates>;

export interface FailedSymbol {
  symbol: string;
  code: string;
  message: string;
  /** Whether another run may succeed. */
  retryable: boolean;
}

/** What is counted and kept while symbols are analysed. Bounded: the best, the failed and numbers. */
export interface Tally {
  /** Analysed to an end, rejected ones included. */
  analyzed: number;
  rejected: number;
  /** The best so far that are not rejected, best first. */
  best: ScreenedSymbol[];
  failed: FailedSymbol[];
  /** Which were rejected; runs of older releases have none. */
  rejectedSymbols?: string[];
  /** Which were not, and are not among the best; runs of older releases have none. */
  symbolsBeyondBest?: string[];
  /** Of the oldest data that was looked at. */
  asOf: string | null;
  source: string | null;
}

/** What a run comes to: its output, and what is saved. */
export interface ScreenerResult {
  status: 'completed' | 'failed' | 'cancelled';
  name: string | null;
  savedScreenerId: string | null;
  criteria: Criteria;
  candidates: number;
  analyzed: number;
  rejected: number;
  failed: FailedSymbol[];
  /** Best first. */
  results: ScreenedSymbol[];
  /** Where symbols were named, those not analysed, those rejected, and those not among the best. By symbol. */
  leftOut?: LeftOut[];
  reasons: string[];
  error: EffectError | null;
  asOf: string | null;
  source: string | null;
}

/** One more symbol has been analysed. */
export function withAnalyzed(tally: Tally, row: ScreenedSymbol): Tally {
  const { analyzed, rejected, best, asOf, source } = tally;
  const isRejected = row.recommendation === 'reject';
  const ranked = isRejected ? best : [...best, row].sort(bestFirst);
  const beyond = ranked.slice(KEPT).map(({ symbol }) => symbol);
  return {
    ...tally,
    analyzed: analyzed + 1,
    rejected: rejected + (isRejected ? 1 : 0),
    ...(isRejected && { rejectedSymbols: [...(tally.rejectedSymbols ?? []), row.symbol] }),
    ...(beyond.length > 0 && { symbolsBeyondBest: [...(tally.symbolsBeyondBest ?? []), ...beyond] }),
    best: ranked.slice(0, KEPT),
    asOf: asOf === null || Date.parse(row.asOf) < Date.parse(asOf) ? row.asOf : asOf,
    // The service may come back on another source meanwhile: invented data in a part makes the whole invented.
    source: originOf(source, row.source),
  };
}

/** One more symbol could not be analysed. In the order of the symbols, whichever failed first. */
export function withFailed(tally: Tally, symbol: string, error: EffectError): Tally {
  const { code, retryable, message } = error;
  const one = { symbol, code, message: message.slice(0, MESSAGE_LENGTH), retryable };
  return { ...tally, failed: [...tally.failed, one].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)) };
}

/** By score, then by symbol; without a score last. */
function bestFirst(a: ScreenedSymbol, b: ScreenedSymbol): number {
  const difference = (b.score ?? Number.NEGATIVE_INFINITY) - (a.score ?? Number.NEGATIVE_INFINITY);
  if (difference !== 0 && !Number.isNaN(difference)) return difference;
  return a.symbol < b.symbol ? -1 : 1;
}

/** Where each candidate failed, nothing is known: that is no empty result, but a failed run. */
export function errorOfAllFailed({ analyzed, failed }: Tally): EffectError | null {
  const [first] = failed;
  if (analyzed > 0 || first === undefined) return null;
  return {
    name: 'TtaiError',
    code: 'no_symbol_analyzed',
    message: `None of ${failed.length} candidates could be analysed; the first, ${first.symbol}: ${first.message}`,
    retryable: failed.some(({ retryable }) => retryable),
  };
}

/** Of symbols that were named, each that is no result although it did not fail, and why; undefined where none were named. */
export function leftOutOf(
  found: FoundCandidates | null,
  { rejectedSymbols = [], symbolsBeyondBest = [] }: Tally,
): LeftOut[] | undefined {
  if (!found?.leftOut) return undefined;
  const rejected = rejectedSymbols.map((symbol) => ({ symbol, reasons: ['rejected'] }));
  const beyond = symbolsBeyondBest.map((symbol) => ({ symbol, reasons: ['notAmongBest'] }));
  return [...found.leftOut, ...rejected, ...beyond].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}

const LEFT_OUT_WORDS: Readonly<Record<string, string>> = {
  symbol: 'nobody knows it',
  marketCap: 'market capitalisation',
  ivRank: 'IV rank',
  sma50: 'not above its 50-day average',
  rsi: 'RSI',
  earnings: 'earnings too near, or not known when',
  rejected: 'rejected by the analysis',
  notAmongBest: 'analysed, but not among the ten best',
  maxSymbols: 'more than were to be analysed',
};

/** Why a symbol was left out, for a person: the criteria that it does not fulfil, by their names. */
export function leftOutInWords({ symbol, reasons }: LeftOut): string {
  return `${symbol} (${reasons.map((reason) => LEFT_OUT_WORDS[reason] ?? reason).join(', ')})`;
}

/** In words, why there is what there is. */
export function reasonsOf(found: FoundCandidates | null, tally: Tally, error: EffectError | null): string[] {
  if (error) return [error.message];
  if (!found) return [];
  const { universeSize, symbols, failedCounts } = found;
  // Each symbol that does not fulfil all is counted once, with the criterion that it fails first.
  const stopped = Object.entries(failedCounts).filter(([, count]) => count > 0);
  const fulfilling = universeSize - stopped.reduce((sum, [, count]) => sum + count, 0);
  if (symbols.length === 0) {
    const why = stopped
      .sort(([, a], [, b]) => b - a)
      .slice(0, CRITERIA_NAMED)
      .map(([name, count]) => `by ${name === 'symbol' ? 'being unknown' : name} ${count}`);
    return [
      `None of ${universeSize} symbols fulfils the criteria${why.length > 0 ? `; stopped ${why.join(', ')}` : ''}.`,
    ];
  }
  const { analyzed, rejected, failed } = tally;
  const taken = fulfilling > symbols.length ? `, of which the first ${symbols.length} were taken` : '';
  const missed = failed.length > 0 ? `; ${failed.length} failed` : '';
  return [
    `${fulfilling} of ${universeSize} symbols fulfil the criteria${taken}: ${analyzed} analysed, ${rejected} of these rejected${missed}.`,
  ];
}
