/**
 * What an analysis comes to: its parts put together, the recommendation, and what speaks for and against it. Pure
 * functions over the parts. Not for when anything happens; that is the machine `analysis`.
 */
import { z } from 'zod';
import type { EffectError } from './effect-source.ts';
import type { ChartAnalysis, OptionsAnalysis, ResearchAnalysis, strategy } from './market.ts';
import { reasonInWords } from './reason-words.ts';

export const analysisType = z.enum(['chart_analysis', 'options_analysis', 'full_analysis']);
type AnalysisType = z.infer<typeof analysisType>;
type Strategy = z.infer<typeof strategy>;

export type Recommendation = 'strong_select' | 'select' | 'neutral' | 'reject';

/** What a run comes to: its output, and what is saved. */
export interface AnalysisResult {
  status: 'completed' | 'rejected' | 'failed' | 'cancelled';
  recommendation: Recommendation | null;
  symbol: string;
  type: AnalysisType;
  chart: ChartAnalysis | null;
  options: OptionsAnalysis | null;
  research: ResearchAnalysis | null;
  /** Why it was rejected, or what each part found, in words. */
  reasons: string[];
  /** What speaks against acting on the recommendation, in words. */
  cautions: string[];
  error: EffectError | null;
  /** Of the oldest part. */
  asOf: string | null;
  /** Of all parts; null when they differ, or there are none. */
  source: string | null;
}

/** What a run has found so far, and for what. */
export interface AnalysisParts {
  symbol: string;
  type: AnalysisType;
  strategy: Strategy;
  chart: ChartAnalysis | null;
  options: OptionsAnalysis | null;
  research: ResearchAnalysis | null;
  error: EffectError | null;
}

/** The chart that a strategy wants. As the analysis service's quick look has it. */
const WANTED_CHART: Readonly<Record<Strategy, ChartAnalysis['recommendation']>> = {
  csp: 'bullish',
  covered_call: 'bullish',
  bull_put_spread: 'bullish',
  bear_call_spread: 'bearish',
  iron_condor: 'neutral',
};

/** Puts the parts together. Fails closed: what is missing or unknown never makes a pick. */
export function synthesize(parts: AnalysisParts): AnalysisResult {
  const { symbol, type, chart, options, research, error } = parts;
  const status = error ? 'failed' : chart?.recommendation === 'reject' ? 'rejected' : 'completed';
  const sources = sourcesOf(parts);
  return {
    status,
    recommendation: status === 'failed' ? null : status === 'rejected' ? 'reject' : recommend(parts),
    symbol,
    type,
    chart,
    options,
    research,
    reasons: reasons(parts),
    cautions: cautions(parts),
    error,
    asOf: partsOf(parts).reduce(oldest, null),
    source: sources.size === 1 ? ([...sources.keys()][0] ?? null) : null,
  };
}

function recommend({ strategy, chart, options, research }: AnalysisParts): Recommendation {
  if (chart?.recommendation !== WANTED_CHART[strategy] || options?.recommendation !== 'select') {
    return 'neutral';
  }
  const isBacked = research?.sentiment === 'positive' && research.recommendation === 'pass';
  return isBacked ? 'strong_select' : 'select';
}

function reasons({ chart, options, research, error }: AnalysisParts): string[] {
  if (error) return [error.message];
  if (chart?.recommendation === 'reject' && chart.rejectReasons.length > 0) {
    return chart.rejectReasons.map(reasonInWords);
  }
  return [chart?.chartNotes, options?.rationale, research?.researchNotes].filter(
    (text) => text !== undefined,
  );
}

function cautions({ options, research }: AnalysisParts): string[] {
  return [
    // Why stands in what the options say. `neutral` alone reads as if it might be traded.
    ...(options?.recommendation === 'reject' ? ['no contract is accepted'] : []),
    ...(research?.recommendation === 'reject' ? [newsAgainst(research)] : []),
  ];
}

function newsAgainst({ sentiment, rejectReasons, redFlags }: ResearchAnalysis): string {
  const codes = new Set([...rejectReasons, ...redFlags.map(({ type }) => type)]);
  const head = sentiment === 'unknown' ? 'the news are not known' : 'the news say no';
  return `${head}: ${[...codes].map(reasonInWords).join(', ')}`;
}

function partsOf({ chart, options, research }: AnalysisParts) {
  return [chart, options, research].filter((part) => part !== null);
}

function oldest(time: string | null, { asOf }: { asOf: string }): string | null {
  return time === null || Date.parse(asOf) < Date.parse(time) ? asOf : time;
}

/** The parts' names by the source of their data. */
function sourcesOf({ chart, options, research }: AnalysisParts): Map<string, string[]> {
  const sources = new Map<string, string[]>();
  for (const [name, part] of Object.entries({ chart, options, research })) {
    if (part) sources.set(part.quality.source, [...(sources.get(part.quality.source) ?? []), name]);
  }
  return sources;
}

/** The run's error, or that its parts speak of different markets: one changed under it. */
export function errorOf(parts: AnalysisParts): EffectError | null {
  const sources = sourcesOf(parts);
  if (parts.error || sources.size < 2) return parts.error;
  const origins = [...sources].map(([source, names]) => `${names.join(' and ')} from ${source}`);
  return {
    name: 'TtaiError',
    code: 'source_changed',
    message: `The source of market data was changed while this ran: ${origins.join(', ')}. Start a new run.`,
    retryable: true,
  };
}
