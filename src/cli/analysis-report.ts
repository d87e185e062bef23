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
    ['Warnings', warnings(chart)],
  ]);
}

function optionsRows(options: NonNullable<AnalysisResultView['options']>): string[] {
  const greeks = [
    ['delta', figure(options.delta)],
    ['gamma', figure(options.gamma, 4)],
    ['theta/day', figure(options.thetaPerDay, 3)],
    ['vega/pt', figure(options.vegaPerPoint, 3)],
  ].filter(([, value]) => value !== null);
  const { legs } = options;
  const contracts =
    options.bestStrike === null
      ? null
      : `${legs.length > 1 ? `${legs.length} legs` : figure(options.bestStrike)} expiring ${options.bestExpiration ?? '?'} (${options.dte ?? '?'} days)`;
  return pairs([
    ['Verdict', [options.recommendation, options.strategy].filter(Boolean).join(', ') || null],
    ['Underlying', figure(options.underlyingPrice)],
    [legs.length > 1 ? 'Contracts' : 'Contract', contracts],
    ...(legs.length > 1 ? legs : []).map((leg): [string, string] => [
      'Leg',
      `${leg.action ?? ''} ${figure(leg.strike) ?? ''} ${leg.right ?? ''} ${leg.expiration ?? ''} ${figure(leg.bid) ?? '–'} / ${figure(leg.ask) ?? '–'}`,
    ]),
    ['Premium', figure(options.premium)],
    ['Greeks', greeks.map(([name, value]) => `${name} ${value}`).join(', ') || null],
    ['IV', percent(options.iv)],
    ['IV / HV', overRealised(options)],
    ['Odds', odds(options)],
    [
      'Breakeven',
      [figure(options.breakeven), figure(options.breakevenUpper)].filter(Boolean).join(' and ') || null,
    ],
    ['Return', returns(options)],
    ['Liquidity', options.liquidityScore],
    [
      'Earnings',
      options.earningsDate && `${options.earningsDate}${options.earningsInsideDte ? ' (before expiry)' : ''}`,
    ],
    ['Why', options.rationale],
    ['Warnings', warnings(options)],
  ]);
}

/** The ratio with the two volatilities that it is of: that of the contract sold is another one. */
function overRealised({
  ivHvRatio,
  atmIv,
  hv20,
}: {
  ivHvRatio: number | null;
  atmIv: number | null;
  hv20: number | null;
}): string | null {
  if (ivHvRatio === null) return null;
  return `${figure(ivHvRatio)} (${percent(atmIv) ?? '–'} at the money / ${percent(hv20) ?? '–'})`;
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
    ['Verdict', research.recommendation],
    [
      'Sentiment',
      research.sentiment &&
        `${research.sentiment}${research.sentimentScore === null ? '' : ` (${figure(research.sentimentScore)})`}`,
    ],
    ['News risk', research.newsRisk],
    ['Earnings risk', research.earningsRisk],
    ['Articles', figure(research.articlesUsed, 0)],
    ['Warnings', warnings(research)],
  ]);
}

/** What is wrong with the data, `code:detail` as words. */
function warnings(part: { warnings: string[] }): string | null {
  const words = part.warnings.map((one) => one.replaceAll('_', ' ').replace(':', ': '));
  return words.length > 0 ? words.join(', ') : null;
}

function percent(value: number | null | undefined): string | null {
  return value === null || value === undefined ? null : `${(value * 100).toFixed(1)} %`;
}
