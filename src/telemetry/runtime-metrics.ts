/**
 * What the runtime tells, as metrics of Prometheus. Labels are machines, kinds and effects, which are few and known at
 * the start; never addresses, owners or symbols. Counted once a commit, so that a step costs next to nothing.
 */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { AttemptFacts, CommitFacts, RuntimeMetrics } from '../actors/runtime/index.ts';

/** Seconds. */
const COMMIT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const LATENESS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300];
const EFFECT_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SIZE_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096];

/** One in quarantine may go on. */
const ENDS = new Set(['done', 'error', 'stopped']);

/** Registers the runtime's metrics. */
export function createRuntimeMetrics(register: Registry): RuntimeMetrics {
  const registers = [register];
  const steps = new Counter({
    name: 'ttai_steps_total',
    help: 'Committed steps, by machine and kind, such as spawn, step, unchanged, failed, stop.',
    labelNames: ['machine', 'kind'],
    registers,
  });
  const ended = new Counter({
    name: 'ttai_actors_ended_total',
    help: 'Actors that ended, by machine and how: done, error, stopped.',
    labelNames: ['machine', 'status'],
    registers,
  });
  const deadLetters = new Counter({
    name: 'ttai_dead_letters_total',
    help: 'Steps that failed and whose event was kept as a dead letter, by machine.',
    labelNames: ['machine'],
    registers,
  });
  const commits = new Histogram({
    name: 'ttai_commit_duration_seconds',
    help: 'Time of a transaction that commits steps; by what it carries: items, or timers with their steps.',
    labelNames: ['by'],
    buckets: COMMIT_BUCKETS,
    registers,
  });
  const batchActors = new Histogram({
    name: 'ttai_commit_actors',
    help: 'Actors that share a commit.',
    labelNames: ['by'],
    buckets: SIZE_BUCKETS,
    registers,
  });
  const batchSteps = new Histogram({
    name: 'ttai_commit_steps',
    help: 'Steps that share a commit.',
    labelNames: ['by'],
    buckets: SIZE_BUCKETS,
    registers,
  });
  const conflicts = new Counter({
    name: 'ttai_commit_conflicts_total',
    help: 'Actors whose steps lost to another process that committed first; they are stepped again.',
    registers,
  });
  const lateness = new Histogram({
    name: 'ttai_timer_lateness_seconds',
    help: 'How long after its deadline a timer was stepped; its commit comes on top.',
    buckets: LATENESS_BUCKETS,
    registers,
  });
  const timers = new Counter({
    name: 'ttai_timers_total',
    help: 'Timers that were set, fired or cancelled.',
    labelNames: ['what'],
    registers,
  });
  const attempts = new Histogram({
    name: 'ttai_effect_attempt_duration_seconds',
    help: 'Attempts of effects, by outcome: done; retried or failed; timed_out or away, tried again or not; cancelled.',
    labelNames: ['effect', 'outcome'],
    buckets: EFFECT_BUCKETS,
    registers,
  });
  const gaveUp = new Counter({
    name: 'ttai_effects_failed_total',
    help: 'Effects that are not tried again: the machine was told of the error.',
    labelNames: ['effect'],
    registers,
  });

  return {
    committed(facts: CommitFacts): void {
      const { by } = facts;
      commits.observe({ by }, facts.durationMs / 1_000);
      if (facts.conflicts > 0) conflicts.inc(facts.conflicts);
      if (facts.timersSet > 0) timers.inc({ what: 'set' }, facts.timersSet);
      if (facts.timersCancelled > 0) timers.inc({ what: 'cancelled' }, facts.timersCancelled);
      batchActors.observe({ by }, facts.actors);
      batchSteps.observe({ by }, facts.steps.length);
      let fired = 0;
      const counts = new Map<string, Map<string, number>>();
      for (const { machine, kind, status, lateMs } of facts.steps) {
        const kinds = counts.get(machine) ?? new Map<string, number>();
        counts.set(machine, kinds.set(kind, (kinds.get(kind) ?? 0) + 1));
        if (ENDS.has(status)) ended.inc({ machine, status });
        if (lateMs === undefined) continue;
        fired++;
        lateness.observe(lateMs / 1_000);
      }
      if (fired > 0) timers.inc({ what: 'fired' }, fired);
      for (const [machine, kinds] of counts) {
        for (const [kind, count] of kinds) {
          steps.inc({ machine, kind }, count);
          if (kind === 'failed') deadLetters.inc({ machine }, count);
        }
      }
    },
    attempted({ effect, outcome, durationMs, gaveUp: told }: AttemptFacts): void {
      attempts.observe({ effect, outcome }, durationMs / 1_000);
      if (told) gaveUp.inc({ effect });
    },
  };
}
