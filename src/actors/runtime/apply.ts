/**
 * What one item of work does to one actor: pure, in memory. The committer loads the actor, applies its items in
 * order, and commits the outcome.
 *
 * Not for SQL, nor for running what was started.
 */
import { randomUUID } from 'node:crypto';
import type { StateValue } from 'xstate';
import type {
  ActorRow,
  DeadLetterRow,
  EffectRow,
  IdempotencyRow,
  JournalRow,
} from '../../persistence/actors/rows.ts';
import { type PlainError, RuntimeError, toPlainError } from './errors.ts';
import { type RecordBody, writeRecord } from './record.ts';
import type { RegisteredMachine, Registry } from './registry.ts';
import type { StepResult } from './stepper.ts';
import type {
  ActorEvent,
  Address,
  EffectDescriptor,
  EmittedEvent,
  InspectionRecord,
  SendAnswer,
} from './types.ts';

/** An actor that sends itself more events than this in one step is at fault. */
const MAX_EVENTS_TO_SELF = 100;

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

/** One thing to do to one actor. */
export type Item = ItemBase &
  (
    | {
        kind: 'spawn';
        machine: string;
        key: string;
        owner: string;
        input: unknown;
        singletonKey: string | null;
      }
    | { kind: 'event'; event: ActorEvent; source: string | null }
    /** A fired job. `job` must be the one that the actor waits for, or it is late. */
    | { kind: 'timer'; job: string; timerId: string }
    | {
        kind: 'effect';
        effectId: string;
        invokeId: string;
        outcome: { output: unknown } | { error: PlainError };
      }
    | { kind: 'stop'; source: string | null }
  );

/** What applying items has gathered for one actor: the row as it is to be, and the rows beside it. */
export class Work {
  readonly journal: JournalRow[] = [];
  readonly deadLetters: DeadLetterRow[] = [];
  readonly keys: IdempotencyRow[] = [];
  readonly emitted: EmittedEvent[] = [];
  /** Started by these items, by effect id; some may have been cancelled by a later item. */
  readonly effects = new Map<string, EffectRow>();
  readonly address: Address;
  /** As loaded; undefined when there is no such actor. */
  readonly before: ActorRow | undefined;
  row: ActorRow | undefined;

  constructor(address: Address, before: ActorRow | undefined) {
    this.address = address;
    this.before = before;
    this.row = before;
  }
}

/** The answer of an item: null for one that was late and did nothing. */
export type Answer = SendAnswer | null;

/**
 * Applies one item to the work. Throws a RuntimeError when the item is refused and nothing is to be committed for it.
 * A step that threw is committed (as a dead letter), and its error is returned.
 */
export function applyItem(registry: Registry, work: Work, item: Item, now: Date): Answer | RuntimeError {
  switch (item.kind) {
    case 'spawn':
      return applySpawn(registry, work, item, now);
    case 'event': {
      const { row, registered } = activeActor(registry, work);
      return applyEvent(registered, work, row, item.event, item.source, item, now);
    }
    case 'timer': {
      const found = currentActor(registry, work);
      const timer = found?.row.pending.timers[item.timerId];
      if (!found || !timer || timer.job !== item.job) return null;
      const row = withoutTimer(found.row, item.timerId);
      return applyEvent(found.registered, work, row, timer.event, found.row.address, item, now);
    }
    case 'effect': {
      const found = currentActor(registry, work);
      if (!found || found.row.pending.effects[item.invokeId]?.effectId !== item.effectId) return null;
      const row = withoutEffect(found.row, item.invokeId);
      return applyEvent(found.registered, work, row, completionEvent(item), item.effectId, item, now);
    }
    case 'stop':
      return applyStop(registry, work, item, now);
  }
}

function completionEvent(item: Extract<Item, { kind: 'effect' }>): ActorEvent {
  const { invokeId, outcome } = item;
  return 'output' in outcome
    ? { type: `xstate.done.actor.${invokeId}`, output: outcome.output, actorId: invokeId }
    : { type: `xstate.error.actor.${invokeId}`, error: outcome.error, actorId: invokeId };
}

function applySpawn(
  registry: Registry,
  work: Work,
  item: Extract<Item, { kind: 'spawn' }>,
  now: Date,
): Answer | RuntimeError {
  if (work.row) {
    // The key twice is the same actor; another owner's is not to be seen.
    if (work.row.owner === item.owner) return answerOf(work.row, false);
    throw new RuntimeError('actor_exists', `the address ${item.address} is taken`);
  }
  const registered = registry.machine(item.machine);
  const row: ActorRow = {
    address: item.address,
    machine: item.machine,
    key: item.key,
    version: registered.definition.version,
    owner: item.owner,
    incarnation: randomUUID(),
    status: 'active',
    revision: 0,
    tags: [],
    value: '',
    snapshot: '{}',
    pending: { timers: {}, effects: {} },
    error: null,
    singletonKey: item.singletonKey,
    createdAt: now,
    updatedAt: now,
  };
  let result: StepResult;
  try {
    result = registered.stepper.start(item.address, item.input);
  } catch (error) {
    throw stepFailed(error);
  }
  const event = { type: 'xstate.init', input: item.input };
  const next = commitStep(
    registered,
    work,
    row,
    null,
    result,
    { kind: 'spawn', event, source: null, item },
    now,
  );
  return runToSelf(registered, work, next, result.toSelf, now);
}

function applyEvent(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  event: ActorEvent,
  source: string | null,
  item: Item,
  now: Date,
): Answer | RuntimeError {
  const valueBefore = stateValue(row);
  let result: StepResult;
  try {
    result = registered.stepper.step(row.address, row.snapshot, event);
  } catch (error) {
    return applyFailure(registered, work, row, { event, source, item }, stepFailed(error), now);
  }
  // A timer or a completion that no state wants has been consumed all the same: its entry goes with a revision.
  if (!result.changed && row === work.row) {
    remember(work, row, item, false);
    pushRecord(
      registered,
      work,
      row,
      { kind: 'unchanged', event, source, item },
      valueBefore,
      result,
      [],
      now,
    );
    return answerOf(row, false);
  }
  const kind = result.changed ? 'step' : 'unchanged';
  const next = commitStep(registered, work, row, valueBefore, result, { kind, event, source, item }, now);
  return runToSelf(registered, work, next, result.toSelf, now);
}

/** The actor goes on in its old state; the event is kept as a dead letter. */
function applyFailure(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  { event, source, item }: { event: ActorEvent; source: string | null; item: Item },
  error: RuntimeError,
  now: Date,
): RuntimeError {
  const plain = toPlainError(error);
  // Without its timer or effect, where it was one of these: it has been consumed.
  const next = row === work.row ? row : { ...row, revision: row.revision + 1, updatedAt: now };
  work.row = next;
  work.deadLetters.push({
    address: row.address,
    owner: row.owner,
    revision: next.revision,
    event,
    source,
    error: plain,
    at: now,
  });
  const stored = JSON.parse(row.snapshot) as { context: unknown };
  const body: RecordBody = {
    machine: row.machine,
    version: row.version,
    incarnation: row.incarnation,
    kind: 'failed',
    event,
    source,
    valueBefore: stateValue(row),
    snapshot: { status: next.status, value: stateValue(row), context: stored.context, error: plain },
    microsteps: [],
    effects: [{ type: '@xstate.deadLetter', event, error: plain }],
  };
  pushRow(registered, work, next, item.stepId, body, now);
  return error;
}

function applyStop(registry: Registry, work: Work, item: Extract<Item, { kind: 'stop' }>, now: Date): Answer {
  const row = work.row;
  if (!row) throw notFound(item.address);
  if (row.status !== 'active') return answerOf(row, false);
  const stored = JSON.parse(row.snapshot) as Record<string, unknown> & { context: unknown };
  const next: ActorRow = {
    ...row,
    status: 'stopped',
    revision: row.revision + 1,
    snapshot: JSON.stringify({ ...stored, status: 'stopped', children: {} }),
    pending: { timers: {}, effects: {} },
    updatedAt: now,
  };
  const body: RecordBody = {
    machine: row.machine,
    version: row.version,
    incarnation: row.incarnation,
    kind: 'stop',
    event: { type: 'xstate.stop' },
    source: item.source,
    valueBefore: stateValue(row),
    snapshot: { status: 'stopped', value: stateValue(row), context: stored.context },
    microsteps: [],
    effects: [
      ...Object.keys(row.pending.timers).map((id) => ({ type: '@xstate.cancel' as const, id })),
      ...Object.keys(row.pending.effects).map((id) => ({ type: '@xstate.stop' as const, id })),
    ],
  };
  work.row = next;
  pushRow(registry.machine(row.machine), work, next, item.stepId, body, now);
  return answerOf(next, true);
}

interface Cause {
  kind: InspectionRecord['kind'];
  event: ActorEvent;
  source: string | null;
  item: Item;
}

/** Turns a step's result into the actor's next row and the rows beside it. */
function commitStep(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  valueBefore: StateValue | null,
  result: StepResult,
  cause: Cause,
  now: Date,
): ActorRow {
  const revision = row.revision + 1;
  const ended = result.status !== 'active';
  const descriptors: EffectDescriptor[] = [];
  const timers = { ...row.pending.timers };
  const effects = { ...row.pending.effects };
  for (const request of result.timers) {
    if (request.kind === 'cancel') {
      if (timers[request.id]) descriptors.push({ type: '@xstate.cancel', id: request.id });
      delete timers[request.id];
      continue;
    }
    const delay = Math.max(0, request.delayMs);
    const due = new Date(now.getTime() + delay).toISOString();
    const order = 1 + Math.max(0, ...Object.values(timers).map((timer) => timer.order));
    timers[request.id] = { job: randomUUID(), due, order, event: request.event };
    descriptors.push({ type: '@xstate.raise', id: request.id, event: request.event, delay, due });
  }
  for (const id of result.stopped) {
    if (effects[id]) descriptors.push({ type: '@xstate.stop', id });
    delete effects[id];
  }
  for (const [index, { id, src, input }] of result.started.entries()) {
    const effectId = `${row.address}#${revision}.${index}`;
    effects[id] = { effectId, src };
    descriptors.push({ type: '@xstate.start', id, src, effectId, input });
    work.effects.set(effectId, {
      effectId,
      address: row.address,
      invokeId: id,
      src,
      owner: row.owner,
      input,
      attempt: 0,
      dueAt: now,
      // The runner knows the effect's own deadline; it counts from here.
      deadlineAt: now,
    });
  }
  for (const [index, event] of result.emitted.entries()) {
    descriptors.push({ type: '@xstate.emit', event });
    work.emitted.push({ address: row.address, owner: row.owner, revision, index, event, at: now });
  }
  const next: ActorRow = {
    ...row,
    status: result.status,
    revision,
    tags: result.tags,
    value: result.value,
    snapshot: result.status === 'error' ? withPlainError(result.snapshot, result.error) : result.snapshot,
    pending: ended ? { timers: {}, effects: {} } : { timers, effects },
    error: result.status === 'error' ? toPlainError(result.error) : null,
    updatedAt: now,
  };
  work.row = next;
  remember(work, next, cause.item, result.changed);
  pushRecord(registered, work, next, cause, valueBefore, result, descriptors, now);
  return next;
}

/** The events that a machine sent to itself are its next steps, in the same commit. */
function runToSelf(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  events: readonly ActorEvent[],
  now: Date,
): Answer | RuntimeError {
  const queue = [...events];
  for (let taken = 0; queue.length > 0 && work.row?.status === 'active'; taken++) {
    if (taken === MAX_EVENTS_TO_SELF) {
      return new RuntimeError(
        'step_failed',
        `${row.address} sent itself more than ${MAX_EVENTS_TO_SELF} events at once`,
      );
    }
    const event = queue.shift() as ActorEvent;
    const current = work.row;
    const item: Item = {
      kind: 'event',
      stepId: randomUUID(),
      address: row.address,
      event,
      source: row.address,
    };
    const valueBefore = stateValue(current);
    try {
      const result = registered.stepper.step(row.address, current.snapshot, event);
      queue.push(...result.toSelf);
      const kind = result.changed ? 'step' : 'unchanged';
      if (result.changed)
        commitStep(
          registered,
          work,
          current,
          valueBefore,
          result,
          { kind, event, source: row.address, item },
          now,
        );
    } catch (error) {
      applyFailure(registered, work, current, { event, source: row.address, item }, stepFailed(error), now);
    }
  }
  return answerOf(work.row ?? row, true);
}

function pushRecord(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  cause: Cause,
  valueBefore: StateValue | null,
  result: StepResult,
  effects: EffectDescriptor[],
  now: Date,
): void {
  const body: RecordBody = {
    machine: row.machine,
    version: row.version,
    incarnation: row.incarnation,
    kind: cause.kind,
    event: cause.event,
    source: cause.source,
    valueBefore,
    snapshot: {
      status: row.status,
      value: result.value,
      context: result.context,
      ...(result.output === undefined ? {} : { output: result.output }),
      ...(row.error ? { error: row.error } : {}),
    },
    microsteps: result.microsteps,
    effects,
  };
  pushRow(registered, work, row, cause.item.stepId, body, now);
}

function pushRow(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  stepId: string,
  body: RecordBody,
  now: Date,
): void {
  work.journal.push({
    address: row.address,
    revision: row.revision,
    owner: row.owner,
    stepId,
    at: now,
    record: writeRecord(registered.definition, body),
  });
}

function remember(work: Work, row: ActorRow, item: Item, changed: boolean): void {
  if (!item.idempotency) return;
  const answer = item.kind === 'spawn' ? { address: row.address } : answerOf(row, changed);
  work.keys.push({ address: row.address, ...item.idempotency, answer });
}

/** Whether this process has the machine of an actor, in its version. Without it, another process must step the actor. */
export function isKnown(registry: Registry, row: ActorRow): boolean {
  return registry.find(row.machine)?.definition.version === row.version;
}

/** The actor of the work, when it is one that steps; else undefined: a late timer or completion does nothing. */
function currentActor(
  registry: Registry,
  work: Work,
): { row: ActorRow; registered: RegisteredMachine } | undefined {
  const row = work.row;
  const registered = row && registry.find(row.machine);
  if (!row || !registered || row.status !== 'active' || row.version !== registered.definition.version)
    return undefined;
  return { row, registered };
}

/** The actor of the work. Throws why it takes no event. */
function activeActor(registry: Registry, work: Work): { row: ActorRow; registered: RegisteredMachine } {
  const row = work.row;
  if (!row) throw notFound(work.address);
  if (row.status !== 'active') {
    throw new RuntimeError(
      'actor_ended',
      `${row.address} has ended (${row.status}) and takes no more events`,
      {
        details: { status: row.status },
      },
    );
  }
  const registered = registry.machine(row.machine);
  if (row.version !== registered.definition.version) {
    throw new RuntimeError(
      'quarantined',
      `${row.address} is of version ${row.version} of ${row.machine}, and only ${registered.definition.version} runs here`,
    );
  }
  return { row, registered };
}

function withoutTimer(row: ActorRow, timerId: string): ActorRow {
  const { [timerId]: _fired, ...timers } = row.pending.timers;
  return { ...row, pending: { ...row.pending, timers } };
}

function withoutEffect(row: ActorRow, invokeId: string): ActorRow {
  const { [invokeId]: _done, ...effects } = row.pending.effects;
  return { ...row, pending: { ...row.pending, effects } };
}

function withPlainError(snapshot: string, error: unknown): string {
  return JSON.stringify({ ...(JSON.parse(snapshot) as object), error: toPlainError(error) });
}

function stateValue(row: ActorRow): StateValue {
  return row.value as StateValue;
}

function answerOf(row: ActorRow, changed: boolean): SendAnswer {
  return { revision: row.revision, value: stateValue(row), status: row.status, changed };
}

function notFound(address: Address): RuntimeError {
  return new RuntimeError('actor_not_found', `there is no actor ${address}`);
}

function stepFailed(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RuntimeError('step_failed', `the step threw: ${message}`, { cause: error });
}
