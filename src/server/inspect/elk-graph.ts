/**
 * Sizes and shape of a statechart for ELK, and what the page draws of its answer. Pure: no ELK is loaded here
 * (see layout.ts), so that the page's measures stand in one place.
 */
import type { ElkExtendedEdge, ElkLabel, ElkNode } from 'elkjs/lib/elk-api.js';
import type { GraphEdge, GraphNode, MachineGraph } from './machine-graph.ts';

/** Pixels. The page draws its text in these sizes with a monospaced font, whose width is known beforehand. */
export const metrics = {
  headerHeight: 30,
  rowHeight: 17,
  nodePadding: 12,
  nameCharWidth: 8,
  rowCharWidth: 6.7,
  labelCharWidth: 6.7,
  labelLineHeight: 15,
} as const;

const minNodeWidth = 76;
const historySize = 26;
const initialDotSize = 10;
const maxLineLength = 34;

export interface LayoutNode {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Lines below the name: what runs, entry and exit actions, transitions without a target. */
  rows: { text: string; kind: 'invoke' | 'action' | 'edge'; edge: string | null }[];
}

export interface LayoutEdge {
  /** A graph edge's id, or `initial:<state id>` for the arrow to an initial state. */
  id: string;
  points: [number, number][];
  lines: string[];
  /** Where the label stands; null without one. */
  label: { x: number; y: number; width: number; height: number } | null;
}

/** A chart ready to draw: all coordinates absolute, in pixels from the top left. */
export interface ChartLayout {
  width: number;
  height: number;
  metrics: typeof metrics;
  nodes: LayoutNode[];
  edges: LayoutEdge[];
  /** Dots that initial arrows start from. */
  dots: { x: number; y: number; r: number }[];
}

const canvasOptions = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.padding': '[top=8,left=8,bottom=8,right=8]',
};

// ELK does not hand these down: each state with children needs them. Keeping the order of declaration
// (`considerModelOrder`) is left out, as ELK 0.12 throws on it when an edge crosses levels.
const nestedOptions = {
  // From the initial state on, so that what comes first stands first.
  'elk.layered.cycleBreaking.strategy': 'DEPTH_FIRST',
  'elk.layered.spacing.nodeNodeBetweenLayers': '18',
  'elk.layered.spacing.edgeNodeBetweenLayers': '10',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '9',
  'elk.spacing.nodeNode': '20',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeEdge': '12',
  'elk.nodeSize.constraints': 'MINIMUM_SIZE',
};

// Several loops on one state side by side instead of within each other.
const leafOptions = { 'elk.layered.edgeRouting.selfLoopDistribution': 'EQUALLY' };

/** The graph as ELK takes it. */
export function toElk(graph: MachineGraph): ElkNode {
  const root = graph.nodes[0];
  if (!root) throw new Error(`machine ${graph.id} has no states`);
  return {
    id: 'canvas',
    layoutOptions: canvasOptions,
    children: [elkNode(graph, root)],
    edges: [...graph.edges.flatMap(elkEdge), ...graph.nodes.flatMap(initialEdge)],
  };
}

/** ELK's answer as the page draws it. */
export function fromElk(graph: MachineGraph, placed: ElkNode): ChartLayout {
  const nodes: LayoutNode[] = [];
  const dots: ChartLayout['dots'] = [];
  const collect = (node: ElkNode): void => {
    const { x = 0, y = 0, width = 0, height = 0 } = node;
    const state = graph.nodes.find(({ id }) => id === node.id);
    if (state) nodes.push({ id: node.id, x, y, width, height, rows: rowsOf(graph, state) });
    else if (node.id.startsWith('initial:')) {
      dots.push({ x: x + width / 2, y: y + height / 2, r: initialDotSize / 2 - 0.5 });
    }
    for (const child of node.children ?? []) collect(child);
  };
  collect(placed);
  const edges = (placed.edges ?? []).map((edge): LayoutEdge => {
    const [label] = edge.labels ?? [];
    const { x = 0, y = 0, width = 0, height = 0 } = label ?? {};
    return {
      id: edge.id ?? '',
      points: pointsOf(edge),
      lines: label?.text?.split('\n') ?? [],
      label: label ? { x, y, width, height } : null,
    };
  });
  return { width: placed.width ?? 0, height: placed.height ?? 0, metrics, nodes, edges, dots };
}

function elkNode(graph: MachineGraph, node: GraphNode): ElkNode {
  if (node.type === 'history') return { id: node.id, width: historySize, height: historySize };
  const rows = rowsOf(graph, node);
  const width = Math.max(
    minNodeWidth,
    node.key.length * metrics.nameCharWidth + 2 * metrics.nodePadding + 18,
    ...rows.map(({ text }) => text.length * metrics.rowCharWidth + 2 * metrics.nodePadding),
  );
  const rowsHeight = rows.length === 0 ? 0 : rows.length * metrics.rowHeight + 8;
  const children = graph.nodes.filter(({ parent }) => parent === node.id);
  if (children.length === 0) {
    return { id: node.id, width, height: metrics.headerHeight + rowsHeight, layoutOptions: leafOptions };
  }
  const top = metrics.headerHeight + rowsHeight + 10;
  const dot = { id: `initial:dot:${node.id}`, width: initialDotSize, height: initialDotSize };
  return {
    id: node.id,
    layoutOptions: {
      ...nestedOptions,
      'elk.padding': `[top=${top},left=14,bottom=14,right=14]`,
      'elk.nodeSize.minimum': `(${width}, ${top})`,
    },
    children: [...(node.initial === null ? [] : [dot]), ...children.map((child) => elkNode(graph, child))],
  };
}

function elkEdge(edge: GraphEdge): ElkExtendedEdge[] {
  if (edge.target === null) return [];
  return [{ id: edge.id, sources: [edge.source], targets: [edge.target], labels: [elkLabel(linesOf(edge))] }];
}

function initialEdge(node: GraphNode): ElkExtendedEdge[] {
  if (node.initial === null) return [];
  return [{ id: `initial:${node.id}`, sources: [`initial:dot:${node.id}`], targets: [node.initial] }];
}

function elkLabel(lines: string[]): ElkLabel {
  return {
    text: lines.join('\n'),
    width: Math.max(...lines.map(({ length }) => length)) * metrics.labelCharWidth + 10,
    height: lines.length * metrics.labelLineHeight + 4,
    layoutOptions: { 'elk.edgeLabels.inline': 'true' },
  };
}

/** A transition in up to three lines: event, guard, actions. Event and guard share one where they fit. */
function linesOf(edge: GraphEdge): string[] {
  const guard = edge.guard === null ? [] : [`[${edge.guard}]`];
  // A guarded `always` is told by its guard alone.
  const head = edge.kind === 'always' && edge.guard !== null ? guard : [edge.label, ...guard];
  const joined = head.join(' ');
  const lines = joined.length <= maxLineLength - 8 ? [joined] : head;
  if (edge.actions.length > 0) lines.push(`/ ${edge.actions.join(', ')}`);
  return lines.map(shorten);
}

function rowsOf(graph: MachineGraph, node: GraphNode): LayoutNode['rows'] {
  return [
    ...node.invokes.map(({ src }) => ({ text: `⟳ ${src}`, kind: 'invoke' as const, edge: null })),
    ...node.entry.map((name) => ({ text: `entry / ${name}`, kind: 'action' as const, edge: null })),
    ...node.exit.map((name) => ({ text: `exit / ${name}`, kind: 'action' as const, edge: null })),
    ...graph.edges
      .filter((edge) => edge.source === node.id && edge.target === null)
      .map((edge) => ({ text: linesOf(edge).join(' '), kind: 'edge' as const, edge: edge.id })),
  ].map((row) => ({ ...row, text: shorten(row.text) }));
}

function shorten(text: string): string {
  return text.length <= maxLineLength ? text : `${text.slice(0, maxLineLength - 1)}…`;
}

function pointsOf(edge: ElkExtendedEdge): [number, number][] {
  return (edge.sections ?? []).flatMap(({ startPoint, bendPoints, endPoint }) =>
    [startPoint, ...(bendPoints ?? []), endPoint].map(({ x, y }): [number, number] => [x, y]),
  );
}
