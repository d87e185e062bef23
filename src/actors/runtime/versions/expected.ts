/**
 * What the states of a snapshot wait for, read from the machine's own definition: the timers of their `after`, and
 * what they invoke. XState sets both on entry and never on a restore; a migrated snapshot enters nothing, so what it
 * lacks is armed here, with XState's own actions. Not for deciding what it lacks: that is `migrate.ts`.
 */
import { type AnyStateNode, spawnChild } from 'xstate';
import { RuntimeError } from '../errors.ts';
import type { LiveSnapshot } from '../steps/detached.ts';
import type { Restored } from '../steps/stepper.ts';
import type { ActorEvent } from '../types.ts';

type Invoke = AnyStateNode['invoke'][number];

export interface Expected {
  /** By XState's ids of the delayed transitions. */
  timers: ReadonlySet<string>;
  invokes: ReadonlyMap<string, Invoke>;
}

/** A built-in action of XState's, as the interpreter sees it. */
interface BuiltIn {
  id?: string;
  resolve(
    scope: object,
    snapshot: LiveSnapshot,
    args: object,
    params: undefined,
    action: BuiltIn,
    extra: { internalQueue: unknown[] },
  ): [snapshot: LiveSnapshot, params: unknown];
}

/** What these state nodes wait for while they are active. */
export function expectedBy(nodes: readonly AnyStateNode[]): Expected {
  return {
    timers: new Set(nodes.flatMap(({ after }) => after.map(({ eventType }) => eventType))),
    invokes: new Map(nodes.flatMap(({ invoke }) => invoke.map((one) => [one.id, one] as const))),
  };
}

/** All state nodes of a machine, by id. */
export function nodesOf(root: AnyStateNode): Map<string, AnyStateNode> {
  const below = Object.values(root.states).flatMap((child) => [...nodesOf(child as AnyStateNode)]);
  return new Map([[root.id, root], ...below]);
}

/**
 * Sets these timers and starts these invocations of the active states, as an entry by `event` would. Delays and inputs
 * are evaluated; throws what they throw.
 */
export function arm(restored: Restored, lacking: Expected, event: ActorEvent): LiveSnapshot {
  const { collector } = restored;
  const resolve = (snapshot: LiveSnapshot, action: BuiltIn) => {
    const args = { context: snapshot.context, event, self: collector.self, system: collector.system };
    return action.resolve(collector.scope, snapshot, args, undefined, action, { internalQueue: [] });
  };
  let { snapshot } = restored;
  for (const { entry } of [...snapshot._nodes].sort((a, b) => a.order - b.order)) {
    for (const action of entry as unknown as BuiltIn[]) {
      if (action.id === undefined || !lacking.timers.has(action.id)) continue;
      const [, params] = resolve(snapshot, action);
      if (typeof (params as { delay?: unknown }).delay !== 'number') {
        throw new RuntimeError('migration_failed', `the delay of ${action.id} is not a number`);
      }
      collector.actions.push({ type: 'xstate.raise', params });
    }
  }
  for (const invoke of lacking.invokes.values()) {
    const started = spawnChild(
      invoke.src as string,
      {
        ...invoke,
        syncSnapshot: invoke.onSnapshot !== undefined,
      } as never,
    );
    [snapshot] = resolve(snapshot, started as unknown as BuiltIn);
  }
  return snapshot;
}
