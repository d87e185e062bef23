/**
 * From applied items to one transaction: what the rows of a batch are, and their commit together with emitted
 * events. Used by the committer and by the timer driver.
 */
import type { Pool, PoolClient } from 'pg';
import { commitSteps, type StepBatch } from '../../../persistence/actors/commit.ts';
import { deleteDeadLetters, lockDeadLetters } from '../../../persistence/actors/dead-letters.ts';
import type { EffectRow, TimerEntry } from '../../../persistence/actors/rows.ts';
import type { TimerJob } from '../../../persistence/actors/timers.ts';
import { inTransaction } from '../../../persistence/transaction.ts';
import type { Registry } from '../registry/registry.ts';
import type { Work } from '../steps/work.ts';
import type { CommitFacts, Telemetry } from '../telemetry.ts';
import type { EmittedEvent, RuntimeLog, Transaction } from '../types.ts';

export interface BatchWriter {
  pool: Pool;
  registry: Registry;
  /** This process's id, and while it joins again also the one that it had before. */
  processIds: readonly string[];
  onEmitted: ((transaction: Transaction, emitted: readonly EmittedEvent[]) => Promise<void>) | undefined;
  telemetry: Telemetry;
}

/** What a committed batch leaves to do outside the database. */
export interface CommittedBatch {
  /** The works whose steps took effect. */
  works: Work[];
  /** The works that lost to another writer: to be applied again on what is there now. */
  lost: Work[];
  effectsStarted: EffectRow[];
  effectsCancelled: string[];
  timersSet: TimerJob[];
  /** Jobs that no actor waits for any more. */
  jobsCancelled: string[];
}

/** Commits works in a transaction of its own. */
export async function commitWorks(writer: BatchWriter, works: readonly Work[]): Promise<CommittedBatch> {
  if (works.some(({ lettersTaken }) => lettersTaken.length > 0)) return commitRetries(writer, works);
  const plan = planBatch(writer, works);
  // Without emitted events one statement is the whole transaction.
  if (!emits(writer, works)) {
    return settle(plan, await commitSteps(writer.pool, plan.batch));
  }
  return inTransaction(writer.pool, (client) => commitWorksIn(writer, client, works, plan));
}

/** With dead letters that are retried: each is locked, so that of two that retry one the other finds it gone. */
function commitRetries(writer: BatchWriter, works: readonly Work[]): Promise<CommittedBatch> {
  return inTransaction(writer.pool, async (client) => {
    const there = await lockDeadLetters(
      client,
      works.flatMap(({ lettersTaken }) => lettersTaken),
    );
    const hasAll = ({ lettersTaken }: Work) => lettersTaken.every((id) => there.has(id));
    const committed = await commitWorksIn(writer, client, works.filter(hasAll));
    const retried = committed.works.flatMap(({ lettersTaken }) => lettersTaken);
    if (retried.length > 0) await deleteDeadLetters(client, retried);
    return { ...committed, lost: [...committed.lost, ...works.filter((work) => !hasAll(work))] };
  });
}

/** Commits works as part of a transaction that the caller has begun. */
export async function commitWorksIn(
  writer: BatchWriter,
  client: PoolClient,
  works: readonly Work[],
  plan: Plan = planBatch(writer, works),
): Promise<CommittedBatch> {
  const committed = settle(plan, await commitSteps(client, plan.batch));
  const emitted = committed.works.flatMap((work) => work.emitted);
  if (emitted.length > 0) await writer.onEmitted?.(client, emitted);
  return committed;
}

/** Tells of a commit that began at this `performance.now()`. What those who are told throw is logged: it is committed. */
export function tellCommit(
  { telemetry, log }: { telemetry: Telemetry; log: RuntimeLog },
  by: CommitFacts['by'],
  began: number,
  committed: CommittedBatch,
): void {
  try {
    tell(telemetry, by, began, committed);
  } catch (error) {
    log.error({ err: error }, 'those who measure and trace commits failed');
  }
}

function tell(
  { metrics }: Telemetry,
  by: CommitFacts['by'],
  began: number,
  { works, lost, timersSet, jobsCancelled }: CommittedBatch,
): void {
  const steps = works.flatMap((work) => work.steps);
  for (const step of steps) step.traced?.committed(step);
  const fired = steps.filter(({ lateMs }) => lateMs !== undefined).length;
  metrics?.committed({
    by,
    durationMs: performance.now() - began,
    steps,
    actors: works.length,
    conflicts: lost.length,
    timersSet: timersSet.length,
    timersCancelled: jobsCancelled.length - fired,
  });
}

function emits(writer: BatchWriter, works: readonly Work[]): boolean {
  return writer.onEmitted !== undefined && works.some((work) => work.emitted.length > 0);
}

interface Plan extends Omit<CommittedBatch, 'lost' | 'works'> {
  batch: StepBatch;
  works: readonly Work[];
}

/** The net change of each work: what was started and cancelled within it leaves no trace but the journal. */
function planBatch({ registry, processIds }: BatchWriter, works: readonly Work[]): Plan {
  const plan = {
    works,
    effectsStarted: [] as EffectRow[],
    effectsCancelled: [] as string[],
    timersSet: [] as TimerJob[],
    jobsCancelled: [] as string[],
  };
  const actors: StepBatch['actors'][number][] = [];
  const effectsEnded: { address: string; effectId: string }[] = [];
  for (const { address, before, row, effects, outcomes } of works) {
    if (!row) continue;
    actors.push({ row, expected: before?.revision ?? 0, outcomes });
    const timersBefore = byJob(before?.pending.timers ?? {});
    const timersNow = byJob(row.pending.timers);
    for (const [job, { timerId, due }] of timersNow) {
      if (!timersBefore.has(job))
        plan.timersSet.push({ job, address, timerId, due: new Date(due), version: row.version });
    }
    for (const job of timersBefore.keys()) {
      if (!timersNow.has(job)) plan.jobsCancelled.push(job);
    }
    const running = new Set(Object.values(row.pending.effects).map(({ effectId }) => effectId));
    for (const { effectId } of Object.values(before?.pending.effects ?? {})) {
      if (!running.has(effectId)) effectsEnded.push({ address, effectId });
    }
    for (const [effectId, effect] of effects) {
      if (!running.has(effectId)) continue;
      const deadlineMs = registry.effect(effect.src)?.deadlineMs ?? 0;
      plan.effectsStarted.push({ ...effect, deadlineAt: new Date(effect.dueAt.getTime() + deadlineMs) });
    }
  }
  plan.effectsCancelled = effectsEnded.map(({ effectId }) => effectId);
  const batch: StepBatch = {
    processes: processIds,
    actors,
    journal: works.flatMap((work) => work.journal),
    effectsStarted: plan.effectsStarted,
    effectsEnded,
    timersSet: plan.timersSet,
    keys: works.flatMap((work) => work.keys),
    deadLetters: works.flatMap((work) => work.deadLetters),
    messages: works.flatMap(({ sent, row }) =>
      sent.map((message) => ({ ...message, exists: row !== undefined })),
    ),
    messagesTaken: works.flatMap(({ address, taken, row }) =>
      taken.map((id) => ({ id, address, exists: row !== undefined })),
    ),
  };
  return { ...plan, batch };
}

function byJob(timers: Record<string, TimerEntry>): Map<string, { timerId: string; due: string }> {
  return new Map(Object.entries(timers).map(([timerId, { job, due }]) => [job, { timerId, due }]));
}

/** Leaves of the plan what took effect. */
function settle(plan: Plan, won: ReadonlySet<string>): CommittedBatch {
  // Mail to an actor that is not there has no revision to lose by.
  const takesEffect = ({ address, row }: Work) => row === undefined || won.has(address);
  const works = plan.works.filter(takesEffect);
  if (works.length === plan.works.length) return { ...plan, works, lost: [] };
  const cancelled = new Set(
    works.flatMap((work) =>
      Object.values(work.before?.pending.effects ?? {}).map(({ effectId }) => effectId),
    ),
  );
  const jobs = new Set(
    works.flatMap((work) => Object.values(work.before?.pending.timers ?? {}).map(({ job }) => job)),
  );
  return {
    works,
    lost: plan.works.filter((work) => !takesEffect(work)),
    effectsStarted: plan.effectsStarted.filter(({ address }) => won.has(address)),
    effectsCancelled: plan.effectsCancelled.filter((effectId) => cancelled.has(effectId)),
    timersSet: plan.timersSet.filter(({ address }) => won.has(address)),
    jobsCancelled: plan.jobsCancelled.filter((job) => jobs.has(job)),
  };
}
