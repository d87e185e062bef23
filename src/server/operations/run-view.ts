/**
 * A run as clients see it, made from its committed actor: its head (how far it is) and its result (what came out).
 * Contexts and outputs are read leniently: a run of an older machine shows less, and breaks nothing.
 */
import { z } from 'zod';
import { toPlainError } from '../../actors/runtime/errors.ts';
import type { ActorView, PendingWork } from '../../actors/runtime/types.ts';

const number = z.number().nullable().catch(null);
const text = z.string().nullable().catch(null);
const flag = z.boolean().nullable().catch(null);
const record = z.record(z.string(), z.unknown());

/** How many levels of support and resistance a summary names; the nearest come first. */
const levelsShown = 3;
const reasonsShown = 10;
const warningsShown = 20;

export const runStatus = z.enum(['running', 'completed', 'rejected', 'failed', 'cancelled']);
const runError = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() });

export const runHead = z.object({
  runId: z.string(),
  kind: z.literal('analysis'),
  type: z.string(),
  symbol: z.string(),
  timeframe: text,
  strategy: text,
  status: runStatus,
  step: text.describe('What it does now'),
  progress: z.object({ done: z.int(), total: z.int() }).nullable(),
  recommendation: text.describe('strong_select, select, neutral or reject'),
  cautions: z.array(z.string()).describe('What speaks against acting on it'),
  revision: z.int().describe('Grows with each change'),
  startedAt: z.string(),
  updatedAt: z.string(),
  error: runError.nullable(),
});

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

const runResult = z.object({
  reasons: z.array(z.string()),
  chart: chartSummary.nullable(),
  options: optionsSummary.nullable(),
  research: researchSummary.nullable(),
  asOf: text,
  source: text.describe('"simulated" is invented data'),
});

const wait = z.object({
  effect: z.string(),
  error: runError.describe('Of the last attempt'),
  nextAttemptAt: z.string(),
  givenUpAt: z.string(),
});

export const run = runHead.extend({
  waiting: z.array(wait).describe('What has failed so far and is tried again'),
  result: runResult.nullable().describe('null while it runs'),
});

const blocks = z.object({
  chart: record.nullable(),
  options: record.nullable(),
  research: record.nullable(),
});
export const fullRun = run.extend({
  full: blocks.nullable().describe('With detail=full: all that was computed'),
});

const context = z.object({
  type: z.string().catch(''),
  symbol: z.string().catch(''),
  timeframe: text,
  strategy: text,
  progress: z.object({ done: z.int(), total: z.int(), step: z.string() }).nullable().catch(null),
});
const output = z.object({
  status: runStatus.exclude(['running']).catch('failed'),
  recommendation: text,
  chart: record.nullable().catch(null),
  options: record.nullable().catch(null),
  research: record.nullable().catch(null),
  reasons: z.array(z.string()).catch([]),
  cautions: z.array(z.string()).catch([]),
  error: z.unknown().optional(),
  asOf: text,
  source: text,
});

export type RunHead = z.output<typeof runHead>;
export type Run = z.output<typeof run>;
export type RunStatus = z.output<typeof runStatus>;

/** The id under which clients know a run's actor. */
export function runIdOf({ machine, key }: ActorView): string {
  return `${machine}.${key}`;
}

/** How far a run is. */
export function runHeadOf(actor: ActorView): RunHead {
  const { progress, ...asked } = context.parse(actor.context);
  const ended = outputOf(actor);
  const error = ended?.error ?? actor.error;
  return {
    runId: runIdOf(actor),
    kind: 'analysis',
    ...asked,
    status: statusOf(actor),
    step: actor.status === 'active' ? (progress?.step ?? null) : null,
    progress: progress && { done: progress.done, total: progress.total },
    recommendation: ended?.recommendation ?? null,
    cautions: ended?.cautions ?? [],
    revision: actor.revision,
    startedAt: actor.createdAt.toISOString(),
    updatedAt: actor.updatedAt.toISOString(),
    error: error ? runError.parse(toPlainError(error)) : null,
  };
}

/** A run with what came out, in the size of a summary. `pending`: what it waits for while it runs. */
export function runOf(actor: ActorView, pending?: Pick<PendingWork, 'effects'>): Run {
  return { ...runHeadOf(actor), waiting: pending ? waitingOf(pending) : [], result: resultOf(actor) };
}

/** A run with all that was computed. */
export function fullRunOf(
  actor: ActorView,
  pending?: Pick<PendingWork, 'effects'>,
): z.output<typeof fullRun> {
  const ended = outputOf(actor);
  return {
    ...runOf(actor, pending),
    full: ended && { chart: ended.chart, options: ended.options, research: ended.research },
  };
}

/** The recommendation, or how it ended without one, and what speaks against acting on it. */
export function verdictInWords({ recommendation, status, cautions }: RunHead): string {
  if (cautions.length === 0) return recommendation ?? status;
  // "But" only where something else was expected.
  const joint = recommendation?.includes('select') ? ', but ' : '; ';
  return `${recommendation ?? status}${joint}${cautions.join('; ')}`;
}

/** The run in a line, for hosts that show text only. */
export function runInWords(head: RunHead): string {
  const { runId, symbol, type, status, step, progress, recommendation, error } = head;
  const what = `${type} of ${symbol} (runId ${runId})`;
  if (status === 'running') {
    const far = progress ? ` ${progress.done}/${progress.total}` : '';
    return `${what} is running${far}${step ? `: ${step}` : ''}.`;
  }
  if (error) return `${what} ${status}: ${error.message} (${error.code}).`;
  return `${what} is ${status}${recommendation ? `: ${verdictInWords(head)}` : ''}.`;
}

/** Why it does not go on, a sentence for each effect that is tried again. */
export function waitingInWords({ waiting }: Pick<Run, 'waiting'>): string[] {
  return waiting.map(({ error: { code, message } }) => `Waiting, and trying again: ${message} (${code})`);
}

/** The run and its main numbers in a few lines. */
export function resultInWords(ended: Run): string {
  const { result } = ended;
  if (!result) return [runInWords(ended), ...waitingInWords(ended)].join('\n');
  const { chart, options, research } = result;
  return [
    runInWords(ended),
    chart && `Chart: ${chart.recommendation}, trend ${chart.trendDirection} ${chart.trendQuality}.`,
    options?.bestStrike != null &&
      `Options: ${options.recommendation} ${options.strategy} ${options.bestStrike} ${options.bestExpiration}, premium ${options.premium}, delta ${options.delta}.`,
    research && `Research: ${research.sentiment}.`,
    result.reasons.join(' '),
    warningsInWords(result),
    `Source ${result.source}, as of ${result.asOf}.`,
  ]
    .filter(Boolean)
    .join('\n');
}

function warningsInWords({ chart, options, research }: NonNullable<Run['result']>): string {
  const all = new Set([chart, options, research].flatMap((part) => part?.warnings ?? []));
  return all.size === 0 ? '' : `Warnings: ${[...all].join(', ')}.`;
}

function waitingOf({ effects }: Pick<PendingWork, 'effects'>): Run['waiting'] {
  return effects.flatMap(({ src, lastError, nextAttemptAt, deadline }) =>
    lastError === null
      ? []
      : [
          {
            effect: src,
            error: runError.parse(lastError),
            nextAttemptAt: nextAttemptAt.toISOString(),
            givenUpAt: deadline.toISOString(),
          },
        ],
  );
}

function statusOf(actor: ActorView): RunStatus {
  if (actor.status === 'active') return 'running';
  if (actor.status === 'stopped') return 'cancelled';
  return outputOf(actor)?.status ?? 'failed';
}

function outputOf(actor: ActorView): z.output<typeof output> | null {
  return actor.status === 'done' ? output.parse(actor.output ?? {}) : null;
}

function resultOf(actor: ActorView): Run['result'] {
  const ended = outputOf(actor);
  if (!ended) return null;
  const { chart, options, research, reasons, asOf, source } = ended;
  const withOrigin = (block: Record<string, unknown>) => ({
    asOf,
    ...block,
    source: block.source ?? qualityOf(block).source ?? source,
    warnings: z.array(z.unknown()).catch([]).parse(qualityOf(block).warnings).slice(0, warningsShown),
  });
  return {
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

function nearest(all: unknown): unknown {
  return Array.isArray(all) ? all.slice(0, levelsShown) : [];
}

/** Where the analysis service names the source of a block's data, and what is wrong with it. */
function qualityOf({ quality }: Record<string, unknown>): Record<string, unknown> {
  return record.catch({}).parse(quality);
}
