/**
 * What came out of an analysis, as clients see it. Outputs are read leniently: a run of an older machine shows less, and
 * breaks nothing. Not for how far it is (`run-view.ts`).
 */
import { z } from 'zod';
import { flag, number, record, text } from './lenient.ts';

/** How many levels of support and resistance a summary names; the nearest come first. */
const levelsShown = 3;
const reasonsShown = 10;
const warningsShown = 20;

const level = z.object({ price: number, strength: text, distancePct: number });
const levels = z.array(level).catch([]);
const warnings = z.array(z.string()).catch([]).describe('Of its data: code or code:detail');

const chartSummary = z.object({
  recommendation: text,
  trendDirection: text,
  trendQuality: text,
  extensionRisk: text,
  score: number,
  indicators: z
    .object({
      rsi14: number,
      sma20: number,
      sma50: number,
      sma200: number,
      atr14: number,
      adx14: number,
      hv20: number,
    })
    .nullable()
    .catch(null),
  supportLevels: levels,
  resistanceLevels: levels,
  warnings,
  asOf: text,
  source: text,
});

const leg = z.object({
  action: text,
  right: text,
  strike: number,
  expiration: text,
  bid: number,
  ask: number,
});

const optionsSummary = z.object({
  recommendation: text,
  strategy: text,
  underlyingPrice: number,
  bestStrike: number,
  bestExpiration: text,
  dte: number,
  premium: number,
  delta: number,
  gamma: number,
  thetaPerDay: number,
  vegaPerPoint: number,
  iv: number,
  atmIv: number.describe('At the money of the expiry sold'),
  hv20: number,
  ivHvRatio: number.describe('atmIv / hv20'),
  pop: number.describe('Probability of profit'),
  probItm: number,
  probTouch: number,
  breakeven: number.describe('Of an iron condor the lower one'),
  breakevenUpper: number,
  weeklyRocPct: number,
  annualizedRocPct: number,
  maxProfit: number,
  maxLoss: number,
  liquidityScore: text,
  earningsDate: text,
  earningsInsideDte: flag,
  legs: z.array(leg).catch([]),
  rationale: text,
  warnings,
  asOf: text,
  source: text,
});

const researchSummary = z.object({
  sentiment: text,
  sentimentScore: number,
  recommendation: text.describe('pass or reject'),
  newsRisk: text,
  earningsRisk: text,
  shortInterestRisk: text,
  articlesUsed: number,
  warnings,
  asOf: text,
  source: text,
});

export const analysisResult = z.object({
  kind: z.literal('analysis'),
  reasons: z.array(z.string()),
  chart: chartSummary.nullable(),
  options: optionsSummary.nullable(),
  research: researchSummary.nullable(),
  asOf: text,
  source: text.describe('"simulated" is invented data'),
});

const output = z.object({
  chart: record.nullable().catch(null),
  options: record.nullable().catch(null),
  research: record.nullable().catch(null),
  reasons: z.array(z.string()).catch([]),
  asOf: text,
  source: text,
});

export type AnalysisResultView = z.output<typeof analysisResult>;

/** The output of a run in the size of a summary. */
export function analysisResultOf(ended: unknown): AnalysisResultView {
  const { chart, options, research, reasons, asOf, source } = output.parse(ended);
  const withOrigin = (block: Record<string, unknown>) => ({
    asOf,
    ...block,
    source: block.source ?? qualityOf(block).source ?? source,
    warnings: z.array(z.unknown()).catch([]).parse(qualityOf(block).warnings).slice(0, warningsShown),
  });
  return {
    kind: 'analysis',
    reasons: reasons.slice(0, reasonsShown),
    chart:
      chart &&
      chartSummary.parse({
        ...withOrigin(chart),
        supportLevels: nearest(chart.supportLevels),
        resistanceLevels: nearest(chart.resistanceLevels),
      }),
    options: options && optionsSummary.parse(withOrigin(options)),
    research: research && researchSummary.parse(withOrigin(research)),
    asOf,
    source,
  };
}

/** All that was computed. */
export function analysisInFull(ended: unknown): Record<string, unknown> {
  const { chart, options, research } = output.parse(ended);
  return { chart, options, research };
}

/** Its main numbers, a line each. */
export function analysisInWords({ chart, options, research, reasons }: AnalysisResultView): string[] {
  return [
    chart && `Chart: ${chart.recommendation}, trend ${chart.trendDirection} ${chart.trendQuality}.`,
    options?.bestStrike != null &&
      `Options: ${options.recommendation} ${options.strategy} ${contractsInWords(options)} ${options.bestExpiration}, premium ${options.premium}, delta ${options.delta}.`,
    research && `Research: ${research.sentiment}.`,
    reasons.join(' '),
    warningsInWords({ chart, options, research }),
  ].filter((line): line is string => typeof line === 'string' && line !== '');
}

/** The strike of the one contract, or each leg. */
function contractsInWords({ bestStrike, legs }: z.output<typeof optionsSummary>): string {
  if (legs.length < 2) return String(bestStrike);
  return legs.map(({ action, strike, right }) => `${action} ${strike} ${right}`).join(', ');
}

function warningsInWords(parts: Pick<AnalysisResultView, 'chart' | 'options' | 'research'>): string {
  const all = new Set([parts.chart, parts.options, parts.research].flatMap((part) => part?.warnings ?? []));
  return all.size === 0 ? '' : `Warnings: ${[...all].join(', ')}.`;
}

function nearest(all: unknown): unknown {
  return Array.isArray(all) ? all.slice(0, levelsShown) : [];
}

/** Where the analysis service names the source of a block's data, and what is wrong with it. */
function qualityOf({ quality }: Record<string, unknown>): Record<string, unknown> {
  return record.catch({}).parse(quality);
}
