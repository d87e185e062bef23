/**
 * An ActorSystem in memory for the inspector's tests: machines really step (in XState), and each step is kept as a
 * record. Only what the inspector asks for; not part of the product.
 */
import { type AnyActorRef, createActor } from 'xstate';
import {
  type ActorEvent,
  type ActorSystem,
  type ActorView,
  type CommitNotice,
  type DurableMachine,
  type InspectionRecord,
  type ListOptions,
  type PendingEffect,
  type PendingTimer,
  RuntimeError,
} from '../../../actors/runtime/index.ts';

interface FakeActor {
  actor: AnyActorRef;
  view: ActorView;
  incarnation: string;
}

type Microsteps = InspectionRecord['microsteps'];

export class FakeSystem {
  readonly #machines: readonly DurableMachine[];
  readonly #actors = new Map<string, FakeActor>();
  readonly #records: InspectionRecord[] = [];
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  /** Set to make the next reads of the journal fail. */
  failReads: Error | undefined;
  now = Date.UTC(2026, 0, 5, 15, 0, 0);

  constructor(machines: readonly DurableMachine[]) {
    this.#machines = machines;
  }

  /** Starts an actor and records its first step. Returns its address. */
  start(
    machine: string,
    key: string,
    { owner = 'local', input }: { owner?: string; input?: unknown } = {},
  ): string {
    const definition = this.#machines.find(({ id }) => id === machine);
    if (!definition) throw new RuntimeError('machine_not_found', machine);
    const address = `${machine}/${key}`;
    const steps: Microsteps = [];
    const actor: AnyActorRef = createActor(definition.machine, {
      input,
      inspect: (event) => {
        if (event.type !== '@xstate.microstep' || event.actorRef !== actor) return;
        steps.push(...transitionsOf(event._transitions));
      },
    });
    actor.subscribe({ error: () => {} });
    const now = new Date(this.now);
    const view: ActorView = {
      ...{ address, machine, key, version: definition.version, owner, status: 'active', revision: 0 },
      ...{
        value: {},
        tags: [],
        context: {},
        timers: [],
        effects: [],
        children: [],
        parent: null,
        createdAt: now,
        updatedAt: now,
      },
    };
    this.#actors.set(address, { actor, view, incarnation: String(this.#actors.size + 1) });
    actor.start();
    this.#commit(
      address,
      { type: 'xstate.init' },
      { kind: 'spawn', source: null, steps: [], valueBefore: null },
    );
    return address;
  }

  /** Sends an event and records the step. */
  step(address: string, event: ActorEvent, { source = null }: { source?: string | null } = {}): void {
    const found = this.#find(address);
    const valueBefore = found.view.value;
    const steps: Microsteps = [];
    const watching = found.actor.system.inspect((inspected) => {
      if (inspected.type === '@xstate.microstep') steps.push(...transitionsOf(inspected._transitions));
    });
    found.actor.send(event);
    watching.unsubscribe();
    this.#commit(address, event, { kind: 'step', source, steps, valueBefore });
  }

  /** What the runtime would hold beside the machine's own state. */
  set(
    address: string,
    change: { context?: Record<string, unknown>; timers?: PendingTimer[]; effects?: PendingEffect[] },
  ): void {
    Object.assign(this.#find(address).view, change);
  }

  /** How many listen for commits. */
  get listeners(): number {
    return this.#listeners.size;
  }

  asSystem(): ActorSystem {
    const refuse = (): never => {
      throw new Error('the inspector only reads');
    };
    return {
      spawn: refuse,
      send: refuse,
      waitFor: refuse,
      stop: refuse,
      pending: refuse,
      listEnded: refuse,
      load: () => ({ queued: 0, effects: new Map() }),
      drain: refuse,
      migrate: refuse,
      deadLetters: refuse,
      countDeadLetters: refuse,
      deadLetter: refuse,
      retryDeadLetter: refuse,
      discardDeadLetter: refuse,
      snapshot: async (address) => ({ ...this.#find(address).view }),
      list: async (options) => this.#list(options),
      journal: async (address, { from = 1, limit = 100 } = {}) =>
        this.#records.filter((r) => r.address === address && r.revision >= from).slice(0, limit),
      inspect: async ({ after = '0', address, owner, limit = 100 } = {}) => {
        if (this.failReads) throw this.failReads;
        if (!/^\d+$/.test(after)) throw new RuntimeError('invalid_input', 'not a cursor');
        return this.#records
          .slice(Number(after))
          .filter(
            (r) =>
              (address === undefined || r.address === address) && (owner === undefined || r.owner === owner),
          )
          .slice(0, limit);
      },
      inspectEnd: async () => String(this.#records.length),
      onCommit: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      machines: () => this.#machines,
    };
  }

  #list({ owner, machine, status, limit = 50, cursor = '0' }: ListOptions = {}): {
    actors: ActorView[];
    next: string | null;
  } {
    const all = [...this.#actors.values()].map(({ view }) => view).toReversed();
    const wanted = all.filter(
      (view) =>
        (owner === undefined || view.owner === owner) &&
        (machine === undefined || [machine].flat().includes(view.machine)) &&
        (status === undefined || view.status === status),
    );
    const end = Number(cursor) + limit;
    return { actors: wanted.slice(Number(cursor), end), next: end < wanted.length ? String(end) : null };
  }

  #find(address: string): FakeActor {
    const found = this.#actors.get(address);
    if (!found) throw new RuntimeError('actor_not_found', `there is no actor ${address}`);
    return found;
  }

  #commit(
    address: string,
    event: ActorEvent,
    step: {
      kind: InspectionRecord['kind'];
      source: string | null;
      steps: Microsteps;
      valueBefore: ActorView['value'] | null;
    },
  ): void {
    const { actor, view, incarnation } = this.#find(address);
    const { status, value, context, output } = actor.getSnapshot();
    this.now += 1_000;
    const at = new Date(this.now);
    const revision = view.revision + 1;
    Object.assign(view, { status, value, revision, updatedAt: at, context: { ...context, ...view.context } });
    if (output !== undefined) view.output = output;
    this.#records.push({
      ...{ cursor: String(this.#records.length + 1), address, machine: view.machine, version: view.version },
      ...{ owner: view.owner, incarnation, revision, kind: step.kind, at, event, source: step.source },
      valueBefore: step.valueBefore,
      snapshot: {
        status: view.status,
        value,
        context: view.context,
        ...(output !== undefined && { output }),
      },
      microsteps: step.steps,
      effects: [],
    });
    for (const listener of this.#listeners) listener({ addresses: [address] });
  }
}

function transitionsOf(transitions: unknown): Microsteps {
  const taken = transitions as { source: { id: string }; target?: { id: string }[]; eventType: string }[];
  return taken.map(({ source, target, eventType }) => ({
    source: source.id,
    targets: target?.map(({ id }) => id) ?? [],
    eventType,
  }));
}
