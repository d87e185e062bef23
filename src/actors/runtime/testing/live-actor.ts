/**
 * A machine under XState's own `createActor`, in memory: what the runtime is compared with. Time is simulated, and
 * effects end when the test says so.
 */
import {
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyTransitionDefinition,
  createActor,
  SimulatedClock,
  StateMachine,
} from 'xstate';
import type { PlainError } from '../errors.ts';
import type { ActorEvent } from '../types.ts';

/** XState's own name for it is not exported. */
const RUNNING = 1;

export type Outcome = { output: unknown } | { error: PlainError };

/** What is compared: plain JSON. */
export interface Seen {
  status: string;
  value: unknown;
  context: unknown;
  output: unknown;
  error: unknown;
}

/** Stands in for an effect: it ends when it is told its outcome. */
const heldEffect = {
  getInitialSnapshot: (_scope: unknown, input: unknown) => ({
    status: 'active',
    input,
    output: undefined,
    error: undefined,
  }),
  transition: (state: object, event: ActorEvent) => {
    if (event.type === 'xstate.stop') return { ...state, status: 'stopped' };
    const outcome = event.outcome as Outcome | undefined;
    if (!outcome) return state;
    return 'output' in outcome
      ? { ...state, status: 'done', output: outcome.output }
      : { ...state, status: 'error', error: outcome.error };
  },
  getPersistedSnapshot: (state: unknown) => state,
  restoreSnapshot: (state: unknown) => state,
};

/** Its effects, and those of its children's machines, end as they are told. */
function withHeldEffects(machine: AnyStateMachine): AnyStateMachine {
  const sources = Object.entries(machine.implementations.actors as Record<string, unknown>);
  const held = sources.map(([name, logic]) => [
    name,
    logic instanceof StateMachine ? withHeldEffects(logic as AnyStateMachine) : heldEffect,
  ]);
  return machine.provide({ actors: Object.fromEntries(held) as never });
}

/** A machine running in memory. `now` counts milliseconds from 0. */
export class LiveActor {
  readonly #clock = new SimulatedClock();
  readonly #actor;
  readonly emitted: unknown[] = [];
  /** The transitions taken, by `nameOfTransition`. */
  readonly taken = new Set<string>();
  /** The ids of the states that were entered, also those that were left within the same step. */
  readonly entered = new Set<string>();
  /** Of its family, those that have taken a transition since they last told of themselves. */
  readonly #stepped = new WeakSet<object>();
  /** Of its family, those that started although another child of their id is wanted. */
  readonly #unwanted = new WeakSet<object>();

  constructor(machine: AnyStateMachine, input: unknown) {
    this.#actor = createActor(withHeldEffects(machine), {
      input,
      clock: this.#clock,
      inspect: (inspected) => {
        if (inspected.type === '@xstate.event' && inspected.event.type === 'xstate.init')
          this.#noteIfUnwanted(inspected.actorRef as AnyActorRef);
        if (inspected.type !== '@xstate.microstep') return;
        for (const one of inspected._transitions) this.taken.add(nameOfTransition(one));
        if (inspected._transitions.length > 0) this.#stepped.add(inspected.actorRef);
        this.#enter(inspected.snapshot as AnyMachineSnapshot);
      },
    });
    // An error status is an outcome like others here; without an observer XState throws it at the process.
    this.#actor.subscribe({ error: () => {} });
    this.#actor.on('*', (event) => this.emitted.push(event));
    replaceTimersOfOneId(this.#actor.system);
    tellOfSteps(this.#actor, this.#stepped, this.#unwanted);
    this.#actor.start();
    this.#enter(this.#actor.getSnapshot() as AnyMachineSnapshot);
  }

  get now(): number {
    return this.#clock.now();
  }

  send(event: ActorEvent): void {
    this.#actor.send(event);
  }

  /** Fires what is due until then. */
  passTime(ms: number): void {
    this.#clock.increment(ms);
  }

  /** Ends a running effect; of a child's, where its id in its parent is given. */
  end(id: string, outcome: Outcome, child?: string): void {
    this.#child(id, child).send({ type: 'test.end', outcome });
  }

  /**
   * Makes happen what a journal or a path says: effects end as their completion events say; a timer's event comes by
   * hand, and its own is cancelled as its state is left.
   */
  happen(event: ActorEvent): void {
    const ended = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(event.type);
    if (ended?.[1] === undefined) this.send(event);
    else
      this.end(ended[1], ('error' in event ? { error: event.error } : { output: event.output }) as Outcome);
  }

  /** The running effects and what they were asked, by id; of a child, where its id is given. */
  effects(child?: string): Record<string, unknown> {
    const { status, children } = this.#actorOf(child).getSnapshot() as AnyMachineSnapshot;
    if (status !== 'active') return {};
    const running = Object.entries(children as Record<string, AnyActorRef | undefined>).flatMap(
      ([id, ref]) => {
        if (isMachine(ref)) return [];
        const state = ref?.getSnapshot() as { status: string; input: unknown } | undefined;
        return state?.status === 'active' ? [[id, state.input] as const] : [];
      },
    );
    return plain(Object.fromEntries(running));
  }

  /**
   * The types of its pending delayed events, sorted; of a child, where its id is given. Without those for one that has
   * ended: they do nothing.
   */
  timers(child?: string): string[] {
    const source = this.#actorOf(child);
    const { _scheduledEvents: scheduled } = this.#actor.system.getSnapshot() as unknown as {
      _scheduledEvents: Record<string, { event: ActorEvent; source: unknown; target: AnyActorRef }>;
    };
    return Object.values(scheduled)
      .filter((one) => one.source === source && isRunning(one.target))
      .map(({ event }) => event.type)
      .sort();
  }

  /** The ids of the children that are machines and have not ended, sorted. */
  children(): string[] {
    const { status, children } = this.#actor.getSnapshot() as AnyMachineSnapshot;
    if (status !== 'active') return [];
    return Object.entries(children as Record<string, AnyActorRef | undefined>)
      .filter(([, ref]) => isMachine(ref) && ref?.getSnapshot().status === 'active')
      .map(([id]) => id)
      .sort();
  }

  seen(child?: string): Seen {
    const { status, value, context, output, error } = this.#actorOf(
      child,
    ).getSnapshot() as AnyMachineSnapshot;
    return plain({ status, value, context, output: output ?? null, error: error ?? null });
  }

  #noteIfUnwanted(ref: AnyActorRef): void {
    const parent = (ref as unknown as { _parent?: AnyActorRef })._parent;
    const wanted = (parent?.getSnapshot() as AnyMachineSnapshot | undefined)?.children[ref.id];
    if (parent && wanted !== ref) this.#unwanted.add(ref);
  }

  #enter({ _nodes: nodes }: AnyMachineSnapshot): void {
    for (const { id } of nodes) this.entered.add(id);
  }

  #actorOf(child: string | undefined): AnyActorRef {
    return child === undefined ? this.#actor : this.#child(child);
  }

  #child(id: string, parent?: string): AnyActorRef {
    const { children } = this.#actorOf(parent).getSnapshot() as AnyMachineSnapshot;
    const child = (children as Record<string, AnyActorRef | undefined>)[id];
    if (!child) throw new Error(`no effect or child "${id}" runs`);
    return child;
  }
}

/** One that was replaced before it began has an active snapshot, and never runs. */
function isRunning(ref: AnyActorRef): boolean {
  return (ref as unknown as { _processingStatus: number })._processingStatus === RUNNING;
}

function isMachine(ref: AnyActorRef | undefined): boolean {
  return (ref as unknown as { logic: unknown } | undefined)?.logic instanceof StateMachine;
}

/** A transition in words: `source event [guard] -> targets`. */
export function nameOfTransition({ source, eventType, guard, target }: AnyTransitionDefinition): string {
  const condition = guard === undefined ? '' : ` [${typeof guard === 'object' ? guard.type : String(guard)}]`;
  const targets = (target ?? []).map(({ id }) => id).join(', ');
  return `${source.id} ${eventType || 'always'}${condition} -> ${targets || 'itself'}`;
}

/**
 * One difference that is wanted: where a timer of an id is set while one is pending, XState forgets the earlier one
 * but lets both fire (also for `after`, where a history target makes it enter a state again that it has not left). On
 * the runtime the later takes the earlier's place, since a timer belongs to one visit of its state (R5).
 */
function replaceTimersOfOneId(system: unknown): void {
  const { scheduler } = system as {
    scheduler: {
      schedule(source: unknown, target: unknown, event: unknown, delay: number, id?: string): void;
      cancel(source: unknown, id: string): void;
    };
  };
  const { schedule } = scheduler;
  scheduler.schedule = (source, target, event, delay, id) => {
    if (id !== undefined) scheduler.cancel(source, id);
    schedule(source, target, event, delay, id);
  };
}

/**
 * Three more, of what children tell. XState tells a parent with `onSnapshot` of its child's snapshot also after an event
 * that the child does not take; the runtime writes nothing for such an event, and tells of steps in which a transition
 * was taken, whether or not it changed anything. What a child told before it was stopped still reaches XState's next
 * child of that id; on the runtime it is late. And where a history target makes XState enter a state again that it has
 * not left, both children of its `invoke` run; on the runtime there is one child of an id, and the other never starts.
 */
function tellOfSteps(actor: AnyActorRef, stepped: WeakSet<object>, unwanted: WeakSet<object>): void {
  const relaying = actor.system as unknown as {
    _relay(source: AnyActorRef, target: unknown, event: ActorEvent): void;
  };
  const { mailbox } = actor as unknown as { mailbox: { _process: (event: ActorEvent) => void } };
  const relay = relaying._relay.bind(relaying);
  const process = mailbox._process;
  const known = new WeakSet<object>();
  const tellers = new WeakMap<object, AnyActorRef>();
  relaying._relay = (source, target, event) => {
    if (unwanted.has(source)) return;
    if (event.type.startsWith('xstate.snapshot.')) {
      if (known.has(source) && !stepped.has(source)) return;
      known.add(source);
      stepped.delete(source);
    }
    if (/^xstate\.(?:snapshot|done\.actor|error\.actor)\./.test(event.type)) tellers.set(event, source);
    relay(source, target, event);
  };
  mailbox._process = (event) => {
    const teller = tellers.get(event);
    const { children } = actor.getSnapshot() as AnyMachineSnapshot;
    if (teller === undefined || (children as Record<string, unknown>)[teller.id] === teller) process(event);
  };
}

/** As it would be stored. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
