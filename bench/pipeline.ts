/**
 * Five durable steps one after the other, each an effect that does nothing and answers a kilobyte; at 1, 20 and 200
 * pipelines at once, in process, with journal and inspection on. It does not measure HTTP, nor effects that work.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { assign, fromPromise, setup } from 'xstate';
import { z } from 'zod';
import { createActorSystem, effect } from '../src/actors/runtime/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { batched, floorPipeline, oneByOne } from './floor.ts';
import { type Measured, measure, medianOf, ratio } from './measure.ts';

const STEPS = 5;
const AT_ONCE = [1, 20, 200] as const;
const KILOBYTE = 'x'.repeat(1_000);

const step = (id: string, target: string) => ({
  invoke: { id, src: 'work' as const, onDone: { target, actions: 'keep' as const } },
});

const pipeline = {
  id: 'pipeline',
  version: '1',
  input: z.object({}),
  events: {},
  machine: setup({
    types: { context: {} as { result: unknown } },
    actions: {
      keep: assign({ result: ({ event }) => (event as unknown as { output: string }).output }),
    },
    actors: { work: fromPromise<string>(() => Promise.reject(new Error('runs on the runtime'))) },
  }).createMachine({
    id: 'pipeline',
    context: { result: null },
    initial: 'one',
    states: {
      one: step('one', 'two'),
      two: step('two', 'three'),
      three: step('three', 'four'),
      four: step('four', 'five'),
      five: step('five', 'done'),
      done: { type: 'final' },
    },
  }),
};

interface Row {
  atOnce: number;
  pipeline: Measured;
  floorOneByOne: Measured;
  floorBatched: Measured;
  /** Rate of the pipeline by the floor's. */
  ofOneByOne: number;
  ofBatched: number;
}

export interface BenchOptions {
  connectionString: string;
  /** A few pieces only, to see that it runs. */
  smoke: boolean;
}

/** Medians of three runs, floor and pipeline in turn. */
export async function pipelineBench({
  connectionString,
  smoke,
}: BenchOptions): Promise<{ rows: Row[]; notMeasured: string }> {
  const pool = openPool(connectionString, () => {});
  // The floor has connections of its own, as many as it can use.
  const floorPool = new pg.Pool({ connectionString, max: 20 });
  const work = effect(
    'work',
    { input: z.unknown(), output: z.string(), concurrency: 1_000 },
    async () => KILOBYTE,
  );
  const system = await createActorSystem({ pool, connectionString, machines: [pipeline], effects: [work] });
  // By hand rather than by `waitFor`, whose reading of the end is not part of the pipeline.
  const waiting = new Map<string, () => void>();
  const unsubscribe = system.onCommit(({ addresses }) => {
    for (const address of addresses ?? []) waiting.get(address)?.();
  });
  const runPipeline = async (): Promise<void> => {
    const key = randomUUID();
    const address = `pipeline/${key}`;
    let commits = 0;
    const ended = new Promise<void>((resolve) => {
      waiting.set(address, () => {
        if (++commits === STEPS + 1) resolve();
      });
    });
    await system.spawn('pipeline', key, { input: {}, owner: 'bench' });
    await ended;
    waiting.delete(address);
  };
  const snapshot = JSON.stringify({
    value: 'three',
    status: 'active',
    context: { result: KILOBYTE },
    children: {},
  });
  const rows: Row[] = [];
  try {
    for (const atOnce of AT_ONCE) {
      const pieces = smoke ? Math.min(atOnce, 20) : Math.max(200, atOnce * 10);
      const runs = { pipeline: [] as Measured[], oneByOne: [] as Measured[], batched: [] as Measured[] };
      await measure(smoke ? 1 : pieces, atOnce, runPipeline);
      for (let run = 0; run < (smoke ? 1 : 3); run++) {
        const single = oneByOne(floorPool, snapshot, STEPS);
        const grouped = batched(floorPool, snapshot, STEPS);
        runs.oneByOne.push(await measure(pieces, atOnce, () => floorPipeline(single, STEPS)));
        runs.batched.push(await measure(pieces, atOnce, () => floorPipeline(grouped, STEPS)));
        runs.pipeline.push(await measure(pieces, atOnce, runPipeline));
      }
      const [measured, floorOneByOne, floorBatched] = [runs.pipeline, runs.oneByOne, runs.batched].map(
        medianOf,
      ) as [Measured, Measured, Measured];
      rows.push({
        atOnce,
        pipeline: measured,
        floorOneByOne,
        floorBatched,
        ofOneByOne: ratio(measured.perSecond, floorOneByOne.perSecond),
        ofBatched: ratio(measured.perSecond, floorBatched.perSecond),
      });
    }
  } finally {
    unsubscribe();
    await system.drain();
    await pool.end();
    await floorPool.end();
  }
  printTable(rows);
  return { rows, notMeasured: 'HTTP, effects that do something, more than one process' };
}

function printTable(rows: readonly Row[]): void {
  const lines = rows.map(
    ({ atOnce, pipeline: { perSecond, p50Ms, p99Ms }, floorOneByOne, floorBatched, ofOneByOne, ofBatched }) =>
      [
        String(atOnce).padStart(7),
        String(perSecond).padStart(12),
        `${p50Ms} / ${p99Ms}`.padStart(17),
        `${floorOneByOne.perSecond} (${ofOneByOne})`.padStart(20),
        `${floorBatched.perSecond} (${ofBatched})`.padStart(20),
      ].join(' '),
  );
  const head = 'at once  pipelines/s   p50 / p99 ms      one by one (of it)      batched (of it)';
  process.stderr.write(`${[head, ...lines].join('\n')}\n`);
}
