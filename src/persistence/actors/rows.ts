/** The runtime's rows as TypeScript sees them. Types and their reading from the driver; no SQL. */

export interface TimerEntry {
  /** The pg-boss job: the token of this visit of the state. A job that is not named here is late. */
  job: string;
  /** RFC 3339. */
  due: string;
  /** Of an actor's timers that are due at once, the one that was set first comes first; JSON objects have no order. */
  order: number;
  event: { type: string; [field: string]: unknown };
  /** The actor that is told when it fires; the actor itself unless said. */
  to?: string;
  /** `traceparent` of the step that set it, where traces are on. */
  trace?: string;
}

/** An actor that this one has started and that has not ended. */
export interface ChildEntry {
  address: string;
  src: string;
}

/** Who started an actor. */
export interface ParentEntry {
  address: string;
  /** The child's id in the parent's machine. */
  childId: string;
  /** The parent wants to be told of each of its snapshots. */
  sync: boolean;
}

/** What one actor tells another. `body`: the event, or what is to be spawned. */
export interface MessageRow {
  id: string;
  to: string;
  from: string;
  kind: 'spawn' | 'event' | 'stop';
  body: Record<string, unknown>;
  /** `traceparent` of the step that sent it; null where traces are off. */
  trace: string | null;
}
export type NewMessage = Omit<MessageRow, 'id'>;

export interface EffectEntry {
  effectId: string;
  src: string;
}

/** What an actor waits for, by XState's ids. */
export interface Pending {
  timers: Record<string, TimerEntry>;
  effects: Record<string, EffectEntry>;
  children: Record<string, ChildEntry>;
}

export interface PlainErrorRow {
  name: string;
  message: string;
  code: string;
  retryable: boolean;
  details?: Record<string, unknown>;
}

/** One actor. `snapshot` is XState's persisted snapshot as JSON text. */
export interface ActorRow {
  address: string;
  machine: string;
  key: string;
  version: string;
  owner: string;
  incarnation: string;
  status: 'active' | 'done' | 'error' | 'stopped' | 'quarantined';
  revision: number;
  tags: string[];
  /** The state value, as it also stands in the snapshot. */
  value: unknown;
  snapshot: string;
  pending: Pending;
  error: PlainErrorRow | null;
  singletonKey: string | null;
  parent: ParentEntry | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface JournalRow {
  address: string;
  revision: number;
  owner: string;
  stepId: string;
  at: Date;
  /** JSON text. */
  record: string;
}

export interface EffectRow {
  effectId: string;
  address: string;
  invokeId: string;
  src: string;
  owner: string;
  input: unknown;
  attempt: number;
  dueAt: Date;
  deadlineAt: Date;
  /** `traceparent` of the step that started it; null where traces are off. */
  trace: string | null;
}

export interface DeadLetterRow {
  address: string;
  owner: string;
  incarnation: string;
  /** Where the actor stands without the event. */
  revision: number;
  event: unknown;
  /** It came in through `send`; else it is a timer, a result or another actor's message. */
  outside: boolean;
  source: string | null;
  error: PlainErrorRow;
  at: Date;
}

export interface IdempotencyRow {
  /** The actor whose commit carries it. */
  address: string;
  scope: string;
  key: string;
  payloadHash: string;
  answer: unknown;
  createdAt: Date;
}

/** The columns of `actors`, the snapshot as the text from which the next step starts. */
export const ACTOR_COLUMNS = `address, machine, key, version, owner, incarnation, status, revision, tags,
  snapshot::text AS snapshot, pending, error, singleton_key, parent, created_at, updated_at`;

export function toActorRow(row: Record<string, unknown>): ActorRow {
  return {
    address: row.address as string,
    machine: row.machine as string,
    key: row.key as string,
    version: row.version as string,
    owner: row.owner as string,
    incarnation: row.incarnation as string,
    status: row.status as ActorRow['status'],
    revision: Number(row.revision),
    tags: row.tags as string[],
    // Here and not by SQL, whose reading of a field stumbles over an escaped NUL anywhere in the text.
    value: (JSON.parse(row.snapshot as string) as { value: unknown }).value,
    snapshot: row.snapshot as string,
    // Actors of before the third migration know of no children.
    pending: { timers: {}, effects: {}, children: {}, ...(row.pending as Partial<Pending>) },
    error: row.error as PlainErrorRow | null,
    singletonKey: row.singleton_key as string | null,
    parent: row.parent as ParentEntry | null,
    createdAt: row.created_at as Date,
    updatedAt: row.updated_at as Date,
  };
}

export function toEffectRow(row: Record<string, unknown>): EffectRow {
  return {
    effectId: row.effect_id as string,
    address: row.address as string,
    invokeId: row.invoke_id as string,
    src: row.src as string,
    owner: row.owner as string,
    input: row.input,
    attempt: Number(row.attempt),
    dueAt: row.due_at as Date,
    deadlineAt: row.deadline_at as Date,
    trace: row.trace as string | null,
  };
}
