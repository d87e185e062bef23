/**
 * A run of any kind as clients see it, made from its committed actor: its head (how far it is) and its result (what came
 * out; of each kind in `analysis-run-view.ts` and `screener-run-view.ts`). Contexts and outputs are read leniently: a run
 * of an older machine shows less, and breaks nothing.
 */
import { z } from 'zod';
import { toPlainError } from '../../actors/runtime/errors.ts';
import type { ActorView, PendingWork } from '../../actors/runtime/types.ts';
import { analysisInFull, analysisInWords, analysisResult, analysisResultOf } from './analysis-run-view.ts';
import { record, text } from './lenient.ts';
import { screenerInFull, screenerInWords, screenerResult, screenerResultOf } from './screener-run-view.ts';

/** The machines whose actors are runs. */
export const runKind = z.enum(['analysis', 'screener']);
export const runStatus = z.enum(['running', 'completed', 'rejected', 'failed', 'cancelled']);
const runError = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() });

export const runHead = z.object({
  runId: z.string(),
  kind: runKind,
  type: z.string(),
  symbol: text.describe('null for a screener'),
  name: text.describe('Of a saved screener'),
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

const runResult = z.discriminatedUnion('kind', [analysisResult, screenerResult]);
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

export const fullRun = run.extend({
  full: record.nullable().describe('With detail=full: all that was computed'),
});

const context = z.object({
  type: z.string().optional().catch(undefined),
  symbol: text.optional(),
  name: text.optional(),
  timeframe: text.optional(),
  strategy: text.optional(),
  criteria: z.object({ strategy: text.optional() }).optional().catch(undefined),
  progress: z.object({ done: z.int(), total: z.int(), step: z.string() }).nullable().catch(null),
});
const output = z.object({
  status: runStatus.exclude(['running']).catch('failed'),
  recommendation: text.optional(),
  cautions: z.array(z.string()).catch([]),
  error: z.unknown().optional(),
});

export type RunHead = z.output<typeof runHead>;
export type Run = z.output<typeof run>;
export type FullRun = z.output<typeof fullRun>;
export type RunKind = z.output<typeof runKind>;
export type RunStatus = z.output<typeof runStatus>;

/** The id under which clients know a run's actor. */
export function runIdOf({ machine, key }: Pick<ActorView, 'machine' | 'key'>): string {
  return `${machine}.${key}`;
}

/** How far a run is. */
export function runHeadOf(actor: ActorView): RunHead {
  const asked = context.parse(actor.context);
  const { progress } = asked;
  const ended = outputOf(actor);
  const error = ended?.error ?? actor.error;
  return {
    runId: runIdOf(actor),
    kind: kindOf(actor),
    type: asked.type ?? kindOf(actor),
    symbol: asked.symbol ?? null,
    name: asked.name ?? null,
    timeframe: asked.timeframe ?? null,
    strategy: asked.strategy ?? asked.criteria?.strategy ?? null,
    status: statusOf(actor),
    step: actor.status === 'active' ? (progress?.step ?? null) : null,
    // Of a screener that does not know its candidates yet there is nothing to count.
    progress: progress && progress.total > 0 ? { done: progress.done, total: progress.total } : null,
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
export function fullRunOf(actor: ActorView, pending?: Pick<PendingWork, 'effects'>): FullRun {
  const inFull = kindOf(actor) === 'screener' ? screenerInFull : analysisInFull;
  return { ...runOf(actor, pending), full: actor.status === 'done' ? inFull(actor.output ?? {}) : null };
}

/** What was asked for: the symbol, or the screener's name. */
export function subjectOf({ kind, type, symbol, name }: RunHead): string {
  if (kind === 'screener') return name === null ? 'Screener' : `Screener "${name}"`;
  return `${type} of ${symbol}`;
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
  const { runId, status, step, progress, recommendation, error } = head;
  const what = `${subjectOf(head)} (runId ${runId})`;
  if (status === 'running') {
    const far = progress ? ` ${progress.done}/${progress.total}` : '';
    return `${what} is running${far}${step ? `: ${step}` : ''}.`;
  }
  if (error) return `${what} ${status}: ${error.message} (${error.code}).`;
  return `${what} is ${status}${recommendation ? `: ${verdictInWords(head)}` : ''}.`;
}

/** Why it does not go on, a sentence for each reason: a screener may wait for several symbols alike. */
export function waitingInWords({ waiting }: Pick<Run, 'waiting'>): string[] {
  const reasons = new Set(waiting.map(({ error: { code, message } }) => `${message} (${code})`));
  return [...reasons].map((reason) => `Waiting, and trying again: ${reason}`);
}

/** The run and its main numbers in a few lines. */
export function resultInWords(ended: Run): string {
  const { result } = ended;
  if (!result) return [runInWords(ended), ...waitingInWords(ended)].join('\n');
  const lines = result.kind === 'screener' ? screenerInWords(result) : analysisInWords(result);
  return [runInWords(ended), ...lines, `Source ${result.source}, as of ${result.asOf}.`]
    .filter(Boolean)
    .join('\n');
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

function kindOf({ machine }: ActorView): RunKind {
  return machine === 'screener' ? 'screener' : 'analysis';
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
  if (actor.status !== 'done') return null;
  const ended = actor.output ?? {};
  return kindOf(actor) === 'screener' ? screenerResultOf(ended) : analysisResultOf(ended);
}
