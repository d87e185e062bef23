/**
 * A machine's states as a Mermaid state diagram, which GitHub draws and which a reader of a change can compare line by
 * line. Pure. What Mermaid cannot draw (a transition within the state that it leaves, or without a target) is said in
 * words below.
 */
import type { GraphEdge, GraphNode, MachineGraph } from '../../src/server/inspect/machine-graph.ts';

export interface StateDiagram {
  /** The lines between the fences. */
  mermaid: string[];
  /** What the picture does not show, a line each, in Markdown. */
  words: string[];
}

/** The diagram of one machine. Regions that are alike are drawn once, and `words` says how many there are. */
export function stateDiagram({ nodes, edges }: MachineGraph): StateDiagram {
  const [root] = nodes;
  if (root === undefined) throw new Error('A machine has at least its root state.');
  const words: string[] = [];
  const left = new Set<string>();
  for (const node of nodes.filter(({ type }) => type === 'parallel')) {
    const [first, ...others] = nodes.filter(({ parent }) => parent === node.id);
    const alike = others.filter((other) => shapeOf(other.id) === shapeOf(first?.id ?? ''));
    if (first === undefined || alike.length === 0) continue;
    for (const { id } of alike) for (const inner of nodes) if (isWithin(inner.id, id)) left.add(inner.id);
    const names = [first, ...alike].map(({ key }) => `\`${key}\``).join(', ');
    words.push(`\`${nameOf(node.id)}\` has ${alike.length + 1} such regions side by side: ${names}.`);
  }
  const shown = edges.filter(({ source }) => !left.has(source));
  const drawn = shown.filter(isDrawn);
  const mermaid = ['stateDiagram-v2', ...inside(root, '  ')];
  for (const group of grouped(
    shown.filter((edge) => !isDrawn(edge)),
    ({ source, target }) => `${source}>${target}`,
  )) {
    const { source, target } = group[0];
    const where = source === root.id ? 'In every state' : `In \`${nameOf(source)}\``;
    const what = target === null ? 'stays' : `to \`${nameOf(target)}\``;
    words.push(`${where}: ${labelsOf(group)} → ${what}.`);
  }
  return { mermaid, words };

  function inside(parent: GraphNode, indent: string): string[] {
    const children = nodes.filter((node) => node.parent === parent.id && !left.has(node.id));
    return [
      ...(parent.initial === null ? [] : [`${indent}[*] --> ${aliasOf(parent.initial)}`]),
      ...children.flatMap((child, index) => [
        ...(parent.type === 'parallel' && index > 0 ? [`${indent}--`] : []),
        `${indent}state "${titleOf(child)}" as ${aliasOf(child.id)}`,
        ...(child.type === 'compound' || child.type === 'parallel'
          ? [`${indent}state ${aliasOf(child.id)} {`, ...inside(child, `${indent}  `), `${indent}}`]
          : []),
        ...(child.type === 'final' ? [`${indent}${aliasOf(child.id)} --> [*]`] : []),
      ]),
      ...arrows(parent.id, indent),
    ];
  }

  /** Those whose ends have this state as the nearest one around both. */
  function arrows(parent: string, indent: string): string[] {
    const here = drawn.filter((edge) => innermostAround(edge) === parent);
    return grouped(here, ({ source, target }) => `${source}>${target}`).map(
      (group) =>
        `${indent}${aliasOf(group[0].source)} --> ${aliasOf(group[0].target ?? '')} : ${labelsOf(group)}`,
    );
  }

  function innermostAround({ source, target }: GraphEdge): string | undefined {
    const around = nodes.filter(
      ({ id }) => id !== source && id !== target && isWithin(source, id) && isWithin(target ?? '', id),
    );
    return around.at(-1)?.id;
  }

  /** Of a region: all that is in it, without its own name and those of its effects. */
  function shapeOf(id: string): string {
    const relative = (other: string | null) =>
      other !== null && isWithin(other, id) ? `@${other.slice(id.length)}` : other;
    return JSON.stringify([
      nodes
        .filter((node) => isWithin(node.id, id))
        .map(({ id: inner, type, initial }) => [relative(inner), type, relative(initial)]),
      edges
        .filter(({ source }) => isWithin(source, id))
        .map((edge) => [
          relative(edge.source),
          relative(edge.target),
          edge.kind,
          edge.kind === 'event' || edge.kind === 'after' ? edge.label : '',
          edge.guard,
        ]),
    ]);
  }
}

/** Mermaid has no arrow from a state into itself when others are in it, and none without an end. */
function isDrawn({ source, target }: GraphEdge): boolean {
  if (target === null) return false;
  return source === target || !(isWithin(target, source) || isWithin(source, target));
}

/** A state's name, and the effect that runs in it where that is called otherwise. */
function titleOf({ key, invokes }: GraphNode): string {
  const effects = invokes.map(({ src }) => src).filter((src) => src !== key);
  return effects.length === 0 ? key : `${key} (${effects.join(', ')})`;
}

/** No state of ours has two effects, so the state says whose `done` and `error` they are. */
function labelsOf(group: readonly GraphEdge[]): string {
  const labels = group.map(({ kind, label, guard }) => {
    const what = kind === 'done' || kind === 'error' ? kind : label;
    return guard === null ? what : `${what} [${guard}]`;
  });
  return [...new Set(labels)].join(', ');
}

function grouped(
  edges: readonly GraphEdge[],
  by: (edge: GraphEdge) => string,
): [GraphEdge, ...GraphEdge[]][] {
  const groups = new Map<string, [GraphEdge, ...GraphEdge[]]>();
  for (const edge of edges) {
    const group = groups.get(by(edge));
    if (group) group.push(edge);
    else groups.set(by(edge), [edge]);
  }
  return [...groups.values()];
}

function isWithin(id: string, ancestor: string): boolean {
  return id === ancestor || id.startsWith(`${ancestor}.`);
}

/** Without the machine's own name. */
function nameOf(id: string): string {
  return id.includes('.') ? id.slice(id.indexOf('.') + 1) : id;
}

/** What Mermaid takes for a name: `end` and dots have meanings of their own there. */
function aliasOf(id: string): string {
  return `${nameOf(id).replaceAll(/\W/g, '_')}_`;
}
