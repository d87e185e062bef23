/**
 * A machine detached from running: every actor source is an inert stand-in, and XState's own methods can be called
 * with a scope that collects (`collector.ts`). The types are of what XState keeps to itself, hence the exact pin in
 * package.json. Not for stepping (`stepper.ts`).
 */
import type { AnyEventObject, AnyStateMachine, AnyStateNode, StateValue } from 'xstate';
import type { ActorStatus } from '../types.ts';

/** The part of XState's child references that is read here. */
export interface ChildRef {
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

/** The members of XState's machine and scope that are used, with the types that it keeps to itself. */
export interface DetachedMachine {
  options: { maxIterations: number };
  getInitialSnapshot(scope: unknown, input: unknown): LiveSnapshot;
  restoreSnapshot(snapshot: unknown, scope: unknown): LiveSnapshot;
  transition(snapshot: LiveSnapshot, event: AnyEventObject, scope: unknown): LiveSnapshot;
  getPersistedSnapshot(snapshot: LiveSnapshot): { context: unknown; output?: unknown };
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
