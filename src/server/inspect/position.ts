/**
 * Where an actor stands in its machine's graph: active states, transitions just taken, events that can come next.
 * Pure; needs only the committed state value and the journal's microsteps, so it works for any past revision.
 */
import type { StateValue } from 'xstate';
import type { InspectionRecord } from '../../actors/runtime/index.ts';
import type { GraphEdge, GraphNode, MachineGraph } from './machine-graph.ts';

/** Ids of the active states, the machine's own first. Parts of the value that the graph lacks are left out. */
export function activeNodes(graph: MachineGraph, value: StateValue): string[] {
  const root = graph.nodes[0];
  if (!root) return [];
  const active = [root.id];
  const enter = (parent: GraphNode, part: StateValue): void => {
    const entries: [string, StateValue | undefined][] =
      typeof part === 'string' ? [[part, undefined]] : Object.entries(part);
    for (const [key, inner] of entries) {
      const node = graph.nodes.find((candidate) => candidate.parent === parent.id && candidate.key === key);
      if (!node) continue;
      active.push(node.id);
      if (inner !== undefined) enter(node, inner);
    }
  };
  enter(root, value);
  return active;
}

/**
 * Ids of the edges that a step took. Transitions that differ only in their guard can't be told apart, as the
 * journal names source, targets and event: all of them are answered.
 */
export function takenEdges(graph: MachineGraph, microsteps: InspectionRecord['microsteps']): string[] {
  const taken = microsteps.flatMap((step) =>
    graph.edges.filter(
      (edge) =>
        step.source === edge.source &&
        step.eventType === edge.eventType &&
        (edge.target === null ? step.targets.length === 0 : step.targets.includes(edge.target)),
    ),
  );
  return [...new Set(taken.map(({ id }) => id))];
}

/** An event that the actor would take, if its guard (one of them, where there are several) lets it pass. */
export interface EnabledEvent {
  type: string;
  label: string;
  kind: GraphEdge['kind'];
  guards: string[];
}

/** Events with a transition from an active state, innermost state first, each type once. */
export function enabledEvents(graph: MachineGraph, active: readonly string[]): EnabledEvent[] {
  const events = new Map<string, EnabledEvent>();
  for (const source of [...active].reverse()) {
    for (const edge of graph.edges) {
      if (edge.source !== source || edge.kind === 'always') continue;
      const event = events.get(edge.eventType) ?? {
        type: edge.eventType,
        label: edge.label,
        kind: edge.kind,
        guards: [],
      };
      if (edge.guard !== null && !event.guards.includes(edge.guard)) event.guards.push(edge.guard);
      events.set(edge.eventType, event);
    }
  }
  return [...events.values()];
}
