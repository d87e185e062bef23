/**
 * 10,000 timers over 10 s, each set again once when it fires (1,000 a second for 20 s), and 10,000 that are all due at
 * the same moment. Lateness is from the deadline in the journal to the commit of the step, as the process sees it.
 * It does not measure timers of which another process tells, nor a machine that is busy with other things.
 */
import type { Pool } from 'pg';
import { type ActorSystem, createActorSystem } from '../src/actors/runtime/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { floorTimers, type TimerLoad } from './floor-timers.ts';
import { ticker } from './machines.ts';
import { medianOf, type Quantiles, quantiles, ratio, round } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';

/** Timers, over how long they are due, and how long the setting of them may take before the first is. */
const SIZE = { timers: 10_000, overMs: 10_000, leadMs: 8_000 };
const SMOKE_SIZE = { timers: 200, overMs: 300, leadMs: 3_000 };

interface Lateness extends Quantiles {
  fired: number;
  lost: number;
  twice: number;
}

interface Drain {
  perSecond: number;
  timers: number;
  lost: number;
  twice: number;
}

interface Result {
  /** By the second, over which time, and each set again once. */
  spread: { timers: number; overMs: number; lateness: Lateness; floorLateness: Quantiles };
  drain: Drain & { floorPerSecond: number; ofFloor: number };
  notMeasured: string;
}

export async function timersBench({ connectionString, smoke, runs }: BenchOptions): Promise<Result> {
  const size = smoke ? SMOKE_SIZE : SIZE;
  const { timers, overMs, leadMs } = size;
  const pool = openPool(connectionString, () => {});
  const system = await createActorSystem({ pool, connectionString, machines: [ticker], effects: [] });
  const measured = {
    spread: [] as Lateness[],
    floorSpread: [] as Quantiles[],
    drain: [] as Drain[],
    floorDrain: [] as { perSecond: number }[],
  };
  try {
    for (let run = 0; run < runs; run++) {
      const spread = { timers, leadMs, overMs, againMs: overMs };
      measured.floorSpread.push((await floorTimers(pool, spread)).lateness);
      measured.spread.push(await runSpread(system, pool, spread));
      const together = { timers, leadMs, overMs: 0, againMs: null };
      measured.floorDrain.push(await floorTimers(pool, together));
      measured.drain.push(await runDrain(system, pool, together));
    }
  } finally {
    await system.drain();
    await pool.end();
  }
  const drain = medianOf(measured.drain);
  const floorPerSecond = medianOf(measured.floorDrain).perSecond;
  const result: Result = {
    spread: {
      timers,
      overMs,
      lateness: medianOf(measured.spread, ({ p99Ms }) => p99Ms),
      floorLateness: medianOf(measured.floorSpread, ({ p99Ms }) => p99Ms),
    },
    drain: { ...drain, floorPerSecond, ofFloor: ratio(drain.perSecond, floorPerSecond) },
    notMeasured: 'timers of other processes, timers beside other load',
  };
  const { lateness, floorLateness: floor } = result.spread;
  printTable(
    `${timers} timers`,
    ['', 'p50 / p99 / max ms late', 'fired', 'lost', 'twice', 'floor'],
    [
      [
        `over ${overMs} ms, twice each`,
        `${lateness.p50Ms} / ${lateness.p99Ms} / ${lateness.maxMs}`,
        lateness.fired,
        lateness.lost,
        lateness.twice,
        `${floor.p50Ms} / ${floor.p99Ms} / ${floor.maxMs}`,
      ],
      [
        'all due at once',
        `${drain.perSecond} timers/s`,
        drain.timers,
        drain.lost,
        drain.twice,
        `${floorPerSecond} (${result.drain.ofFloor})`,
      ],
    ],
  );
  return result;
}

let runs = 0;

/** Sets the timers and waits for all of them. Answers when each actor committed, in milliseconds since 1970. */
async function fire(
  system: ActorSystem,
  { timers, leadMs, overMs, againMs }: TimerLoad,
): Promise<{ run: string; firstDue: number; commits: Map<string, number[]> }> {
  const run = `run${++runs}`;
  const commits = new Map<string, number[]>();
  const perActor = againMs === null ? 2 : 3;
  let outstanding = timers;
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const unsubscribe = system.onCommit(({ addresses }) => {
    const now = Date.now();
    for (const address of addresses ?? []) {
      const seen = commits.get(address);
      if (!seen) commits.set(address, [now]);
      else if (seen.push(now) === perActor && --outstanding === 0) finish();
    }
  });
  const firstDue = Date.now() + leadMs;
  await Promise.all(
    Array.from({ length: timers }, (_, index) => {
      const first = firstDue + Math.floor((index * overMs) / timers) - Date.now();
      const delaysMs = againMs === null ? [first] : [first, againMs];
      return system.spawn('ticker', `${run}.${index}`, { input: { delaysMs }, owner: 'bench' });
    }),
  );
  if (Date.now() > firstDue) throw new Error(`${timers} timers could not be set within ${leadMs} ms`);
  // A lost timer must end the bench all the same: well after the last deadline what is missing is lost.
  const lastDue = firstDue + overMs + (againMs ?? 0);
  const over = setTimeout(finish, lastDue + 30_000 - Date.now());
  await finished;
  clearTimeout(over);
  unsubscribe();
  return { run, firstDue, commits };
}

/** How often each timer of a run fired, by the journal. */
async function countFired(
  pool: Pool,
  run: string,
  perActor: number,
): Promise<{ lost: number; twice: number }> {
  const { rows } = await pool.query<{ lost: string; twice: string }>(
    `SELECT coalesce(sum(greatest($2 - fired, 0)), 0) AS lost, coalesce(sum(greatest(fired - $2, 0)), 0) AS twice
     FROM (SELECT count(*) FILTER (WHERE record->>'kind' <> 'spawn') AS fired FROM journal
           WHERE address LIKE 'ticker/' || $1 || '.%' GROUP BY address) AS actor`,
    [run, perActor],
  );
  return { lost: Number(rows[0]?.lost), twice: Number(rows[0]?.twice) };
}

async function runSpread(system: ActorSystem, pool: Pool, load: TimerLoad): Promise<Lateness> {
  const { run, commits } = await fire(system, load);
  // Revision r sets the timer that revision r + 1 fires.
  const { rows } = await pool.query<{ address: string; revision: number; due: string }>(
    `SELECT address, revision::int, effect->>'due' AS due FROM journal, json_array_elements(record->'effects') AS effect
     WHERE address LIKE 'ticker/' || $1 || '.%' AND effect->>'type' = '@xstate.raise'`,
    [run],
  );
  const late: number[] = [];
  for (const { address, revision, due } of rows) {
    const at = commits.get(address)?.[revision];
    if (at !== undefined) late.push(at - Date.parse(due));
  }
  return { ...quantiles(late), fired: late.length, ...(await countFired(pool, run, 2)) };
}

async function runDrain(system: ActorSystem, pool: Pool, load: TimerLoad): Promise<Drain> {
  const { run, firstDue, commits } = await fire(system, load);
  const last = Math.max(...[...commits.values()].map((times) => times.at(-1) ?? 0));
  const perSecond = round(load.timers / ((last - firstDue) / 1_000));
  return { perSecond, timers: load.timers, ...(await countFired(pool, run, 1)) };
}
