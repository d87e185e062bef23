/**
 * What steps leave on disk: events to 1,000 actors that carry a kilobyte each, before and after the journal's retention
 * was applied, and as many steps again with the retention applied as they come. 100,000 steps, a million with
 * `--full`. Sizes are those of Postgres's files after VACUUM, so one run is enough. It does not measure speed.
 */
import type { Pool } from 'pg';
import { type ActorSystem, createActorSystem, type DurableMachine } from '../src/actors/runtime/index.ts';
import { Retention } from '../src/actors/runtime/upkeep/retention.ts';
import { openPool } from '../src/persistence/pool.ts';
import { counter } from './machines.ts';
import { measure, round } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';

const ACTORS = 1_000;
const IN_FLIGHT = 256;
const KEEP_LAST = 10;
/** How often the retention is applied while the second half is written. */
const ROUNDS = 10;
/** The retention spares steps that are a minute old: here they seem older. */
const LATER_MS = 600_000;

const machine: DurableMachine = { ...counter, journal: { keepLast: KEEP_LAST } };
const log = { debug() {}, info() {}, warn: console.warn, error: console.error };

/** Bytes of files. */
interface Sizes {
  heap: number;
  indexes: number;
  toast: number;
}

interface Moment {
  journal: Sizes & { rows: number };
  actors: Sizes;
}

interface Result {
  steps: number;
  atStart: Moment;
  written: Moment;
  pruned: Moment & { stepsOfAnActor: { least: number; most: number } };
  /** After as many steps again, pruned as they came: what was freed is used again. */
  prunedOnTheWay: Moment;
  /** Of a step that is not pruned: its row in the journal, and the write-ahead log of all that it wrote. */
  bytesPerStep: Sizes & { wal: number };
  /** Updates of actors that left their indexes alone, of all. */
  hotShare: number;
  notMeasured: string;
}

export async function diskBench({ connectionString, smoke, full }: BenchOptions): Promise<Result> {
  const steps = smoke ? 2_000 : full ? 1_000_000 : 100_000;
  const actors = smoke ? 50 : ACTORS;
  const pool = openPool(connectionString, () => {});
  const system = await createActorSystem({ pool, connectionString, machines: [machine], effects: [] });
  const later = () => Date.now() + LATER_MS;
  const retention = new Retention({ database: pool, machines: [machine], now: later, log });
  const prune = async () => {
    await retention.round();
    await pool.query('VACUUM journal, actors');
  };
  try {
    const keys = Array.from({ length: actors }, (_, index) => String(index));
    await Promise.all(keys.map((key) => system.spawn(machine.id, key, { input: {}, owner: 'bench' })));
    const atStart = await look(pool);
    const walAtStart = await walPosition(pool);
    await takeSteps(system, keys, steps);
    const wal = (await walPosition(pool)) - walAtStart;
    const written = await look(pool);
    await prune();
    const pruned = { ...(await look(pool)), stepsOfAnActor: await stepsOfAnActor(pool) };
    for (let turn = 0; turn < ROUNDS; turn++) {
      await takeSteps(system, keys, Math.ceil(steps / ROUNDS));
      await prune();
    }
    const prunedOnTheWay = await look(pool);
    const perStep = (size: keyof Sizes) =>
      round((written.journal[size] - atStart.journal[size]) / (written.journal.rows - atStart.journal.rows));
    const bytesPerStep = {
      heap: perStep('heap'),
      indexes: perStep('indexes'),
      toast: perStep('toast'),
      wal: round(wal / steps),
    };
    const result = { steps, atStart, written, pruned, prunedOnTheWay, bytesPerStep };
    print(result);
    return {
      ...result,
      hotShare: await hotShare(pool),
      notMeasured: 'effects, timers, messages, idempotency keys; states of other sizes; speed',
    };
  } finally {
    await retention.stop();
    await system.drain();
    await pool.end();
  }
}

async function takeSteps(system: ActorSystem, keys: readonly string[], steps: number): Promise<void> {
  let taken = 0;
  await measure(steps, IN_FLIGHT, async () => {
    const key = keys[taken++ % keys.length] ?? '';
    await system.send(`${machine.id}/${key}`, { type: 'ADD', by: 1 });
  });
}

async function look(pool: Pool): Promise<Moment> {
  // So that what the steps left half done is not counted, nor the pages that the visibility map lacks.
  await pool.query('VACUUM journal, actors');
  const { rows } = await pool.query<{ rows: string }>('SELECT count(*) AS rows FROM journal');
  return {
    journal: { ...(await sizesOf(pool, 'journal')), rows: Number(rows[0]?.rows) },
    actors: await sizesOf(pool, 'actors'),
  };
}

async function sizesOf(pool: Pool, table: string): Promise<Sizes> {
  const { rows } = await pool.query<Record<keyof Sizes, string>>(
    `SELECT pg_relation_size(oid) AS heap, pg_indexes_size(oid) AS indexes,
       coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0) AS toast
     FROM pg_class WHERE oid = $1::regclass`,
    [table],
  );
  const { heap, indexes, toast } = rows[0] ?? {};
  return { heap: Number(heap), indexes: Number(indexes), toast: Number(toast) };
}

async function stepsOfAnActor(pool: Pool): Promise<{ least: number; most: number }> {
  const { rows } = await pool.query<{ least: string; most: string }>(
    `SELECT min(steps) AS least, max(steps) AS most
     FROM (SELECT count(*) AS steps FROM journal GROUP BY address) AS actor`,
  );
  return { least: Number(rows[0]?.least), most: Number(rows[0]?.most) };
}

async function walPosition(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ position: string }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS position`,
  );
  return Number(rows[0]?.position);
}

async function hotShare(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ share: number | null }>(
    `SELECT n_tup_hot_upd::float8 / nullif(n_tup_upd, 0) AS share
     FROM pg_stat_user_tables WHERE relname = 'actors'`,
  );
  return round(rows[0]?.share ?? 0);
}

function print(result: Omit<Result, 'hotShare' | 'notMeasured'>): void {
  const { steps, bytesPerStep, atStart, written, pruned, prunedOnTheWay } = result;
  const mb = (bytes: number) => round(bytes / 1_000_000);
  const row = (name: string, { journal, actors }: Moment) => [
    name,
    journal.rows,
    `${mb(journal.heap)} + ${mb(journal.indexes)} + ${mb(journal.toast)}`,
    `${mb(actors.heap)} + ${mb(actors.indexes)} + ${mb(actors.toast)}`,
  ];
  printTable(
    `${steps} steps: ${bytesPerStep.heap} bytes each in the journal, ${bytesPerStep.indexes} in its indexes, ` +
      `${bytesPerStep.toast} in TOAST, ${bytesPerStep.wal} of WAL`,
    ['', 'steps kept', 'journal MB: heap + indexes + TOAST', 'actors MB'],
    [
      row('at the start', atStart),
      row('written', written),
      row(`pruned to ${pruned.stepsOfAnActor.least} to ${pruned.stepsOfAnActor.most} an actor`, pruned),
      row('as many again, pruned on the way', prunedOnTheWay),
    ],
  );
}
