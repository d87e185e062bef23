/** The model of the machine `screener`: runs of no candidate, of one batch that is not full, and of two. */
import type { AnyMachineSnapshot } from 'xstate';
import type { Model } from '../../../test/model.ts';
import { type ScreenerContext, screener, screenerInput } from '../screener.ts';
import type { FoundCandidates, ScreenedSymbol } from '../screener-result.ts';
import { asOf, failed } from './models.ts';

export const found = (...symbols: string[]): FoundCandidates => ({
  symbols,
  universeSize: 500,
  failedCounts: { price: 300, volume: 200 - symbols.length },
  asOf,
  source: 'simulated',
});

export const row = (symbol: string, fields: Partial<ScreenedSymbol> = {}): ScreenedSymbol => ({
  symbol,
  recommendation: 'select',
  score: 50,
  price: 40,
  bestStrike: 38,
  bestExpiration: '2026-02-20',
  delta: -0.25,
  ivRank: 0.4,
  weeklyRocPct: 0.6,
  asOf,
  source: 'simulated',
  ...fields,
});

export const away = { ...failed('analysis_unavailable'), name: 'PeerUnavailableError' };

const looks = {
  outputs: [row('ANY'), row('ANY', { recommendation: 'reject' })],
  errors: [failed('insufficient_data'), failed('interrupted'), away],
};

export const screenerModel: Model = {
  machine: screener.machine,
  inputs: [screenerInput.parse({ criteria: {} })],
  events: [{ type: 'CANCEL' }],
  outcomes: {
    findCandidates: {
      outputs: [found(), found('A', 'B'), found('A', 'B', 'C', 'D', 'E', 'F')],
      errors: [failed('provider_unavailable'), failed('interrupted')],
    },
    ...Object.fromEntries([0, 1, 2, 3, 4].map((slot) => [`quickAnalyze${slot}`, looks])),
    saveScreenerResult: { outputs: [null], errors: [failed('unavailable'), failed('interrupted')] },
  },
  // Of what has been counted, only what the end depends on.
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { found: candidates, batch, tally, error, result } = context as ScreenerContext;
    const counts = [tally.analyzed > 0, tally.failed.length > 0];
    return JSON.stringify([value, candidates?.symbols.length, batch, counts, error?.code, result?.status]);
  },
};
