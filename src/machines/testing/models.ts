/**
 * The models of TTAI's machines for their model-based tests: bounded inputs, events and outcomes of effects. Used by
 * the tests beside the machines, in memory, and by `test/machines-on-runtime.test.ts`, on the durable runtime.
 */
import type { AnyMachineSnapshot } from 'xstate';
import type { Model } from '../../../test/model.ts';
import { type AnalysisContext, analysis, analysisInput } from '../analysis.ts';
import { marketWatch } from '../market-watch.ts';
import { type PriceAlertContext, priceAlert, priceAlertInput } from '../price-alert.ts';

export const asOf = '2026-01-05T15:00:00.000Z';
const later = '2026-01-05T16:00:00.000Z';
const quality = { source: 'simulated', asOf };

export const failed = (code: string) => ({
  name: 'TtaiError',
  message: `${code} it is`,
  code,
  retryable: false,
});

export const marketData = {
  symbol: 'MSFT',
  timeframe: 'daily',
  bars: [{ timestamp: 1_767_625_200, close: 100 }],
  quality,
};
export const chart = (recommendation: string) => ({
  symbol: 'MSFT',
  recommendation,
  chartNotes: 'a chart',
  rejectReasons: recommendation === 'reject' ? ['recent_gap'] : [],
  asOf,
  quality,
});
export const options = (recommendation: string) => ({
  symbol: 'MSFT',
  recommendation,
  rationale: 'a contract',
  asOf,
  quality,
});
export const research = (sentiment: string, rejectReasons: string[] = [], redFlags: string[] = []) => ({
  symbol: 'MSFT',
  sentiment,
  recommendation: rejectReasons.length > 0 ? 'reject' : 'pass',
  rejectReasons,
  redFlags: redFlags.map((type) => ({ type })),
  researchNotes: 'the news',
  asOf,
  quality,
});

export const analysisModel: Model = {
  machine: analysis.machine,
  inputs: ['chart_analysis', 'options_analysis', 'full_analysis'].map((type) =>
    analysisInput.parse({ type, symbol: 'MSFT' }),
  ),
  events: [{ type: 'CANCEL' }],
  outcomes: {
    fetchMarketData: { outputs: [marketData], errors: [failed('symbol_not_found'), failed('interrupted')] },
    analyzeChart: {
      outputs: ['bullish', 'bearish', 'neutral', 'reject'].map(chart),
      errors: [failed('insufficient_data'), failed('interrupted')],
    },
    analyzeOptions: {
      outputs: ['select', 'reject'].map(options),
      errors: [failed('no_options'), failed('interrupted')],
    },
    analyzeResearch: {
      outputs: [
        ...['positive', 'neutral', 'negative', 'unknown'].map((sentiment) => research(sentiment)),
        { ...research('positive'), quality: { ...quality, source: 'files' } },
      ],
      errors: [failed('provider_unavailable'), failed('interrupted')],
    },
    saveAnalysis: { outputs: [null], errors: [failed('unavailable'), failed('interrupted')] },
  },
  serialize: (snapshot: AnyMachineSnapshot) => {
    const context = snapshot.context as AnalysisContext;
    return JSON.stringify([
      snapshot.value,
      context.chart?.recommendation,
      context.options?.recommendation,
      context.research?.sentiment,
      context.error?.code,
      context.result?.status,
      context.progress,
      context.restarts,
    ]);
  },
};

export const priceAlertModel: Model = {
  machine: priceAlert.machine,
  inputs: (['above', 'below', 'crosses'] as const).flatMap((condition) =>
    (['once', 'every_cross'] as const).map((repeat) =>
      priceAlertInput.parse({ symbol: 'AAPL', condition, threshold: 100, repeat, expiresAt: later }),
    ),
  ),
  events: [
    ...[94, 100, 106].map((price) => ({ type: 'QUOTE', price, asOf, source: 'simulated' })),
    { type: 'QUOTE_LOST', reason: 'there is no fresh quote' },
    { type: 'UPDATE', threshold: 105 },
    { type: 'UPDATE', note: 'look', expiresAt: null },
    { type: 'CANCEL' },
  ],
  outcomes: { wakeWatcher: { outputs: [{ now: asOf }], errors: [failed('busy')] } },
  delayed: (snapshot) =>
    snapshot.matches({ armed: { watcher: 'awake' } }) &&
    (snapshot.context as PriceAlertContext).expiresAt !== null
      ? [{ type: 'EXPIRE' }]
      : [],
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { threshold, expiresAt, side, rearmed, waitingFor, blindBecause } = context as PriceAlertContext;
    return JSON.stringify([value, threshold, expiresAt, side, rearmed, waitingFor, blindBecause]);
  },
};

const look = (symbols: number) => ({ at: asOf, symbols, told: 0, missing: [] });

export const marketWatchModel: Model = {
  machine: marketWatch.machine,
  inputs: [{}],
  events: [{ type: 'WAKE' }],
  outcomes: { lookAtQuotes: { outputs: [look(0), look(2)], errors: [failed('provider_unavailable')] } },
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { failures, wanted, lastLook } = context as {
      failures: number;
      wanted: boolean;
      lastLook: { symbols: number } | null;
    };
    return JSON.stringify([value, Math.min(failures, 4), wanted, lastLook?.symbols]);
  },
};
