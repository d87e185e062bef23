import { describe, expect, test } from 'vitest';
import { redactedActor } from '../redact.ts';
import { machineGraph } from './machine-graph.ts';
import { activeNodes, enabledEvents, takenEdges } from './position.ts';
import { FakeSystem } from './testing/fake-system.ts';
import { sampleAnalysis, sampleEverything } from './testing/sample-machines.ts';
import { isSimulated, subjectOf } from './views.ts';

describe('where an actor stands', () => {
  const graph = machineGraph(sampleEverything);

  test('the active states of a nested parallel value', () => {
    const value = { working: { deep: { left: 'one', right: { two: 'inner' } } } };
    const inside = ['left', 'left.one', 'right', 'right.two', 'right.two.inner'];
    expect(activeNodes(graph, value)).toEqual([
      'everything',
      'everything.working',
      'everything.working.deep',
      ...inside.map((state) => `everything.working.deep.${state}`),
    ]);
  });

  test('a value that the graph does not know is left out', () => {
    expect(activeNodes(graph, { gone: 'one' })).toEqual(['everything']);
  });

  test('the edges that a step took, those without a target too', () => {
    const step = (source: string, eventType: string, targets: string[]) => ({ source, eventType, targets });
    const taken = takenEdges(graph, [
      step('everything.waiting', 'GO', ['everything.working']),
      step('everything', 'COUNT', []),
    ]);
    const edges = taken.map((id) => graph.edges.find((edge) => edge.id === id)?.label);
    expect(edges.toSorted()).toEqual(['COUNT', 'GO']);
  });

  test('an always, and not another transition between the same states', () => {
    const source = 'everything.working.settled';
    const always = { source, eventType: '', targets: ['everything.working.asking'] };
    expect(takenEdges(graph, [always])).toEqual([`${source}#1.0`]);
    expect(takenEdges(graph, [{ ...always, eventType: 'NEXT' }])).toEqual([]);
  });

  test('the events it would take, once each, with their guards', () => {
    const active = activeNodes(graph, { working: { deep: { left: 'one', right: 'one' } } });
    expect(enabledEvents(graph, active).filter(({ kind }) => kind === 'event')).toEqual([
      { type: 'NEXT', label: 'NEXT', kind: 'event', guards: ['isBig'] },
      { type: 'PAUSE', label: 'PAUSE', kind: 'event', guards: [] },
      { type: 'COUNT', label: 'COUNT', kind: 'event', guards: [] },
      { type: 'STOP', label: 'STOP', kind: 'event', guards: [] },
    ]);
  });
});

test('simulated data is found at any depth, and only by its source', () => {
  expect(isSimulated({ chart: { quality: { source: 'simulated' } } })).toBe(true);
  expect(isSimulated([{ source: 'yahoo' }, { note: 'simulated' }])).toBe(false);
});

test.each([
  [{ symbol: 'AAPL', portfolio: 'main' }, 'AAPL'],
  [{ symbol: null, input: { symbol: 'MSFT' } }, 'MSFT'],
  [{ input: { name: 'weekly' } }, 'weekly'],
  [{ portfolio: 'main' }, 'main'],
  [{ host: 'hooks.slack.com' }, 'hooks.slack.com'],
  [{ symbol: 7 }, null],
  [null, null],
])('what an actor is about: %j', (context, subject) => {
  expect(subjectOf(context)).toBe(subject);
});

describe('redaction', () => {
  const secretive = { ...sampleAnalysis, journal: { redact: ['context.token', 'context.deep.secret'] } };
  const context = { token: 't0ken', deep: { secret: 's3cret', open: 1 }, symbol: 'AAPL' };

  test('what the journal leaves out is left out of the present context', async () => {
    const fake = new FakeSystem([secretive]);
    const address = fake.start('analysis', 'a');
    fake.set(address, { context });
    const system = fake.asSystem();
    const shown = redactedActor(system, await system.snapshot(address));
    expect(shown.context).toEqual({
      token: { redacted: true },
      deep: { secret: { redacted: true }, open: 1 },
      symbol: 'AAPL',
    });
  });

  test('a machine that is not registered keeps its context hidden', async () => {
    const fake = new FakeSystem([secretive]);
    const address = fake.start('analysis', 'a');
    fake.set(address, { context });
    const actor = await fake.asSystem().snapshot(address);
    const shown = redactedActor({ ...fake.asSystem(), machines: () => [] }, actor);
    expect(JSON.stringify(shown)).not.toContain('t0ken');
  });
});
