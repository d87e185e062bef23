/**
 * What a step asks for: the collected actions sorted into timers, messages and children. Throws on what the runtime
 * does not carry out. Not for what becomes of it (`take-step.ts`).
 */
import { randomUUID } from 'node:crypto';
import type { StateValue } from 'xstate';
import type { ActorEvent, ActorStatus } from '../types.ts';
import type { CollectedAction, Collector, Microstep } from './collector.ts';
import type { ChildRef, DetachedMachine, LiveSnapshot } from './detached.ts';
import { faultOfValue } from './lossless.ts';

/** Another actor, as a machine can name one: who started it, one that it has started, or one that this step leaves. */
export type Target = { parent: true } | { childId: string } | { leavingId: string };

/** A delayed event to set or cancel, in the order in which the machine asked. Without `to` it is the actor's own. */
export type TimerRequest =
  | { kind: 'set'; id: string; event: ActorEvent; delayMs: number; to?: Target }
  | { kind: 'cancel'; id: string };

export interface StepResult {
  /** XState's persisted snapshot as JSON text: what the next step starts from. */
  snapshot: string;
  status: ActorStatus;
  value: StateValue;
  tags: string[];
  context: Record<string, unknown>;
  output: unknown;
  error: unknown;
  /** False when no transition was taken. */
  changed: boolean;
  microsteps: Microstep[];
  timers: TimerRequest[];
  /** Children that the step started and that are still wanted at its end. */
  started: { id: string; src: string; input: unknown; sync: boolean }[];
  /** Ids of children that the step left. */
  stopped: string[];
  emitted: ActorEvent[];
  /** Events that the machine sent to itself: the next steps. */
  toSelf: ActorEvent[];
  /** Events for other actors, in their order. */
  sent: { to: Target; event: ActorEvent }[];
}

/** The next snapshot, and what it asks for. Throws for a context or an output that JSON would change. */
export function resultOf(
  machine: DetachedMachine,
  collector: Collector,
  before: LiveSnapshot | undefined,
  after: LiveSnapshot,
  changed: boolean,
): StepResult {
  const childrenBefore = before?.children ?? {};
  const started = after.status === 'active' ? startedChildren(childrenBefore, after.children) : [];
  const persisted = machine.getPersistedSnapshot(after);
  // What JSON changes would come back as something else, and the machine go on with that.
  const fault =
    (after.context === before?.context ? null : faultOfValue(persisted.context, 'context')) ??
    faultOfValue(persisted.output, 'output');
  if (fault) throw new Error(`${fault}; keep it as a string or a number`);
  const result: StepResult = {
    snapshot: JSON.stringify(persisted),
    status: after.status,
    value: after.value,
    tags: [...after.tags],
    context: after.context,
    output: after.output,
    error: after.error,
    changed,
    microsteps: collector.microsteps,
    timers: [],
    started,
    stopped: [],
    emitted: [],
    toSelf: [],
    sent: [],
  };
  const kin: Kin = { ...collector, before: childrenBefore, after: after.children, stopped: new Set() };
  for (const action of collector.actions) collectAction(action, kin, result);
  // By identity and not by action: `spawn` inside an assign has no action, and a state that is left and entered
  // again has a child of the same id that is another one.
  for (const [id, ref] of Object.entries(childrenBefore)) {
    if (after.children[id] !== ref) result.stopped.push(id);
  }
  refuseChanged(result);
  return result;
}

function startedChildren(
  before: LiveSnapshot['children'],
  after: LiveSnapshot['children'],
): StepResult['started'] {
  const started: StepResult['started'] = [];
  for (const [id, ref] of Object.entries(after)) {
    if (!ref || before[id] === ref) continue;
    const sync = ref._syncSnapshot === true;
    started.push({ id, src: sourceOf(id, ref), input: ref.options.input, sync });
  }
  return started;
}

/** What registration can't see, within `assign` and `enqueueActions`: it would be nothing that could be found again. */
function sourceOf(id: string, { src }: ChildRef): string {
  if (typeof src !== 'string')
    throw new Error(`the source of "${id}" is inline; name it in setup({ actors }) and declare an effect`);
  if (id === 'undefined') throw new Error(`give the spawnChild of "${src}" an id; without one it has none`);
  return src;
}

/** What it gives to others is stored on its way to them. */
function refuseChanged({ timers, started, emitted, sent }: StepResult): void {
  const events = [
    ...timers.flatMap((timer) => (timer.kind === 'set' ? [timer.event] : [])),
    ...emitted,
    ...sent.map(({ event }) => event),
  ];
  const fault =
    firstFault(events, (event) => faultOfValue(event, `the event ${event.type}`)) ??
    firstFault(started, ({ id, input }) => faultOfValue(input, `the input of ${id}`));
  if (fault) throw new Error(`${fault}; give it as a string or a number`);
}

function firstFault<T>(values: readonly T[], faultOf: (value: T) => string | null): string | null {
  for (const value of values) {
    const fault = faultOf(value);
    if (fault) return fault;
  }
  return null;
}

/** A delayed event without an id is its own: another of its type stands beside it, and nothing can cancel it. */
function unnamedTimer(event: ActorEvent): string {
  return `${event.type}.${randomUUID()}`;
}

/** Whom a step can tell: references, since a child that is replaced has the id of its successor. */
interface Kin {
  self: object;
  parent: object | undefined;
  before: Record<string, ChildRef>;
  after: Record<string, ChildRef>;
  /** Children that an action so far has stopped. */
  stopped: Set<unknown>;
}

/** Sorts one collected action into the result. Throws on what the runtime does not carry out. */
function collectAction(action: CollectedAction, kin: Kin, result: StepResult): void {
  switch (action.type) {
    case 'xstate.raise': {
      const { event, id, delay } = action.params as { event: ActorEvent; id?: string; delay?: number };
      // Without a delay the machine has consumed it already.
      if (delay === undefined) return;
      result.timers.push({ kind: 'set', id: id ?? unnamedTimer(event), event, delayMs: delay });
      return;
    }
    case 'xstate.cancel': {
      result.timers.push({ kind: 'cancel', id: (action.params as { sendId: string }).sendId });
      return;
    }
    case 'xstate.sendTo': {
      const {
        to: ref,
        event,
        id,
        delay,
      } = action.params as {
        to: { id?: unknown } | undefined;
        event: ActorEvent;
        id?: string;
        delay?: number;
      };
      const to = targetOf(ref, kin);
      if (to === 'nobody') return;
      if (delay !== undefined) {
        // One that is left now has ended by then.
        if (to && 'leavingId' in to) return;
        const timer = { id: id ?? unnamedTimer(event), event, delayMs: delay };
        result.timers.push({ kind: 'set', ...timer, ...(to && { to }) });
      } else if (to) result.sent.push({ to, event });
      else result.toSelf.push(event);
      return;
    }
    case 'xstate.emit': {
      result.emitted.push((action.params as { event: ActorEvent }).event);
      return;
    }
    // Children are compared by identity; logging and assigning leave nothing to do.
    case 'xstate.stopChild':
      kin.stopped.add(action.params);
      return;
    case 'xstate.spawnChild':
    case 'xstate.log':
    case 'xstate.assign':
    case 'xstate.enqueueActions':
      return;
    default:
      throw new Error(
        `the action "${action.type}" is not one that can be committed; use assign, raise, emit or an effect`,
      );
  }
}

/** Undefined for the actor itself; `nobody` for a child that is stopped already, or was replaced before it could begin. */
function targetOf(
  ref: { id?: unknown } | undefined,
  { self, parent, before, after, stopped }: Kin,
): Target | 'nobody' | undefined {
  if (ref === undefined || ref === self) return undefined;
  if (ref === parent) return { parent: true };
  const id = String(ref.id);
  if (after[id] === ref) return { childId: id };
  return before[id] === ref && !stopped.has(ref) ? { leavingId: id } : 'nobody';
}
