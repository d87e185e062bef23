/**
 * No one reads, changes or stops what is another's: every operation of the table is tried by a stranger, over HTTP and,
 * where it is a tool, over MCP, on the real runtime and database. An operation without a line here fails the test.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { allEffects, effectRooms, writeEmitted } from '../src/actors/effects/index.ts';
import { type ActorSystem, createActorSystem, type DurableMachine } from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { insertNotifications, Notifications } from '../src/persistence/records/notifications.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import { hashToken } from '../src/server/auth.ts';
import { type RunningServer, startServer } from '../src/server/index.ts';
import { type Operation, operations } from '../src/server/operations/index.ts';
import { Client } from '../src/server/sessions/testing/client.ts';
import { ask } from '../src/server/testing/test-server.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { marketWithoutEnd } from './market-without-end.ts';

/** In everything that is ann's, and in nothing that bob says. */
const mark = 'ANNA';

/** What ann has; filled by doing. */
interface Things {
  runId: string;
  alertId: string;
  monitorId: string;
  webhookId: string;
  positionId: string;
  savedScreenerId: string;
  machine: string;
  key: string;
  deadLetterId: string;
}

interface Trial {
  /** What bob asks for. */
  input: (ann: Things) => Record<string, unknown>;
  /** How it is refused; unless said it is answered, with nothing of ann's in it. */
  code?: string;
}

const bobsLeg = { quantity: 100, openPrice: 5 };
/** Nothing is sent there: nothing is told meanwhile. */
const annsUrl = 'http://127.0.0.1:9/anns';
const bobsCsv = 'symbol,quantity,openPrice\nBOB,100,5';
const trials: Record<string, Trial> = {
  get_quote: { input: () => ({ symbols: ['BOB'] }) },
  start_analysis: { input: () => ({ symbol: 'BOB', idempotencyKey: 'one' }) },
  start_screener: {
    input: ({ savedScreenerId }) => ({ savedScreenerId }),
    code: 'screener_not_found',
  },
  wait_run: { input: ({ runId }) => ({ runId, maxWaitSeconds: 0 }), code: 'run_not_found' },
  get_run: { input: ({ runId }) => ({ runId }), code: 'run_not_found' },
  list_runs: { input: () => ({}) },
  cancel_run: { input: ({ runId }) => ({ runId }), code: 'run_not_found' },
  set_alert: {
    input: () => ({ symbol: 'BOB', condition: 'above', threshold: 1_000, idempotencyKey: 'one' }),
  },
  list_alerts: { input: () => ({ status: 'all' }) },
  update_alert: { input: ({ alertId }) => ({ alertId, threshold: 1 }), code: 'alert_not_found' },
  delete_alert: { input: ({ alertId }) => ({ alertId }), code: 'alert_not_found' },
  start_monitor: { input: () => ({ portfolio: 'anns', idempotencyKey: 'one' }) },
  get_monitor: { input: ({ monitorId }) => ({ monitorId }), code: 'monitor_not_found' },
  update_monitor: {
    input: ({ monitorId }) => ({ monitorId, checkNow: true }),
    code: 'monitor_not_found',
  },
  stop_monitor: { input: ({ monitorId }) => ({ monitorId }), code: 'monitor_not_found' },
  add_webhook: { input: () => ({ url: `${annsUrl}/${crypto.randomUUID()}` }) },
  list_webhooks: { input: () => ({}) },
  test_webhook: { input: ({ webhookId }) => ({ webhookId }), code: 'webhook_not_found' },
  delete_webhook: { input: ({ webhookId }) => ({ webhookId }), code: 'webhook_not_found' },
  add_position: {
    input: ({ positionId }) => ({ symbol: 'BOB', legs: [bobsLeg], positionId }),
    code: 'position_exists',
  },
  list_positions: { input: () => ({ status: 'all', values: true }) },
  close_position: {
    input: ({ positionId }) => ({ positionId, closePrices: [1] }),
    code: 'position_not_found',
  },
  delete_position: { input: ({ positionId }) => ({ positionId }), code: 'position_not_found' },
  import_positions: { input: () => ({ csv: bobsCsv, portfolio: 'anns' }) },
  sync_positions: { input: () => ({ keep: true }), code: 'operators_only' },
  save_screener: { input: () => ({ name: 'cheap', criteria: {} }) },
  list_screeners: { input: () => ({}) },
  delete_screener: { input: ({ savedScreenerId }) => ({ savedScreenerId }), code: 'screener_not_found' },
  get_preferences: { input: () => ({}) },
  update_preferences: { input: () => ({ timeZone: 'Asia/Tokyo' }) },
  list_notifications: { input: () => ({}) },
  catch_up: { input: () => ({ afterSeq: 0 }) },
  list_actors: { input: () => ({ owner: 'ann' }) },
  get_actor: { input: ({ machine, key }) => ({ machine, key }), code: 'actor_not_found' },
  get_actor_history: { input: ({ machine, key }) => ({ machine, key }), code: 'actor_not_found' },
  get_actor_pending: { input: ({ machine, key }) => ({ machine, key }), code: 'actor_not_found' },
  stop_actor: { input: ({ machine, key }) => ({ machine, key }), code: 'actor_not_found' },
  migrate_actors: { input: () => ({ dryRun: false }), code: 'operators_only' },
  list_dead_letters: { input: () => ({ owner: 'ann' }) },
  get_dead_letter: { input: ({ deadLetterId: id }) => ({ id }), code: 'dead_letter_not_found' },
  retry_dead_letter: { input: ({ deadLetterId: id }) => ({ id }), code: 'dead_letter_not_found' },
  discard_dead_letter: { input: ({ deadLetterId: id }) => ({ id }), code: 'dead_letter_not_found' },
};

/** Throws at each event, and so leaves a dead letter. */
const clumsy: DurableMachine = {
  ...{ id: 'clumsy', version: '1', input: z.object({}), events: { FALL: z.object({}) } },
  machine: setup({ types: { events: {} as { type: 'FALL' } } }).createMachine({
    id: 'clumsy',
    on: {
      FALL: {
        actions: assign(() => {
          throw new Error(`${mark} fell`);
        }),
      },
    },
  }),
};

let database: TestDatabase;
let system: ActorSystem;
let notifications: Notifications;
let server: RunningServer;
let folder: string;
let ann: Things;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttai-strangers-'));
  const tokens = ['ann', 'bob', 'nobody'].map((name) => `${hashToken(name)} ${name}\n`);
  await writeFile(join(folder, 'tokens'), tokens.join(''));
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  const service = marketWithoutEnd();
  notifications = new Notifications({ database: pool, connectionString, onError: () => {} });
  await notifications.start();
  system = await createActorSystem({
    ...{ pool, connectionString, onEmitted: writeEmitted },
    machines: [...machines, clumsy],
    effects: allEffects(effectRooms(service, pool)),
  });
  server = await startServer({
    config: {
      ...{ host: '127.0.0.1', port: 0, marketData: 'simulated' },
      ...{ authTokensFile: join(folder, 'tokens'), webhookAllowedHosts: ['127.0.0.1'] },
    },
    ...{ system, notifications, analysis: service, records: recordsOf(pool), health: {} },
    ...{ serverId: 'test', log: quiet },
  });
  // Whom alerts wake. The exchange's hours never come, so that it tells them nothing.
  await system.spawn('marketWatch', 'main', { input: {}, owner: 'system' });
  ann = await makeThings();
  for (const address of [`priceAlert/${ann.alertId}`, `delivery/${ann.webhookId}`] as const) {
    await system.waitFor(address, ({ effects }) => effects.length === 0, { timeoutMs: 20_000 });
  }
});

afterAll(async () => {
  await server?.stop();
  await system?.drain({ timeoutMs: 0 });
  await notifications?.stop();
  await database?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function makeThings(): Promise<Things> {
  const as = (name: string, input: Record<string, unknown>) => overApi('ann', named(name), input);
  const run = await as('start_analysis', { symbol: mark, idempotencyKey: 'one' });
  const alert = await as('set_alert', {
    ...{ symbol: mark, condition: 'above', threshold: 1_000, idempotencyKey: 'one' },
  });
  const position = await as('add_position', { symbol: mark, legs: [bobsLeg], portfolio: 'anns', note: mark });
  await as('import_positions', { csv: bobsCsv.replace('BOB', mark), portfolio: 'anns' });
  const screener = await as('save_screener', { name: 'cheap', criteria: { symbols: [mark] } });
  const monitor = await as('start_monitor', { portfolio: 'anns', idempotencyKey: 'one' });
  await as('update_preferences', { timeZone: 'Europe/Berlin' });
  await insertNotifications(database.pool, [
    {
      ...{ owner: 'ann', id: 'n', type: 'price_alert_triggered', source: `priceAlert/${mark}` },
      ...{ at: new Date(), data: { symbol: mark } },
    },
  ]);
  // After what she is told: nothing is sent.
  const webhook = await as('add_webhook', { url: annsUrl });
  const address = await system.spawn('clumsy', mark, { input: {}, owner: 'ann' });
  await system.send(address, { type: 'FALL' }).catch(() => {});
  const { deadLetters } = await system.deadLetters({ owner: 'ann' });
  const text = (value: unknown, ...path: string[]) =>
    String(path.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], value));
  return {
    runId: text(run.body, 'run', 'runId'),
    alertId: text(alert.body, 'alert', 'alertId'),
    monitorId: text(monitor.body, 'monitor', 'monitorId'),
    webhookId: text(webhook.body, 'webhookId'),
    positionId: text(position.body, 'position', 'positionId'),
    savedScreenerId: text(screener.body, 'screener', 'savedScreenerId'),
    machine: 'clumsy',
    key: mark,
    deadLetterId: deadLetters[0]?.id ?? '',
  };
}

interface Answer {
  body: Record<string, unknown>;
  code: string | undefined;
}

async function overApi(who: string, { http }: Operation, input: Record<string, unknown>): Promise<Answer> {
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
  const answer = await ask(server, http.method.toUpperCase(), `/api${path}${isPost ? '' : `?${query}`}`, {
    headers: { authorization: `Bearer ${who}`, ...(isPost && { 'content-type': 'application/json' }) },
    ...(isPost && { body: JSON.stringify(Object.fromEntries(rest)) }),
  });
  return answerOf(answer.json);
}

async function overMcp(who: string, { name }: Operation, input: Record<string, unknown>): Promise<Answer> {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: input } };
  const { text } = await ask(server, 'POST', '/mcp', {
    headers: {
      authorization: `Bearer ${who}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(call),
  });
  const { result } = JSON.parse(text.match(/^data: (.*)$/m)?.[1] ?? text) as { result: unknown };
  return answerOf((result as { structuredContent: unknown }).structuredContent, result);
}

function answerOf(json: unknown, whole = json): Answer {
  const { error } = json as { error?: { code?: string } };
  return { body: whole as Record<string, unknown>, code: error?.code };
}

function named(name: string): Operation {
  const operation = operations.find((one) => one.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  return operation;
}

/** Every row of ann's, in whatever table. */
async function annsRows(): Promise<unknown> {
  const { rows: tables } = await database.pool.query<{ name: string }>(
    `SELECT c.table_name AS name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema = 'public' AND c.column_name = 'owner' AND t.table_type = 'BASE TABLE' ORDER BY 1`,
  );
  const found: Record<string, unknown> = {};
  for (const { name } of tables) {
    const { rows } = await database.pool.query(
      `SELECT to_json(t)::text AS row FROM ${name} t WHERE owner = 'ann' ORDER BY 1`,
    );
    if (rows.length > 0) found[name] = rows;
  }
  return found;
}

test('every operation has a trial', () => {
  expect(Object.keys(trials).sort()).toEqual(operations.map(({ name }) => name).sort());
});

test('ann has something of each kind', async () => {
  expect(Object.values(ann).every((id) => id !== '' && id !== 'undefined')).toBe(true);
  expect(Object.keys((await annsRows()) as object)).toEqual(
    expect.arrayContaining(['notifications', 'positions', 'preferences', 'saved_screeners', 'webhooks']),
  );
  const lists = [
    'list_runs',
    'list_alerts',
    'list_positions',
    'list_screeners',
    'list_notifications',
    'catch_up',
  ];
  for (const name of [...lists, 'list_actors', 'list_dead_letters']) {
    expect(JSON.stringify((await overApi('ann', named(name), {})).body), name).toContain(mark);
  }
});

const doors = { api: overApi, mcp: overMcp };
const cases = operations.flatMap(({ name, doors: own }) => own.map((door) => ({ name, door })));

describe.each(cases)('$name over $door', ({ name, door }) => {
  test('gives a stranger nothing, and does nothing to what is hers', async () => {
    const { input, code } = trials[name] ?? { input: () => ({}) };
    const before = await annsRows();
    const sent = input(ann);
    const answer = await doors[door]('bob', named(name), sent);
    expect(answer.code).toBe(code);
    expect(await annsRows()).toEqual(before);
    // What he said himself may come back in the words of an error.
    const said = JSON.stringify(answer.body);
    for (const secret of [mark, ...Object.values(ann)].filter((one) => !JSON.stringify(sent).includes(one))) {
      if (secret.length > 3) expect(said).not.toContain(secret);
    }
    if (code === undefined || code === 'operators_only' || code === 'position_exists') return;
    // The same words as for what never was.
    const unknown = JSON.parse(JSON.stringify(sent), (field, value: unknown) =>
      field in ann && field !== 'machine' ? another(String(value)) : field === 'id' ? '999999' : value,
    ) as Record<string, unknown>;
    const missing = await doors[door]('bob', named(name), unknown);
    const withoutIds = (body: unknown) =>
      [...Object.values(sent), ...Object.values(unknown)].reduce<string>(
        (text, id) => (typeof id === 'string' ? text.replaceAll(id, '<id>') : text),
        JSON.stringify(body),
      );
    expect(withoutIds(missing.body)).toBe(withoutIds(answer.body));
  });
});

describe('over a WebSocket', () => {
  const topics: [string, (things: Things) => string, string][] = [
    ['run', ({ runId }) => `run:${runId}`, 'run_not_found'],
    ['alert', ({ alertId }) => `alert:${alertId}`, 'alert_not_found'],
    ['monitor', ({ monitorId }) => `monitor:${monitorId}`, 'monitor_not_found'],
  ];
  const connect = (who: string) => new Client({ url: `${server.url.replace('http', 'ws')}/ws` }, who);

  test.each(topics)("a stranger can't subscribe to a %s of hers", async (_, topicOf, code) => {
    const [hers, bobs] = [connect('ann'), connect('bob')];
    const topic = topicOf(ann);
    await hers.hello({ subscribe: [topic] });
    expect((await hers.next('subscribed')).topics).toContain(topic);
    await bobs.hello();
    const answers = [];
    for (const asked of [topic, another(topic)]) {
      bobs.send({ type: 'subscribe', topics: [asked] });
      const error = await bobs.next('error');
      answers.push(JSON.stringify(error).replaceAll(asked.split(':')[1] ?? '', '<id>'));
      expect(error).toMatchObject({ code });
    }
    expect(answers[1]).toBe(answers[0]);
    await Promise.all([hers.leave(), bobs.leave()]);
  });

  test('a stranger who subscribes to all of a kind sees nothing of hers', async () => {
    const [hers, bobs] = [connect('ann'), connect('bob')];
    const all = { subscribe: ['runs', 'alerts', 'monitors'] };
    await hers.hello(all);
    await bobs.hello(all);
    await hers.next('run');
    await hers.next('alert');
    await hers.next('monitor');
    await bobs.next('subscribed');
    // A change that is told to all who may see it.
    await overApi('ann', named('update_alert'), { alertId: ann.alertId, threshold: 2_000 });
    for (;;) if ((await hers.next('alert')).alert.threshold === 2_000) break;
    await bobs.settled();
    const said = JSON.stringify(bobs.frames);
    for (const secret of [mark, ...Object.values(ann)].filter(({ length }) => length > 3)) {
      expect(said).not.toContain(secret);
    }
    await Promise.all([hers.leave(), bobs.leave()]);
  });
});

/** An id of the same form that nobody has. */
function another(id: string): string {
  return id === mark ? 'NEVER' : `${id.slice(0, -12)}000000000000`;
}
