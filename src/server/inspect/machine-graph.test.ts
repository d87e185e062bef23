import { describe, expect, test } from 'vitest';
import { type AnyStateNode, createMachine } from 'xstate';
import { machineGraph } from './machine-graph.ts';
import { sampleAnalysis, sampleEverything, sampleTiny } from './testing/sample-machines.ts';

const samples = [sampleAnalysis, sampleEverything, sampleTiny];

function stateIds(node: AnyStateNode): string[] {
  return [node.id, ...Object.values<AnyStateNode>(node.states).flatMap(stateIds)];
}

describe('definition', () => {
  test.each(samples)('$id rebuilds with the same states, history and parallel ones included', (sample) => {
    const rebuilt = createMachine(JSON.parse(machineGraph(sample).definition));
    expect(stateIds(rebuilt.root)).toEqual(stateIds(sample.machine.root));
  });

  test('names functions and hides inline logic', () => {
    const { definition } = machineGraph(sampleEverything);
    expect(JSON.parse(definition)).toMatchObject({
      context: { type: 'context' },
      states: { waiting: { after: { patience: { guard: { type: 'and' } } } } },
    });
  });
});

describe('nodes', () => {
  const nodes = new Map(machineGraph(sampleEverything).nodes.map((node) => [node.id, node]));

  test('are all state nodes, parents first', () => {
    expect([...nodes.keys()]).toEqual(stateIds(sampleEverything.machine.root));
  });

  test('tell kind, parent, initial child, history, tags, actions and invokes', () => {
    expect(nodes.get('everything')).toMatchObject({ parent: null, initial: 'everything.waiting' });
    expect(nodes.get('everything.working.deep')).toMatchObject({ type: 'parallel', initial: null });
    expect(nodes.get('everything.working.remember')).toMatchObject({ type: 'history', history: 'deep' });
    // XState's own actions for `after` are not the machine's.
    expect(nodes.get('everything.waiting')).toMatchObject({ tags: ['quiet'], entry: ['ring'], exit: [] });
    expect(nodes.get('everything.working.asking')?.invokes).toMatchObject([{ src: 'fetchQuote' }]);
    expect(nodes.get('everything.stopped')).toMatchObject({ type: 'final', exit: ['ring'] });
  });
});

describe('edges', () => {
  const { edges } = machineGraph(sampleEverything);
  const from = (source: string) =>
    edges
      .filter((edge) => edge.source === source)
      .map(({ kind, label, guard, target, actions }) => ({ kind, label, guard, target, actions }));

  test('tell event, delay, guard of guards and actions', () => {
    const working = 'everything.working';
    expect(from('everything.waiting')).toEqual([
      { kind: 'event', label: 'GO', guard: null, target: working, actions: ['count', 'ring'] },
      { kind: 'event', label: 'BACK', guard: null, target: `${working}.remember`, actions: [] },
      { kind: 'after', label: 'after 30 s', guard: null, target: working, actions: [] },
      {
        kind: 'after',
        label: 'after patience',
        guard: 'and(isOpen, not(isBig))',
        target: 'everything.stopped',
        actions: [],
      },
    ]);
  });

  test('include always, done and error, and transitions without a target', () => {
    expect(from('everything.working.settled').map(({ kind, guard }) => [kind, guard])).toEqual([
      ['always', 'isOpen'],
      ['always', null],
    ]);
    expect(from('everything.working.asking').map(({ label }) => label)).toEqual([
      'done: fetchQuote',
      'error: fetchQuote',
    ]);
    expect(from('everything.working.deep').map(({ label }) => label)).toEqual(['done']);
    expect(from('everything')).toContainEqual({
      kind: 'event',
      label: 'COUNT',
      guard: null,
      target: null,
      actions: ['count'],
    });
  });
});
