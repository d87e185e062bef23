/**
 * The crash matrix: a scenario that touches each durable boundary is run once undisturbed; then once for each point at
 * which its worker can die, with a real SIGKILL there, while another worker goes on and the client repeats what was not
 * acknowledged. Each run must come to the same as the undisturbed one.
 *
 * It does not kill Postgres (`actors` does), and its points are those that the scenario meets.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ChaosPostgres } from './chaos-postgres.ts';
import { type FaultPoint, nameOfPoint, type Occurrences, pointsOf } from './fault-points.ts';
import { MatrixClient, playScenario, type RunSettings, type Variant } from './matrix-client.ts';
import { differences, type Ended, readOutcome, SETTLED } from './matrix-outcome.ts';
import { PLANTS } from './plants.ts';
import { Random } from './random.ts';

export interface MatrixOptions {
  seed: number;
  variants: readonly Variant[];
  /** So many points of all, a spread of them; all unless given. */
  sample?: number | undefined;
  /** Only this one. */
  point?: FaultPoint | undefined;
  /** With this fault of the runtime's own; it ends when that is found. */
  plant?: string | undefined;
  parallel: number;
  say: (words: string) => void;
}

export interface MatrixReport {
  seed: number;
  seconds: number;
  plant: { name: string; what: string; foundAfterPoints: number | null } | null;
  /** All points that the scenario met, in both variants. */
  total: number;
  /** Those of them that were to be tried. */
  tried: number;
  covered: number;
  /** Tried again and again, and never met. */
  notReached: string[];
  /** Statements that did not come equally often in each undisturbed run: their points may not be met. */
  unsteady: string[];
  violations: { point: string; faults: string[] }[];
  /** Cancelled timers whose jobs were left by a kill; they fire late and do nothing. */
  orphanJobs: number;
  notMeasured: string;
}

/** At the same time, so that they are disturbed by each other at least: each must meet the same. */
const UNDISTURBED_RUNS = 3;
/** A point that was not met is tried again. */
const TRIES = 10;
const SETTLE_MS = 20_000;
const RUN_MS = 60_000;
/** Nothing here may depend on Postgres surviving a crash of the machine, and all runs share two cores. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', autovacuum: 'off', max_connections: '200' };

interface Run {
  ended: Ended;
  /** What its first worker met; null when it was killed. */
  occurrences: Occurrences | null;
}

interface Task {
  variant: Variant;
  point: FaultPoint;
}

export async function crashMatrix(options: MatrixOptions): Promise<MatrixReport> {
  const startedAt = performance.now();
  const postgres = await ChaosPostgres.start(SETTINGS);
  try {
    await postgres.createMigrated('template_restart');
    // Where one survives, pg-boss is there already: its first start belongs to the other variant.
    await postgres.createMigrated('template_survivor');
    const warm = new MatrixClient(settingsOf(postgres, 'template_survivor', null), 'restart', null);
    await warm.end();
    const report = await runMatrix(postgres, options);
    return { ...report, seconds: Math.round((performance.now() - startedAt) / 1_000) };
  } finally {
    await postgres.stop();
  }
}

async function runMatrix(
  postgres: ChaosPostgres,
  { seed, variants, sample, point, plant, parallel, say }: MatrixOptions,
): Promise<Omit<MatrixReport, 'seconds'>> {
  const play = (variant: Variant, fault: FaultPoint | null) =>
    runScenario(postgres, variant, plant ?? null, fault);
  const report = { seed, covered: 0, notReached: [] as string[], unsteady: [] as string[], orphanJobs: 0 };
  const violations: MatrixReport['violations'] = [];
  const all: Task[] = [];
  const expected = new Map<Variant, Ended>();
  for (const variant of variants) {
    const runs = await Promise.all(Array.from({ length: UNDISTURBED_RUNS }, () => play(variant, null)));
    const [first] = runs as [Run, ...Run[]];
    for (const { ended } of runs) {
      const faults = [...ended.faults, ...differences(first.ended.outcome, ended.outcome)];
      if (faults.length > 0) violations.push({ point: `${variant}, undisturbed`, faults });
    }
    expected.set(variant, first.ended);
    const { points, unsteady } = pointsOf(runs.map(({ occurrences }) => occurrences ?? {}));
    say(`${variant}: the undisturbed scenario meets ${points.length} points`);
    report.unsteady.push(...unsteady.map((label) => `${variant}: ${label}`));
    all.push(...points.map((found) => ({ variant, point: found })));
  }
  const wanted = point
    ? variants.map((variant) => ({ variant, point }))
    : new Random(seed).shuffled(all).slice(0, sample ?? all.length);
  say(`trying ${wanted.length} of ${all.length} points, ${parallel} at a time, seed ${seed}`);
  const todo = [...wanted];
  let done = 0;
  const isFound = () => plant !== undefined && violations.length > 0;
  const lane = async (): Promise<void> => {
    for (let task = isFound() ? undefined : todo.shift(); task; task = isFound() ? undefined : todo.shift()) {
      const { variant } = task;
      const name = `${variant}: ${nameOfPoint(task.point)}`;
      const { reached, faults, orphanJobs } = await tryPoint(
        (fault) => play(variant, fault),
        task.point,
        expected.get(variant) as Ended,
      );
      report.orphanJobs += orphanJobs;
      if (reached) report.covered++;
      else report.notReached.push(name);
      if (faults.length > 0) {
        violations.push({ point: name, faults });
        say(`VIOLATION ${name}\n  ${faults.join('\n  ')}`);
      }
      if (++done % 25 === 0) say(`${done} of ${wanted.length}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  const foundAfterPoints = violations.length > 0 ? done : null;
  return {
    ...report,
    plant: plant === undefined ? null : { name: plant, what: PLANTS[plant]?.what ?? '', foundAfterPoints },
    total: all.length,
    tried: wanted.length,
    violations,
    notMeasured: 'Postgres dying too (see actors), statements that the scenario does not meet',
  };
}

async function tryPoint(
  play: (fault: FaultPoint) => Promise<Run>,
  point: FaultPoint,
  expected: Ended,
): Promise<{ reached: boolean; faults: string[]; orphanJobs: number }> {
  const faults: string[] = [];
  let orphanJobs = 0;
  for (let tries = 1; tries <= TRIES; tries++) {
    try {
      const { ended, occurrences } = await play(point);
      orphanJobs += ended.orphanJobs;
      faults.push(...ended.faults, ...differences(expected.outcome, ended.outcome));
      if (occurrences === null) return { reached: true, faults, orphanJobs };
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
    if (faults.length > 0) return { reached: true, faults, orphanJobs };
  }
  return { reached: false, faults, orphanJobs };
}

/** Plays the scenario on a database of its own, with a worker that dies at the point, if one is given. */
async function runScenario(
  postgres: ChaosPostgres,
  variant: Variant,
  plant: string | null,
  fault: FaultPoint | null,
): Promise<Run> {
  const database = await postgres.clone(`template_${variant}`);
  const settings = settingsOf(postgres, database, plant);
  const client = new MatrixClient(settings, variant, fault);
  const reader = new pg.Client({ connectionString: settings.connectionString });
  const over = new AbortController();
  try {
    await reader.connect();
    const tooLong = delay(RUN_MS, undefined, { signal: over.signal, ref: false }).then(() => {
      throw new Error(`stuck: not at its end after ${RUN_MS / 1_000} s, at ${client.at}`);
    });
    const occurrences = await Promise.race([playScenario(client), tooLong]);
    const hasSettled = await settle(reader);
    const ended = await readOutcome(reader, settings.ledger);
    const faults = [...client.faults, ...ended.faults];
    if (!hasSettled) faults.push(`something is still under way after ${SETTLE_MS / 1_000} s`);
    return { ended: { ...ended, faults }, occurrences };
  } finally {
    over.abort();
    await client.end();
    await reader.end();
    await postgres.drop(database);
  }
}

function settingsOf(postgres: ChaosPostgres, database: string, plant: string | null): RunSettings {
  return {
    connectionString: postgres.url(database),
    ledger: join(postgres.home, `${database}.ledger`),
    plant,
  };
}

/** Until nothing is under way any more; false when that takes too long. */
async function settle(reader: pg.Client): Promise<boolean> {
  const patienceEnds = performance.now() + SETTLE_MS;
  for (;;) {
    const { rows } = await reader.query<{ settled: boolean }>(SETTLED);
    if (rows[0]?.settled) return true;
    if (performance.now() > patienceEnds) return false;
    await delay(20);
  }
}
