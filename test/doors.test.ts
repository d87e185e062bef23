/** The doors on the real runtime, the real database and the real analysis service, used as their clients use them. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnalysisClient, allEffects, effectRooms, writeEmitted } from '../src/actors/effects/index.ts';
import { type ActorSystem, createActorSystem } from '../src/actors/runtime/index.ts';
import { runCli } from '../src/cli/main.ts';
import { machines } from '../src/machines/index.ts';
import { Notifications } from '../src/persistence/records/notifications.ts';
import { insertPosition } from '../src/persistence/records/positions.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import { saveScreener } from '../src/persistence/records/saved-screeners.ts';
import { type RunningServer, startServer } from '../src/server/index.ts';
import { tools } from '../src/server/mcp/tools.ts';
import { operations } from '../src/server/operations/index.ts';
import { AnalysisProxy } from './analysis-proxy.ts';
import { startAnalysisService, type TestAnalysisService } from './analysis-service.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

let database: TestDatabase;
let service: TestAnalysisService;
let proxy: AnalysisProxy;
let system: ActorSystem;
let notifications: Notifications;
let server: RunningServer;
let client: Client;
let folder: string;

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
/** Steers the simulated market. */
const setPrice = (symbol: string, price: number) =>
  writeFile(join(folder, 'market.json'), JSON.stringify({ [symbol]: price }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttai-doors-'));
  await setPrice('AAPL', 100);
  [database, service] = await Promise.all([
    createTestDatabase(),
    // The clock stands still, so that no chart is rejected on some day to come.
    startAnalysisService({
      MARKET_DATA_SCRIPT: join(folder, 'market.json'),
      MARKET_DATA_AS_OF: '2026-06-10T15:00:00Z',
    }),
  ]);
  proxy = new AnalysisProxy(service.url);
  await proxy.open();
  const { pool, connectionString } = database;
  const analysis = new AnalysisClient(() => proxy.url);
  notifications = new Notifications({ database: pool, connectionString, onError: () => {} });
  await notifications.start();
  const effects = allEffects(effectRooms(analysis, pool));
  system = await createActorSystem({ pool, connectionString, machines, effects, onEmitted: writeEmitted });
  await system.spawn('marketWatch', 'main', { input: {}, owner: 'system' });
  server = await startServer({
    config: { host: '127.0.0.1', port: 0, marketData: 'simulated' },
    system,
    notifications,
    analysis,

    records: recordsOf(pool),
    health: {
      database: async () => ({ ok: (await pool.query('SELECT 1')).rowCount === 1 }),
      analysis: async () => ({
        ok: (await analysis.readiness({ timeoutMs: 1_000 })).status !== 'unavailable',
      }),
    },
    serverId: 'test',
    log: quiet,
  });
  client = new Client({ name: 'test', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`));
  await client.connect(transport as Parameters<Client['connect']>[0]);
  await client.listTools();
});

afterAll(async () => {
  await client?.close();
  await server?.stop();
  await system?.drain();
  await notifications?.stop();
  await proxy?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  isError?: boolean;
  structuredContent: Record<string, Record<string, unknown>>;
}

async function call(name: string, input: Record<string, unknown>): Promise<Answer> {
  return (await client.callTool({ name, arguments: input })) as unknown as Answer;
}

async function startedRun(symbol: string, more: Record<string, unknown> = {}): Promise<string> {
  return String((await call('start_analysis', { symbol, ...more })).structuredContent.run?.runId);
}

async function actorCount(): Promise<number> {
  const { actors } = await system.list({ owner: 'local', machine: ['analysis', 'priceAlert'], limit: 500 });
  return actors.length;
}

describe('MCP', () => {
  test('a full analysis ends with indicators, levels, a contract with greeks and odds, a sentiment and a verdict', async () => {
    const steps: string[] = [];
    const number = expect.any(Number);
    const origin = { asOf: expect.stringMatching(/^\d{4}-.*Z$/), source: 'simulated' };
    const verdicts: unknown[] = [];
    // A rejected chart ends a run early: one of these has more to tell.
    for (const symbol of ['MSFT', 'SPY', 'QQQ', 'IBM', 'JPM', 'KO', 'XOM', 'AMD']) {
      const runId = await startedRun(symbol);
      const answer = (await client.callTool({ name: 'wait_run', arguments: { runId } }, undefined, {
        onprogress: ({ message }) => steps.push(message ?? ''),
      })) as unknown as { structuredContent: { run: { status: string; result: unknown } } };
      expect(JSON.stringify(answer).length).toBeLessThan(8_000);
      const { run } = answer.structuredContent;
      expect(run).toMatchObject({ symbol, recommendation: expect.any(String), error: null });
      expect(run.result).toMatchObject({
        ...origin,
        chart: { indicators: { rsi14: number, hv20: number }, ...origin },
      });
      verdicts.push(run.status);
      if (run.status !== 'completed') continue;
      expect(run.result).toMatchObject({
        chart: { supportLevels: expect.arrayContaining([expect.objectContaining({ price: number })]) },
        options: { bestStrike: number, delta: number, thetaPerDay: number, pop: number, ...origin },
        research: { sentiment: expect.stringMatching(/^(positive|neutral|negative)$/), ...origin },
      });
      break;
    }
    expect(verdicts).toContain('completed');
    expect(steps).toContain('Fetching market data');
  });

  test('a screener ends with the best of what fulfils its criteria, and is found on every door', async () => {
    const symbols = ['BAC', 'F', 'KO', 'PFE', 'T', 'AAPL', 'ZZZZQ'];
    const criteria = { symbols, maxPrice: 500, aboveSma50: false };
    const input = { criteria, maxSymbols: 4 };
    const started = await call('start_screener', input);
    const { runId } = started.structuredContent.run as { runId: string };
    const steps: string[] = [];
    const answer = (await client.callTool({ name: 'wait_run', arguments: { runId } }, undefined, {
      onprogress: ({ message, progress, total }) => steps.push(`${progress}/${total} ${message}`),
    })) as unknown as { structuredContent: { run: { status: string; result: Record<string, unknown> } } };
    const { run } = answer.structuredContent;
    expect(run).toMatchObject({ kind: 'screener', status: 'completed', error: null });
    expect(run.result).toMatchObject({ kind: 'screener', asOf: expect.any(String), source: 'simulated' });
    const { candidates, analyzed, failedCount, results } = run.result as Record<string, number> & {
      results: { symbol: string; score: number; source: string }[];
    };
    expect(candidates).toBeGreaterThan(0);
    expect(candidates).toBeLessThanOrEqual(4);
    expect((analyzed ?? 0) + (failedCount ?? 0)).toBe(candidates);
    const scores = results.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    for (const row of results) expect(row).toMatchObject({ source: 'simulated', asOf: expect.any(String) });
    // Of each that was named it is known what became of it.
    const { leftOut, failed } = run.result as Record<'leftOut' | 'failed', { symbol: string }[]>;
    expect([...results, ...leftOut, ...failed].map(({ symbol }) => symbol).toSorted()).toEqual(
      symbols.toSorted(),
    );
    expect(leftOut).toContainEqual({ symbol: 'ZZZZQ', reasons: ['symbol'] });
    expect(steps.at(-1)).toBe(`${candidates}/${candidates} completed`);
    const read = await fetch(`${server.url}/api/runs/${runId}?detail=full`);
    expect(await read.json()).toMatchObject({ run: { ...run, full: { criteria } } });
    expect(await notifications.since('local', 0, 500)).toContainEqual(
      expect.objectContaining({ type: 'screener_complete', source: runId.replace('.', '/') }),
    );
  });

  test("a saved screener is run by its id, and another owner's is as if there were none", async () => {
    const criteria = { symbols: ['ZZZZ'] };
    const saved = { name: 'Nothing', criteria, maxSymbols: 7, autoRun: false };
    const [own, foreign] = [randomUUID(), randomUUID()];
    await saveScreener(database.pool, { ...saved, id: own, owner: 'local' });
    await saveScreener(database.pool, { ...saved, id: foreign, owner: 'ann' });
    expect(await call('start_screener', { savedScreenerId: foreign })).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'screener_not_found' } },
    });
    const started = await call('start_screener', { savedScreenerId: own });
    const { runId } = started.structuredContent.run as { runId: string };
    const { run } = (await call('wait_run', { runId })).structuredContent;
    expect(run).toMatchObject({
      name: 'Nothing',
      status: 'completed',
      result: { candidates: 0, results: [], reasons: [expect.stringContaining('None of 1 symbols')] },
    });
  });

  test('the same request at the same time is one run, and one key is one run for ever', async () => {
    // Held, so that the first has not ended when the last one asks.
    proxy.hold(({ symbol }) => symbol === 'NVDA');
    const same = await Promise.all(Array.from({ length: 8 }, () => startedRun('NVDA')));
    proxy.release();
    expect(new Set(same).size).toBe(1);
    const keyed = await Promise.all(
      Array.from({ length: 4 }, () => startedRun('QQQ', { idempotencyKey: 'k' })),
    );
    await call('wait_run', { runId: keyed[0] });
    expect(new Set([...keyed, await startedRun('QQQ', { idempotencyKey: 'k' })]).size).toBe(1);
    expect(await call('start_analysis', { symbol: 'SPY', idempotencyKey: 'k' })).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'idempotency_conflict' } },
    });
  });

  test('wrong input leaves nothing behind', async () => {
    const before = await actorCount();
    for (const [name, input] of [
      ['start_analysis', { symbol: 'A'.repeat(1_000) }],
      ['start_analysis', { symbol: 'AAPL', strategy: 'yolo' }],
      ['set_alert', { symbol: 'AAPL', condition: 'above', threshold: -1 }],
      ['set_alert', { symbol: 'AAPL', condition: 'above', threshold: 1, expiresAt: 'tomorrow' }],
      ['cancel_run', { runId: 'marketWatch.main' }],
      ['delete_alert', { alertId: 'main' }],
    ] as const) {
      expect((await call(name, input)).isError).toBe(true);
    }
    expect(await actorCount()).toBe(before);
  });

  test("the inspector's command line lists the tools without an error, and calls one, in both eras", async () => {
    const bin = join(import.meta.dirname, '../node_modules/.bin/mcp-inspector');
    const run = async (...args: string[]) => {
      const all = [bin, '--cli', `${server.url}/mcp`, '--transport', 'http', ...args];
      return (await promisify(execFile)(process.execPath, all, { maxBuffer: 10_000_000 })).stdout;
    };
    for (const era of ['legacy', 'modern']) {
      const listed = JSON.parse(await run('--method', 'tools/list', '--strict', '--protocol-era', era)) as {
        tools: unknown[];
      };
      expect(listed.tools).toHaveLength(tools.length);
      expect(listed.tools).toHaveLength(operations.filter(({ doors }) => doors.includes('mcp')).length);
      const input = JSON.stringify({ symbols: ['AAPL'] });
      const called = await run(
        '--method',
        'tools/call',
        '--tool-name',
        'get_quote',
        '--tool-args-json',
        input,
        '--protocol-era',
        era,
      );
      expect(JSON.parse(called)).toMatchObject({
        structuredContent: { quotes: [{ symbol: 'AAPL', source: 'simulated' }] },
      });
    }
  });
});

describe('the command line', () => {
  /** Runs `watch` until it has printed this many notifications. */
  async function watched(count: number): Promise<{ code: number; symbols: unknown[] }> {
    const symbols: unknown[] = [];
    const enough = new AbortController();
    const code = await runCli(['watch', '--all', '--json'], {
      env: { TTAI_URL: server.url, TTAI_HOME: folder },
      signal: enough.signal,
      terminal: {
        out: (line) => {
          symbols.push((JSON.parse(line) as { data: { note: string } }).data.note);
          if (symbols.length >= count) enough.abort();
        },
        note: () => {},
        status: undefined,
        style: (_, text) => text,
      },
    });
    return { code, symbols };
  }

  test('watch prints what happened, and what happened meanwhile when it comes back, each once', async () => {
    const seen = await notifications.latestSeq('local');
    const fire = async (note: string) => {
      const alert = { symbol: 'AAPL', condition: 'above', threshold: 1, note };
      const { structuredContent } = await call('set_alert', alert);
      const alertId = String(structuredContent.alert?.alertId);
      await system.waitFor(`priceAlert/${alertId}`, 'done', { timeoutMs: 20_000 });
    };
    await fire('first');
    const first = await watched(seen + 1);
    expect(first.code).toBe(130);
    expect(first.symbols.at(-1)).toBe('first');
    await fire('second');
    await fire('third');
    expect(await watched(2)).toEqual({ code: 130, symbols: ['second', 'third'] });
  });

  test('watch says when the preferences keep it silent', async () => {
    const enough = new AbortController();
    const notes: string[] = [];
    const note = (line: string) => {
      notes.push(line);
      if (line.includes('preferences')) enough.abort();
    };
    await call('update_preferences', { channels: ['webhook'] });
    const code = await runCli(['watch'], {
      env: { TTAI_URL: server.url, TTAI_HOME: folder },
      signal: enough.signal,
      terminal: { out: () => {}, note, status: undefined, style: (_, text) => text },
    });
    await call('update_preferences', { channels: ['live', 'webhook'] });
    expect(code).toBe(130);
    expect(notes.join('\n')).toContain('preferences set --channels live,webhook');
  });
});

test('a portfolio is watched: MCP, /api and the command line show the same monitor, and say the same when it is over', async () => {
  const seen = await notifications.latestSeq('local');
  const put = {
    kind: 'option',
    right: 'put',
    strike: 90,
    expiration: '2026-06-19',
    quantity: -2,
    openPrice: 1.2,
  } as const;
  const rest = { source: 'manual', externalId: null, note: null } as const;
  const [id, openedAt, symbol] = [randomUUID(), new Date('2026-06-01T15:00:00Z'), 'AAPL'];
  await insertPosition(database.pool, {
    id,
    owner: 'local',
    portfolio: 'main',
    symbol,
    legs: [put],
    openedAt,
    ...rest,
  });
  const rules = [
    { type: 'dte_warning', threshold: 21 },
    { type: 'price_below', threshold: 100, symbol: 'AAPL' },
  ];
  const { structuredContent } = await call('start_monitor', { rules });
  const monitorId = String(structuredContent.monitor?.monitorId);
  await system.waitFor(`portfolioMonitor/${monitorId}`, ({ context }) => context.checks === 1, {
    timeoutMs: 20_000,
  });
  const alerts = (await notifications.since('local', seen, 10)).map(({ type, data }) => ({ type, data }));
  expect(alerts).toMatchObject([
    { type: 'position_alert', data: { rule: 'dte_warning', positionId: id, value: 9, source: 'simulated' } },
    {
      type: 'position_alert',
      data: { rule: 'price_below', positionId: null, value: 100, source: 'simulated' },
    },
  ]);
  const shown = await call('get_monitor', { monitorId });
  expect(shown.structuredContent).toMatchObject({
    monitors: [
      {
        alertCount: 2,
        // At this price, which the test has made up, no chain is to be trusted.
        lastCheck: { positions: 1, unknown: 1, problem: { code: 'no_price' }, source: 'simulated' },
        nextCheckAt: expect.any(String),
        health: { status: 'seeing' },
      },
    ],
  });
  const over = await fetch(`${server.url}/api/monitors?monitorId=${monitorId}`);
  expect(await over.json()).toEqual(shown.structuredContent);
  expect(JSON.parse((await ttai('monitor', 'show', monitorId, '--json')).out)).toEqual(
    shown.structuredContent,
  );
  const stopped = await fetch(`${server.url}/api/monitors/${monitorId}`, { method: 'DELETE' });
  expect(await stopped.json()).toMatchObject({ monitor: { status: 'stopped' } });
  const refused = await call('update_monitor', { monitorId, checkNow: true });
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ checkNow: true });
  const same = await fetch(`${server.url}/api/monitors/${monitorId}`, { method: 'POST', headers, body });
  expect([same.status, await same.json()]).toEqual([409, refused.structuredContent]);
  expect((await ttai('monitor', 'update', monitorId, '--check-now')).notes).toContain('(actor_ended)');
});

test('a position that an older release kept, and the service refuses, hides none of the others', async () => {
  const put = { kind: 'option', right: 'put', strike: 90, quantity: -1, openPrice: 1.2 } as const;
  const rest = { source: 'manual', externalId: null, note: null, portfolio: 'odd', owner: 'local' } as const;
  const openedAt = new Date('2026-06-01T15:00:00Z');
  for (const expiration of ['2026-06-19', '2026-06-20']) {
    const legs = [{ ...put, expiration }];
    await insertPosition(database.pool, { ...rest, id: randomUUID(), symbol: 'AAPL', legs, openedAt });
  }
  const { structuredContent } = await call('list_positions', { portfolio: 'odd', values: true });
  const rows = structuredContent.positions as unknown as { legs: { expiration: string }[] }[];
  expect(
    rows.toSorted((a, b) => String(a.legs[0]?.expiration).localeCompare(String(b.legs[0]?.expiration))),
  ).toEqual([
    expect.objectContaining({ value: expect.objectContaining({ dte: 9 }), valueError: null }),
    expect.objectContaining({
      value: null,
      valueError: { code: 'validation_error', message: expect.stringContaining('Saturday') },
    }),
  ]);
});

async function ttai(...args: string[]): Promise<{ out: string; notes: string }> {
  const [out, notes]: [string[], string[]] = [[], []];
  await runCli(args, {
    env: { TTAI_URL: server.url, TTAI_HOME: folder },
    terminal: {
      out: (line) => out.push(line),
      note: (line) => notes.push(line),
      status: undefined,
      style: (_, text) => text,
    },
  });
  return { out: out.join('\n'), notes: notes.join('\n') };
}

test('/readyz says what is missing, and a quote says so too', async () => {
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([200, { ready: true, missing: [] }]);
  await service[Symbol.asyncDispose]();
  const missing = await fetch(`${server.url}/readyz`);
  expect([missing.status, await missing.json()]).toMatchObject([
    503,
    { ready: false, missing: ['analysis'] },
  ]);
  expect(missing.headers.has('retry-after')).toBe(true);
  expect(await call('get_quote', { symbols: ['AAPL'] })).toMatchObject({
    isError: true,
    structuredContent: { error: { code: 'analysis_unavailable', retryable: true } },
  });
  const quote = await fetch(`${server.url}/api/quotes?symbols=AAPL`);
  expect([quote.status, quote.headers.has('retry-after')]).toEqual([503, true]);
});
