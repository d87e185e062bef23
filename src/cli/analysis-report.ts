/** What came out of an analysis, in sections for a person. */
import type { AnalysisResultView } from '../server/operations/analysis-run-view.ts';
import { figure, pairs, type Terminal } from './terminal.ts';

/** Its parts, each that there is with its heading. */
export function analysisReport(result: AnalysisResultView, style: Terminal['style']): string[] {
  const { chart, options, research } = result;
  const section = (name: string, rows: string[]) => ['', style('bold', name), ...rows];
  return [
    ...(chart ? section('Chart', chartRows(chart)) : []),
    ...(options ? section('Options', optionsRows(options)) : []),
    ...(research ? section('Research', researchRows(research)) : []),
  ];
}

function chartRows(chart: NonNullable<AnalysisResultView['chart']>): string[] {
  const { indicators } = chart;
  const levels = (all: typeof chart.supportLevels) =>
    all.length === 0
      ? 'none'
      : all.map(({ price, strength }) => `${figure(price)} ${strength ?? ''}`.trim()).join(', ');
  return pairs([
    ['Verdict', chart.recommendation],
    ['Trend', [chart.trendDirection, chart.trendQuality].filter(Boolean).join(', ') || null],
    ['Extension', chart.extensionRisk],
    ['Score', figure(chart.score, 0)],
    ['RSI 14', figure(indicators?.rsi14, 1)],
    [
      'SMA 20/50/200',
      indicators &&
        [indicators.sma20, indicators.sma50, indicators.sma200].map((v) => figure(v) ?? '–').join(' / '),
    ],
    ['ATR 14', figure(indicators?.atr14)],
    ['HV 20', percent(indicators?.hv20)],
    ['Support', levels(chart.supportLevels)],
    ['Resistance', levels(chart.resistanceLevels)],
  ]);
}

function optionsRows(options: NonNullable<AnalysisResultView['options']>): string[] {
  const greeks = [
    ['delta', figure(options.delta)],
    ['gamma', figure(options.gamma, 4)],
    ['theta/day', figure(options.thetaPerDay, 3)],
    ['vega/pt', figure(options.vegaPerPoint, 3)],
  ].filter(([, value]) => value !== null);
  const contract =
    options.bestStrike === null
      ? null
      : `${figure(options.bestStrike)} expiring ${options.bestExpiration ?? '?'} (${options.dte ?? '?'} days)`;
  return pairs([
    ['Verdict', [options.recommendation, options.strategy].filter(Boolean).join(', ') || null],
    ['Underlying', figure(options.underlyingPrice)],
    ['Contract', contract],
    ...(options.legs.length < 2 ? [] : options.legs).map((leg): [string, string] => [
      'Leg',
      `${leg.action ?? ''} ${figure(leg.strike) ?? ''} ${leg.right ?? ''} ${leg.expiration ?? ''} ${figure(leg.bid) ?? '–'} / ${figure(leg.ask) ?? '–'}`,
    ]),
    ['Premium', figure(options.premium)],
    ['Greeks', greeks.map(([name, value]) => `${name} ${value}`).join(', ') || null],
    ['IV', percent(options.iv)],
    ['IV / HV', figure(options.ivHvRatio)],
    ['Odds', odds(options)],
    ['Breakeven', figure(options.breakeven)],
    ['Return', returns(options)],
    ['Liquidity', options.liquidityScore],
    [
      'Earnings',
      options.earningsDate && `${options.earningsDate}${options.earningsInsideDte ? ' (before expiry)' : ''}`,
    ],
    ['Why', options.rationale],
  ]);
}

function odds({
  pop,
  probItm,
  probTouch,
}: {
  pop: number | null;
  probItm: number | null;
  probTouch: number | null;
}): string | null {
  if (pop === null) return null;
  return `profit ${percent(pop)}, in the money ${percent(probItm) ?? '–'}, touched ${percent(probTouch) ?? '–'}`;
}

function returns({
  weeklyRocPct,
  annualizedRocPct,
}: {
  weeklyRocPct: number | null;
  annualizedRocPct: number | null;
}): string | null {
  return weeklyRocPct === null
    ? null
    : `${figure(weeklyRocPct)} % a week, ${figure(annualizedRocPct, 1) ?? '–'} % a year`;
}

function researchRows(research: NonNullable<AnalysisResultView['research']>): string[] {
  return pairs([
    [
      'Sentiment',
      research.sentiment &&
        `${research.sentiment}${research.sentimentScore === null ? '' : ` (${figure(research.sentimentScore)})`}`,
    ],
    ['News risk', research.newsRisk],
    ['Earnings risk', research.earningsRisk],
    ['Articles', figure(research.articlesUsed, 0)],
  ]);
}

function percent(value: number | null | undefined): string | null {
  return value === null || value === undefined ? null : `${(value * 100).toFixed(1)} %`;
}
