/** An attempt of an effect as those who measure and trace it hear of it. Not for running it (`effect-runner.ts`). */
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import type { AttemptOutcome, Telemetry, TraceContext } from '../telemetry.ts';
import type { RuntimeLog } from '../types.ts';

export interface ObservedAttempt {
  /** For the step that takes its result. */
  readonly trace: TraceContext | undefined;
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Once. `code`: of its error; `gaveUp`: the machine is told of it. */
  ended(outcome: AttemptOutcome, failure?: { code: string; gaveUp: boolean }): void;
}

/** Attempt number `attempt` (from 1) begins. What those who are told throw is logged: it is not the effect's fault. */
export function observeAttempt(
  { metrics, tracer }: Telemetry,
  log: RuntimeLog,
  { src: effect, effectId, address, trace }: EffectRow,
  attempt: number,
): ObservedAttempt {
  const guarded = <T>(tell: () => T): T | undefined => {
    try {
      return tell();
    } catch (error) {
      log.error({ err: error, effect }, 'those who measure and trace effects failed');
      return undefined;
    }
  };
  const began = performance.now();
  const parent = trace ?? undefined;
  const traced = guarded(() => tracer?.attempt({ effect, effectId, address, attempt, parent }));
  return {
    trace: traced?.trace,
    run: (work) => (traced ? traced.run(work) : work()),
    ended(outcome, failure) {
      const durationMs = performance.now() - began;
      const gaveUp = failure?.gaveUp ?? false;
      guarded(() => metrics?.attempted({ effect, outcome, durationMs, gaveUp }));
      guarded(() => traced?.ended(outcome, failure?.code));
    },
  };
}
