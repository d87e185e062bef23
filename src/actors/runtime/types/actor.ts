/** An actor as it is asked for: what a caller gives and is answered, and what an actor waits for. Types only. */
import type { StateValue } from 'xstate';
import type { PlainError } from '../errors.ts';
import type { ActorEvent, Address } from './machine.ts';

export type ActorStatus = 'active' | 'done' | 'error' | 'stopped' | 'quarantined';

/** A delayed transition that is waiting. */
export interface PendingTimer {
  /** XState's send id, for example `xstate.after.30000.priceAlert.waiting`. */
  id: string;
  due: Date;
  event: ActorEvent;
}

/** An effect that is running or waiting for its next attempt. */
export interface PendingEffect {
  /** The id of the invocation in the machine. */
  id: string;
  src: string;
  effectId: string;
}

/** An actor that this one has started and that has not ended. */
export interface PendingChild {
  /** The child's id in the machine. */
  id: string;
  src: string;
  address: Address;
}

/** An effect that an actor waits for, and how it is getting on. */
export interface EffectProgress extends PendingEffect {
  /** Attempts that have failed, of those that count against its limit; also those that their process did not survive. */
  failedAttempts: number;
  /** When it is tried next; in the past while an attempt runs, or waits for its turn. */
  nextAttemptAt: Date;
  /** It is tried no longer than this. */
  deadline: Date;
  lastError: PlainError | null;
  /** The process that runs it. Null, or not alive: another takes it over within seconds, if any has the effect. */
  process: { id: string; alive: boolean } | null;
}

/** What an actor waits for, as of one moment: for whoever has to know why it does not move. */
export interface PendingWork {
  /** The moment, by the runtime's clock: a timer that is due before it is late. */
  at: Date;
  timers: PendingTimer[];
  effects: EffectProgress[];
  /** `status` is null for one that is not there yet: its spawning waits in its mailbox. */
  children: (PendingChild & { status: ActorStatus | null })[];
  /** Messages of other actors that it has not taken yet. */
  unreadMessages: number;
}

/** An actor as it is committed. */
export interface ActorView {
  address: Address;
  machine: string;
  key: string;
  version: string;
  owner: string;
  status: ActorStatus;
  /** Counts the commits, from 1, without gaps. */
  revision: number;
  value: StateValue;
  tags: string[];
  context: Record<string, unknown>;
  output?: unknown;
  error?: PlainError;
  timers: PendingTimer[];
  effects: PendingEffect[];
  children: PendingChild[];
  /** The actor that started it; null for one that was spawned from outside. */
  parent: Address | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface SpawnOptions {
  input: unknown;
  /** Who may see and touch it; `system` for what serves all. */
  owner: string;
  /** Belongs to machine and owner; the same key with another input is refused. */
  idempotencyKey?: string;
  /** Until an actor of this machine and owner with this key has ended, its address is answered instead. */
  singletonKey?: string;
}

export interface SendOptions {
  /** Belongs to the address; the same key with another event is refused. */
  idempotencyKey?: string;
  /** Who sends, for the journal: an address, or a door such as `mcp`. */
  source?: string;
}

export interface SendAnswer {
  revision: number;
  value: StateValue;
  status: ActorStatus;
  /** False when the state has no transition for the event. */
  changed: boolean;
}

export interface ListOptions {
  owner?: string;
  machine?: string | readonly string[];
  status?: ActorStatus;
  /** At most 500; 50 unless said. Newest first. */
  limit?: number;
  /** The `next` of the page before. */
  cursor?: string;
}

export interface EndedOptions {
  owner: string;
  machine: string | readonly string[];
  since: Date;
  /** At most 500; 50 unless said. */
  limit?: number;
}
