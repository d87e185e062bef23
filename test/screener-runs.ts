/**
 * Screeners in processes of their own, which a test kills and starts again, and what a run came to. For tests; not for
 * where they are struck.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.ts';

const PROGRAM = fileURLToPath(new URL('fixtures/screener-process.ts', import.meta.url));
export const SEED = Number(process.env.SEED ?? 20_260_610);

export let database: TestDatabase;
const children = new Set<ChildProcess>();

/** A database for the tests of a file; no process outlives them. */
export function useDatabase(): void {
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await database?.[Symbol.asyncDispose]();
  });
}

export interface Run {
  key: string;
  owner: string;
  /** Of the analysis service that it asks. */
  url: string;
}
export const newRun = (url: string): Run => ({ key: randomUUID(), owner: randomUUID(), url });

/** A process that works on the run. `ended`: true when the run has, false when the process was killed before. */
export function startProcess({ key, owner, url }: Run): { child: ChildProcess; ended: Promise<boolean> } {
  const child = fork(PROGRAM, [database.connectionString, url, key, owner], {
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
export async function finish(run: Run): Promise<void> {
  const { child, ended } = startProcess(run);
  expect(await ended).toBe(true);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** What the run came to, and which symbols its journal saw analysed to an end, in order. */
export async function outcomeOf({ key, owner }: Run) {
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

/** Each of these symbols analysed to its end once, one result, one notification, and all that as undisturbed. */
export function expectWhole(
  { output, revisions, analyzed, saved, told }: Awaited<ReturnType<typeof outcomeOf>>,
  undisturbed: Record<string, unknown>,
  symbols: readonly unknown[],
): void {
  expect(output).toEqual(undisturbed);
  expect(analyzed.toSorted()).toEqual(symbols);
  expect(revisions).toEqual(revisions.map((_, index) => index + 1));
  expect(saved).toEqual([{ status: 'completed', result: undisturbed }]);
  expect(told).toEqual(['screener_complete']);
}
