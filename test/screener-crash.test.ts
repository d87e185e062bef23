/**
 * The plug is pulled in the middle of screeners: real processes, killed with SIGKILL and started again. Every symbol is
 * analysed to its end once, and what comes out is what comes out undisturbed.
 */
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from './chaos/random.ts';
import * as runs from './screener-runs.ts';
import { database, finish, outcomeOf, type Run, SEED, startProcess, useDatabase } from './screener-runs.ts';
import { FAILING, ScreenerService, SYMBOLS } from './screener-service.ts';

/** While symbols are analysed, from the first to the last. */
const KILLS_AMONG_SYMBOLS = 12;
/** In the pause behind a batch that is not one of the last ones. */
const KILLS_IN_PAUSES = 2;
const BATCHES_WITH_SUCH_PAUSES = 5;
/** From such a request to the kill: before its answer, or while steps are committed. */
const MOST_DELAY_MS = 25;

let service: ScreenerService;

useDatabase();
beforeAll(async () => {
  service = new ScreenerService();
  await service.open();
});
afterAll(() => service?.[Symbol.asyncDispose]());

const newRun = (): Run => runs.newRun(service.url);
const expectWhole = (
  outcome: Awaited<ReturnType<typeof outcomeOf>>,
  undisturbed: Record<string, unknown>,
): void =>
  runs.expectWhole(
    outcome,
    undisturbed,
    SYMBOLS.filter((symbol) => !FAILING.includes(symbol)),
  );

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

/** The state in which the run is kept, and its batch; undefined before its first commit. */
async function seenOf({ key }: Run): Promise<{ value: string; batch: number } | undefined> {
  const { rows } = await database.pool.query('SELECT snapshot FROM actors WHERE address = $1', [
    `screener/${key}`,
  ]);
  const snapshot = rows[0]?.snapshot as
    | { value: string | Record<string, unknown>; context: { batch: number } }
    | undefined;
  if (!snapshot) return undefined;
  const { value, context } = snapshot;
  return {
    value: typeof value === 'string' ? value : (Object.keys(value)[0] as string),
    batch: context.batch,
  };
}

/** Kills the process a little after this symbol, or a later one, has been asked for. */
function killAtSymbol(child: ChildProcess, place: number, delayMs: number): void {
  service.onAsked = (symbol) => {
    if (SYMBOLS.indexOf(symbol) < place) return;
    service.onAsked = () => {};
    setTimeout(() => child.kill('SIGKILL'), delayMs);
  };
}

/** Kills the process when the run is seen to pause after this batch, or a later one. */
async function killInPause(child: ChildProcess, run: Run, batch: number): Promise<void> {
  for (;;) {
    const seen = await seenOf(run);
    if (seen?.value === 'pause' && seen.batch >= batch) break;
  }
  child.kill('SIGKILL');
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

test('killed at 20 moments, at random among the symbols, and in each other state, it comes to the same', async () => {
  const random = new Random(SEED);
  const run = newRun();
  service.asked.length = 0;
  const states: (string | undefined)[] = [];
  const struck = async () => states.push((await seenOf(run))?.value);

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

  // The last symbol is not answered before all of these have struck, so that each of them finds the run at work.
  service.hold(SYMBOLS.slice(-1));
  const strikes = [
    ...Array.from({ length: KILLS_AMONG_SYMBOLS }, () => ({
      symbol: random.below(SYMBOLS.length),
      inPause: false,
    })),
    ...Array.from({ length: KILLS_IN_PAUSES }, () => ({
      symbol: random.below(BATCHES_WITH_SUCH_PAUSES) * 5,
      inPause: true,
    })),
  ].sort((one, other) => one.symbol - other.symbol);
  const reached: string[] = [];
  for (const { symbol, inPause } of strikes) {
    const { child, ended } = startProcess(run);
    if (inPause) await killInPause(child, run, symbol / 5);
    else killAtSymbol(child, symbol, random.below(MOST_DELAY_MS));
    expect(await ended).toBe(false);
    reached.push(`${(await outcomeOf(run)).analyzed.length}${inPause ? ' in a pause' : ''}`);
  }
  service.release();
  // While its result is saved, twice, and while it ends and tells.
  for (const table of ['screener_results', 'screener_results', 'notifications']) {
    await killAtTable(run, table);
    await struck();
  }
  await finish(run);
  const outcome = await outcomeOf(run);
  expectWhole(outcome, undisturbed);
  expect(states[0]).toBeOneOf([undefined, 'findCandidates']);
  expect(states.slice(1)).toEqual([
    'findCandidates',
    'findCandidates',
    'save',
    'save',
    expect.toBeOneOf(['save', 'done']),
  ]);
  console.log(
    `screener: seed ${SEED}; killed in ${states.map((state) => state ?? 'nothing yet').join(', ')}, and with ${reached.join(', ')} analysed; ${service.asked.length} requests for ${SYMBOLS.length} symbols`,
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

test('down for longer than its effects may take, it goes on all the same', async () => {
  const run = newRun();
  const batch = SYMBOLS.slice(20, 25);
  service.hold(batch);
  const arrived = Promise.all(batch.map((symbol) => service.arrival(symbol)));
  const { child, ended } = startProcess(run);
  await arrived;
  child.kill('SIGKILL');
  expect(await ended).toBe(false);
  service.release();
  // As a night does to an effect that may take an hour.
  const { rowCount } = await database.pool.query(
    "UPDATE effects SET deadline_at = now() - interval '1 s' WHERE address = $1",
    [`screener/${run.key}`],
  );
  expect(rowCount).toBe(batch.length);
  await finish(run);
  const outcome = await outcomeOf(run);
  expectWhole(outcome, undisturbed);
  expect(outcome.restarts).toBe(batch.length);
}, 120_000);
