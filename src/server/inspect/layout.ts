/**
 * Charts of machine versions: graph and layout, computed when first asked for and kept. Not for where an actor
 * stands in the chart (see position.ts).
 */
import { Worker } from 'node:worker_threads';
import type { ElkNode } from 'elkjs/lib/elk-api.js';
import { type DurableMachine, RuntimeError } from '../../actors/runtime/index.ts';
import { type ChartLayout, fromElk, toElk } from './elk-graph.ts';
import { type MachineGraph, machineGraph } from './machine-graph.ts';

/** The charts of the registered machines. */
export interface Charts {
  /** Undefined when that version is not registered (its actors are quarantined). */
  graph(machine: string, version: string): MachineGraph | undefined;
  /** Rejects with `machine_not_found`. One layout runs at a time; each runs once. */
  layout(machine: string, version: string): Promise<ChartLayout>;
}

export function createCharts(machines: () => readonly DurableMachine[]): Charts {
  const graphs = new Map<string, MachineGraph>();
  const layouts = new Map<string, Promise<ChartLayout>>();
  let queue: Promise<unknown> = Promise.resolve();

  function graph(id: string, version: string): MachineGraph | undefined {
    const name = `${id}@${version}`;
    const known = graphs.get(name);
    if (known) return known;
    const machine = machines().find((candidate) => candidate.id === id && candidate.version === version);
    if (!machine) return undefined;
    const made = machineGraph(machine);
    graphs.set(name, made);
    return made;
  }

  function layout(id: string, version: string): Promise<ChartLayout> {
    const name = `${id}@${version}`;
    const known = layouts.get(name);
    if (known) return known;
    const found = graph(id, version);
    if (!found) {
      return Promise.reject(new RuntimeError('machine_not_found', `There is no machine ${id} ${version}.`));
    }
    const made = queue.then(() => layoutGraph(found));
    queue = made.catch(() => undefined);
    layouts.set(name, made);
    // A failed layout may be tried again.
    made.catch(() => layouts.delete(name));
    return made;
  }

  return { graph, layout };
}

/** Lays out one chart in a worker thread. */
export async function layoutGraph(graph: MachineGraph): Promise<ChartLayout> {
  const { promise, resolve, reject } = Promise.withResolvers<ElkNode>();
  const worker = new Worker(new URL('./layout-worker.ts', import.meta.url), {
    workerData: toElk(graph),
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', (code) => reject(new Error(`the layout thread ended early (${code})`)));
  try {
    return fromElk(graph, await promise);
  } finally {
    await worker.terminate();
  }
}
