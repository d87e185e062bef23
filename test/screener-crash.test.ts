/**
 * The plug is pulled in the middle of screeners: real processes, killed with SIGKILL and started again. Every symbol is
 * analysed to its end once, and what comes out is what comes out undisturbed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { FAILING, ScreenerService, SYMBOLS } from './screener-service.ts';

const PROGRAM = fileURLToPath(new URL('fixtures/screener-process.ts', import.meta.url));
const SEED = Number(process.env.SEED ?? 20_260_610);
/** While symbols are analysed. Beside them, each other state is struck: see `between`. */
const KILLS_AMONG_SYMBOLS = 14;
/** Kills strike at the latest when this symbol is asked for: all of them find the run at work. */
const LAST_STRUCK = 44;
/** From such a request to the kill: before its answer, while steps are committed, or in the pause behind them. */
const MOST_DELAY_MS = 25;

let database: TestDatabase;
let service: ScreenerService;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  database = await createTestDatabase();
  service = new ScreenerService();
  await service.open();
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

interface Run {
  key: string;
  owner: string;
}
const newRun = (): Run => ({ key: randomUUID(), owner: randomUUID() });

/** A process that works on the run. `ended`: true when the run has, false when the process was killed before. */
function startProcess({ key, owner }: Run): { child: ChildProcess; ended: Promise<boolean> } {
  const child = fork(PROGRAM, [database.connectionString, service.url, key, owner], {
    execArgv: [],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  children.add(child);
  const exit = once(child, 'exit').then(([code]) => {
    children.delete(child);
    if (code !== null) throw new Error(`the process ended by itself, with ${code}`);
    return false;
  });
  return { child, ended: Promise.race([exit, once(child, 'message').then(() => true)]) };
}

/** Lets a process work on the run to its end. */
async function finish(run: Run): Promise<void> {
  const { child, ended } = startProcess(run);
  expect(await ended).toBe(true);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** What the run came to, and which symbols its journal saw analysed to an end, in order. */
async function outcomeOf({ key, owner }: Run) {
  const { pool } = database;
  const address = `screener/${key}`;
  const actor = await pool.query("SELECT snapshot->'output' AS output FROM actors WHERE address = $1", [
    address,
  ]);
  const steps = await pool.query('SELECT revision, record FROM journal WHERE address = $1 ORDER BY seq', [
    address,
  ]);
  const saved = await pool.query('SELECT status, result FROM screener_results WHERE run_id = $1', [
    `screener.${key}`,
  ]);
  const told = await pool.query('SELECT type FROM notifications WHERE owner = $1', [owner]);
  const ends = steps.rows.map(({ record }) => record.event as { type: string; output?: { symbol: string } });
  return {
    output: actor.rows[0]?.output as Record<string, unknown>,
    revisions: steps.rows.map(({ revision }) => Number(revision)),
    analyzed: ends
      .filter(({ type }) => type.startsWith('xstate.done.actor.quickAnalyze'))
      .map((end) => end.output?.symbol),
    saved: saved.rows,
    told: told.rows.map(({ type }) => type),
    restarts: ends.filter(
      ({ type, ...end }) => type.startsWith('xstate.error') && JSON.stringify(end).includes('"interrupted"'),
    ).length,
  };
}

function expectWhole(
  { output, revisions, analyzed, saved, told }: Awaited<ReturnType<typeof outcomeOf>>,
  undisturbed: Record<string, unknown>,
): void {
  expect(output).toEqual(undisturbed);
  expect(analyzed.toSorted()).toEqual(SYMBOLS.filter((symbol) => !FAILING.includes(symbol)));
  expect(revisions).toEqual(revisions.map((_, index) => index + 1));
  expect(saved).toEqual([{ status: 'completed', result: undisturbed }]);
  expect(told).toEqual(['screener_complete']);
}

/**
 * Strikes while a process waits for a table: what it was about to commit there is not done. Whether the statement is
 * carried out when the table is free, by a server process whose client is dead, is Postgres's affair; nothing may come
 * twice either way.
 */
async function killAtTable(run: Run, table: string): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${table} IN EXCLUSIVE MODE`);
    const { child, ended } = startProcess(run);
    for (let waiting = 0; waiting === 0; ) {
      const { rows } = await database.pool.query(
        `SELECT count(*)::int AS waiting FROM pg_locks
         WHERE NOT granted AND relation = $1::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        [table],
      );
      waiting = rows[0].waiting;
    }
    child.kill('SIGKILL');
    expect(await ended).toBe(false);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

/** The state in which the run is kept; null before its first commit. */
async function stateOf({ key }: Run): Promise<string | null> {
  const { rows } = await database.pool.query('SELECT snapshot FROM actors WHERE address = $1', [
    `screener/${key}`,
  ]);
  const value = (rows[0]?.snapshot as { value: string | object } | undefined)?.value ?? null;
  return value !== null && typeof value === 'object' ? (Object.keys(value)[0] ?? null) : value;
}

/** Numbers from 0 to below 1, the same for a seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Kills the process a little after this symbol, or a later one, has been asked for. */
function killAt(child: ChildProcess, place: number, delayMs: number): void {
  service.onAsked = (symbol) => {
    if (SYMBOLS.indexOf(symbol) < place) return;
    service.onAsked = () => {};
    setTimeout(() => child.kill('SIGKILL'), delayMs);
  };
}

let undisturbed: Record<string, unknown>;

test('undisturbed, it analyses 50 symbols, five at a time', async () => {
  const run = newRun();
  await finish(run);
  const outcome = await outcomeOf(run);
  undisturbed = outcome.output;
  expectWhole(outcome, undisturbed);
  expect(undisturbed).toMatchObject({
    status: 'completed',
    candidates: 50,
    analyzed: 48,
    rejected: 12,
    failed: FAILING.map((symbol) => ({ symbol, code: 'insufficient_data' })),
    source: 'simulated',
  });
  expect(undisturbed.results).toHaveLength(10);
  const batches = Array.from({ length: 10 }, (_, batch) =>
    service.asked
      .slice(batch * 5, batch * 5 + 5)
      .map(({ symbol }) => symbol)
      .sort(),
  );
  expect(batches.flat()).toEqual(SYMBOLS);
}, 120_000);

test('killed at 20 moments, at random among the symbols and in each other state, it comes to the same', async () => {
  const random = seeded(SEED);
  const run = newRun();
  service.asked.length = 0;
  const states: (string | null)[] = [];
  const struck = async () => states.push(await stateOf(run));

  // Before its first commit, and with it under way.
  await killAtTable(run, 'effects');
  await struck();
  for (let time = 0; time < 2; time += 1) {
    // While candidates are asked for.
    service.hold(['']);
    const asked = service.arrival('');
    const { child, ended } = startProcess(run);
    await asked;
    child.kill('SIGKILL');
    expect(await ended).toBe(false);
    await struck();
    service.release();
  }

  const places = Array.from({ length: KILLS_AMONG_SYMBOLS }, () => Math.floor(random() * (LAST_STRUCK + 1)));
  const reached: number[] = [];
  for (const place of places.sort((one, other) => one - other)) {
    const { child, ended } = startProcess(run);
    killAt(child, place, Math.floor(random() * MOST_DELAY_MS));
    expect(await ended).toBe(false);
    reached.push((await outcomeOf(run)).analyzed.length);
  }
  // While its result is saved, twice, and while it ends and tells.
  for (const table of ['screener_results', 'screener_results', 'notifications']) {
    await killAtTable(run, table);
    await struck();
  }
  await finish(run);
  const outcome = await outcomeOf(run);
  expectWhole(outcome, undisturbed);
  expect(states[0]).toBeOneOf([null, 'findCandidates']);
  expect(states.slice(1)).toEqual([
    'findCandidates',
    'findCandidates',
    'save',
    'save',
    expect.toBeOneOf(['save', 'done']),
  ]);
  console.log(
    `screener: seed ${SEED}; killed in ${states.join(', ')}, and with ${reached.join(', ')} analysed; ${service.asked.length} requests for ${SYMBOLS.length} symbols`,
  );
}, 120_000);

test('killed again and again while symbol 31 is looked at, it goes on at 31', async () => {
  const run = newRun();
  const [before, batch] = [SYMBOLS.slice(0, 30), SYMBOLS.slice(30, 35)];
  service.hold(batch);
  // More often than one effect is begun.
  for (let kill = 0; kill < 6; kill += 1) {
    const arrived = Promise.all(batch.map((symbol) => service.arrival(symbol)));
    const { child, ended } = startProcess(run);
    await arrived;
    child.kill('SIGKILL');
    expect(await ended).toBe(false);
    service.asked.length = 0;
  }
  service.release();
  await finish(run);
  expect(service.asked.filter(({ symbol }) => before.includes(symbol))).toEqual([]);
  const outcome = await outcomeOf(run);
  expectWhole(outcome, undisturbed);
  expect(outcome.restarts).toBe(batch.length);
}, 120_000);
