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
  recommendation: z.enum(['pass', 'reject']),
  rejectReasons: z.array(z.string()),
  redFlags: z.array(z.looseObject({ type: z.string() })),
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

/** The quick look at one symbol: chart and options in one line. */
export const quickAnalysis = z.looseObject({
  symbol: z.string(),
  recommendation: z.enum(['select', 'neutral', 'reject']),
  score: z.number().nullable(),
  price: z.number().nullable(),
  bestStrike: z.number().nullable(),
  bestExpiration: z.string().nullable(),
  delta: z.number().nullable(),
  ivRank: z.number().nullable(),
  weeklyRocPct: z.number().nullable(),
  reasons: z.array(z.string()),
  asOf: z.string(),
  quality,
});
export type QuickAnalysis = z.infer<typeof quickAnalysis>;

/** Why one item of a batch has no result. */
const itemError = z.looseObject({ code: z.string(), message: z.string(), retryable: z.boolean() });

/** Each symbol that was asked is in one of the two. */
export const quickBatch = z.looseObject({
  results: z.record(z.string(), quickAnalysis),
  errors: z.record(z.string(), itemError),
});
export type QuickBatch = z.infer<typeof quickBatch>;

/**
 * Symbols that fulfil the criteria, best first; of how many, and how many each criterion stopped first. Without the
 * figures of each symbol: those of the whole market are much, and nobody here reads them.
 */
export const candidates = z.object({
  symbols: z.array(z.string()),
  universeSize: z.number(),
  failedCounts: z.record(z.string(), z.number()),
  /** All that were looked at, and which criteria they do not fulfil. */
  rows: z.array(z.object({ symbol: z.string(), failed: z.array(z.string()) })).optional(),
  asOf: z.string(),
  quality,
});
export type Candidates = z.infer<typeof candidates>;

/** One position at the present market. Amounts in currency for the whole position; null: not known. */
export const positionValue = z.looseObject({
  id: z.string(),
  symbol: z.string(),
  structure: z.string(),
  underlyingPrice: z.number().nullable(),
  underlyingAsOf: z.string().nullable(),
  stale: z.boolean(),
  changePct: z.number().nullable(),
  dte: z.number().nullable(),
  marketValue: z.number().nullable(),
  pnl: z.number().nullable(),
  pnlPct: z.number().nullable(),
  profitCapturedPct: z.number().nullable(),
  shortDelta: z.number().nullable(),
  assignmentRisk: z.enum(['none', 'low', 'moderate', 'high', 'unknown']),
  daysToEarnings: z.number().nullable(),
  earningsInsideDte: z.boolean().nullable(),
  management: z.looseObject({
    takeProfit: z.boolean().nullable(),
    closeByDte: z.boolean().nullable(),
    tested: z.boolean().nullable(),
    /** Where both say so, `delta`. */
    testedBy: z.enum(['delta', 'cost']).nullish(),
  }),
  warnings: z.array(z.string()),
});
export type PositionValue = z.infer<typeof positionValue>;

export const positions = z.looseObject({
  positions: z.array(positionValue),
  errors: z.record(z.string(), itemError),
  asOf: z.string(),
  quality,
});
export type Positions = z.infer<typeof positions>;

const brokerLeg = z.object({
  symbol: z.string(),
  kind: z.enum(['option', 'stock']),
  right: z.enum(['call', 'put']).nullable(),
  strike: z.number().nullable(),
  expiration: z.string().nullable(),
  quantity: z.number(),
  openPrice: z.number(),
  openedAt: z.iso.datetime(),
});

/** What is held in brokerage accounts; `left` is what is neither share nor standard option, and why it is left out. */
export const brokerPositions = z.looseObject({
  asOf: z.string(),
  source: z.string(),
  accounts: z.array(
    z.object({
      number: z.string(),
      name: z.string(),
      legs: z.array(brokerLeg),
      left: z.array(z.object({ symbol: z.string(), instrumentType: z.string(), reason: z.string() })),
    }),
  ),
});
export type BrokerPositions = z.infer<typeof brokerPositions>;

/** One piece of news: `sentiment` from -1 to 1, `significance` from 0 to 1. */
export const article = z.looseObject({
  id: z.string(),
  symbol: z.string(),
  title: z.string(),
  publishedAt: z.string(),
  source: z.string(),
  sentiment: z.number().nullable(),
  significance: z.number().nullable(),
});
export type Article = z.infer<typeof article>;

/** An option chain, with the figures of each contract. */
export const optionChain = z.looseObject({
  symbol: z.string(),
  source: z.string(),
  underlyingPrice: z.number().nullable(),
  options: z.array(
    z.looseObject({
      expiration: z.string(),
      dte: z.number(),
      strike: z.number().nullable(),
      right: z.enum(['call', 'put']),
      bid: z.number().nullable(),
      ask: z.number().nullable(),
      iv: z.number().nullable(),
      delta: z.number().nullable(),
    }),
  ),
  asOf: z.string(),
  quality,
});
export type OptionChain = z.infer<typeof optionChain>;

const marketSession = z.looseObject({
  date: z.string(),
  opensAt: z.string(),
  closesAt: z.string(),
  halfDay: z.boolean(),
});

/** The exchange's sessions of a range of days; a day that is not listed is closed. */
export const marketCalendar = z.looseObject({
  timezone: z.string(),
  sessions: z.array(marketSession),
  /** The quotes of the service's provider move around the clock, whatever the exchange does; not unless said. */
  quotesNeverClose: z.boolean().optional(),
});
export type MarketCalendar = z.infer<typeof marketCalendar>;

/** The exchange at one moment. */
export const marketClock = z.looseObject({
  asOf: z.string(),
  isOpen: z.boolean(),
  currentSession: marketSession.nullable(),
  nextOpen: z.string(),
  nextClose: z.string(),
});
export type MarketClock = z.infer<typeof marketClock>;

/** Where what is put together of two sources comes from: with invented values in it, all of it is invented. */
export function originOf(one: string | null, other: string | null): string | null {
  return one === 'simulated' || other === 'simulated' ? 'simulated' : (one ?? other);
}
