/**
 * The types of a portfolio's rules as one table: what each looks at, when it is true, and how it says so. Not for when a
 * rule fires (`portfolio-rules.ts`).
 */
import { z } from 'zod';
import { priceText } from './money.ts';

/** Levels of the risk of early assignment, as the analysis service says them, in their order. */
export const RISKS = ['none', 'low', 'moderate', 'high'] as const;
export const riskLevel = z.enum(['low', 'moderate', 'high']);

/** One open position at the present market. Null: not known. */
export const holding = z.object({
  id: z.string(),
  symbol: z.string(),
  /** In words, without the symbol: `short put 220 2026-12-18`. */
  name: z.string(),
  price: z.number().nullable(),
  /** In percent since the close before. */
  changePct: z.number().nullable(),
  dte: z.number().nullable(),
  /** The largest |delta| of a sold option. */
  shortDelta: z.number().nullable(),
  /** Each of its contracts has a price. Checks of an older release do not say. */
  priced: z.boolean().default(true),
  /** In percent of the most that can be made. */
  profitCapturedPct: z.number().nullable(),
  /** In percent of what was paid or received at opening; null where that was nothing. */
  pnlPct: z.number().nullable(),
  assignmentRisk: z.enum([...RISKS, 'unknown']),
  daysToEarnings: z.number().nullable(),
  /** The quote of the underlying is too old: what depends on the market is not known. */
  stale: z.boolean(),
  /** Of the underlying's quote. */
  asOf: z.string().nullable(),
});
export type Holding = z.infer<typeof holding>;

export interface RuleKind {
  per: 'symbol' | 'position';
  /** Null: not known. */
  measure: (holding: Holding) => number | null;
  /** Depends on the underlying's quote. */
  needsQuote: boolean;
  /** On which side of the threshold it is true; the threshold itself is. */
  holds: 'from' | 'upTo';
  /** How far on the other side it must have been to be over. 0: on the other side at all. */
  margin: (threshold: number) => number;
  /** What a threshold may be: more than `above` or at least `least`, and at most `most`; or a level of risk. */
  threshold: { above?: number; least?: number; most: number } | 'level';
  /** How both are written; with two decimals at most unless said. */
  figures?: (value: number) => string;
  words: (value: string, threshold: string) => string;
}

const none = () => 0;

/** All types of rules. */
const kinds = {
  price_above: {
    per: 'symbol',
    measure: ({ price }) => price,
    needsQuote: true,
    holds: 'from',
    margin: (threshold) => threshold * 0.0005,
    threshold: { above: 0, most: 10_000_000 },
    figures: priceText,
    words: (value, threshold) => `price ${value}, at or above ${threshold}`,
  },
  price_below: {
    per: 'symbol',
    measure: ({ price }) => price,
    needsQuote: true,
    holds: 'upTo',
    margin: (threshold) => threshold * 0.0005,
    threshold: { above: 0, most: 10_000_000 },
    figures: priceText,
    words: (value, threshold) => `price ${value}, at or below ${threshold}`,
  },
  pct_change: {
    per: 'symbol',
    measure: ({ changePct }) => (changePct === null ? null : Math.abs(changePct)),
    needsQuote: true,
    holds: 'from',
    margin: () => 0.25,
    threshold: { above: 0, most: 1_000 },
    words: (value, threshold) => `moved ${value} % since the last close, limit ${threshold} %`,
  },
  earnings_within: {
    per: 'symbol',
    // A report that is past is not ahead.
    measure: ({ daysToEarnings: days }) => (days !== null && days < 0 ? Number.POSITIVE_INFINITY : days),
    needsQuote: false,
    holds: 'upTo',
    margin: none,
    threshold: { least: 0, most: 365 },
    words: (value, threshold) => `earnings in ${value} days, warning at ${threshold}`,
  },
  delta_breach: {
    per: 'position',
    measure: ({ shortDelta }) => (shortDelta === null ? null : Math.abs(shortDelta)),
    needsQuote: true,
    holds: 'from',
    margin: () => 0.02,
    threshold: { above: 0, most: 1 },
    words: (value, threshold) => `|delta| ${value}, limit ${threshold}`,
  },
  dte_warning: {
    per: 'position',
    measure: ({ dte }) => dte,
    needsQuote: false,
    holds: 'upTo',
    margin: none,
    threshold: { least: 0, most: 3_650 },
    words: (value, threshold) => `${value} days to expiry, warning at ${threshold}`,
  },
  profit_target: {
    per: 'position',
    measure: ({ profitCapturedPct }) => profitCapturedPct,
    needsQuote: true,
    holds: 'from',
    margin: () => 5,
    threshold: { above: 0, most: 100 },
    words: (value, threshold) => `${value} % of the maximum profit captured, target ${threshold} %`,
  },
  loss_limit: {
    per: 'position',
    measure: ({ pnlPct }) => (pnlPct === null ? null : -pnlPct),
    needsQuote: true,
    holds: 'from',
    margin: () => 5,
    threshold: { above: 0, most: 10_000 },
    words: (value, threshold) => `loss of ${value} % of its opening value, limit ${threshold} %`,
  },
  assignment_risk: {
    per: 'position',
    measure: ({ assignmentRisk }) => (assignmentRisk === 'unknown' ? null : RISKS.indexOf(assignmentRisk)),
    needsQuote: true,
    holds: 'from',
    margin: none,
    threshold: 'level',
    words: (value, threshold) => `assignment risk ${value}, warning at ${threshold}`,
  },
} satisfies Record<string, RuleKind>;

export type RuleType = keyof typeof kinds;
export const ruleTypes = Object.keys(kinds) as [RuleType, ...RuleType[]];
export const kindOf = (type: RuleType): RuleKind => kinds[type];

/** What is wrong with a threshold, in words; null when nothing is. */
export function faultOfThreshold(type: RuleType, threshold: number | string): string | null {
  const { threshold: bounds } = kindOf(type);
  if (bounds === 'level') {
    return typeof threshold === 'string' ? null : `${type} takes low, moderate or high`;
  }
  if (typeof threshold === 'string') return `${type} takes a number`;
  const { above = Number.NEGATIVE_INFINITY, least = Number.NEGATIVE_INFINITY, most } = bounds;
  if (threshold > above && threshold >= least && threshold <= most) return null;
  return `${type} takes ${bounds.above === undefined ? `${bounds.least}` : `more than ${bounds.above}`} up to ${most}`;
}
