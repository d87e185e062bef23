/**
 * The items of work that the committer gathers, and what applying them to one actor has come to so far.
 * Not for applying them (`apply.ts`) nor for committing (`batch.ts`).
 */
import type {
  ActorRow,
  DeadLetterRow,
  EffectRow,
  IdempotencyRow,
  JournalRow,
  MessageRow,
  NewMessage,
} from '../../persistence/actors/rows.ts';
import type { PlainError } from './errors.ts';
import type { ActorEvent, Address, EmittedEvent, SendAnswer } from './types.ts';

/** Where an answer is remembered. */
export interface Idempotency {
  scope: string;
  key: string;
  payloadHash: string;
}

interface ItemBase {
  /** Names the step in the journal, so that a commit of unknown outcome can be looked up. */
  stepId: string;
  address: Address;
  idempotency?: Idempotency | undefined;
}

/** What is needed to make an actor. */
export interface SpawnBody {
  machine: string;
  key: string;
  owner: string;
  input: unknown;
}

/** One thing to do to one actor. */
export type Item = ItemBase &
  (
    | ({ kind: 'spawn'; singletonKey: string | null } & SpawnBody)
    | { kind: 'event'; event: ActorEvent; source: string | null }
    /** A fired job. The actor must wait for this one, or it is late. */
    | { kind: 'timer'; job: string }
    /** The result of an effect. The actor must wait for this one, or it is late. */
    | { kind: 'effect'; effectId: string; outcome: { output: unknown } | { error: PlainError } }
    /** There are messages in its mailbox; they are loaded with the actor. */
    | { kind: 'mail' }
    | { kind: 'stop'; source: string | null }
  );

/** The answer of an item: null for one that was late and did nothing. */
export type Answer = SendAnswer | null;

/** What applying items has gathered for one actor: the row as it is to be, and the rows beside it. */
export class Work {
  readonly address: Address;
  /** As loaded; undefined when there is no such actor. */
  readonly before: ActorRow | undefined;
  /** The time of all steps of this work. */
  readonly now: Date;
  /** Its mailbox as it was loaded, oldest first. */
  readonly mailbox: readonly MessageRow[];
  row: ActorRow | undefined;
  readonly journal: JournalRow[] = [];
  readonly deadLetters: DeadLetterRow[] = [];
  readonly keys: IdempotencyRow[] = [];
  readonly emitted: EmittedEvent[] = [];
  /** Started by these items, by effect id; some may have been cancelled by a later item. */
  readonly effects = new Map<string, EffectRow>();
  readonly sent: NewMessage[] = [];
  /** The ids of the messages that were taken. */
  readonly taken: string[] = [];

  constructor(
    address: Address,
    before: ActorRow | undefined,
    now: Date,
    mailbox: readonly MessageRow[] = [],
  ) {
    this.address = address;
    this.before = before;
    this.row = before;
    this.now = now;
    this.mailbox = mailbox;
  }

  /** Remembers how it stands; the function that it returns undoes what was gathered since. */
  mark(): () => void {
    const { row } = this;
    const effects = new Map(this.effects);
    const lists = [this.journal, this.deadLetters, this.keys, this.emitted, this.sent] as unknown[][];
    const lengths = lists.map(({ length }) => length);
    return () => {
      this.row = row;
      this.effects.clear();
      for (const [id, effect] of effects) this.effects.set(id, effect);
      for (const [index, list] of lists.entries()) list.length = lengths[index] ?? 0;
    };
  }

  /** Whether anything of this work has to be written. */
  hasWrites(): boolean {
    return (
      this.row !== this.before || this.journal.length > 0 || this.taken.length > 0 || this.sent.length > 0
    );
  }
}
