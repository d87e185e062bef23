/** What is registered of a machine, and the words that all else is said in. Types only. */
import type { AnyStateMachine } from 'xstate';
import type { z } from 'zod';
import type { PreviousVersion } from '../registry/versions.ts';

/** `machine/key`, for example `priceAlert/01J...`. */
export type Address = string;

/** An event as XState takes it. */
export interface ActorEvent {
  type: string;
  [field: string]: unknown;
}

/**
 * A machine as it is registered: the pure XState machine with its schemas and its policy.
 *
 * A change that stored snapshots would notice (a state, a delay, an invoke, the context's shape) is a new version: keep
 * the old machine beside the new one, give the new one the next `version`, and say in `previous` whether actors of the
 * old one go on in it or migrate. `checkMigrations` of `testing/walk-versions.ts` tries each state of the old versions.
 */
export interface DurableMachine {
  /** The name in addresses; equals `machine.id`. */
  readonly id: string;
  /** Kept with every snapshot. Actors of a version that is neither this nor one of `previous` are left alone. */
  readonly version: string;
  readonly machine: AnyStateMachine;
  /** The old versions of which there may still be actors, and what becomes of these. */
  readonly previous?: readonly PreviousVersion[];
  readonly input: z.ZodType;
  /** The events that may come from outside, by type; each schema takes the whole event. All others are refused. */
  readonly events: Readonly<Record<string, z.ZodType>>;
  readonly journal?: {
    /** Steps to keep of each actor; all unless said. A monitor that ticks keeps its last few hundred. */
    readonly keepLast?: number;
    /** Steps older than this go, but each actor's last ten stay. Kept for ever unless said. */
    readonly keepFor?: Duration;
    /** Whether events for which a state has no transition are written down; not unless said. */
    readonly unchanged?: boolean;
    /** Dotted paths (`context.token`, `event.secret`) whose values never reach the journal. */
    readonly redact?: readonly string[];
  };
  /**
   * How long an actor that has ended stays, with its journal, its dead letters and the children that it started; for
   * ever unless said.
   */
  readonly keepEnded?: Duration;
}

/** Milliseconds, or words like `500 ms`, `30 s`, `5 min`, `1 h`, `90 d`. */
export type Duration = number | `${number} ${'ms' | 's' | 'min' | 'h' | 'd'}`;
