/**
 * What can be done over MCP can be done over /api and the command line, and the three say the same when it can't be
 * done: each tool with its good case and its wrong ones, on all three doors of one server. A tool without a line here
 * fails the test.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  allEffects,
  effectRooms,
  type MarketService,
  WebhookSender,
  writeEmitted,
} from '../src/actors/effects/index.ts';
import { type ActorSystem, createActorSystem, TtaiError } from '../src/actors/runtime/index.ts';
import { explain } from '../src/cli/errors.ts';
import { runCli } from '../src/cli/main.ts';
import { machines } from '../src/machines/index.ts';
import { chart, marketData } from '../src/machines/testing/models.ts';
import { found } from '../src/machines/testing/screener-model.ts';
import { insertNotifications, Notifications } from '../src/persistence/records/notifications.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import { type RunningServer, startServer } from '../src/server/index.ts';
import { tools } from '../src/server/mcp/tools.ts';
import { type Operation, operations } from '../src/server/operations/index.ts';
import { ask } from '../src/server/testing/test-server.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { marketTime, marketWithoutEnd } from './market-without-end.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

const nobody = '00000000-0000-4000-8000-000000000000';
const option = { right: 'put', strike: 90, quantity: -1, openPrice: 1.2 };

type Input = Record<string, unknown>;
/** An input, and the command line that says the same. */
type Said = [input: Input, typed: string[]];

interface Entry {
  /** Made anew for each door, where a door ends or uses up what it works on. */
  thing?: () => Promise<string>;
  /** `id`: of `thing`; `door`: for what can't be made twice. */
  good: (id: string, door: string) => Said;
  /** By the code with which all three answer. `id`: of `thing`. */
  wrong: [code: string, said: (id: string) => Said][];
}

/** Ids of what is not there. */
const missing = (code: string, ...words: string[]) =>
  [nobody, 'no-id'].map((id): Entry['wrong'][number] => [
    code,
    () => [{ [words[0] ?? '']: id }, [...words.slice(1), id]],
  ]);

const json = (said: string[]) => [...said, '--json'];
const entries: Record<string, Entry> = {
  get_quote: {
    good: () => [{ symbols: ['AAPL', 'MSFT'] }, ['quote', 'AAPL', 'MSFT']],
    wrong: [
      ['symbol_not_found', () => [{ symbols: ['NOSUCH'] }, ['quote', 'NOSUCH']]],
      ['invalid_input', () => [{ symbols: ['A$'] }, ['quote', 'A$']]],
    ],
  },
  start_analysis: {
    good: (_, door) => [
      { symbol: 'END', timeframe: 'weekly', idempotencyKey: door },
      ['analyze', 'END', '--timeframe', 'weekly', '--key', door],
    ],
    wrong: [
      ['invalid_input', () => [{ symbol: 'TOOLONGSYMBOL' }, ['analyze', 'TOOLONGSYMBOL']]],
      ['invalid_input', () => [{ symbol: 'A', idempotencyKey: '' }, ['analyze', 'A', '--key', '']]],
      [
        'idempotency_conflict',
        () => [{ symbol: 'B', idempotencyKey: 'taken' }, ['analyze', 'B', '--key', 'taken']],
      ],
    ],
  },
  start_screener: {
    good: (_, door) => [
      { criteria: { maxPrice: 60 }, maxSymbols: 3, idempotencyKey: door },
      ['screen', '--max-price', '60', '--max-symbols', '3', '--key', door],
    ],
    wrong: [
      [
        'invalid_input',
        () => [
          { criteria: { minPrice: 9, maxPrice: 5 } },
          ['screen', '--min-price', '9', '--max-price', '5'],
        ],
      ],
      ['invalid_input', () => [{ criteria: {}, maxSymbols: 201 }, ['screen', '--max-symbols', '201']]],
      [
        'invalid_input',
        () => [
          { savedScreenerId: nobody, criteria: { maxPrice: 1 } },
          ['screen', '--saved', nobody, '--max-price', '1'],
        ],
      ],
      ...missing('screener_not_found', 'savedScreenerId', 'screen', '--saved'),
    ],
  },
  wait_run: {
    thing: () => made('start_analysis', { symbol: 'END' }, 'run', 'runId'),
    good: (runId) => [{ runId }, ['run', runId, '--wait']],
    wrong: missing('run_not_found', 'runId', 'run', '--wait'),
  },
  get_run: {
    thing: () => made('start_analysis', { symbol: 'STAYS' }, 'run', 'runId'),
    good: (runId) => [{ runId, detail: 'full' }, ['run', runId]],
    wrong: missing('run_not_found', 'runId', 'run'),
  },
  list_runs: {
    good: () => [
      { kind: 'screener', status: 'completed', limit: 5 },
      ['runs', '--kind', 'screener', '--status', 'completed', '--limit', '5'],
    ],
    wrong: [
      ['invalid_input', () => [{ limit: 101 }, ['runs', '--limit', '101']]],
      ['invalid_input', () => [{ limit: 20, cursor: 'nowhere' }, ['runs', '--cursor', 'nowhere']]],
      ['invalid_input', () => [{ status: 'gone' }, ['runs', '--status', 'gone']]],
    ],
  },
  cancel_run: {
    thing: () => made('start_analysis', { symbol: 'STAYS' }, 'run', 'runId'),
    good: (runId) => [{ runId }, ['cancel', runId]],
    wrong: missing('run_not_found', 'runId', 'cancel'),
  },
  set_alert: {
    good: (_, door) => [
      { symbol: 'AAPL', condition: 'above', threshold: 900, repeat: 'every_cross', idempotencyKey: door },
      ['alert', 'add', 'AAPL', 'above', '900', '--repeat', '--key', door],
    ],
    wrong: [
      [
        'invalid_input',
        () => [{ symbol: 'AAPL', condition: 'above', threshold: 0 }, ['alert', 'add', 'AAPL', 'above', '0']],
      ],
      [
        'invalid_input',
        () => [
          { symbol: 'AAPL', condition: 'above', threshold: 1, expiresAt: '2020-01-01T00:00:00Z' },
          ['alert', 'add', 'AAPL', 'above', '1', '--expires', '2020-01-01T00:00:00Z'],
        ],
      ],
      [
        'symbol_not_found',
        () => [
          { symbol: 'NOSUCH', condition: 'above', threshold: 1 },
          ['alert', 'add', 'NOSUCH', 'above', '1'],
        ],
      ],
    ],
  },
  list_alerts: {
    good: () => [{ status: 'all', limit: 3 }, ['alert', 'list', '--all', '--limit', '3']],
    wrong: [
      ['invalid_input', () => [{ limit: 0 }, ['alert', 'list', '--limit', '0']]],
      ['invalid_input', () => [{ cursor: 'nowhere' }, ['alert', 'list', '--cursor', 'nowhere']]],
    ],
  },
  update_alert: {
    thing: anAlert,
    good: (alertId) => [
      { alertId, threshold: 800, note: null, expiresAt: null },
      ['alert', 'update', alertId, '--threshold', '800', '--no-note', '--expires', 'never'],
    ],
    wrong: [
      ['invalid_input', (alertId) => [{ alertId }, ['alert', 'update', alertId]]],
      [
        'invalid_input',
        (alertId) => [{ alertId, threshold: -1 }, ['alert', 'update', alertId, '--threshold', '-1']],
      ],
      [
        'alert_not_found',
        () => [{ alertId: nobody, threshold: 1 }, ['alert', 'update', nobody, '--threshold', '1']],
      ],
    ],
  },
  delete_alert: {
    thing: anAlert,
    good: (alertId) => [{ alertId }, ['alert', 'delete', alertId]],
    wrong: missing('alert_not_found', 'alertId', 'alert', 'delete'),
  },
  start_monitor: {
    good: (_, door) => [
      { portfolio: door, rules: [{ type: 'delta_breach', threshold: 0.4 }], idempotencyKey: door },
      ['monitor', 'start', '--portfolio', door, '--rule', 'delta_breach=0.4', '--key', door],
    ],
    wrong: [
      ['invalid_input', () => [{ everySeconds: 5 }, ['monitor', 'start', '--every', '5']]],
      [
        'invalid_input',
        () => [
          { rules: [{ type: 'delta_breach', threshold: 2 }] },
          ['monitor', 'start', '--rule', 'delta_breach=2'],
        ],
      ],
      [
        'invalid_input',
        () => [{ rules: [{ type: 'moon', threshold: 2 }] }, ['monitor', 'start', '--rule', 'moon=2']],
      ],
    ],
  },
  get_monitor: {
    thing: () => made('start_monitor', { portfolio: 'read' }, 'monitor', 'monitorId'),
    good: (monitorId) => [{ monitorId, alerts: 3 }, ['monitor', 'show', monitorId, '--alerts', '3']],
    wrong: [
      [
        'invalid_input',
        (monitorId) => [{ monitorId, alerts: 51 }, ['monitor', 'show', monitorId, '--alerts', '51']],
      ],
      ...missing('monitor_not_found', 'monitorId', 'monitor', 'show'),
    ],
  },
  update_monitor: {
    thing: () => made('start_monitor', { portfolio: 'changed' }, 'monitor', 'monitorId'),
    good: (monitorId) => [{ monitorId, everySeconds: 90 }, ['monitor', 'update', monitorId, '--every', '90']],
    wrong: [
      ['invalid_input', (monitorId) => [{ monitorId }, ['monitor', 'update', monitorId]]],
      [
        'monitor_not_found',
        () => [{ monitorId: nobody, checkNow: true }, ['monitor', 'update', nobody, '--check-now']],
      ],
    ],
  },
  stop_monitor: {
    thing: () => made('start_monitor', { portfolio: 'stopped' }, 'monitor', 'monitorId'),
    good: (monitorId) => [{ monitorId }, ['monitor', 'stop', monitorId]],
    wrong: missing('monitor_not_found', 'monitorId', 'monitor', 'stop'),
  },
  list_notifications: {
    good: () => [{ afterSeq: 1, limit: 1 }, ['notifications', '--after', '1', '--limit', '1']],
    wrong: [
      ['invalid_input', () => [{ afterSeq: -1 }, ['notifications', '--after', '-1']]],
      ['invalid_input', () => [{ limit: 1.5 }, ['notifications', '--limit', '1.5']]],
    ],
  },
  add_webhook: {
    good: (_, door) => [
      { url: receiver.url(`/${door}`), types: ['position_alert'] },
      ['webhook', 'add', receiver.url(`/${door}`), '--types', 'position_alert'],
    ],
    wrong: [
      [
        'webhook_url_forbidden',
        () => [{ url: 'https://10.0.0.1/' }, ['webhook', 'add', 'https://10.0.0.1/']],
      ],
      ['webhook_url_forbidden', () => [{ url: 'nowhere' }, ['webhook', 'add', 'nowhere']]],
      ['webhook_exists', () => [{ url: receiver.url('/there') }, ['webhook', 'add', receiver.url('/there')]]],
    ],
  },
  list_webhooks: { good: () => [{}, ['webhook', 'list']], wrong: [] },
  test_webhook: {
    thing: aWebhook,
    good: (webhookId) => [{ webhookId }, ['webhook', 'test', webhookId]],
    wrong: missing('webhook_not_found', 'webhookId', 'webhook', 'test'),
  },
  delete_webhook: {
    thing: aWebhook,
    good: (webhookId) => [{ webhookId }, ['webhook', 'delete', webhookId]],
    wrong: missing('webhook_not_found', 'webhookId', 'webhook', 'delete'),
  },
  add_position: {
    good: () => [
      { symbol: 'AAPL', legs: [{ ...option, expiration: '2030-12-20' }], note: 'n' },
      ['position', 'add', 'AAPL', 'sell 1 put 90 2030-12-20 at 1.2', '--note', 'n'],
    ],
    wrong: [
      [
        'invalid_input',
        () => [
          { symbol: 'AAPL', legs: [{ ...option, expiration: '2030-12-21' }] },
          ['position', 'add', 'AAPL', 'sell 1 put 90 2030-12-21 at 1.2'],
        ],
      ],
      [
        'invalid_input',
        () => [
          { symbol: 'AAPL', legs: [{ ...option, expiration: '2041-12-20' }] },
          ['position', 'add', 'AAPL', 'sell 1 put 90 2041-12-20 at 1.2'],
        ],
      ],
      [
        'invalid_input',
        () => [
          { symbol: 'AAPL', legs: [{ ...option, expiration: '2030-12-20', quantity: -1.5 }] },
          ['position', 'add', 'AAPL', 'sell 1.5 put 90 2030-12-20 at 1.2'],
        ],
      ],
      [
        'invalid_input',
        () => [
          { symbol: 'AAPL', legs: [{ quantity: 0, openPrice: 1 }] },
          ['position', 'add', 'AAPL', 'buy 0 shares at 1'],
        ],
      ],
      [
        'invalid_input',
        () => [
          { symbol: 'AAPL', legs: [{ quantity: 1, openPrice: 1 }], positionId: 'mine' },
          ['position', 'add', 'AAPL', 'buy 1 shares at 1', '--id', 'mine'],
        ],
      ],
    ],
  },
  list_positions: {
    good: () => [
      { status: 'all', values: true, limit: 2 },
      ['position', 'list', '--status', 'all', '--values', '--limit', '2'],
    ],
    wrong: [
      ['invalid_input', () => [{ portfolio: '' }, ['position', 'list', '--portfolio', '']]],
      ['invalid_input', () => [{ cursor: 'nowhere' }, ['position', 'list', '--cursor', 'nowhere']]],
    ],
  },
  import_positions: {
    good: () => [{ csv: csvs.good, portfolio: 'imported' }, imported('good', '--portfolio', 'imported')],
    wrong: [
      ['invalid_input', () => [{ csv: csvs.none }, imported('none')]],
      ['invalid_input', () => [{ csv: csvs.good, format: 'schwab' }, imported('good', '--format', 'schwab')]],
    ],
  },
  sync_positions: {
    good: () => [
      { dryRun: true, portfolio: 'wheel' },
      ['position', 'sync', '--dry-run', '--portfolio', 'wheel'],
    ],
    wrong: [['invalid_input', () => [{ portfolio: '' }, ['position', 'sync', '--portfolio', '']]]],
  },
  close_position: {
    thing: aPosition,
    good: (positionId) => [{ positionId, closePrices: [6] }, ['position', 'close', positionId, '6']],
    wrong: [
      ['invalid_input', (positionId) => [{ positionId }, ['position', 'close', positionId]]],
      [
        'invalid_input',
        (positionId) => [{ positionId, closePrices: [1, 2] }, ['position', 'close', positionId, '1', '2']],
      ],
      [
        'invalid_input',
        (positionId) => [
          { positionId, realizedPnl: 'much' },
          ['position', 'close', positionId, '--pnl', 'much'],
        ],
      ],
      [
        'position_not_found',
        () => [{ positionId: nobody, closePrices: [1] }, ['position', 'close', nobody, '1']],
      ],
    ],
  },
  delete_position: {
    thing: aPosition,
    good: (positionId) => [{ positionId }, ['position', 'delete', positionId]],
    wrong: missing('position_not_found', 'positionId', 'position', 'delete'),
  },
  save_screener: {
    good: () => [
      { name: 'cheap', criteria: { maxPrice: 60 }, maxSymbols: 9, autoRun: true },
      ['screener', 'save', 'cheap', '{"maxPrice":60}', '--max-symbols', '9', '--auto-run'],
    ],
    wrong: [
      ['invalid_input', () => [{ name: ' ', criteria: {} }, ['screener', 'save', ' ']]],
      [
        'invalid_input',
        () => [{ name: 'a', criteria: { color: 'red' } }, ['screener', 'save', 'a', '{"color":"red"}']],
      ],
    ],
  },
  list_screeners: { good: () => [{}, ['screener', 'list']], wrong: [] },
  delete_screener: {
    thing: () => made('save_screener', { name: 'gone', criteria: {} }, 'screener', 'savedScreenerId'),
    good: (id) => [{ savedScreenerId: id }, ['screener', 'delete', id]],
    wrong: missing('screener_not_found', 'savedScreenerId', 'screener', 'delete'),
  },
  get_preferences: { good: () => [{}, ['preferences', 'show']], wrong: [] },
  update_preferences: {
    good: () => [
      { timeZone: 'Asia/Tokyo', channels: ['live'], quietFrom: '22:00', quietUntil: '07:00' },
      ['preferences', 'set', '--time-zone', 'Asia/Tokyo', '--channels', 'live', '--quiet', '22:00-07:00'],
    ],
    wrong: [
      ['invalid_input', () => [{}, ['preferences', 'set']]],
      [
        'invalid_input',
        () => [{ timeZone: 'Mars/Base' }, ['preferences', 'set', '--time-zone', 'Mars/Base']],
      ],
      [
        'invalid_input',
        () => [{ quietFrom: '07:00', quietUntil: '07:00' }, ['preferences', 'set', '--quiet', '07:00-07:00']],
      ],
    ],
  },
  catch_up: {
    good: () => [{ afterSeq: 1 }, ['catch-up', '--after', '1']],
    wrong: [
      ['invalid_input', () => [{ afterSeq: -1 }, ['catch-up', '--after', '-1']]],
      ['invalid_input', () => [{ since: 'yesterday' }, ['catch-up', '--since', 'yesterday']]],
      [
        'invalid_input',
        () => [
          { since: '2026-01-01T00:00:00Z', afterSeq: 1 },
          ['catch-up', '--since', '2026-01-01T00:00:00Z', '--after', '1'],
        ],
      ],
    ],
  },
};

const csvs = {
  good: 'symbol,quantity,openPrice\nKO,100,60\nKO,0,60\n',
  none: 'a,b,c\n1,2,3\n',
};

let database: TestDatabase;
let system: ActorSystem;
let notifications: Notifications;
let server: RunningServer;
let receiver: WebhookReceiver;
let folder: string;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttai-doors-agree-'));
  for (const [name, text] of Object.entries(csvs)) await writeFile(join(folder, name), text);
  receiver = await new WebhookReceiver().open();
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  const service = market();
  notifications = new Notifications({ database: pool, connectionString, onError: () => {} });
  await notifications.start();
  const sender = new WebhookSender({ allowedHosts: ['127.0.0.1'] });
  system = await createActorSystem({
    ...{ pool, connectionString, machines, onEmitted: writeEmitted },
    effects: allEffects(effectRooms(service, pool, sender)),
  });
  server = await startServer({
    config: { host: '127.0.0.1', port: 0, marketData: 'simulated', webhookAllowedHosts: ['127.0.0.1'] },
    ...{ system, notifications, analysis: service, records: recordsOf(pool), health: {} },
    ...{ serverId: 'test', log: quiet },
  });
  const told = { owner: 'local', type: 'price_alert_triggered', source: 'priceAlert/1', at: new Date() };
  await insertNotifications(
    pool,
    ['a', 'b', 'c'].map((id) => ({ ...told, id, data: {} })),
  );
  await made('start_analysis', { symbol: 'A', idempotencyKey: 'taken' }, 'run', 'runId');
  await made('add_webhook', { url: receiver.url('/there') }, 'webhookId');
});

afterAll(async () => {
  await server?.stop();
  await system?.drain({ timeoutMs: 0 });
  await notifications?.stop();
  await receiver?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Knows all symbols but NOSUCH; analyses of END end, and screeners find nothing. */
function market(): MarketService {
  const endless = marketWithoutEnd();
  const legs = [
    { symbol: 'KO', kind: 'stock' as const, quantity: 100, openPrice: 60, openedAt: '2026-01-05T15:00:00Z' },
  ].map((leg) => ({ ...leg, right: null, strike: null, expiration: null }));
  const left = [{ symbol: '/ESM6', instrumentType: 'Future', reason: 'no share' }];
  endless.broker = {
    asOf: marketTime,
    source: 'tastytrade',
    accounts: [{ number: '1', name: 'Wheel', legs, left }],
  };
  const { source, asOf, ...rest } = found();
  return {
    ...endless,
    quotes: (symbols) => endless.quotes(symbols.filter((symbol) => symbol !== 'NOSUCH')),
    marketData: async (request, options) =>
      request.symbol === 'END'
        ? (marketData as Awaited<ReturnType<MarketService['marketData']>>)
        : endless.marketData(request, options),
    chart: async () => chart('reject') as Awaited<ReturnType<MarketService['chart']>>,
    candidates: async () => ({ ...rest, asOf, quality: { source, asOf } }),
  };
}

function imported(name: keyof typeof csvs, ...more: string[]): string[] {
  return ['position', 'import', join(folder, name), ...more];
}

function anAlert(): Promise<string> {
  const input = { symbol: 'AAPL', condition: 'above', threshold: 900, note: 'n' };
  return made('set_alert', input, 'alert', 'alertId');
}

async function aWebhook(): Promise<string> {
  return made('add_webhook', { url: receiver.url(`/${crypto.randomUUID()}`) }, 'webhookId');
}

function aPosition(): Promise<string> {
  return made(
    'add_position',
    { symbol: 'KO', legs: [{ quantity: 1, openPrice: 5 }] },
    'position',
    'positionId',
  );
}

/** Makes something over /api, and answers its id. */
async function made(name: string, input: Input, ...path: string[]): Promise<string> {
  const { answer } = await overApi(named(name), input);
  return String(path.reduce<unknown>((inner, field) => (inner as Input)[field], answer));
}

interface Answered {
  answer: Input;
  error?: { code: string; message: string; retryable: boolean; details?: Input };
}

async function overMcp({ name }: Operation, input: Input): Promise<Answered & { text: string }> {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: input } };
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const { text } = await ask(server, 'POST', '/mcp', { headers, body: JSON.stringify(call) });
  const lines = [...text.matchAll(/^data: (.*)$/gm)];
  const { result } = JSON.parse(lines.at(-1)?.[1] ?? text) as {
    result: { structuredContent: Input; isError?: boolean; content: { text: string }[] };
  };
  const answer = result.structuredContent;
  return { ...failureOf(answer, result.isError === true), text: result.content[0]?.text ?? '' };
}

async function overApi({ http }: Operation, input: Input): Promise<Answered> {
  const rest = new Map(Object.entries(input));
  const path = http.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(rest.get(name));
    rest.delete(name);
    return encodeURIComponent(value);
  });
  const isPost = http.method === 'post';
  const query = new URLSearchParams(
    [...rest].map(([name, value]): [string, string] => [name, String(value)]),
  );
  const { status, json: answer } = await ask(
    server,
    http.method.toUpperCase(),
    `/api${path}${isPost ? '' : `?${query}`}`,
    isPost
      ? {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(Object.fromEntries(rest)),
        }
      : {},
  );
  return failureOf(answer as Input, status >= 400);
}

function failureOf(answer: Input, isError: boolean): Answered {
  return isError ? { answer, error: answer.error as NonNullable<Answered['error']> } : { answer };
}

async function overCli(typed: string[]): Promise<{ code: number; out: string; notes: string[] }> {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await runCli(json(typed), {
    env: { TTAI_URL: server.url, TTAI_HOME: folder },
    terminal: {
      out: (line) => out.push(line),
      note: (line) => notes.push(line),
      status: undefined,
      style: (_, text) => text,
    },
  });
  return { code, out: out.join('\n'), notes };
}

function named(name: string): Operation {
  const operation = operations.find((one) => one.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  return operation;
}

/** The names of its fields, and of what is in them, without those of lists and free data. */
function shape(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return typeof value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, true]),
  );
}

test('every tool is on all three doors, and each has a line here', () => {
  expect(Object.keys(entries).sort()).toEqual(tools.map(({ name }) => name).sort());
  const names = operations.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name } of tools) expect(named(name).doors, name).toContain('api');
});

describe.each(Object.entries(entries))('%s', (name, { thing, good, wrong }) => {
  test('does the same on all three doors', async () => {
    const id = async () => (await thing?.()) ?? '';
    const mcp = await overMcp(named(name), good(await id(), 'mcp')[0]);
    expect(mcp.error).toBeUndefined();
    const api = await overApi(named(name), good(await id(), 'api')[0]);
    expect(api.error).toBeUndefined();
    expect(shape(mcp.answer)).toEqual(shape(api.answer));
    const cli = await overCli(good(await id(), 'cli')[1]);
    // A line of the file is refused, which a script that imports should hear.
    expect(cli.code, cli.notes.join('\n')).toBe(name === 'import_positions' ? 1 : 0);
    // Some commands show the answer, some what is in its only field; runs are followed to their end.
    const shown = shape(JSON.parse(cli.out));
    if (['start_analysis', 'start_screener', 'wait_run'].includes(name)) {
      expect(shown).toMatchObject({ runId: true, status: true, result: true });
    } else {
      expect([api.answer, ...Object.values(api.answer)].map(shape)).toContainEqual(shown);
    }
  });

  if (wrong.length === 0) return;
  test('says the same on all three doors when it is asked wrongly', async () => {
    const id = (await thing?.()) ?? '';
    for (const [code, say] of wrong) {
      const [input, typed] = say(id);
      const [mcp, api, cli] = [
        await overMcp(named(name), input),
        await overApi(named(name), input),
        await overCli(typed),
      ];
      expect(api.error, JSON.stringify([input, api.answer])).toMatchObject({ code });
      expect(mcp.error).toEqual(api.error);
      const { message, retryable, details = {} } = api.error ?? { message: '', retryable: false };
      const { line, exitCode } = explain(new TtaiError(code, message, { retryable, details }));
      expect({ line: cli.notes.at(-1), exitCode: cli.code }, typed.join(' ')).toEqual({ line, exitCode });
      expect(mcp.text).toContain(message);
      if (typeof details.hint === 'string') expect(mcp.text).toContain(details.hint);
    }
  });
});
