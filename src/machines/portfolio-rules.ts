/**
 * What a portfolio's rules are, and which of them fire: a pure judgement over the values of one check. Not for when a
 * check happens or who is told (`portfolio-monitor.ts`).
 *
 * What each type of rule looks at stands in one table (`portfolio-rule-kinds.ts`). `above`, targets and limits are met
 * at the threshold or beyond it, `below`, `dte_warning` and `earnings_within` at the threshold or under it. Rules about
 * the underlying (price, the day's change, earnings) are judged once for each symbol, the others once for each position.
 *
 * A rule fires for a position, or a symbol, when it is first seen true. Then it is silent until one of two things:
 * - it has been false by its margin (the table's `margin`), and is true again: it fires at once;
 * - it is still true, or has been false by less than its margin only, and its cool-down is over: it fires again at the
 *   next check that sees it true. Cool-downs count from the last firing; a day unless said.
 * A value that is not known is neither true nor false and changes nothing: one that is missing, or one of the market's
 * where the quote of the underlying is stale. Days to expiry and to earnings need no quote.
 */
import { z } from 'zod';
import {
  faultOfThreshold,
  type Holding,
  kindOf,
  RISKS,
  riskLevel,
  ruleTypes,
} from './portfolio-rule-kinds.ts';

export const MAX_RULES = 50;
/** So many firings of one check are told; the others come with the next one. A step must stay small. */
export const MAX_ALERTS_PER_CHECK = 200;
/** So many firings are remembered until they are over; beyond, new ones wait. A snapshot must stay small. */
export const MAX_REMEMBERED = 2_000;
export const DEFAULT_COOL_DOWN_MINUTES = 1_440;

/** 0.28 is 0.02 below 0.3, whatever the last binary digit says. */
const ROUNDING = 1e-9;

/** One rule; its threshold is checked by its type. `symbol`: how symbols are checked. */
const ruleWith = (symbol: z.ZodType<string, string>) =>
  z
    .strictObject({
      type: z.enum(ruleTypes),
      threshold: z
        .union([z.number(), riskLevel], { error: 'must be a number, or low, moderate or high' })
        .describe('Price, percent, |delta| or days; of assignment_risk low, moderate or high'),
      symbol: symbol.optional().describe('Only this one'),
      coolDownMinutes: z
        .int()
        .min(1)
        .max(43_200)
        .optional()
        .describe(`While it stays true: again after so long (${DEFAULT_COOL_DOWN_MINUTES})`),
    })
    .superRefine(({ type, threshold }, refinement) => {
      const fault = faultOfThreshold(type, threshold);
      if (fault !== null) refinement.addIssue({ code: 'custom', path: ['threshold'], message: fault });
    });
export type PortfolioRule = z.infer<ReturnType<typeof ruleWith>>;

/** A list of rules: at least one, none twice. */
export const rulesWith = (symbol: z.ZodType<string, string>) =>
  z
    .array(ruleWith(symbol))
    .min(1, 'must have a rule at least: to watch nothing, stop the monitor')
    .max(MAX_RULES)
    .superRefine((rules, refinement) => {
      const seen = new Map<string, number>();
      for (const [index, rule] of rules.entries()) {
        const first = seen.get(ruleIdOf(rule));
        if (first === undefined) seen.set(ruleIdOf(rule), index);
        else {
          const message = `is the same as rule ${first}: type, threshold and symbol`;
          refinement.addIssue({ code: 'custom', path: [index], message });
        }
      }
    });
export const portfolioRules = rulesWith(z.string().min(1).max(10));

/** Those of a monitor whose owner has named none: what sellers of options usually manage by. */
export const DEFAULT_RULES: readonly PortfolioRule[] = [
  { type: 'delta_breach', threshold: 0.5 },
  { type: 'dte_warning', threshold: 21 },
  { type: 'profit_target', threshold: 50 },
  { type: 'loss_limit', threshold: 100 },
  { type: 'earnings_within', threshold: 5 },
  { type: 'assignment_risk', threshold: 'high' },
];

/** What a rule is known by: what it says, so that a list that is set again goes on where it was. */
export function ruleIdOf({ type, threshold, symbol }: PortfolioRule): string {
  return `${type}:${threshold}:${symbol ?? '*'}`;
}

/**
 * When rules have fired last, in milliseconds since 1970, of those that are not over: by the rule's id and the
 * position's, or the symbol.
 */
export type Remembered = Record<string, Record<string, number>>;

/** One rule that fires for one position, or for a symbol. */
export interface Firing {
  rule: PortfolioRule;
  ruleId: string;
  symbol: string;
  /** Null for a rule about the symbol. */
  positionId: string | null;
  value: number | string;
  /** Of the quote that it depends on; null: as of the check. */
  asOf: string | null;
  /** For a person, with the symbol. */
  message: string;
}

export interface Judgement {
  firings: Firing[];
  remembered: Remembered;
  /** Firings that must wait for one of the two limits. */
  waiting: number;
}

/**
 * Judges every rule. `holdings` are all positions that are open, also those of which nothing is known: what is
 * remembered of others, and of rules that are not there any more, is forgotten. `at`: milliseconds since 1970.
 */
export function judge(
  rules: readonly PortfolioRule[],
  holdings: readonly Holding[],
  before: Remembered,
  at: number,
): Judgement {
  const firings: Firing[] = [];
  const remembered: Remembered = {};
  let room = MAX_REMEMBERED - countRemembered(before);
  let waiting = 0;
  for (const rule of rules) {
    const ruleId = ruleIdOf(rule);
    const coolDownMs = (rule.coolDownMinutes ?? DEFAULT_COOL_DOWN_MINUTES) * 60_000;
    const kept: [string, number][] = [];
    for (const [subject, seen] of subjectsOf(rule, holdings)) {
      const firedAt = before[ruleId]?.[subject];
      const verdict = verdictOf(rule, seen);
      const fires = verdict === 'true' && (firedAt === undefined || at - firedAt >= coolDownMs);
      const isOver = verdict === 'over' || (verdict !== 'true' && firedAt === undefined);
      const fits = firings.length < MAX_ALERTS_PER_CHECK && (firedAt !== undefined || room > 0);
      if (fires && fits) {
        firings.push(firing(rule, ruleId, seen));
        kept.push([subject, at]);
        if (firedAt === undefined) room--;
      } else {
        if (fires) waiting++;
        if (!isOver && firedAt !== undefined) kept.push([subject, firedAt]);
      }
    }
    if (kept.length > 0) remembered[ruleId] = Object.fromEntries(kept);
  }
  return { firings, remembered, waiting };
}

/** How many firings are remembered. */
export function countRemembered(remembered: Remembered): number {
  return Object.values(remembered).reduce((sum, subjects) => sum + Object.keys(subjects).length, 0);
}

/** What a rule is judged for: each position, or each symbol by one of its positions of which it is known. */
function subjectsOf(rule: PortfolioRule, holdings: readonly Holding[]): Map<string, Holding> {
  const { per } = kindOf(rule.type);
  const subjects = new Map<string, Holding>();
  for (const one of holdings) {
    if (rule.symbol !== undefined && rule.symbol !== one.symbol) continue;
    const subject = per === 'symbol' ? one.symbol : one.id;
    const present = subjects.get(subject);
    if (present === undefined || measureOf(rule, present) === null) subjects.set(subject, one);
  }
  return subjects;
}

function measureOf({ type }: PortfolioRule, seen: Holding): number | null {
  const { measure, needsQuote } = kindOf(type);
  return needsQuote && seen.stale ? null : measure(seen);
}

/** `false`: not true, and by less than the margin. */
function verdictOf(rule: PortfolioRule, seen: Holding): 'unknown' | 'true' | 'false' | 'over' {
  const { per, holds, margin } = kindOf(rule.type);
  // What has expired can be neither closed nor defended any more. The daily pieces say that it has.
  if (per === 'position' && seen.dte !== null && seen.dte < 0) return 'over';
  const value = measureOf(rule, seen);
  if (value === null) return 'unknown';
  const threshold = typeof rule.threshold === 'string' ? RISKS.indexOf(rule.threshold) : rule.threshold;
  if (holds === 'from') {
    if (value >= threshold) return 'true';
    return value <= threshold - margin(threshold) + ROUNDING ? 'over' : 'false';
  }
  if (value <= threshold) return 'true';
  return value >= threshold + margin(threshold) - ROUNDING ? 'over' : 'false';
}

function firing(rule: PortfolioRule, ruleId: string, seen: Holding): Firing {
  const { per, needsQuote, figures = rounded, words } = kindOf(rule.type);
  const measured = measureOf(rule, seen) as number;
  const value = typeof rule.threshold === 'string' ? (RISKS[measured] as string) : measured;
  const written = (one: number | string) => (typeof one === 'string' ? one : figures(one));
  // As it was given: rounded it might read 0.
  const limit = kindOf(rule.type).figures === undefined ? String(rule.threshold) : written(rule.threshold);
  const about = per === 'symbol' ? seen.symbol : `${seen.symbol} ${seen.name}`;
  return {
    rule,
    ruleId,
    symbol: seen.symbol,
    positionId: per === 'symbol' ? null : seen.id,
    value,
    asOf: needsQuote ? seen.asOf : null,
    message: `${about}: ${words(written(value), limit)}`,
  };
}

/** Two decimals at most. */
function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}
