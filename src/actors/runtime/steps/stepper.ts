/**
 * One XState step without side effects: a stored snapshot and an event in, the next snapshot and what it asks for out.
 *
 * The machine is run detached: every actor source is replaced by an inert stand-in, and the machine's own public
 * methods are called with an actor scope that collects actions instead of executing them. That keeps `self`,
 * `system`, transitions taken and child bookkeeping right, where XState's pure functions lose them. The scope's
 * underscored members are private to XState, hence the exact pin in package.json.
 *
 * Not for: what becomes of the collected work (`apply.ts`), nor for storing anything.
 */
import { randomUUID } from 'node:crypto';
import type { AnyEventObject, AnyStateMachine, AnyStateNode, StateValue } from 'xstate';
import { RuntimeError } from '../errors.ts';
import type { ActorEvent, ActorStatus, DurableMachine } from '../types.ts';
import { faultOfValue } from './lossless.ts';

/** An `always` loop that is longer than this is a fault of the machine. */
const MAX_MICROSTEPS = 1_000;

/** Another actor, as a machine can name one: who started it, one that it has started, or one that this step leaves. */
export type Target = { parent: true } | { childId: string } | { leavingId: string };

/** A delayed event to set or cancel, in the order in which the machine asked. Without `to` it is the actor's own. */
export type TimerRequest =
  | { kind: 'set'; id: string; event: ActorEvent; delayMs: number; to?: Target }
  | { kind: 'cancel'; id: string };

/** Who is stepped: `parent` is the address of the actor that started it. */
export interface Identity {
  address: string;
  parent: string | null;
}

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
  microsteps: { source: string; targets: string[]; eventType: string }[];
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

/** The part of XState's child references that is read here. */
interface ChildRef {
  id: string;
  src: unknown;
  options: { input?: unknown };
  _syncSnapshot?: boolean;
}

export interface LiveSnapshot {
  status: ActorStatus;
  value: StateValue;
  tags: Set<string>;
  context: Record<string, unknown>;
  output: unknown;
  error: unknown;
  children: Record<string, ChildRef>;
  /** The active state nodes. */
  _nodes: AnyStateNode[];
}

/** A stored snapshot brought back, and what collects what is done with it. */
export interface Restored {
  snapshot: LiveSnapshot;
  collector: Collector;
}

interface CollectedAction {
  type: string;
  params: unknown;
}

/** The members of XState's machine and scope that are used, with the types that it keeps to itself. */
interface DetachedMachine {
  options: { maxIterations: number };
  getInitialSnapshot(scope: unknown, input: unknown): LiveSnapshot;
  restoreSnapshot(snapshot: unknown, scope: unknown): LiveSnapshot;
  transition(snapshot: LiveSnapshot, event: AnyEventObject, scope: unknown): LiveSnapshot;
  getPersistedSnapshot(snapshot: LiveSnapshot): { context: unknown; output?: unknown };
}

interface Transition {
  /** Of the transition and not of the event: empty for `always`, with its `*` for a wildcard. */
  eventType: string | null;
  source: { id: string };
  target?: { id: string }[];
}

/** Stands in for every child: it never runs, and its snapshot is inert. */
const inertLogic = {
  transition: (state: unknown) => state,
  getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined }),
  getPersistedSnapshot: (state: unknown) => state,
  restoreSnapshot: (state: unknown) => state,
  start: () => {},
};

/** The machine with a stand-in for every actor source. */
export function detached(machine: AnyStateMachine): AnyStateMachine {
  const sources = Object.keys(machine.implementations.actors);
  const stubs = Object.fromEntries(sources.map((name) => [name, inertLogic]));
  return machine.provide({ actors: stubs as never });
}

const noop = () => {};

/** What one step collects, and the scope that collects it. */
export class Collector {
  readonly actions: CollectedAction[] = [];
  readonly microsteps: StepResult['microsteps'] = [];
  readonly scope: object;
  readonly self: object;
  readonly system: object;
  readonly parent: object | undefined;

  constructor({ address, parent }: Identity) {
    const byName = new Map<string, unknown>();
    const names = new Map<unknown, string>();
    let booked = 0;
    const system = {
      // Ids that the machine does not give itself must not depend on the process; they are unique within the step only.
      _bookId: () => `x:${booked++}`,
      _register: (sessionId: string) => sessionId,
      _unregister: (ref: unknown) => {
        const name = names.get(ref);
        if (name !== undefined) byName.delete(name);
        names.delete(ref);
      },
      _set: (name: string, ref: unknown) => {
        byName.set(name, ref);
        names.set(ref, name);
      },
      get: (name: string) => byName.get(name),
      getAll: () => Object.fromEntries(byName),
      inspect: () => ({ unsubscribe: noop }),
      _sendInspectionEvent: (inspected: { type: string; event: ActorEvent; _transitions?: Transition[] }) => {
        if (inspected.type !== '@xstate.microstep') return;
        for (const { source, target, eventType } of inspected._transitions ?? []) {
          this.microsteps.push({
            source: source.id,
            targets: (target ?? []).map((node) => node.id),
            eventType: eventType ?? '',
          });
        }
      },
      _relay: noop,
      scheduler: { schedule: noop, cancel: noop, cancelAll: noop },
      getSnapshot: () => ({ _scheduledEvents: {} }),
      start: noop,
      _clock: { setTimeout: noop, clearTimeout: noop },
      _logger: noop,
    };
    this.system = system;
    this.parent = parent === null ? undefined : { id: parent, sessionId: parent, send: noop };
    const self = {
      id: address,
      sessionId: address,
      system,
      _parent: this.parent,
      send: noop,
      getSnapshot: () => undefined,
    };
    this.self = self;
    this.scope = {
      self,
      id: address,
      sessionId: address,
      system,
      logger: noop,
      defer: noop,
      emit: noop,
      stopChild: noop,
      actionExecutor: (action: CollectedAction) => {
        this.actions.push(action);
      },
    };
  }
}

export class Stepper {
  readonly #machine: DetachedMachine;

  constructor(definition: Pick<DurableMachine, 'machine'>) {
    this.#machine = detached(definition.machine) as unknown as DetachedMachine;
    if (!Number.isFinite(this.#machine.options.maxIterations))
      this.#machine.options.maxIterations = MAX_MICROSTEPS;
  }

  /** The first snapshot. Throws what the machine's context, guards, assigns or inputs throw. */
  start(identity: Identity, input: unknown): StepResult {
    const collector = new Collector(identity);
    const snapshot = this.#machine.getInitialSnapshot(collector.scope, input);
    if (snapshot.status === 'error') throw snapshot.error;
    return this.#result(collector, undefined, snapshot, true);
  }

  /**
   * One event on a stored snapshot. Throws what guards, assigns or inputs throw, and `snapshot_misfit` when the snapshot
   * is not one of this machine; the stored snapshot is not touched then.
   */
  step(identity: Identity, stored: string, event: ActorEvent): StepResult {
    const restored = this.restore(identity, JSON.parse(stored));
    const { snapshot: before, collector } = restored;
    const after = this.#machine.transition(before, event, collector.scope);
    const changed = collector.microsteps.length > 0 || after.status !== before.status;
    return this.finish(restored, after, changed);
  }

  /** Brings back a persisted snapshot, which it may change. Throws `snapshot_misfit` for one of another machine. */
  restore(identity: Identity, persisted: unknown): Restored {
    const collector = new Collector(identity);
    try {
      return { collector, snapshot: this.#machine.restoreSnapshot(persisted, collector.scope) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const message = `the stored snapshot does not fit the machine: ${reason}`;
      throw new RuntimeError('snapshot_misfit', message, { cause: error });
    }
  }

  /** What became of a restored snapshot. */
  finish({ snapshot, collector }: Restored, after: LiveSnapshot, changed: boolean): StepResult {
    return this.#result(collector, snapshot, after, changed);
  }

  #result(
    collector: Collector,
    before: LiveSnapshot | undefined,
    after: LiveSnapshot,
    changed: boolean,
  ): StepResult {
    const childrenBefore = before?.children ?? {};
    const persisted = this.#machine.getPersistedSnapshot(after);
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
      started: [],
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
    if (after.status === 'active') {
      for (const [id, ref] of Object.entries(after.children)) {
        if (ref && childrenBefore[id] !== ref) {
          const sync = ref._syncSnapshot === true;
          result.started.push({ id, src: String(ref.src), input: ref.options.input, sync });
        }
      }
    }
    return result;
  }
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
