import { describe, expect, test } from 'vitest';
import { createCharts } from './layout.ts';
import { sampleAnalysis, sampleEverything, sampleTiny } from './testing/sample-machines.ts';

const samples = [sampleAnalysis, sampleEverything, sampleTiny];
const charts = createCharts(() => samples);

describe.each(samples)('the chart of $id', ({ id, version }) => {
  test('places every state, inside its parent', async () => {
    const layout = await charts.layout(id, version);
    const placed = new Map(layout.nodes.map((node) => [node.id, node]));
    for (const { id: node, parent } of charts.graph(id, version)?.nodes ?? []) {
      const box = placed.get(node);
      const around = placed.get(parent ?? '') ?? { x: 0, y: 0, width: layout.width, height: layout.height };
      expect(box, node).toBeDefined();
      if (!box) continue;
      expect(box.x).toBeGreaterThanOrEqual(around.x);
      expect(box.y).toBeGreaterThanOrEqual(around.y);
      expect(box.x + box.width).toBeLessThanOrEqual(around.x + around.width);
      expect(box.y + box.height).toBeLessThanOrEqual(around.y + around.height);
    }
  });

  test('draws every transition: as a labelled line, or as a row where it has no target', async () => {
    const layout = await charts.layout(id, version);
    const lines = new Map(layout.edges.map((edge) => [edge.id, edge]));
    const rows = layout.nodes.flatMap((node) => node.rows.map(({ edge }) => edge));
    for (const { id: edge, target } of charts.graph(id, version)?.edges ?? []) {
      if (target === null) {
        expect(rows).toContain(edge);
        continue;
      }
      expect(lines.get(edge)?.points.length, edge).toBeGreaterThanOrEqual(2);
      expect(lines.get(edge)?.label, edge).not.toBeNull();
      expect(lines.get(edge)?.lines.join(''), edge).not.toBe('');
    }
  });

  test('points at every initial state', async () => {
    const layout = await charts.layout(id, version);
    const compound = charts.graph(id, version)?.nodes.filter(({ initial }) => initial !== null) ?? [];
    const initials = layout.edges.filter((edge) => edge.id.startsWith('initial:'));
    expect(initials).toHaveLength(compound.length);
    expect(layout.dots).toHaveLength(compound.length);
  });
});

test('a chart is laid out once', () => {
  expect(charts.layout('analysis', '1')).toBe(charts.layout('analysis', '1'));
});

test('an unknown version has no chart', async () => {
  expect(charts.graph('analysis', '9')).toBeUndefined();
  await expect(charts.layout('analysis', '9')).rejects.toMatchObject({ code: 'machine_not_found' });
});
