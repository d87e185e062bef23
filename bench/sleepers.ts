/**
 * Sleeping actors, 100,000 and with `--full` 1,000,000, a tenth of them with a timer that is a year away: what they
 * cost a process that starts, runs idle and wakes one. They are copies, by bulk SQL, of rows that the runtime wrote.
 * It does not measure how long they took to fall asleep, nor Postgres's own memory.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createActorSystem } from '../src/actors/runtime/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { countTransactions, SETTLE_MS } from './load.ts';
import { sleeper } from './machines.ts';
import { medianOf, type Quantiles, quantiles, round } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import type { Started, Wakened } from './sleepers-process.ts';

const YEAR_MS = 365 * 86_400_000;
const CHUNK = 50_000;

interface Row {
  sleepers: number;
  withTimer: number;
  startMs: number;
  startDeltaMs: number;
  rssMb: number;
  rssDeltaMb: number;
  idle: { windowSeconds: number; queries: number; perMinute: number };
  wakeByEvent: Quantiles;
  /** Reading and writing a sleeping actor's rows by plain SQL, one transaction each. */
  wakeFloor: Quantiles;
  /** Lateness of short timers set beside the sleepers. */
  timersAmongThem: Quantiles;
}

interface Result {
  empty: { startMs: number; rssMb: number };
  rows: Row[];
  notMeasured: string;
}

export async function sleepersBench(options: BenchOptions): Promise<Result> {
  const { connectionString, smoke, full, runs } = options;
  const sizes = smoke ? [2_000] : full ? [100_000, 1_000_000] : [100_000];
  const windowSeconds = smoke ? 1 : 60;
  const pool = new pg.Pool({ connectionString, max: 4 });
  // An idle connection may still be closing when the bench's Postgres stops.
  pool.on('error', () => {});
  const rows: Row[] = [];
  try {
    await spawnSamples(connectionString);
    const empty = await started(connectionString, runs);
    for (const sleepers of sizes) {
      await fillUp(pool, sleepers);
      const { startMs, rssMb } = await started(connectionString, runs);
      const server = startProcess('sleepers-process.ts', { connectionString });
      try {
        await server.ask<Started>({ kind: 'start' });
        const idle = await countTransactions(connectionString, smoke ? 0 : SETTLE_MS, () =>
          delay(windowSeconds * 1_000),
        );
        const wakes = smoke ? 20 : 1_000;
        const wakeFloor = await wakeBySql(pool, sleepers, wakes);
        const { wakeMs, lateMs } = await wake(server, sleepers, wakes);
        rows.push({
          sleepers,
          withTimer: Math.floor(sleepers / 10),
          startMs,
          startDeltaMs: round(startMs - empty.startMs),
          rssMb,
          rssDeltaMb: round(rssMb - empty.rssMb),
          idle: { windowSeconds, queries: idle, perMinute: round((idle * 60) / windowSeconds) },
          wakeByEvent: quantiles(wakeMs),
          wakeFloor,
          timersAmongThem: quantiles(lateMs),
        });
      } finally {
        await server.end();
      }
    }
    printTable(
      'sleepers',
      [
        'actors',
        'start ms (more)',
        'RSS MB (more)',
        'idle queries/min',
        'wake p50 / p99 ms',
        'floor',
        'timers p50 / p99 ms late',
      ],
      rows.map((row) => [
        row.sleepers,
        `${row.startMs} (${row.startDeltaMs})`,
        `${row.rssMb} (${row.rssDeltaMb})`,
        `${row.idle.perMinute} over ${windowSeconds} s`,
        `${row.wakeByEvent.p50Ms} / ${row.wakeByEvent.p99Ms}`,
        `${row.wakeFloor.p50Ms} / ${row.wakeFloor.p99Ms}`,
        `${row.timersAmongThem.p50Ms} / ${row.timersAmongThem.p99Ms}`,
      ]),
    );
    return {
      empty,
      rows,
      notMeasured:
        'how long they took to fall asleep; memory of Postgres; autovacuum, which rests while queries are counted',
    };
  } finally {
    await pool.end();
  }
}

/** Starts of fresh processes: the median of their times, and the memory of that one. */
async function started(connectionString: string, runs: number): Promise<{ startMs: number; rssMb: number }> {
  const starts: Started[] = [];
  for (let run = 0; run < runs; run++) {
    const server = startProcess('sleepers-process.ts', { connectionString });
    starts.push(await server.ask<Started>({ kind: 'start' }));
    await server.end();
  }
  return medianOf(starts, ({ startMs }) => startMs);
}

/** One actor that waits to be asked, and one that waits for next year: what the others are copied from. */
async function spawnSamples(connectionString: string): Promise<void> {
  const pool = openPool(connectionString, () => {});
  const system = await createActorSystem({ pool, connectionString, machines: [sleeper], effects: [] });
  await system.spawn('sleeper', 'asked', { input: { delayMs: null }, owner: 'bench' });
  await system.spawn('sleeper', 'timed', { input: { delayMs: YEAR_MS }, owner: 'bench' });
  await system.drain();
  await pool.end();
}

/** Copies the samples, up to so many sleepers; every tenth is one with a timer. */
async function fillUp(pool: pg.Pool, upTo: number): Promise<void> {
  const { rows } = await pool.query<{ count: string }>(`SELECT count(*) FROM actors WHERE key ~ '^[0-9]+$'`);
  for (let from = Number(rows[0]?.count); from < upTo; from += CHUNK) {
    const range = [from, Math.min(from + CHUNK, upTo) - 1];
    await pool.query(COPY_ACTORS, range);
    await pool.query(COPY_JOURNAL, range);
    await pool.query(COPY_JOBS, range);
  }
  await pool.query('VACUUM ANALYZE');
}

const SAMPLE = `'sleeper/' || CASE WHEN i % 10 = 0 THEN 'timed' ELSE 'asked' END`;
/** The job of sleeper `i`: its id must stand in the actor's row, too. */
const JOB = `md5('timer' || i)::uuid`;

/** All of an actor's columns but the one that Postgres generates. */
const ACTOR = [
  'address',
  'machine',
  'key',
  'version',
  'owner',
  'incarnation',
  'status',
  'revision',
  'tags',
  'snapshot',
  'pending',
  'error',
  'singleton_key',
  'parent',
  'created_at',
  'updated_at',
];

const COPY_ACTORS = `
INSERT INTO actors (${ACTOR.join(', ')}) SELECT ${ACTOR.map((column) => `copy.${column}`).join(', ')} FROM generate_series($1::int, $2::int) AS i JOIN actors a ON a.address = ${SAMPLE}
CROSS JOIN LATERAL jsonb_populate_record(a, jsonb_build_object('address', 'sleeper/' || i, 'key', i::text,
  'incarnation', gen_random_uuid(),
  'pending', regexp_replace(a.pending::text, '("job": ")[^"]*', '\\1' || ${JOB})::jsonb)) AS copy`;

const COPY_JOURNAL = `
INSERT INTO journal (address, revision, owner, step_id, at, record)
SELECT 'sleeper/' || i, revision, owner, gen_random_uuid(), at, record
FROM generate_series($1::int, $2::int) AS i JOIN journal j ON j.address = ${SAMPLE}`;

const COPY_JOBS = `
INSERT INTO pgboss.job SELECT copy.*
FROM generate_series($1::int, $2::int) AS i JOIN pgboss.job j ON j.data->>'address' = 'sleeper/timed'
CROSS JOIN LATERAL jsonb_populate_record(j, jsonb_build_object('id', ${JOB},
  'data', j.data || jsonb_build_object('address', 'sleeper/' || i),
  'start_after', j.start_after + i * interval '1 s')) AS copy
WHERE i % 10 = 0`;

/** Spread over all of them, none twice. */
function someOf(sleepers: number, wakes: number, offset: number): string[] {
  const apart = Math.floor(sleepers / wakes);
  return Array.from({ length: wakes }, (_, index) => `sleeper/${index * apart + offset}`);
}

function wake(server: BenchProcess, sleepers: number, wakes: number): Promise<Wakened> {
  return server.ask<Wakened>({ kind: 'wake', addresses: someOf(sleepers, wakes, 1), timers: wakes });
}

async function wakeBySql(pool: pg.Pool, sleepers: number, wakes: number): Promise<Quantiles> {
  const tookMs: number[] = [];
  for (const address of someOf(sleepers, wakes, 2)) {
    const began = performance.now();
    const { rows } = await pool.query({
      name: 'floor-read',
      text: 'SELECT revision, snapshot::text AS snapshot FROM actors WHERE address = $1',
      values: [address],
    });
    await pool.query({
      name: 'floor-wake',
      text: `WITH actor AS (UPDATE actors SET revision = revision + 1, snapshot = $3 WHERE address = $1 AND revision = $2)
             INSERT INTO journal (address, revision, owner, step_id, at, record)
             VALUES ($1, $2 + 1, 'bench', gen_random_uuid(), now(), $3)`,
      values: [address, rows[0]?.revision, rows[0]?.snapshot],
    });
    tookMs.push(performance.now() - began);
  }
  return quantiles(tookMs);
}
