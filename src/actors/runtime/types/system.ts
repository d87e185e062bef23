/** What an actor system is made of, and what can be called on it. Types only. */
import type { Pool } from 'pg';
import type { SystemLoad, Telemetry } from '../telemetry.ts';
import type {
  ActorView,
  EndedOptions,
  ListOptions,
  PendingWork,
  SendAnswer,
  SendOptions,
  SpawnOptions,
} from './actor.ts';
import type { Effect } from './effect.ts';
import type { ActorEvent, Address, DurableMachine } from './machine.ts';
import type { MigrateOptions, MigrationReport } from './migrating.ts';
import type {
  CommitNotice,
  DeadLetter,
  DeadLetterOptions,
  EmittedEvent,
  InspectionRecord,
} from './records.ts';

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

/** An actor that is started again and again, at the minutes of a cron line. */
export interface Schedule {
  /** 1 to 100 letters, digits or `. _ -`; the same in all processes. */
  readonly name: string;
  /** Five fields: minute, hour, day of the month, month, day of the week; `5 0 * * *` is each day at 0:05. */
  readonly cron: string;
  /** An IANA name, such as America/New_York: the line is read by its wall clock. */
  readonly timeZone: string;
  /**
   * The actor to start, at `now`: the moment at which the schedule comes to it, up to two minutes after the cron's, and
   * later when nothing ran at that time. Asked more than once of one occurrence, so that the key has to come from the
   * moment (a date), and not from chance.
   */
  readonly spawn: (now: Date) => { machine: string; key: string; input: unknown; owner: string };
}

/** What an actor system is made of. */
export interface SystemParts {
  machines: readonly DurableMachine[];
  effects: readonly Effect[];
  clock?: Clock;
  /** What is started by the calendar. */
  schedules?: readonly Schedule[];
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
   * next event, and releases those from quarantine whose migration works now. Throws `machine_not_found`, `invalid_input`, `unavailable`.
   */
  migrate(options: MigrateOptions): Promise<MigrationReport>;
  list(options?: ListOptions): Promise<{ actors: ActorView[]; next: string | null }>;
  /** What of an owner's has ended since a moment: the last ones first, and how many there are (at most 10,000). */
  listEnded(options: EndedOptions): Promise<{ actors: ActorView[]; count: number }>;
  /** What an actor waits for, and how that is getting on. */
  pending(address: Address): Promise<PendingWork>;
  /** One actor's steps, by revision, oldest first; at most 500. None of an address that no actor has. */
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
  /** No new work; what runs is finished or handed over within the time: 10 s unless said, and 5 s more at most. */
  drain(options?: { timeoutMs?: number }): Promise<void>;
}
