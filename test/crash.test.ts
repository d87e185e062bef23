/**
 * The plug is pulled in the middle of analyses: real processes, killed with SIGKILL while a run stands at each of its
 * steps, and started again. Every run must end as it does undisturbed.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPidFile } from '../src/launch/postgres-cluster.ts';
import { AnalysisProxy } from './analysis-proxy.ts';
import { startAnalysisService, type TestAnalysisService } from './analysis-service.ts';
import { endServer, type ServerProcess, spawnServer } from './server-process.ts';

/** The market stands still, so that a run gives the same whenever it runs. */
const SETTINGS = { MARKET_DATA: 'simulated', MARKET_DATA_AS_OF: '2026-06-10T15:00:00Z' };

/** A run for each step, parked there while it is killed. */
const PARKED = [
  { symbol: 'AAPL', path: '/market-data' },
  { symbol: 'MSFT', path: '/analyze/chart' },
  { symbol: 'KO', path: '/analyze/options' },
  { symbol: 'JNJ', path: '/analyze/research' },
];
/** Parked by locks of tables: in the transaction that tells the owner, and in the effect that saves. */
const [TELLS, SAVES] = ['PG', 'XOM'];
const SYMBOLS = [...PARKED.map(({ symbol }) => symbol), TELLS, SAVES];

let home: string;
let service: TestAnalysisService;
let proxy: AnalysisProxy;
let server: ServerProcess;
let url: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ttai-crash-'));
  service = await startAnalysisService(SETTINGS);
  proxy = new AnalysisProxy(service.url);
  await proxy.open();
  await startServer();
});

afterEach(async () => {
  await endServer(server);
  await proxy[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

async function startServer(): Promise<void> {
  server = spawnServer(home, { env: { ANALYSIS_URL: proxy.url, LOG_LEVEL: 'error' } });
  url = await server.ready;
}

async function connectionString(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return (JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as { connectionString: string })
    .connectionString;
}

async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function startRun(symbol: string): Promise<string> {
  const { run } = (await call('POST', '/runs/analysis', { symbol })) as { run: { runId: string } };
  return run.runId;
}

/** The end of a run: its whole result, and which effects' results its journal applied, by revision. */
async function endOf(
  runId: string,
  database: pg.Client,
): Promise<{ result: unknown; revisions: number[]; applied: string[] }> {
  for (;;) {
    const { run } = (await call('GET', `/runs/${runId}/wait?maxWaitSeconds=20`)) as {
      run: { status: string };
    };
    if (run.status !== 'running') break;
  }
  const address = runId.replace('.', '/');
  const { rows } = await database.query(
    'SELECT revision, record FROM journal WHERE address = $1 ORDER BY seq',
    [address],
  );
  const actor = await database.query("SELECT snapshot->'output' AS output FROM actors WHERE address = $1", [
    address,
  ]);
  return {
    result: actor.rows[0].output,
    revisions: rows.map(({ revision }) => Number(revision)),
    applied: rows
      .map(({ record }) => record.event.type as string)
      .filter((type) => type.startsWith('xstate.done.actor.')),
  };
}

async function withDatabase<T>(work: (database: pg.Client) => Promise<T>): Promise<T> {
  const database = new pg.Client({ connectionString: await connectionString() });
  // The server's end takes Postgres along.
  database.on('error', () => {});
  await database.connect();
  try {
    return await work(database);
  } finally {
    await database.end().catch(() => {});
  }
}

/** Resolves when a statement waits for a lock on this table. */
async function untilBlocked(database: pg.Client, table: string): Promise<void> {
  for (;;) {
    const { rowCount } = await database.query(
      'SELECT FROM pg_locks WHERE NOT granted AND relation = $1::regclass',
      [table],
    );
    if (rowCount) return;
  }
}

/** Starts a run for each step and has it stand there. `locks` holds the locks of the last two. */
async function parkRuns(database: pg.Client, locks: pg.Client): Promise<Map<string, string>> {
  const runs = new Map<string, string>();
  const park = async (symbol: string): Promise<void> => {
    runs.set(symbol, await startRun(symbol));
  };
  proxy.hold((request) =>
    PARKED.some(({ symbol, path }) => request.symbol === symbol && request.path === path),
  );
  for (const { symbol, path } of PARKED) {
    await park(symbol);
    await proxy.arrival({ symbol, path });
  }
  await locks.query('BEGIN; LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE');
  await park(TELLS);
  await untilBlocked(database, 'notifications');
  await locks.query('LOCK TABLE analyses IN ACCESS EXCLUSIVE MODE');
  await park(SAVES);
  await untilBlocked(database, 'analyses');
  return runs;
}

async function killTree(): Promise<void> {
  const postmaster = (await readPidFile(join(home, 'postgres', 'data')))?.pid ?? 0;
  const { stdout } = await promisify(execFile)('pgrep', ['-P', String(postmaster)]);
  const backends = stdout.trim().split('\n').map(Number);
  server.process.kill('SIGKILL');
  for (const pid of [postmaster, ...backends]) process.kill(pid, 'SIGKILL');
  await service[Symbol.asyncDispose]();
}

test.each(['the server alone', 'the whole tree: server, Postgres, analysis'])(
  'killed at each step: %s',
  async (what) => {
    const undisturbed = await withDatabase(async (database) => {
      const ends = new Map<string, Awaited<ReturnType<typeof endOf>>>();
      for (const symbol of SYMBOLS) ends.set(symbol, await endOf(await startRun(symbol), database));
      return ends;
    });

    const runs = await withDatabase((database) =>
      withDatabase(async (locks) => {
        const parked = await parkRuns(database, locks);
        if (what.startsWith('the whole tree')) await killTree();
        else server.process.kill('SIGKILL');
        await server.ended;
        return parked;
      }),
    );
    proxy.release();
    if (what.startsWith('the whole tree')) {
      service = await startAnalysisService(SETTINGS);
      proxy.target = service.url;
    }
    await startServer();

    await withDatabase(async (database) => {
      for (const [symbol, runId] of runs) {
        const end = await endOf(runId, database);
        expect(end.result, symbol).toEqual(undisturbed.get(symbol)?.result);
        expect(end.result, symbol).toMatchObject({ error: null, source: 'simulated' });
        expect(end.revisions, symbol).toEqual(end.revisions.map((_, index) => index + 1));
        expect(new Set(end.applied).size, symbol).toBe(end.applied.length);
        expect([...end.applied].sort(), symbol).toEqual([...(undisturbed.get(symbol)?.applied ?? [])].sort());
      }
      const { rows } = await database.query('SELECT seq, source FROM notifications ORDER BY seq');
      expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_, index) => index + 1));
      expect(new Set(rows.map(({ source }) => source)).size).toBe(2 * SYMBOLS.length);
    });
  },
  120_000,
);

test('while the analysis service is away runs wait, the server says what is missing, and they finish when it is back', async () => {
  await proxy.close();
  const runId = await startRun('AAPL');
  const notReady = await fetch(`${url}/readyz`);
  expect(notReady.status).toBe(503);
  expect(await notReady.json()).toMatchObject({ ready: false, missing: ['analysis'] });
  const { run } = (await call('GET', `/runs/${runId}/wait?maxWaitSeconds=4`)) as { run: { status: string } };
  expect(run.status).toBe('running');
  await proxy.open();
  const { result } = await withDatabase((database) => endOf(runId, database));
  expect(result).toMatchObject({ error: null, symbol: 'AAPL', source: 'simulated' });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});
