/**
 * A registered machine as data: its definition for Stately's tools, and the nodes and edges that our page draws.
 * Pure; knows no actor (see position.ts for where an actor stands in it) and no coordinates (see layout.ts).
 */
import type { AnyStateNode } from 'xstate';
import type { DurableMachine } from '../../actors/runtime/index.ts';

/** A state of the machine. The first node of a graph is the machine itself. */
export interface GraphNode {
  /** XState's state node id, for example `analysis.analyze.options`. */
  id: string;
  /** The last part of the path, or the machine's id for the root. */
  key: string;
  parent: string | null;
  type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Of a compound state: the id of its initial child. */
  initial: string | null;
  history: 'shallow' | 'deep' | null;
  description: string | null;
  tags: string[];
  /** Names of actions. */
  entry: string[];
  exit: string[];
  invokes: { id: string; src: string }[];
}

export type EdgeKind = 'event' | 'always' | 'after' | 'done' | 'error';

/** A transition, one edge for each of its targets. */
export interface GraphEdge {
  id: string;
  source: string;
  /** Null for a transition without a target: the state stays, only actions run. */
  target: string | null;
  kind: EdgeKind;
  /** XState's event type; empty for `always`. */
  eventType: string;
  /** The event in words: `CANCEL`, `after 30 s`, `done: fetchQuote`. */
  label: string;
  guard: string | null;
  actions: string[];
}

export interface MachineGraph {
  id: string;
  version: string;
  /** The machine's configuration as a JSON string; `createMachine(JSON.parse(definition))` has the same states. */
  definition: string;
  nodes: GraphNode[];
  edges: GraphEdge[];
}

type Transition = AnyStateNode['always'] extends (infer T)[] | undefined ? T : never;

/** The graph of one machine version. Cheap (under a millisecond); the caller caches it with the layout. */
export function machineGraph(durable: DurableMachine): MachineGraph {
  const nodes: GraphNode[] = [];
  const edges: GraphEdge[] = [];
  const visit = (node: AnyStateNode, parent: string | null): void => {
    nodes.push(describeNode(node, parent));
    const transitions: Transition[] = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
    transitions.forEach((transition, index) => {
      edges.push(...describeTransition(node, transition, index));
    });
    for (const child of Object.values<AnyStateNode>(node.states)) visit(child, node.id);
  };
  visit(durable.machine.root, null);
  return {
    id: durable.id,
    version: durable.version,
    definition: machineDefinition(durable.machine.config),
    nodes,
    edges,
  };
}

/**
 * A machine's configuration as JSON, for `definition` in Stately's protocol. Functions become `{type: name}` and
 * inline actor logic `{type: '(logic)'}`. Not `machine.definition`: that has transitions that XState adds itself.
 */
export function machineDefinition(config: unknown): string {
  return JSON.stringify(config, (_key, value: unknown) => {
    if (typeof value === 'function') return { type: nameOf(value) };
    if (isRecord(value) && typeof value.transition === 'function') return { type: '(logic)' };
    return value;
  });
}

function describeNode(node: AnyStateNode, parent: string | null): GraphNode {
  const initial = node.type === 'compound' ? node.initial.target?.[0]?.id : undefined;
  return {
    id: node.id,
    key: node.key,
    parent,
    type: node.type,
    initial: initial ?? null,
    history: node.history === false ? null : node.history === 'deep' ? 'deep' : 'shallow',
    description: node.description ?? null,
    tags: node.tags,
    entry: actionNames(node.entry),
    exit: actionNames(node.exit),
    invokes: node.invoke.map(({ id, src }) => ({ id, src: typeof src === 'string' ? src : '(logic)' })),
  };
}

function describeTransition(node: AnyStateNode, transition: Transition, index: number): GraphEdge[] {
  const targets: (AnyStateNode | undefined)[] = [...(transition.target ?? [undefined])];
  // `EVENT: undefined` forbids an event: nothing to draw.
  if (targets[0] === undefined && transition.actions.length === 0 && !transition.guard) return [];
  const { kind, label } = describeEvent(node, transition);
  return targets.map((target, targetIndex) => ({
    id: `${node.id}#${index}.${targetIndex}`,
    source: node.id,
    target: target?.id ?? null,
    kind,
    eventType: transition.eventType,
    label,
    guard: transition.guard === undefined ? null : guardName(transition.guard),
    actions: actionNames(transition.actions),
  }));
}

function describeEvent(node: AnyStateNode, transition: Transition): { kind: EdgeKind; label: string } {
  const type: string = transition.eventType;
  if (type === '') return { kind: 'always', label: 'always' };
  if (type.startsWith('xstate.after.')) {
    const { delay } = transition as { delay?: unknown };
    return { kind: 'after', label: `after ${delayWords(delay)}` };
  }
  if (type.startsWith('xstate.done.state.')) return { kind: 'done', label: 'done' };
  for (const kind of ['done', 'error'] as const) {
    const prefix = `xstate.${kind}.actor.`;
    if (!type.startsWith(prefix)) continue;
    const id = type.slice(prefix.length);
    const invoke = node.invoke.find((candidate) => candidate.id === id);
    // An invoke without an id of its own has one like `0.machine.state`: its source says more.
    const named = invoke && id.endsWith(`.${node.id}`) && typeof invoke.src === 'string' ? invoke.src : id;
    return { kind, label: `${kind}: ${named}` };
  }
  return { kind: 'event', label: type === '*' ? 'any event' : type };
}

/** A delay for a person: `500 ms`, `30 s`, `5 min`; a named delay is its name. */
function delayWords(delay: unknown): string {
  if (typeof delay === 'string') return delay;
  if (typeof delay !== 'number') return 'a computed delay';
  if (delay < 1000) return `${delay} ms`;
  if (delay < 60_000) return `${delay / 1000} s`;
  if (delay < 3_600_000) return `${Math.round(delay / 600) / 100} min`;
  return `${Math.round(delay / 36_000) / 100} h`;
}

function guardName(guard: unknown): string {
  if (typeof guard === 'string') return guard;
  const { guards, stateValue } = guard as { guards?: unknown[]; stateValue?: unknown };
  if (Array.isArray(guards)) return `${nameOf(guard)}(${guards.map(guardName).join(', ')})`;
  if (stateValue !== undefined) {
    return `in ${typeof stateValue === 'string' ? stateValue : JSON.stringify(stateValue)}`;
  }
  return nameOf(guard);
}

/** Names of actions, without those that XState adds for `after`. */
function actionNames(actions: readonly unknown[]): string[] {
  return actions.flatMap((action) => {
    if (typeof action === 'string') return [action];
    // A delayed raise has an id, its cancellation a sendId.
    const { id, sendId = id } = action as { id?: unknown; sendId?: unknown };
    if (typeof sendId === 'string' && sendId.startsWith('xstate.after.')) return [];
    return [nameOf(action).replace(/^xstate\./, '')];
  });
}

function nameOf(thing: unknown): string {
  const { type, name } = thing as { type?: unknown; name?: unknown };
  if (typeof type === 'string' && type !== '') return type;
  return typeof name === 'string' && name !== '' ? name : '(anonymous)';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
