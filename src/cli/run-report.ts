/** A run, its result, and lists of runs, in words and columns for a person. */
import { type Run, type RunHead, waitingInWords } from '../server/operations/run-view.ts';
import { figure, localTime, pairs, type Style, type Terminal, table } from './terminal.ts';

const verdicts: Readonly<Record<string, Style>> = {
  strong_select: 'green',
  select: 'green',
  neutral: 'yellow',
  reject: 'red',
};

/** All lines about one run. */
export function runReport(run: Run, { style }: Pick<Terminal, 'style'>): string[] {
  const { result, recommendation, cautions, error } = run;
  const verdict = recommendation ?? run.status;
  const joint = recommendation?.includes('select') ? ', but ' : '; ';
  const caution = cautions.length > 0 ? style('red', `${joint}${cautions.join('; ')}`) : '';
  return [
    `${style('bold', `${run.symbol}  ${run.type}`)}  ${style(verdicts[verdict] ?? 'bold', verdict.toUpperCase())}${caution}`,
    `${style('dim', `${run.runId}  ${run.status}  ${localTime(run.updatedAt)}`)}`,
    ...(error ? [style('red', `${error.message} (${error.code})`)] : []),
    ...(run.step ? [`${run.progress ? `${run.progress.done}/${run.progress.total} ` : ''}${run.step}`] : []),
    ...waitingInWords(run).map((words) => style('yellow', words)),
    ...run.waiting.map(
      ({ nextAttemptAt, givenUpAt }) =>
        `Next attempt ${localTime(nextAttemptAt)}; given up at ${localTime(givenUpAt)}`,
    ),
    ...(result?.chart ? ['', ...resultReport(result, style)] : []),
  ];
}

/** Runs as a table, newest first. */
export function runList(runs: readonly RunHead[]): string[] {
  if (runs.length === 0) return ['No runs. Start one: npm run ttai -- analyze AAPL'];
  const rows = runs.map(({ runId, symbol, type, status, recommendation, step, updatedAt }) => [
    symbol,
    type,
    status,
    recommendation ?? '',
    step ?? '',
    localTime(updatedAt),
    runId,
  ]);
  return table([['SYMBOL', 'TYPE', 'STATUS', 'RECOMMENDATION', 'STEP', 'UPDATED', 'RUN'], ...rows]);
}

/** Says, where no one can miss it, that prices are invented. */
export function simulatedNotice(source: string | null, { style }: Pick<Terminal, 'style'>): string[] {
  return source === 'simulated' ? [style('inverse', ' SIMULATED DATA: every price here is invented. ')] : [];
}

function resultReport(result: NonNullable<Run['result']>, style: Terminal['style']): string[] {
  const { chart, options, research, reasons, asOf, source } = result;
  const isSimulated = [result, chart, options, research].some((part) => part?.source === 'simulated');
  const section = (name: string, rows: string[]) => ['', style('bold', name), ...rows];
  return [
    ...simulatedNotice(isSimulated ? 'simulated' : source, { style }),
    ...reasons.map((reason) => `- ${reason}`),
    ...(chart ? section('Chart', chartRows(chart)) : []),
    ...(options ? section('Options', optionsRows(options)) : []),
    ...(research ? section('Research', researchRows(research)) : []),
    ...(source === null || asOf === null
      ? []
      : ['', style('dim', `Source ${source}, as of ${localTime(asOf)}`)]),
  ];
}

function chartRows(chart: NonNullable<NonNullable<Run['result']>['chart']>): string[] {
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

function optionsRows(options: NonNullable<NonNullable<Run['result']>['options']>): string[] {
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

function researchRows(research: NonNullable<NonNullable<Run['result']>['research']>): string[] {
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
