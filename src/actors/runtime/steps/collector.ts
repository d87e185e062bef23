/**
 * The scope in which XState steps a detached machine: it collects actions and transitions, and executes nothing. That
 * keeps `self`, `system` and child bookkeeping right, where XState's pure functions lose them. The scope's underscored
 * members are private to XState. Not for what becomes of the collected actions (`step-result.ts`).
 */
import type { ActorEvent } from '../types.ts';

/** Who is stepped: `parent` is the address of the actor that started it. */
export interface Identity {
  address: string;
  parent: string | null;
}

export interface CollectedAction {
  type: string;
  params: unknown;
}

/** One transition that a step took. */
export interface Microstep {
  source: string;
  targets: string[];
  eventType: string;
}

interface Transition {
  /** Of the transition and not of the event: empty for `always`, with its `*` for a wildcard. */
  eventType: string | null;
  source: { id: string };
  target?: { id: string }[];
}

const noop = () => {};

/** What one step collects, and the scope that collects it. */
export class Collector {
  readonly actions: CollectedAction[] = [];
  readonly microsteps: Microstep[] = [];
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
