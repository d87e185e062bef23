/**
 * From the result of a step to the actor's next row and the rows beside it: timers, effects, children, messages, what
 * was emitted, the journal. Pure, in memory. Not for the step itself (`stepper.ts`).
 */
import { randomUUID } from 'node:crypto';
import type { StateValue } from 'xstate';
import type { ActorRow, Pending } from '../../../persistence/actors/rows.ts';
import { RuntimeError, toPlainError } from '../errors.ts';
import type { RegisteredMachine } from '../registry/registry.ts';
import type { ActorEvent, EffectDescriptor, InspectionRecord, SendAnswer } from '../types.ts';
import type { Identity } from './collector.ts';
import { type RecordBody, writeRecord } from './record.ts';
import type { StepResult, Target } from './step-result.ts';
import type { Item, SpawnBody, Work } from './work.ts';

/** Why a step is taken, for the journal. */
export interface Cause {
  kind: InspectionRecord['kind'];
  event: ActorEvent;
  source: string | null;
  item: Item;
}

/** Of an actor that waits for nothing. */
export const nothingPending: Pending = { timers: {}, effects: {}, children: {} };

/** A snapshot is read, parsed and written at each step: one that grows without bound would slow everything down. */
const MAX_SNAPSHOT_CHARS = 1_000_000;

/**
 * Puts a step's result into the work. `row`: the actor before, without the timer or effect that caused the step. Throws
 * `step_failed` when its snapshot is too large.
 */
export function takeStep(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  result: StepResult,
  cause: Cause,
): ActorRow {
  refuseOversized(row, result);
  const step = new Step(registered, work, row);
  const isFarewell = ({ to }: StepResult['sent'][number]) => 'leavingId' in to;
  for (const { to, event } of result.sent.filter(isFarewell)) step.send(to, event);
  for (const id of result.stopped) step.leave(id);
  for (const [index, child] of result.started.entries()) step.start(index, child);
  // A delayed event may be for a child of this step.
  for (const request of result.timers) {
    if (request.kind === 'cancel') step.cancelTimer(request.id);
    else step.setTimer(request);
  }
  for (const one of result.sent) if (!isFarewell(one)) step.send(one.to, one.event);
  for (const [index, event] of result.emitted.entries()) step.emit(index, event);
  const ended = result.status !== 'active';
  if (ended) for (const id of Object.keys(step.pending.children)) step.leave(id);
  const failed = result.status === 'error';
  const next: ActorRow = {
    ...row,
    status: result.status,
    revision: step.revision,
    tags: result.tags,
    value: result.value,
    snapshot: failed ? withPlainError(result.snapshot, result.error) : result.snapshot,
    pending: ended ? nothingPending : step.pending,
    error: failed ? toPlainError(result.error) : null,
    updatedAt: work.now,
  };
  step.tellParent(next, result);
  work.row = next;
  recordStep(registered, work, next, result, valueBefore(row), cause, step.descriptors);
  return next;
}

function refuseOversized({ address }: ActorRow, { snapshot: { length: chars } }: StepResult): void {
  if (chars <= MAX_SNAPSHOT_CHARS) return;
  const message = `${address} would be ${chars} characters of JSON, and at most ${MAX_SNAPSHOT_CHARS} are kept`;
  throw new RuntimeError('step_failed', message, { details: { chars, limit: MAX_SNAPSHOT_CHARS } });
}

/** What one step changes of what an actor waits for. */
class Step {
  readonly revision: number;
  readonly descriptors: EffectDescriptor[] = [];
  readonly pending: Pending;
  readonly #registered: RegisteredMachine;
  readonly #work: Work;
  readonly #row: ActorRow;

  constructor(registered: RegisteredMachine, work: Work, row: ActorRow) {
    this.#registered = registered;
    this.#work = work;
    this.#row = row;
    this.revision = row.revision + 1;
    const { timers, effects, children } = row.pending;
    this.pending = { timers: { ...timers }, effects: { ...effects }, children: { ...children } };
  }

  cancelTimer(id: string): void {
    const { timers } = this.pending;
    if (timers[id]) this.descriptors.push({ type: '@xstate.cancel', id });
    delete timers[id];
  }

  setTimer(timer: { id: string; event: ActorEvent; delayMs: number; to?: Target }): void {
    const { id, event } = timer;
    const { timers } = this.pending;
    const to = timer.to && this.#addressOf(timer.to);
    // Meant for one that has ended: as in XState, nothing happens.
    if (timer.to && to === undefined) return;
    const delay = Math.max(0, timer.delayMs);
    const due = new Date(this.#work.now.getTime() + delay).toISOString();
    const order = 1 + Math.max(0, ...Object.values(timers).map((other) => other.order));
    const { trace } = this.#work;
    const more = { ...(to !== undefined && { to }), ...(trace !== null && { trace }) };
    timers[id] = { job: randomUUID(), due, order, event, ...more };
    this.descriptors.push({ type: '@xstate.raise', id, event, delay, due });
  }

  start(index: number, { id, src, input, sync }: StepResult['started'][number]): void {
    const machine = this.#registered.children.get(src);
    if (machine === undefined) this.#startEffect(index, id, src, input);
    else this.#spawn(index, id, src, machine, input, sync);
  }

  #startEffect(index: number, id: string, src: string, input: unknown): void {
    const { address, owner } = this.#row;
    const effectId = `${address}#${lifeOf(this.#row)}.${this.revision}.${index}`;
    this.pending.effects[id] = { effectId, src };
    this.descriptors.push({ type: '@xstate.start', id, src, effectId, input });
    // The deadline counts from here; the batch adds the effect's own.
    const times = { dueAt: this.#work.now, deadlineAt: this.#work.now };
    const effect = {
      effectId,
      address,
      invokeId: id,
      src,
      owner,
      input,
      attempt: 0,
      ...times,
      trace: this.#work.trace,
    };
    this.#work.effects.set(effectId, effect);
  }

  #spawn(index: number, id: string, src: string, machine: string, input: unknown, sync: boolean): void {
    const { address: from, owner } = this.#row;
    const key = `${this.#row.key}:${this.revision}.${index}`;
    const address = `${machine}/${key}`;
    this.pending.children[id] = { address, src };
    this.descriptors.push({ type: '@xstate.spawn', id, src, address, input });
    const body: SpawnBody = { machine, key, owner, input: input ?? {} };
    const parent = { address: from, childId: id, sync };
    this.#work.send({ to: address, from, kind: 'spawn', body: { ...body, parent } });
  }

  /** The state that started this child was left, or the actor has ended. */
  leave(id: string): void {
    const { effects, children } = this.pending;
    const child = children[id];
    if (effects[id] || child) this.descriptors.push({ type: '@xstate.stop', id });
    if (child) this.#work.send({ to: child.address, from: this.#row.address, kind: 'stop', body: {} });
    delete effects[id];
    delete children[id];
  }

  send(target: Target, event: ActorEvent): void {
    const to = this.#addressOf(target);
    // An effect takes no events, and a child that has ended is not there: as in XState, nothing happens.
    if (to === undefined) return;
    this.descriptors.push({ type: '@xstate.sendTo', to, event });
    this.#work.send({ to, from: this.#row.address, kind: 'event', body: event });
  }

  emit(index: number, event: ActorEvent): void {
    const { address, owner } = this.#row;
    const id = `${address}#${lifeOf(this.#row)}.${this.revision}.${index}`;
    this.descriptors.push({ type: '@xstate.emit', event });
    this.#work.emitted.push({
      id,
      address,
      owner,
      revision: this.revision,
      index,
      event,
      at: this.#work.now,
    });
  }

  /** A child's end, and each of its snapshots where the parent wants them, are events of the parent. */
  tellParent(next: ActorRow, result: StepResult): void {
    const { parent, address: from } = this.#row;
    if (!parent) return;
    const { address: to, childId: actorId, sync } = parent;
    const tell = (event: ActorEvent) => this.#work.send({ to, from, kind: 'event', body: event });
    // As in XState: of its end only its output is told.
    if (sync && result.changed && next.status === 'active') {
      const { status, value, context, output } = result;
      const snapshot = { status, value, context, ...(output !== undefined && { output }) };
      tell({ type: `xstate.snapshot.${actorId}`, snapshot });
    }
    if (next.status === 'done')
      tell({ type: `xstate.done.actor.${actorId}`, output: result.output, actorId });
    if (next.status === 'error') tell({ type: `xstate.error.actor.${actorId}`, error: next.error, actorId });
  }

  #addressOf(target: Target): string | undefined {
    if ('parent' in target) return this.#row.parent?.address;
    if ('leavingId' in target) return this.#row.pending.children[target.leavingId]?.address;
    return this.pending.children[target.childId]?.address;
  }
}

/**
 * Tells an actor from one that had its address before it and was pruned: peers remember the keys of that one's effects.
 */
function lifeOf({ incarnation }: Pick<ActorRow, 'incarnation'>): string {
  return incarnation.slice(0, 8);
}

/** Who an actor is to its machine. */
export function identityOf({ address, parent }: Pick<ActorRow, 'address' | 'parent'>): Identity {
  return { address, parent: parent?.address ?? null };
}

/** The journal's row of a step. */
export function recordStep(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  result: StepResult,
  before: StateValue | null,
  { kind, event, source, item }: Cause,
  effects: EffectDescriptor[],
): void {
  const snapshot = {
    status: row.status,
    value: result.value,
    context: result.context,
    ...(result.output === undefined ? {} : { output: result.output }),
    ...(row.error ? { error: row.error } : {}),
  };
  const { microsteps } = result;
  const body = { kind, event, source, valueBefore: before, snapshot, microsteps, effects };
  pushRecord(registered, work, row, item.stepId, body);
}

/** A row of the journal, with what a record always says of its actor. */
export function pushRecord(
  registered: Pick<RegisteredMachine, 'definition'>,
  work: Work,
  row: ActorRow,
  stepId: string,
  body: Omit<RecordBody, 'machine' | 'version' | 'incarnation'>,
): void {
  const { address, revision, owner, machine, version, incarnation } = row;
  const record = writeRecord(registered.definition, { machine, version, incarnation, ...body });
  work.journal.push({ address, revision, owner, stepId, at: work.now, record });
  const { kind, event, valueBefore, snapshot } = body;
  const { value, status } = snapshot;
  work.took({ address, machine, kind, eventType: event.type, revision, valueBefore, value, status });
}

export function answerOf(row: ActorRow, changed: boolean): SendAnswer {
  return { revision: row.revision, value: row.value as StateValue, status: row.status, changed };
}

function valueBefore(row: ActorRow): StateValue | null {
  return row.revision === 0 ? null : (row.value as StateValue);
}

function withPlainError(snapshot: string, error: unknown): string {
  return JSON.stringify({ ...(JSON.parse(snapshot) as object), error: toPlainError(error) });
}
