/**
 * What one item of work does to one actor: pure, in memory. The committer loads the actor, applies its items in
 * order, and commits the outcome.
 *
 * Not for SQL, nor for running what was started.
 */
import { randomUUID } from 'node:crypto';
import type { StateValue } from 'xstate';
import type { ActorRow, MessageRow, ParentEntry } from '../../persistence/actors/rows.ts';
import { RuntimeError, toPlainError } from './errors.ts';
import type { RegisteredMachine, Registry } from './registry.ts';
import type { StepResult } from './stepper.ts';
import {
  answerOf,
  type Cause,
  identityOf,
  nothingPending,
  pushRecord,
  recordStep,
  takeStep,
} from './take-step.ts';
import type { ActorEvent, Address } from './types.ts';
import type { Answer, Item, SpawnBody, Work } from './work.ts';

/** An actor that sends itself more events than this in one step is at fault. */
const MAX_EVENTS_TO_SELF = 100;

type ItemOf<Kind extends Item['kind']> = Extract<Item, { kind: Kind }>;

interface Found {
  row: ActorRow;
  registered: RegisteredMachine;
}

/**
 * Applies one item to the work. Throws a RuntimeError when the item is refused and nothing is to be committed for it.
 * A step that threw is committed (as a dead letter), and its error is returned.
 */
export function applyItem(registry: Registry, work: Work, item: Item): Answer | RuntimeError {
  switch (item.kind) {
    case 'spawn':
      return applySpawn(registry, work, item, item, null);
    case 'event':
      return applyEvent(work, activeActor(registry, work), item.event, item.source, item);
    case 'timer':
      return applyTimer(registry, work, item);
    case 'effect':
      return applyOutcome(registry, work, item);
    case 'mail':
      return applyMail(registry, work, item);
    case 'stop':
      if (!work.row) throw notFound(work.address);
      return applyStop(registry, work, work.row, item);
  }
}

function applySpawn(
  registry: Registry,
  work: Work,
  { machine, key, owner, input }: SpawnBody,
  item: Item,
  parent: ParentEntry | null,
): Answer | RuntimeError {
  if (work.row) {
    // The key twice is the same actor; another owner's is not to be seen.
    if (work.row.owner === owner) return answerOf(work.row, false);
    throw new RuntimeError('actor_exists', `the address ${work.address} is taken`);
  }
  const registered = registry.machine(machine);
  const row: ActorRow = {
    address: work.address,
    machine,
    key,
    version: registered.definition.version,
    owner,
    incarnation: randomUUID(),
    status: 'active',
    revision: 0,
    tags: [],
    value: '',
    snapshot: '{}',
    pending: nothingPending,
    error: null,
    singletonKey: item.kind === 'spawn' ? item.singletonKey : null,
    parent,
    createdAt: work.now,
    updatedAt: work.now,
  };
  let result: StepResult;
  try {
    result = registered.stepper.start(identityOf(row), input);
  } catch (error) {
    throw stepFailed(error);
  }
  const event = { type: 'xstate.init', input };
  const source = parent?.address ?? null;
  let next: ActorRow;
  try {
    next = takeStep(registered, work, row, result, { kind: 'spawn', event, source, item });
  } catch (error) {
    throw stepFailed(error);
  }
  return remembered(work, item, runToSelf(registered, work, next, result.toSelf));
}

/** Keeps the answer of an item that has a key, when all that belongs to it is done. */
function remembered(work: Work, item: Item, answer: Answer | RuntimeError): Answer | RuntimeError {
  if (item.idempotency && work.row && !(answer instanceof Error)) {
    const kept = item.kind === 'spawn' ? { address: work.row.address } : answer;
    work.keys.push({ address: work.row.address, ...item.idempotency, answer: kept });
  }
  return answer;
}

/** `row` differs from the work's where a timer, a result or a child was taken from what it waits for. */
function applyEvent(
  work: Work,
  { row, registered }: Found,
  event: ActorEvent,
  source: string | null,
  item: Item,
): Answer | RuntimeError {
  const rewind = work.mark();
  try {
    const result = registered.stepper.step(identityOf(row), row.snapshot, event);
    const cause: Cause = { kind: result.changed ? 'step' : 'unchanged', event, source, item };
    // A timer or a result that no state wants has been consumed all the same: its entry goes with a revision.
    if (!result.changed && row === work.row) {
      recordStep(registered, work, row, result, row.value as StateValue, cause, []);
      return remembered(work, item, answerOf(row, false));
    }
    const next = takeStep(registered, work, row, result, cause);
    return remembered(work, item, runToSelf(registered, work, next, result.toSelf));
  } catch (error) {
    rewind();
    const cause: Cause = { kind: 'failed', event, source, item };
    return applyFailure(work, { row, registered }, cause, stepFailed(error));
  }
}

function applyTimer(registry: Registry, work: Work, item: ItemOf<'timer'>): Answer | RuntimeError {
  const found = currentActor(registry, work);
  const entry = found && Object.entries(found.row.pending.timers).find(([, { job }]) => job === item.job);
  if (!found || !entry) return null;
  const [timerId, { event, to }] = entry;
  const { [timerId]: _fired, ...timers } = found.row.pending.timers;
  const row = { ...found.row, pending: { ...found.row.pending, timers } };
  if (to === undefined) return applyEvent(work, { ...found, row }, event, row.address, item);
  return passOn(work, { ...found, row }, to, event, item);
}

/** A delayed sendTo is due: the message goes, and the actor's state stays. */
function passOn(work: Work, { row, registered }: Found, to: Address, event: ActorEvent, item: Item): Answer {
  const next = { ...row, revision: row.revision + 1, updatedAt: work.now };
  work.row = next;
  work.sent.push({ to, from: row.address, kind: 'event', body: event });
  const value = row.value as StateValue;
  pushRecord(registered, work, next, item.stepId, {
    kind: 'step',
    event,
    source: row.address,
    valueBefore: value,
    snapshot: { status: row.status, value, context: contextOf(row) },
    microsteps: [],
    effects: [{ type: '@xstate.sendTo', to, event }],
  });
  return answerOf(next, true);
}

function applyOutcome(registry: Registry, work: Work, item: ItemOf<'effect'>): Answer | RuntimeError {
  const found = currentActor(registry, work);
  const { effectId, outcome } = item;
  const entry =
    found && Object.entries(found.row.pending.effects).find(([, one]) => one.effectId === effectId);
  if (!found || !entry) return null;
  const [actorId] = entry;
  const { [actorId]: _ended, ...effects } = found.row.pending.effects;
  const row = { ...found.row, pending: { ...found.row.pending, effects } };
  const event: ActorEvent =
    'output' in outcome
      ? { type: `xstate.done.actor.${actorId}`, output: outcome.output, actorId }
      : { type: `xstate.error.actor.${actorId}`, error: outcome.error, actorId };
  return applyEvent(work, { ...found, row }, event, effectId, item);
}

/**
 * An item of the system's own whose step can't be stored: what the actor waits for is consumed without it, and the
 * event is a dead letter.
 */
export function applyUnstorable(
  registry: Registry,
  work: Work,
  item: Item,
  error: Error,
): Answer | RuntimeError {
  const found = currentActor(registry, work);
  const cause: Cause = { kind: 'failed', event: { type: `unstorable.${item.kind}` }, source: null, item };
  if (item.kind === 'mail') {
    work.taken.push(...work.mailbox.slice(work.taken.length).map(({ id }) => id));
    return found ? applyFailure(work, found, cause, stepFailed(error)) : null;
  }
  if (!found || (item.kind !== 'timer' && item.kind !== 'effect')) return null;
  const { timers, effects, children } = found.row.pending;
  const pending = {
    timers: without(timers, ({ job }) => item.kind === 'timer' && job === item.job),
    effects: without(effects, ({ effectId }) => item.kind === 'effect' && effectId === item.effectId),
    children,
  };
  return applyFailure(work, { ...found, row: { ...found.row, pending } }, cause, stepFailed(error));
}

function without<Entry>(
  entries: Record<string, Entry>,
  gone: (entry: Entry) => boolean,
): Record<string, Entry> {
  return Object.fromEntries(Object.entries(entries).filter(([, entry]) => !gone(entry)));
}

/** Takes what is in the mailbox, in its order, whatever becomes of it: a step that throws is a dead letter. */
function applyMail(registry: Registry, work: Work, item: ItemOf<'mail'>): Answer {
  // From where an earlier item of the same batch has stopped.
  for (const message of work.mailbox.slice(work.taken.length)) {
    if (!isForThisProcess(registry, work, message)) break;
    work.taken.push(message.id);
    const own: Item = { ...item, stepId: randomUUID() };
    if (message.kind === 'spawn') applySpawnMessage(registry, work, message, own);
    else if (message.kind === 'event') applyMessage(registry, work, message, own);
    else if (work.row) applyStop(registry, work, work.row, own);
  }
  return work.row ? answerOf(work.row, false) : { revision: 0, value: '', status: 'stopped', changed: false };
}

/** Mail to an actor whose machine another process has is taken there. */
function isForThisProcess(registry: Registry, { row }: Work, { kind, body }: MessageRow): boolean {
  if (row) return row.status !== 'active' || isKnown(registry, row);
  return kind !== 'spawn' || registry.find((body as unknown as SpawnBody).machine) !== undefined;
}

/** A child that can't be started is an error of its parent's. */
function applySpawnMessage(registry: Registry, work: Work, message: MessageRow, item: Item): void {
  const { parent, ...body } = message.body as unknown as SpawnBody & { parent: ParentEntry };
  try {
    const input = registry.machine(body.machine).definition.input.parse(body.input);
    applySpawn(registry, work, { ...body, input }, item, parent);
  } catch (error) {
    const type = `xstate.error.actor.${parent.childId}`;
    const event = { type, error: toPlainError(error), actorId: parent.childId };
    work.sent.push({ to: parent.address, from: work.address, kind: 'event', body: event });
  }
}

function applyMessage(registry: Registry, work: Work, { from, body }: MessageRow, item: Item): void {
  const found = currentActor(registry, work);
  if (!found) return;
  const event = body as ActorEvent;
  if (!/^xstate\.(done\.actor|error\.actor|snapshot)\./.test(event.type)) {
    applyEvent(work, found, event, from, item);
    return;
  }
  // What a child of an earlier visit tells, or one that was stopped meanwhile, is late.
  const child = Object.entries(found.row.pending.children).find(([, { address }]) => address === from);
  if (!child) return;
  const { [child[0]]: _ended, ...children } = found.row.pending.children;
  const goesOn = event.type.startsWith('xstate.snapshot.');
  const row = goesOn ? found.row : { ...found.row, pending: { ...found.row.pending, children } };
  applyEvent(work, { ...found, row }, event, from, item);
}

/** The actor goes on in its old state; the event is kept as a dead letter. */
function applyFailure(
  work: Work,
  { row, registered }: Found,
  { event, source, item }: Cause,
  error: RuntimeError,
): RuntimeError {
  const plain = toPlainError(error);
  // Without its timer or effect, where it was one of these: it has been consumed.
  const next = row === work.row ? row : { ...row, revision: row.revision + 1, updatedAt: work.now };
  work.row = next;
  const { address, owner } = row;
  work.deadLetters.push({
    address,
    owner,
    revision: next.revision,
    event,
    source,
    error: plain,
    at: work.now,
  });
  const value = row.value as StateValue;
  pushRecord(registered, work, next, item.stepId, {
    kind: 'failed',
    event,
    source,
    valueBefore: value,
    snapshot: { status: next.status, value, context: contextOf(row), error: plain },
    microsteps: [],
    effects: [{ type: '@xstate.deadLetter', event, error: plain }],
  });
  return error;
}

function applyStop(registry: Registry, work: Work, row: ActorRow, item: Item): Answer {
  if (row.status !== 'active') return answerOf(row, false);
  const { timers, effects, children } = row.pending;
  for (const { address: to } of Object.values(children)) {
    work.sent.push({ to, from: row.address, kind: 'stop', body: {} });
  }
  const stored = JSON.parse(row.snapshot) as Record<string, unknown>;
  const next: ActorRow = {
    ...row,
    status: 'stopped',
    revision: row.revision + 1,
    snapshot: JSON.stringify({ ...stored, status: 'stopped', children: {} }),
    pending: nothingPending,
    updatedAt: work.now,
  };
  work.row = next;
  const value = row.value as StateValue;
  pushRecord(registry.machine(row.machine), work, next, item.stepId, {
    kind: 'stop',
    event: { type: 'xstate.stop' },
    source: item.kind === 'stop' ? item.source : (row.parent?.address ?? null),
    valueBefore: value,
    snapshot: { status: 'stopped', value, context: contextOf(row) },
    microsteps: [],
    effects: [
      ...Object.keys(timers).map((id) => ({ type: '@xstate.cancel' as const, id })),
      ...Object.keys({ ...effects, ...children }).map((id) => ({ type: '@xstate.stop' as const, id })),
    ],
  });
  return answerOf(next, true);
}

/** The events that a machine sent to itself are its next steps, in the same commit. */
function runToSelf(
  registered: RegisteredMachine,
  work: Work,
  row: ActorRow,
  events: readonly ActorEvent[],
): Answer | RuntimeError {
  const queue = [...events];
  for (let taken = 0; queue.length > 0 && work.row?.status === 'active'; taken++) {
    if (taken === MAX_EVENTS_TO_SELF) {
      const message = `${row.address} sent itself more than ${MAX_EVENTS_TO_SELF} events at once`;
      return new RuntimeError('step_failed', message);
    }
    const event = queue.shift() as ActorEvent;
    const found = { row: work.row, registered };
    const rewind = work.mark();
    const source = row.address;
    const item: Item = { kind: 'event', stepId: randomUUID(), address: source, event, source };
    try {
      const result = registered.stepper.step(identityOf(found.row), found.row.snapshot, event);
      queue.push(...result.toSelf);
      if (result.changed)
        takeStep(registered, work, found.row, result, { kind: 'step', event, source, item });
    } catch (error) {
      rewind();
      applyFailure(work, found, { kind: 'failed', event, source, item }, stepFailed(error));
    }
  }
  return answerOf(work.row ?? row, true);
}

/** Whether this process has the machine of an actor, in its version. Without it, another process must step the actor. */
export function isKnown(registry: Registry, row: ActorRow): boolean {
  return registry.find(row.machine)?.definition.version === row.version;
}

/** The actor of the work, when it is one that steps; else undefined: what is late does nothing. */
function currentActor(registry: Registry, { row }: Work): Found | undefined {
  const registered = row && registry.find(row.machine);
  if (!row || !registered || row.status !== 'active' || !isKnown(registry, row)) return undefined;
  return { row, registered };
}

/** The actor of the work. Throws why it takes no event. */
function activeActor(registry: Registry, { row, address }: Work): Found {
  if (!row) throw notFound(address);
  const { status, machine, version } = row;
  if (status !== 'active') {
    const message = `${address} has ended (${status}) and takes no more events`;
    throw new RuntimeError('actor_ended', message, { details: { status } });
  }
  const registered = registry.machine(machine);
  if (!isKnown(registry, row)) {
    const current = registered.definition.version;
    const message = `${address} is of version ${version} of ${machine}, and only ${current} runs here`;
    throw new RuntimeError('quarantined', message);
  }
  return { row, registered };
}

function contextOf(row: ActorRow): unknown {
  return (JSON.parse(row.snapshot) as { context: unknown }).context;
}

function notFound(address: Address): RuntimeError {
  return new RuntimeError('actor_not_found', `there is no actor ${address}`);
}

function stepFailed(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RuntimeError('step_failed', `the step threw: ${message}`, { cause: error });
}
