/**
 * The items of work that the committer gathers, and what applying them to one actor has come to so far.
 * Not for applying them (`apply.ts`) nor for committing (`batch.ts`).
 */
import type { StoredDeadLetter } from '../../../persistence/actors/dead-letters.ts';
import type {
  ActorRow,
  DeadLetterRow,
  EffectRow,
  IdempotencyRow,
  JournalRow,
  MessageRow,
  NewMessage,
  TimerEntry,
} from '../../../persistence/actors/rows.ts';
import type { PlainError } from '../errors.ts';
import type { RuntimeTracer, StepFacts, TraceContext, TracedStep } from '../telemetry.ts';
import type { ActorEvent, Address, EmittedEvent, SendAnswer } from '../types.ts';

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
  /** What caused it, where traces are on. */
  trace?: TraceContext | undefined;
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
    /** `eventIn`: as a version of its machine takes it, where several step here. Throws `invalid_event`. */
    | { kind: 'event'; event: ActorEvent; source: string | null; eventIn?: (version: string) => ActorEvent }
    /** A fired job. The actor must wait for this one, or it is late. */
    | { kind: 'timer'; job: string }
    /** The result of an effect. The actor must wait for this one, or it is late. */
    | { kind: 'effect'; effectId: string; outcome: { output: unknown } | { error: PlainError } }
    /** There are messages in its mailbox; they are loaded with the actor. */
    | { kind: 'mail' }
    /** Whatever comes next: to the version that steps here, and out of quarantine. */
    | { kind: 'migrate' }
    | { kind: 'stop'; source: string | null }
    /** The event of a dead letter, which is loaded with the actor. */
    | { kind: 'retry'; letter: string; source: string | null }
  );

/** The answer of an item: null for one that was late and did nothing. */
export type Answer = SendAnswer | null;

/** A step, and its span where it is traced. */
export interface TakenStep extends StepFacts {
  traced: TracedStep | undefined;
}

/** What applying items has gathered for one actor: the row as it is to be, and the rows beside it. */
export class Work {
  readonly address: Address;
  /** As loaded; undefined when there is no such actor. */
  readonly before: ActorRow | undefined;
  /** The time of all steps of this work. */
  readonly now: Date;
  /** Its mailbox as it was loaded, oldest first. */
  readonly mailbox: readonly MessageRow[];
  /** More messages may wait than were loaded. */
  readonly mailboxFull: boolean;
  /** The dead letters that are to be retried, by id; those that are gone are absent. */
  readonly letters: ReadonlyMap<string, StoredDeadLetter>;
  row: ActorRow | undefined;
  readonly journal: JournalRow[] = [];
  readonly deadLetters: DeadLetterRow[] = [];
  readonly keys: IdempotencyRow[] = [];
  readonly emitted: EmittedEvent[] = [];
  /** Started by these items, by effect id; some may have been cancelled by a later item. */
  readonly effects = new Map<string, EffectRow>();
  readonly sent: NewMessage[] = [];
  /** The effects of which the results were taken. */
  readonly outcomes: string[] = [];
  /** The ids of the messages that were taken. */
  readonly taken: string[] = [];
  /** The ids of the dead letters that were retried. */
  readonly lettersTaken: string[] = [];
  /** For those who are told of the commit. */
  readonly steps: TakenStep[] = [];
  readonly #tracer: RuntimeTracer | undefined;
  #cause: Parameters<RuntimeTracer['step']>[0] = {};
  #traced: TracedStep | undefined;
  #lateMs: number | undefined;

  constructor(
    address: Address,
    before: ActorRow | undefined,
    now: Date,
    beside: Partial<Pick<Work, 'mailbox' | 'mailboxFull' | 'letters'>> & {
      tracer?: RuntimeTracer | undefined;
    } = {},
  ) {
    this.#tracer = beside.tracer;
    this.address = address;
    this.before = before;
    this.row = before;
    this.now = now;
    this.mailbox = beside.mailbox ?? [];
    this.mailboxFull = beside.mailboxFull ?? false;
    this.letters = beside.letters ?? new Map();
  }

  /** A step begins, caused by an item, or by a timer that is due. */
  begin({ trace }: Item, timer?: TimerEntry): void {
    this.#cause = timer ? { link: timer.trace } : { parent: trace };
    this.#lateMs = timer && Math.max(0, this.now.getTime() - Date.parse(timer.due));
    this.#traced = undefined;
  }

  /** For what the step that has begun sets, starts and sends; null where it is not traced. */
  get trace(): TraceContext | null {
    this.#traced ??= this.#tracer?.step(this.#cause);
    return this.#traced?.trace ?? null;
  }

  /** Tells another actor something. */
  send(message: Omit<NewMessage, 'trace'>): void {
    this.sent.push({ ...message, trace: this.trace });
  }

  /** The step that has begun is as it will be committed. */
  took(facts: Omit<StepFacts, 'lateMs'>): void {
    this.#traced ??= this.#tracer?.step(this.#cause);
    this.steps.push({ ...facts, lateMs: this.#lateMs, traced: this.#traced });
    // What one item may bring after it, its migration's step or an event to itself, follows from it.
    this.#cause = { parent: this.#traced?.trace };
    this.#traced = undefined;
    this.#lateMs = undefined;
  }

  /** Remembers how it stands; the function that it returns undoes what was gathered since. */
  mark(): () => void {
    const { row } = this;
    const effects = new Map(this.effects);
    const { journal, deadLetters, keys, emitted, sent, lettersTaken, steps } = this;
    const lists: unknown[][] = [journal, deadLetters, keys, emitted, sent, lettersTaken, steps];
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
    const { journal, keys, sent, taken, lettersTaken } = this;
    const beside: unknown[][] = [journal, keys, sent, taken, lettersTaken];
    return this.row !== this.before || beside.some(({ length }) => length > 0);
  }
}
