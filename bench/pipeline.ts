/**
 * Five durable steps one after the other, each an effect that does nothing and answers a kilobyte; at 1, 20 and 200
 * pipelines at once, in process, with journal and inspection on. It does not measure HTTP, nor effects that work.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type ActorSystem, createActorSystem, effect } from '../src/actors/runtime/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { batched, oneByOne, openFloorPool, sampleRows, type WriteStep, writer } from './floor.ts';
import { KILOBYTE, PIPELINE_STEPS, pipeline } from './machines.ts';
import { type Measured, measure, medianOf, ratio } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';

export const AT_ONCE = [1, 20, 200] as const;

interface Row {
  atOnce: number;
  pipeline: Measured;
  floorOneByOne: Measured;
  floorBatched: Measured;
  /** Rate of the pipeline by the floor's. */
  ofOneByOne: number;
  ofBatched: number;
}

/** Floor and pipeline in turn, so that both meet the same machine. */
export async function pipelineBench({
  connectionString,
  smoke,
  runs,
}: BenchOptions): Promise<{ rows: Row[]; notMeasured: string }> {
  const pool = openPool(connectionString, () => {});
  const floorPool = openFloorPool(connectionString);
  const work = effect(
    'work',
    { input: z.unknown(), output: z.string(), concurrency: 1_000 },
    async () => KILOBYTE,
  );
  const system = await createActorSystem({ pool, connectionString, machines: [pipeline], effects: [work] });
  const run = pipelineRunner(system);
  const rows: Row[] = [];
  try {
    const write = writer(floorPool, await sampleRows(pool, await run(), 3), PIPELINE_STEPS);
    for (const atOnce of AT_ONCE) {
      const pieces = smoke ? Math.min(atOnce, 20) : Math.max(200, atOnce * 10);
      const measured = { pipeline: [] as Measured[], oneByOne: [] as Measured[], batched: [] as Measured[] };
      await measure(smoke ? 1 : pieces, atOnce, async () => void (await run()));
      for (let turn = 0; turn < runs; turn++) {
        const single = oneByOne(write);
        const grouped = batched(write);
        measured.oneByOne.push(await measure(pieces, atOnce, () => floorPipeline(single)));
        measured.batched.push(await measure(pieces, atOnce, () => floorPipeline(grouped)));
        measured.pipeline.push(await measure(pieces, atOnce, async () => void (await run())));
      }
      const row = {
        atOnce,
        pipeline: medianOf(measured.pipeline),
        floorOneByOne: medianOf(measured.oneByOne),
        floorBatched: medianOf(measured.batched),
      };
      rows.push({
        ...row,
        ofOneByOne: ratio(row.pipeline.perSecond, row.floorOneByOne.perSecond),
        ofBatched: ratio(row.pipeline.perSecond, row.floorBatched.perSecond),
      });
    }
  } finally {
    await system.drain();
    await pool.end();
    await floorPool.end();
  }
  printTable(
    'pipeline',
    ['at once', 'pipelines/s', 'p50 / p99 ms', 'one by one (of it)', 'batched (of it)'],
    rows.map((row) => [
      row.atOnce,
      row.pipeline.perSecond,
      `${row.pipeline.p50Ms} / ${row.pipeline.p99Ms}`,
      `${row.floorOneByOne.perSecond} (${row.ofOneByOne})`,
      `${row.floorBatched.perSecond} (${row.ofBatched})`,
    ]),
  );
  return { rows, notMeasured: 'HTTP, effects that do something, more than one process' };
}

/** Runs one pipeline to its end and answers its address. */
function pipelineRunner(system: ActorSystem): () => Promise<string> {
  // By hand rather than by `waitFor`, whose reading of the end is not part of the pipeline.
  const waiting = new Map<string, () => void>();
  system.onCommit(({ addresses }) => {
    for (const address of addresses ?? []) waiting.get(address)?.();
  });
  return async () => {
    const key = randomUUID();
    const address = `pipeline/${key}`;
    let commits = 0;
    const ended = new Promise<void>((resolve) => {
      waiting.set(address, () => {
        if (++commits === PIPELINE_STEPS + 1) resolve();
      });
    });
    await system.spawn('pipeline', key, { input: {}, owner: 'bench' });
    await ended;
    waiting.delete(address);
    return address;
  };
}

/** One pipeline on the floor: a spawn and its steps, one after the other. */
async function floorPipeline(write: WriteStep): Promise<void> {
  const address = `floor/${randomUUID()}`;
  for (let revision = 1; revision <= PIPELINE_STEPS + 1; revision++) await write({ address, revision });
}
