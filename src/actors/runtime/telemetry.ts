/**
 * What the runtime tells those who measure and trace it. It knows neither Prometheus nor OpenTelemetry: whoever starts
 * a system hands it what listens, or nothing. Types only.
 *
 * Listeners are called within the work that they hear of: they must be quick, and must not throw.
 */
import type { StateValue } from 'xstate';
import type { InspectionRecord } from './types/records.ts';

/** Where a cause is kept that crosses a commit: the value of a W3C `traceparent` header. */
export type TraceContext = string;

/** One committed step. Its address is for traces: as a label of a metric it would be one time series an actor. */
export interface StepFacts {
  address: string;
  machine: string;
  kind: InspectionRecord['kind'];
  eventType: string;
  revision: number;
  /** Null for the first. */
  valueBefore: StateValue | null;
  value: StateValue;
  /** `active`, or how the actor has ended with this step. */
  status: string;
  /** Of a timer's step: how long after its deadline it was taken. Its commit comes on top. */
  lateMs?: number | undefined;
}

/** One transaction that carried steps. */
export interface CommitFacts {
  /** What asked for it: callers, effects and mail; or timers that were due. */
  by: 'items' | 'timers';
  /** From the first statement to the end of the flush. */
  durationMs: number;
  steps: readonly StepFacts[];
  /** Actors whose steps took effect. */
  actors: number;
  /** Actors whose steps lost to another writer, and are taken again. */
  conflicts: number;
  timersSet: number;
  /** Timers that no actor waits for any more, without those that fired. */
  timersCancelled: number;
}

/**
 * How one attempt of an effect ended. `retried`: it failed and is tried again; `failed`: it failed and its machine is
 * told; `timed_out` and `away` (the peer could not be reached): either of both; `cancelled`: nobody wants its result,
 * or the process drains.
 */
export type AttemptOutcome = 'done' | 'retried' | 'failed' | 'timed_out' | 'away' | 'cancelled';

export interface AttemptFacts {
  effect: string;
  outcome: AttemptOutcome;
  durationMs: number;
  /** The machine is told that the effect has failed. */
  gaveUp: boolean;
}

/** Counts. */
export interface RuntimeMetrics {
  committed(facts: CommitFacts): void;
  attempted(facts: AttemptFacts): void;
}

/** A step under way. One that is never committed is never told of again. */
export interface TracedStep {
  /** For all that the step causes. */
  readonly trace: TraceContext;
  committed(facts: StepFacts): void;
}

/** An attempt of an effect under way. */
export interface TracedAttempt {
  /** For the step that takes its result. */
  readonly trace: TraceContext;
  /** Runs the work with the attempt as the active context. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** `code`: of its error. */
  ended(outcome: AttemptOutcome, code: string | undefined): void;
}

/** Follows causes: from a caller through steps, effects and messages, and through processes. */
export interface RuntimeTracer {
  /** Of the code that calls the runtime now; undefined where nothing is traced. */
  active(): TraceContext | undefined;
  /**
   * A step begins. `parent`: what caused it. `link`: the step that set the timer that caused it; such a step begins a
   * trace of its own, for what polls would otherwise be one trace without an end.
   */
  step(cause: { parent?: TraceContext | undefined; link?: TraceContext | undefined }): TracedStep;
  /** An attempt begins. `parent`: the step that started the effect. */
  attempt(facts: {
    effect: string;
    effectId: string;
    address: string;
    attempt: number;
    parent: TraceContext | undefined;
  }): TracedAttempt;
}

export interface Telemetry {
  metrics?: RuntimeMetrics | undefined;
  tracer?: RuntimeTracer | undefined;
}

/** What a process is busy with at this moment. */
export interface SystemLoad {
  /** Items that wait to be committed, or are being. */
  queued: number;
  /** By effect: attempts that run, and effects that wait for their turn or their next attempt. */
  effects: ReadonlyMap<string, { running: number; waiting: number }>;
}
