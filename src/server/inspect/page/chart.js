/**
 * Draws a statechart as SVG from the server's layout, and marks where an actor stands in it. Can be zoomed and
 * moved; it computes no layout itself.
 */
import { h, svg } from './dom.js';

const cornerRadius = 9;
const maxScale = 1.1;
/** Pixels left free around a chart that fits, both sides together. */
const margin = 24;

/** A chart's element, with `mark` to show active states and taken transitions. */
export function createChart({ nodes, edges, layout, id }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const edgeById = new Map(edges.map((edge) => [edge.id, edge]));
  const placedById = new Map(layout.nodes.map((node) => [node.id, node]));
  const parts = new Map();
  const keep = (partId, element) => {
    parts.set(partId, [...(parts.get(partId) ?? []), element]);
    return element;
  };

  const states = layout.nodes.map((placed) =>
    keep(placed.id, drawState(byId.get(placed.id), placed, layout.metrics, { byId, edgeById, keep })),
  );
  const arrows = layout.edges.map((edge) => keep(edge.id, drawEdge(edge, edgeById.get(edge.id))));
  const labels = layout.edges
    .filter(({ label }) => label)
    .map((edge) => keep(edge.id, drawLabel(edge, edgeById.get(edge.id), layout.metrics)));
  const dots = layout.dots.map(({ x, y, r }) => svg('circle', { class: 'dot', cx: x, cy: y, r }));

  const drawing = svg(
    'svg',
    { class: 'chart', role: 'img', 'aria-label': `Statechart of ${id}` },
    svg('g', { class: 'states' }, states),
    svg('g', { class: 'edges' }, arrows),
    dots,
    svg('g', { class: 'labels' }, labels),
  );
  const camera = createCamera(drawing, layout);

  return {
    element: h('div', { class: 'chart-box' }, drawing, camera.buttons),
    /** Marks the active states and the transitions taken last; `past` tones it as a look back. */
    mark({ active, taken, past }) {
      for (const elements of parts.values())
        for (const element of elements) element.classList.remove('active', 'taken');
      const add = (ids, name) => {
        for (const partId of ids) for (const element of parts.get(partId) ?? []) element.classList.add(name);
      };
      add(active, 'active');
      add(taken, 'taken');
      drawing.classList.toggle('past', past);
      const leaves = active.filter((state) => !active.some((other) => byId.get(other)?.parent === state));
      drawing.setAttribute('aria-label', `Statechart of ${id}. Active: ${leaves.join(', ') || 'none'}`);
    },
    /** To be called when the element got its size. */
    fit: camera.fit,
    hasState: (state) => placedById.has(state),
  };
}

function drawState(node, placed, metrics, { byId, edgeById, keep }) {
  const { x, y, width, height, rows } = placed;
  const title = svg(
    'title',
    {},
    [node.id, node.description, node.tags.length && `tags: ${node.tags.join(', ')}`]
      .filter(Boolean)
      .join('\n'),
  );
  if (node.type === 'history') {
    const name = node.history === 'deep' ? 'H*' : 'H';
    return svg(
      'g',
      { class: 'state history', 'data-state': node.id },
      title,
      svg('circle', { class: 'body', cx: x + width / 2, cy: y + height / 2, r: width / 2 }),
      svg('text', { class: 'name', x: x + width / 2, y: y + height / 2 + 4, 'text-anchor': 'middle' }, name),
    );
  }
  const isRegion = byId.get(node.parent)?.type === 'parallel';
  const isNested = node.type === 'compound' || node.type === 'parallel';
  const classes = [
    'state',
    node.type,
    isRegion && 'region',
    isNested && node.parent !== null && 'nested',
    node.parent === null && 'root',
  ];
  const header = {
    x: isNested ? x + metrics.nodePadding : x + width / 2,
    y: y + metrics.headerHeight / 2 + 4.5,
  };
  return svg(
    'g',
    { class: classes.filter(Boolean).join(' '), 'data-state': node.id },
    title,
    svg('rect', { class: 'body', x, y, width, height, rx: 9 }),
    node.type === 'final' &&
      svg('rect', { class: 'inner', x: x + 3, y: y + 3, width: width - 6, height: height - 6, rx: 6.5 }),
    svg('text', { class: 'name', ...header, 'text-anchor': isNested ? 'start' : 'middle' }, node.key),
    node.type === 'parallel' &&
      svg(
        'text',
        { class: 'kind', x: x + width - metrics.nodePadding, y: header.y, 'text-anchor': 'end' },
        'parallel',
      ),
    rows.length > 0 &&
      svg('line', {
        class: 'rule',
        x1: x,
        x2: x + width,
        y1: y + metrics.headerHeight,
        y2: y + metrics.headerHeight,
      }),
    rows.map((row, index) => {
      const text = svg(
        'text',
        {
          class: `row ${row.kind}`,
          x: x + metrics.nodePadding,
          y: y + metrics.headerHeight + 4 + metrics.rowHeight * (index + 1) - 4,
        },
        row.edge && svg('title', {}, describe(edgeById.get(row.edge))),
        row.text,
      );
      return row.edge ? keep(row.edge, text) : text;
    }),
  );
}

function drawEdge(placed, edge) {
  const kind = edge?.kind ?? 'initial';
  return svg(
    'g',
    { class: `edge ${kind}`, 'data-edge': placed.id },
    svg('path', { class: 'reach', d: roundedPath(placed.points) }),
    svg('path', { class: 'line', d: roundedPath(placed.points) }),
    svg('path', { class: 'head', d: arrowHead(placed.points) }),
    edge && svg('title', {}, describe(edge)),
  );
}

function drawLabel({ id, label, lines }, edge, metrics) {
  const { x, y, width, height } = label;
  return svg(
    'g',
    { class: `label ${edge?.kind ?? ''}`, 'data-label': id },
    svg('title', {}, describe(edge)),
    svg('rect', { x: x + 1, y, width: width - 2, height, rx: 5 }),
    lines.map((line, index) =>
      svg(
        'text',
        {
          class: index === 0 ? 'first' : 'rest',
          x: x + width / 2,
          y: y + 12.5 + metrics.labelLineHeight * index,
          'text-anchor': 'middle',
        },
        line,
      ),
    ),
  );
}

function describe(edge) {
  if (!edge) return '';
  const guard = edge.guard === null ? '' : ` [${edge.guard}]`;
  const actions = edge.actions.length === 0 ? '' : ` / ${edge.actions.join(', ')}`;
  return `${edge.source} → ${edge.target ?? 'stays'}\n${edge.label}${guard}${actions}`;
}

/** A path through the points with rounded corners. */
function roundedPath(points) {
  const [start, ...rest] = points;
  if (!start) return '';
  let path = `M${start[0]} ${start[1]}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    if (!next) {
      path += `L${point[0]} ${point[1]}`;
      return;
    }
    const previous = index === 0 ? start : rest[index - 1];
    const [inX, inY] = towards(point, previous);
    const [outX, outY] = towards(point, next);
    path += `L${inX} ${inY}Q${point[0]} ${point[1]} ${outX} ${outY}`;
  });
  return path;
}

/** The point at most a corner's radius away from one point in the direction of another. */
function towards([x, y], [otherX, otherY]) {
  const length = Math.hypot(otherX - x, otherY - y) || 1;
  const share = Math.min(cornerRadius, length / 2) / length;
  return [x + (otherX - x) * share, y + (otherY - y) * share];
}

/** A small triangle at the end of a line through the points. */
function arrowHead(points) {
  const [x, y] = points.at(-1) ?? [0, 0];
  const [fromX, fromY] = points.at(-2) ?? [x, y - 1];
  const length = Math.hypot(x - fromX, y - fromY) || 1;
  const [dx, dy] = [(x - fromX) / length, (y - fromY) / length];
  const corner = (side) => `${x - dx * 8 - dy * side * 3.6} ${y - dy * 8 + dx * side * 3.6}`;
  return `M${x} ${y}L${corner(1)}L${corner(-1)}Z`;
}

/** Zoom and movement: by wheel, by dragging, by buttons. */
function createCamera(drawing, layout) {
  let view = { x: 0, y: 0, width: layout.width, height: layout.height };
  const show = () => drawing.setAttribute('viewBox', `${view.x} ${view.y} ${view.width} ${view.height}`);
  const fit = () => {
    const { width, height } = drawing.getBoundingClientRect();
    if (width <= margin || height <= margin) return;
    const scale = Math.min(maxScale, (width - margin) / layout.width, (height - margin) / layout.height);
    view = { width: width / scale, height: height / scale, x: 0, y: 0 };
    view.x = (layout.width - view.width) / 2;
    view.y = (layout.height - view.height) / 2;
    show();
  };
  const zoom = (factor, at = { x: 0.5, y: 0.5 }) => {
    const width = Math.min(layout.width * 4, Math.max(160, view.width * factor));
    const scale = width / view.width;
    const height = view.height * scale;
    view = {
      x: view.x + (view.width - width) * at.x,
      y: view.y + (view.height - height) * at.y,
      width,
      height,
    };
    show();
  };
  drawing.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const box = drawing.getBoundingClientRect();
      const at = { x: (event.clientX - box.x) / box.width, y: (event.clientY - box.y) / box.height };
      zoom(Math.exp(event.deltaY * 0.0015), at);
    },
    { passive: false },
  );
  drawing.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    drawing.setPointerCapture(event.pointerId);
    const move = (moved) => {
      const box = drawing.getBoundingClientRect();
      view.x -= (moved.movementX * view.width) / box.width;
      view.y -= (moved.movementY * view.height) / box.height;
      show();
    };
    drawing.addEventListener('pointermove', move);
    drawing.addEventListener('lostpointercapture', () => drawing.removeEventListener('pointermove', move), {
      once: true,
    });
  });
  show();
  const button = (label, text, act) =>
    h('button', { type: 'button', class: 'button', 'aria-label': label, title: label, onClick: act }, text);
  const buttons = h(
    'div',
    { class: 'camera' },
    button('Zoom in', '+', () => zoom(0.8)),
    button('Zoom out', '−', () => zoom(1.25)),
    button('Show the whole chart', '⤢', fit),
  );
  return { fit, buttons };
}
