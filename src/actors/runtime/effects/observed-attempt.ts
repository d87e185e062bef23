/** An attempt of an effect as those who measure and trace it hear of it. Not for running it (`effect-runner.ts`). */
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import type { AttemptOutcome, Telemetry, TraceContext } from '../telemetry.ts';

export interface ObservedAttempt {
  /** For the step that takes its result. */
  readonly trace: TraceContext | undefined;
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Once. `code`: of its error; `gaveUp`: the machine is told of it. */
  ended(outcome: AttemptOutcome, failure?: { code: string; gaveUp: boolean }): void;
}

/** Attempt number `attempt` (from 1) begins. */
export function observeAttempt(
  { metrics, tracer }: Telemetry,
  { src: effect, effectId, address, trace }: EffectRow,
  attempt: number,
): ObservedAttempt {
  const began = performance.now();
  const traced = tracer?.attempt({ effect, effectId, address, attempt, parent: trace ?? undefined });
  return {
    trace: traced?.trace,
    run: (work) => (traced ? traced.run(work) : work()),
    ended(outcome, failure) {
      const durationMs = performance.now() - began;
      metrics?.attempted({ effect, outcome, durationMs, gaveUp: failure?.gaveUp ?? false });
      traced?.ended(outcome, failure?.code);
    },
  };
}
