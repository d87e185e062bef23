/**
 * What machines read of the analysis service's answers. The answers hold more, which is kept and passed on as it is;
 * only what a machine decides by, or says to a person, is named here.
 */
import { z } from 'zod';

export const timeframe = z.enum(['daily', 'weekly', 'intraday']);
export const strategy = z.enum(['csp', 'covered_call', 'bull_put_spread', 'bear_call_spread', 'iron_condor']);

const quality = z.looseObject({ source: z.string(), asOf: z.string().nullable() });

export const marketData = z.looseObject({
  symbol: z.string(),
  timeframe,
  bars: z.array(z.looseObject({ timestamp: z.number(), close: z.number() })),
  quality,
});
export type MarketData = z.infer<typeof marketData>;

export const chartAnalysis = z.looseObject({
  symbol: z.string(),
  recommendation: z.enum(['bullish', 'bearish', 'neutral', 'reject']),
  chartNotes: z.string(),
  rejectReasons: z.array(z.string()),
  asOf: z.string(),
  quality,
});
export type ChartAnalysis = z.infer<typeof chartAnalysis>;

export const optionsAnalysis = z.looseObject({
  symbol: z.string(),
  recommendation: z.enum(['select', 'reject']),
  rationale: z.string(),
  asOf: z.string(),
  quality,
});
export type OptionsAnalysis = z.infer<typeof optionsAnalysis>;

export const researchAnalysis = z.looseObject({
  symbol: z.string(),
  sentiment: z.enum(['positive', 'neutral', 'negative', 'unknown']),
  researchNotes: z.string(),
  asOf: z.string(),
  quality,
});
export type ResearchAnalysis = z.infer<typeof researchAnalysis>;

/** One quote. `stale`: too old to act on. `session`: of the exchange, when it was asked. */
export const quote = z.looseObject({
  price: z.number().positive().nullable(),
  asOf: z.string().nullable(),
  source: z.string(),
  stale: z.boolean(),
});
export type Quote = z.infer<typeof quote>;

export const quotes = z.record(z.string(), quote);
export type Quotes = z.infer<typeof quotes>;
