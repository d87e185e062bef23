/**
 * Runs of every kind: wait for one, read it, list all, cancel one. They are started by `start-analysis.ts` and
 * `start-screener.ts`; what a run does stands in its machine.
 */
import { z } from 'zod';
import { RuntimeError } from '../../actors/runtime/errors.ts';
import type { ActorView, PendingWork } from '../../actors/runtime/types.ts';
import { cursor, limit, nextCursor, text } from './fields.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import { cancelActor, ownActor } from './own-actor.ts';
import { pageOf } from './pages.ts';
import {
  fullRun,
  fullRunOf,
  type RunHead,
  type RunKind,
  type RunStatus,
  resultInWords,
  run,
  runHead,
  runHeadOf,
  runInWords,
  runKind,
  runOf,
  runStatus,
} from './run-view.ts';

/** `<kind>.<key>`: keys are random, or say what a schedule started when. */
const runIdPattern = /^([a-z]+)\.([\w.:@-]+)$/;
const runId = text(100).min(1);
/** A filter that matches little reads on, but not for ever: the page is then short and has a cursor. */
const pagesPerList = 10;

export const waitRun = defineOperation({
  name: 'wait_run',
  title: 'Wait for a run',
  description:
    'Wait until a run has ended, at most maxWaitSeconds; answers the run either way. If it is still running, call again.',
  input: z.strictObject({
    runId,
    maxWaitSeconds: z.number().min(0).max(45).default(30),
    afterRevision: z.int().min(0).optional().describe('Answer as soon as the run has changed since'),
  }),
  output: z.object({ run }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/runs/{runId}/wait' },
  async run(context, { runId: id, maxWaitSeconds, afterRevision }) {
    const actor = await ownRun(context, id);
    const now = await waitFor(context, actor, maxWaitSeconds * 1_000, afterRevision);
    return { run: runOf(now, await pendingOf(context, now)) };
  },
  text: ({ run: ended }) => resultInWords(ended),
});

export const getRun = defineOperation({
  name: 'get_run',
  title: 'Read a run',
  description: 'A run and its result. detail=full adds every indicator, level and candidate (long).',
  input: z.strictObject({ runId, detail: z.enum(['summary', 'full']).default('summary') }),
  output: z.object({ run: fullRun }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/runs/{runId}' },
  async run(context, { runId: id, detail }) {
    const actor = await ownRun(context, id);
    const pending = await pendingOf(context, actor);
    return { run: detail === 'full' ? fullRunOf(actor, pending) : { ...runOf(actor, pending), full: null } };
  },
  text: ({ run: ended }) => resultInWords(ended),
});

export const listRuns = defineOperation({
  name: 'list_runs',
  title: 'List runs',
  description: 'Analyses and screeners, newest first, without results.',
  input: z.strictObject({
    kind: runKind.optional(),
    status: runStatus.optional(),
    limit,
    cursor,
  }),
  output: z.object({ runs: z.array(runHead), nextCursor }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/runs' },
  async run(context, { kind, status, limit: count, cursor: after }) {
    return listByStatus(context, { kinds: kind ? [kind] : runKind.options, status, count, after });
  },
  text: ({ runs, nextCursor: next }) =>
    [
      runs.length === 0 ? 'No runs.' : '',
      ...runs.map(runInWords),
      next === null ? '' : `More: cursor ${next}`,
    ]
      .filter(Boolean)
      .join('\n'),
});

export const cancelRun = defineOperation({
  name: 'cancel_run',
  title: 'Cancel a run',
  description: 'Stop a run. One that has ended stays as it ended.',
  input: z.strictObject({ runId }),
  output: z.object({ run: runHead }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/runs/{runId}/cancel' },
  async run(context, { runId: id }) {
    const { address } = await ownRun(context, id);
    return { run: runHeadOf(await cancelActor(context, address)) };
  },
  text: ({ run: head }) => runInWords(head),
});

/** The run's actor, if it is this owner's. Throws `run_not_found`. */
function ownRun(context: OperationContext, id: string): Promise<ActorView> {
  const [, kind, key] = id.match(runIdPattern) ?? [];
  return ownActor(context, 'run', id, runKind.safeParse(kind).success ? `${kind}/${key}` : undefined);
}

/** What a run that runs waits for: why it does not go on, if something has failed. */
async function pendingOf(
  { system }: OperationContext,
  { address, status }: ActorView,
): Promise<PendingWork | undefined> {
  return status === 'active' ? system.pending(address) : undefined;
}

/** Resolves when the run has ended, changed since the revision, or the time is up: with the run as it then is. */
async function waitFor(
  { system, signal, onProgress }: OperationContext,
  { address }: ActorView,
  timeoutMs: number,
  afterRevision: number | undefined,
): Promise<ActorView> {
  let told = '';
  const isEnough = (actor: ActorView): boolean => {
    const { progress, step, status } = runHeadOf(actor);
    const now = JSON.stringify([progress, step]);
    if (progress && now !== told) onProgress?.({ ...progress, step: step ?? status });
    told = now;
    return actor.status !== 'active' || (afterRevision !== undefined && actor.revision > afterRevision);
  };
  try {
    return await system.waitFor(address, isEnough, { timeoutMs, ...(signal && { signal }) });
  } catch (error) {
    if (!(error instanceof RuntimeError && error.code === 'timeout')) throw error;
    return system.snapshot(address);
  }
}

/** A page of runs. Actors know active from done; what a done one ended as stands in its output, and is sieved here. */
async function listByStatus(
  { system, owner }: OperationContext,
  {
    kinds,
    status,
    count,
    after,
  }: {
    kinds: readonly RunKind[];
    status: RunStatus | undefined;
    count: number;
    after: string | undefined;
  },
): Promise<{ runs: RunHead[]; nextCursor: string | null }> {
  const runs: RunHead[] = [];
  let next: string | null = after ?? null;
  for (let page = 0; page < pagesPerList; page += 1) {
    const found = await pageOf(
      system.list({
        owner,
        machine: kinds,
        // Never more than are wanted, so that the cursor stands right behind the last one that is answered.
        limit: count - runs.length,
        ...(next !== null && { cursor: next }),
        ...(status === 'running' && { status: 'active' as const }),
      }),
    );
    runs.push(
      ...found.actors.map(runHeadOf).filter((head) => status === undefined || head.status === status),
    );
    next = found.next;
    if (next === null || runs.length === count) break;
  }
  return { runs, nextCursor: next };
}
