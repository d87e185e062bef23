/** What is kept and told of steps: the journal, dead letters, what machines emit. Types only. */
import type { StateValue } from 'xstate';
import type { PlainError } from '../errors.ts';
import type { ActorStatus } from './actor.ts';
import type { ActorEvent, Address } from './machine.ts';

/** One work item that a step started or cancelled, in the shapes of XState 6's `xstate/durable`. */
export type EffectDescriptor =
  | { type: '@xstate.start'; id: string; src: string; effectId: string; input: unknown }
  | { type: '@xstate.spawn'; id: string; src: string; address: Address; input: unknown }
  | { type: '@xstate.stop'; id: string }
  | { type: '@xstate.sendTo'; to: Address; event: ActorEvent }
  | { type: '@xstate.raise'; id: string; event: ActorEvent; delay: number; due: string }
  | { type: '@xstate.cancel'; id: string }
  | { type: '@xstate.emit'; event: ActorEvent }
  | { type: '@xstate.deadLetter'; event: ActorEvent; error: PlainError };

/** One committed step, as the journal keeps it and the inspector shows it. */
export interface InspectionRecord {
  /** Position in the journal of the whole system; pass it as `after` to go on from here. Opaque, ordered. */
  cursor: string;
  address: Address;
  machine: string;
  version: string;
  owner: string;
  /** Tells one life of an address from a later one. */
  incarnation: string;
  revision: number;
  /**
   * `spawn`: the first; `step`; `unchanged`: no transition; `failed`: the step threw; `stop`: from outside; `migrate`:
   * taken to another version of its machine, or quarantined since that failed.
   */
  kind: 'spawn' | 'step' | 'unchanged' | 'failed' | 'stop' | 'migrate';
  at: Date;
  event: ActorEvent;
  source: string | null;
  valueBefore: StateValue | null;
  snapshot: {
    status: ActorStatus;
    value: StateValue;
    context: unknown;
    output?: unknown;
    error?: PlainError;
  };
  /**
   * Transitions taken, by state node id. `targets` is empty for a transition without a target; `eventType` is the
   * transition's own: empty for `always`, `FOO.*` for a wildcard.
   */
  microsteps: { source: string; targets: string[]; eventType: string }[];
  effects: EffectDescriptor[];
}

/**
 * An event whose step threw. What its machine redacts (`event.secret`) is left out of `event`; the event itself is kept
 * whole, for the retry.
 */
export interface DeadLetter {
  id: string;
  address: Address;
  machine: string;
  owner: string;
  incarnation: string;
  /** Where the actor stood when it went on without the event. */
  revision: number;
  event: ActorEvent;
  source: string | null;
  error: PlainError;
  at: Date;
}

export interface DeadLetterOptions {
  owner?: string;
  address?: Address;
  machine?: string;
  /** At most 500; 50 unless said. Newest first. */
  limit?: number;
  /** The `next` of the page before. */
  cursor?: string;
}

/** Told after each commit, by this process or (through the database) by another. */
export interface CommitNotice {
  /** Null: some were missed; read again whatever you watch. */
  addresses: readonly Address[] | null;
}

export interface EmittedEvent {
  /** Unique for ever, also where an address has had an earlier life. The same when its step is tried again. */
  id: string;
  address: Address;
  owner: string;
  /** The revision whose step emitted it. */
  revision: number;
  /** Among those of its step, from 0. */
  index: number;
  event: ActorEvent;
  at: Date;
}
