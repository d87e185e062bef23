/**
 * The public shape of the durable actor runtime: what is registered, what can be called, what is answered.
 * Types only. How it is done stands in the files beside this one; the promises stand in the tests named R1 to R16.
 */
import type { Pool } from 'pg';
import type { AnyStateMachine, StateValue } from 'xstate';
import type { z } from 'zod';
import type { PlainError } from './errors.ts';
import type { PreviousVersion } from './registry/versions.ts';
import type { SystemLoad, Telemetry } from './telemetry.ts';

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

/** What an effect may use while it runs. */
export interface EffectContext {
  /** Aborted when the state is left, the attempt times out, or the process drains. */
  readonly signal: AbortSignal;
  /** The same for each attempt of one effect: give it to the peer. */
  readonly idempotencyKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly owner: string;
  /** The actor that asked. */
  readonly address: Address;
  /** Tells an actor something, committed when it resolves. */
  readonly send: (address: Address, event: ActorEvent, options?: SendOptions) => Promise<SendAnswer>;
}

/** An effect: work outside, declared once with its policy. Machines name it as an actor source. */
export interface Effect<Input = unknown, Output = unknown> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  /** Per attempt. */
  readonly timeoutMs: number;
  /** From the first attempt on; a peer that can't be reached is waited for no longer than this. */
  readonly deadlineMs: number;
  readonly retries: { limit: number; delayMs: number; backoff: 'exponential' | 'fixed'; maxDelayMs: number };
  /** How many of this effect run at once in one process. */
  readonly concurrency: number;
  readonly run: (input: Input, context: EffectContext) => Promise<Output>;
}

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
  /** Attempts that have failed, of those that count against its limit. */
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

export interface ListOptions {
  owner?: string;
  machine?: string | readonly string[];
  status?: ActorStatus;
  /** At most 500; 50 unless said. Newest first. */
  limit?: number;
  /** The `next` of the page before. */
  cursor?: string;
}

export interface MigrateOptions {
  /** Of this machine only; of all unless said. */
  machine?: string;
  /** Says what would become of them, and changes nothing. */
  dryRun: boolean;
  /** At most so many actors are taken up; the others are counted as `left`. All unless said. */
  limit?: number;
}

/** What became of the actors of one version of a machine. Those that have ended are not counted. */
export interface VersionCount {
  machine: string;
  version: string;
  /** Of the machine's current version. */
  current: number;
  /** Of an old version that goes on. */
  goesOn: number;
  /** Taken to a later version, or released; with `dryRun`: would be. */
  migrated: number;
  /** Quarantined now, or still; with `dryRun`: would be. */
  quarantined: number;
  /** Of a version that this process does not have; another may. */
  unknown: number;
  /** Not taken up, since the limit was reached. */
  left: number;
}

export interface MigrationReport {
  dryRun: boolean;
  /** By the version in which the actors were found. */
  versions: VersionCount[];
  /** At most 100 of those that could not be migrated, with the reason. */
  quarantined: { address: Address; machine: string; version: string; code: string; message: string }[];
}

/** Time as the runtime sees it. Tests pass one that they turn. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `callback` once, `delayMs` from now at the earliest. Returns a function that cancels. */
  schedule(delayMs: number, callback: () => void): () => void;
  /**
   * Only of a clock that is turned: it goes on when all its members have settled. Such a clock decides itself what is
   * due; else the database's clock does, one for all processes. Returns a function that leaves.
   */
  join?(member: ClockMember): () => void;
}

/** A system that a turned clock waits for. */
export interface ClockMember {
  /** What is going on, in words for a person; empty when all has settled. `leaveRunning`: effects not to count. */
  busyWith(leaveRunning: readonly string[]): string[];
  /** Resolves when all has settled. */
  settled(leaveRunning: readonly string[]): Promise<void>;
  /** Another member has left: look what it has left behind. */
  look(): void;
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

/** Where a step's SQL runs: inside the transaction that commits the step. */
export interface Transaction {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>;
}

/** Where an actor system keeps what it has. */
export type DatabaseOptions =
  | {
      /** A Postgres URL: the system prepares its own tables there, and its connections are its own. */
      database: string;
    }
  | {
      /** On a migrated database, with others who use it. */
      pool: Pool;
      /** For the one connection that listens and holds this process's lock. */
      connectionString: string;
    };

export type ActorSystemOptions = DatabaseOptions & SystemParts;

/** What an actor system is made of. */
export interface SystemParts {
  machines: readonly DurableMachine[];
  effects: readonly Effect[];
  clock?: Clock;
  /** Writes what machines emit, inside the transaction of the step. Must not call outside the database. */
  onEmitted?: (transaction: Transaction, emitted: readonly EmittedEvent[]) => Promise<void>;
  log?: RuntimeLog;
  /** Who measures and traces what happens here; nobody unless said. */
  telemetry?: Telemetry;
}

export interface RuntimeLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ActorSystem {
  /** The key twice is the same actor. Resolves when its first snapshot is committed. */
  spawn(machine: string, key: string, options: SpawnOptions): Promise<Address>;
  /** Resolves when the step is committed. */
  send(address: Address, event: ActorEvent, options?: SendOptions): Promise<SendAnswer>;
  /** What is committed. */
  snapshot(address: Address): Promise<ActorView>;
  /** Wakes on commit, of whichever process; does not poll. Rejects with `timeout`. */
  waitFor(
    address: Address,
    until: 'done' | { tag: string } | ((actor: ActorView) => boolean),
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<ActorView>;
  /** Cancels its timers and effects. An actor that has ended already stays as it ended. */
  stop(address: Address, options?: { source?: string }): Promise<ActorView>;
  /**
   * Takes actors of old versions to the version to which their machine's migrations lead, without waiting for their
   * next event, and releases those from quarantine whose migration works now. Throws `machine_not_found`, `unavailable`.
   */
  migrate(options: MigrateOptions): Promise<MigrationReport>;
  list(options?: ListOptions): Promise<{ actors: ActorView[]; next: string | null }>;
  /** What an actor waits for, and how that is getting on. */
  pending(address: Address): Promise<PendingWork>;
  /** One actor's steps, by revision, oldest first. */
  journal(address: Address, options?: { from?: number; limit?: number }): Promise<InspectionRecord[]>;
  /** Steps of all actors, or of one, in commit order after a cursor. Ends when there is nothing more yet. */
  inspect(options?: {
    after?: string;
    address?: Address;
    owner?: string;
    limit?: number;
  }): Promise<InspectionRecord[]>;
  /** The cursor after which nothing has been committed yet. */
  inspectEnd(): Promise<string>;
  /** Events whose steps threw, newest first. */
  deadLetters(options?: DeadLetterOptions): Promise<{ deadLetters: DeadLetter[]; next: string | null }>;
  /** Throws `dead_letter_not_found`. */
  deadLetter(id: string): Promise<DeadLetter>;
  /** How many there are, of all owners; 10,000 also stands for more. */
  countDeadLetters(): Promise<number>;
  /**
   * Applies the event to the actor as it is now, and deletes the letter in the same commit: however often and from
   * wherever it is asked for, once. Throws `dead_letter_not_found`; and, with the letter kept, `step_failed` when the
   * step throws again, `actor_ended`, and `dead_letter_late` when the actor has moved on from where a timer, a result
   * or another actor's message found it.
   */
  retryDeadLetter(id: string, options?: { source?: string }): Promise<SendAnswer>;
  /** Deletes the letter: the event is given up. Answers it as it was. Throws `dead_letter_not_found`. */
  discardDeadLetter(id: string, options?: { source?: string }): Promise<DeadLetter>;
  onCommit(listener: (notice: CommitNotice) => void): () => void;
  /** What this process is busy with now. Asks no database. */
  load(): SystemLoad;
  /** The registered machines in all their versions, the current one of each before its old ones. */
  machines(): readonly DurableMachine[];
  /** No new work; what runs is finished or handed over within the time. */
  drain(options?: { timeoutMs?: number }): Promise<void>;
}
