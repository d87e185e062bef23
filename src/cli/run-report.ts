/** A run of any kind, and lists of runs, in words and columns for a person. */
import {
  type Run,
  type RunHead,
  subjectOf,
  verdictInWords,
  waitingInWords,
} from '../server/operations/run-view.ts';
import { analysisReport } from './analysis-report.ts';
import { screenerReport } from './screener-report.ts';
import { localTime, localTimes, type Style, shortened, type Terminal, table } from './terminal.ts';

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
    `${style('bold', run.kind === 'analysis' ? `${run.symbol}  ${run.type}` : subjectOf(run))}  ${style(verdicts[verdict] ?? 'bold', verdict.toUpperCase())}${caution}`,
    `${style('dim', `${run.runId}  ${run.status}  ${localTime(run.updatedAt)}`)}`,
    ...(error ? [style('red', `${localTimes(error.message)} (${error.code})`)] : []),
    ...(run.step ? [`${run.progress ? `${run.progress.done}/${run.progress.total} ` : ''}${run.step}`] : []),
    ...waitingInWords(run).map((words) => style('yellow', localTimes(words))),
    ...run.waiting.map(
      ({ nextAttemptAt, givenUpAt }) =>
        `Next attempt ${localTime(nextAttemptAt)}; given up at ${localTime(givenUpAt)}`,
    ),
    ...resultReport(result, style),
  ];
}

/** Runs as a table, newest first. */
export function runList(runs: readonly RunHead[]): string[] {
  if (runs.length === 0) return ['No runs. Start one: npm run ttai -- analyze AAPL'];
  const rows = runs.map((head) => {
    const { runId, symbol, name, type, status, recommendation, step, updatedAt } = head;
    return [
      symbol ?? name ?? '',
      type,
      status,
      recommendation === null ? '' : shortened(verdictInWords(head), 50),
      step ?? '',
      localTime(updatedAt),
      runId,
    ];
  });
  return table([['SYMBOL', 'TYPE', 'STATUS', 'RECOMMENDATION', 'STEP', 'UPDATED', 'RUN'], ...rows]);
}

/** Says, where no one can miss it, that prices are invented. */
export function simulatedNotice(source: string | null, { style }: Pick<Terminal, 'style'>): string[] {
  return source === 'simulated' ? [style('inverse', ' SIMULATED DATA: every price here is invented. ')] : [];
}

function resultReport(result: Run['result'], style: Terminal['style']): string[] {
  if (!result || (result.kind === 'analysis' && !result.chart)) return [];
  const { asOf, source } = result;
  return [
    '',
    ...simulatedNotice(isSimulated(result) ? 'simulated' : source, { style }),
    ...result.reasons.map((reason) => `- ${localTimes(reason)}`),
    ...(result.kind === 'screener' ? screenerReport(result) : analysisReport(result, style)),
    ...(source === null || asOf === null
      ? []
      : ['', style('dim', `Source ${source}, as of ${localTime(asOf)}`)]),
  ];
}

/** Also when only a part of it is: the whole may then name no source. */
function isSimulated(result: NonNullable<Run['result']>): boolean {
  const parts = result.kind === 'screener' ? result.results : [result.chart, result.options, result.research];
  return [result, ...parts].some((part) => part?.source === 'simulated');
}
