/** What owners keep, at every door: over HTTP and the command line, on the real database. The actors are made up. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PeerUnavailableError } from '../src/actors/runtime/index.ts';
import { runCli } from '../src/cli/main.ts';
import { insertNotifications, Notifications } from '../src/persistence/records/notifications.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import { pruneRecords } from '../src/persistence/records/retention.ts';
import { type RunningServer, startServer } from '../src/server/index.ts';
import { FakeSystem } from '../src/server/testing/fake-system.ts';
import { ask } from '../src/server/testing/test-server.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { type MarketWithoutEnd, marketWithoutEnd } from './market-without-end.ts';

let database: TestDatabase;
let notifications: Notifications;
let server: RunningServer;
let system: FakeSystem;
let market: MarketWithoutEnd;
let folder: string;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttai records '));
  database = await createTestDatabase();
});
beforeEach(async () => {
  const { pool, connectionString } = database;
  await pool.query(
    'TRUNCATE positions, preferences, saved_screeners, analyses, screener_results, notifications, notification_counters',
  );
  system = new FakeSystem();
  market = marketWithoutEnd();
  notifications = new Notifications({ database: pool, connectionString, onError: () => {} });
  server = await startServer({
    config: { host: '127.0.0.1', port: 0, marketData: 'simulated' },
    ...{ system, notifications, analysis: market, records: recordsOf(pool), health: {} },
    ...{ serverId: 'test', log: quiet },
  });
});
afterEach(() => server.stop());
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  code: string | undefined;
  body: Record<string, unknown>;
}

async function api(method: string, path: string, body?: object): Promise<Answer> {
  const answer = await ask(server, method, `/api${path}`, {
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const json = answer.json as Record<string, unknown> & { error?: { code: string } };
  return { status: answer.status, code: json.error?.code, body: json };
}

async function ttai(...args: string[]): Promise<{ code: number; out: string; notes: string }> {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await runCli(args, {
    env: { TTAI_URL: server.url, TTAI_HOME: folder },
    terminal: {
      out: (line) => out.push(line),
      note: (line) => notes.push(line),
      status: undefined,
      style: (_, text) => text,
    },
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}

const put = { right: 'put', strike: 150, expiration: '2030-12-20', quantity: -1, openPrice: 2.35 };

async function added(input: object = {}): Promise<{ positionId: string }> {
  const answer = await api('POST', '/positions', { symbol: 'AAPL', legs: [put], ...input });
  expect(answer.code).toBeUndefined();
  return answer.body.position as { positionId: string };
}

describe('positions', () => {
  test('are added with what can be left out, listed with values, closed to the cent', async () => {
    const spread = [
      { ...put, right: 'P', openPrice: 0.3 },
      { ...put, right: 'P', strike: 140, quantity: 1, openPrice: 0.1 },
    ];
    const { positionId } = await added({ symbol: 'aapl', legs: spread, openedAt: '2026-06-01T15:00:00Z' });
    await added({ symbol: 'KO', legs: [{ quantity: 100, openPrice: 60.25 }], portfolio: 'income' });
    const { body } = await api('GET', '/positions?values=true');
    expect(body).toMatchObject({
      positions: [
        { symbol: 'KO', legs: [{ kind: 'stock', quantity: 100 }], portfolio: 'income' },
        {
          symbol: 'AAPL',
          legs: [{ kind: 'option', right: 'put', strike: 150 }, { strike: 140 }],
          value: {
            pnl: 135,
            manage: ['half of the profit is there'],
            source: 'simulated',
            asOf: expect.any(String),
          },
        },
      ],
      nextCursor: null,
    });
    const closed = await api('POST', `/positions/${positionId}/close`, { closePrices: [0.1, 0.1] });
    expect(closed.body).toMatchObject({ position: { status: 'closed', realizedPnl: '20.00' } });
    expect((await api('GET', '/positions')).body).toMatchObject({ positions: [{ symbol: 'KO' }] });
    expect((await api('GET', '/positions?status=closed&values=true')).body).toMatchObject({
      positions: [{ positionId, value: null, realizedPnl: '20.00' }],
    });
    expect((await api('POST', `/positions/${positionId}/close`, { realizedPnl: '1' })).code).toBe(
      'position_closed',
    );
    expect((await api('DELETE', `/positions/${positionId}`)).body).toMatchObject({
      position: { positionId },
    });
    expect((await api('DELETE', `/positions/${positionId}`)).code).toBe('position_not_found');
  });

  test('are in pages, also those that were opened at the same moment', async () => {
    const openedAt = '2026-06-01T15:00:00Z';
    for (let count = 0; count < 5; count += 1) await added({ openedAt });
    await added({ openedAt: '2026-06-02T15:00:00Z', portfolio: 'other' });
    const seen: string[] = [];
    for (let cursor: unknown; ; ) {
      const query = cursor === undefined ? '' : `&cursor=${String(cursor)}`;
      const { body } = await api('GET', `/positions?limit=2&status=all${query}`);
      seen.push(...(body.positions as { positionId: string }[]).map(({ positionId }) => positionId));
      cursor = body.nextCursor;
      if (cursor === null) break;
    }
    expect([seen.length, new Set(seen).size]).toEqual([6, 6]);
    expect((await api('GET', '/positions?portfolio=other')).body.positions).toHaveLength(1);
  });

  test('of a symbol that nobody knows are kept with a warning; while nobody can be asked, without', async () => {
    const input = { symbol: 'KOO', legs: [{ quantity: 1, openPrice: 60 }] };
    market.unknown = new Set(['KOO']);
    const misspelt = await api('POST', '/positions', input);
    expect(misspelt.body).toMatchObject({ position: { symbol: 'KOO' } });
    expect(misspelt.body.warnings).toEqual([expect.stringContaining('Nobody knows the symbol KOO')]);
    // Beside the answer, so that who asks for JSON hears it too.
    for (const [shares, ...how] of [['2'], ['3', '--json']]) {
      const { notes } = await ttai('position', 'add', 'KOO', `buy ${shares} shares at 60`, ...how);
      expect(notes).toContain('Nobody knows');
    }
    const csv = 'symbol,quantity,openPrice\nKOO,4,60';
    expect((await api('POST', '/positions/import', { csv, dryRun: true })).body.warnings).toEqual([
      expect.stringContaining('Nobody knows the symbol KOO'),
      expect.stringContaining('held already'),
    ]);
    market.failure = new PeerUnavailableError('analysis_unavailable', 'away');
    expect((await api('POST', '/positions', { ...input, symbol: 'KOOO' })).body.warnings).toEqual([]);
  });

  test('that look wrong are kept, and it is said why', async () => {
    const warned = async (leg: object) =>
      (await api('POST', '/positions', { symbol: 'AAPL', legs: [{ ...put, ...leg }] })).body.warnings;
    expect(await warned({})).toEqual([]);
    expect(await warned({ quantity: -2, openPrice: 1 })).toEqual([
      expect.stringMatching(/^AAPL 2030-12-20 150 put is held already, in position .* of portfolio main\./),
    ]);
    expect(await warned({ quantity: 1 })).toEqual([]);
    expect(await warned({ strike: 140, openPrice: 600 })).toEqual([
      expect.stringContaining('was never worth 600 a share'),
    ]);
    // The share is at 100.
    expect(await warned({ right: 'call', openPrice: 101 })).toEqual([
      expect.stringContaining('at 101 a share costs more than the share itself now'),
    ]);
    market.value = { warnings: ['model_price:leg1', 'not_in_chain:leg1'] };
    expect(await warned({ strike: 320.123456 })).toEqual([
      'AAPL 2030-12-20 320.123456 put is not in the chain of AAPL: check its strike and expiration.',
    ]);
    market.value = {};
    const old = {
      symbol: 'AAPL',
      legs: [{ ...put, expiration: '2026-01-16' }],
      openedAt: '2026-01-02T15:00:00Z',
    };
    expect((await api('POST', '/positions', old)).body.warnings).toEqual([
      'AAPL 2026-01-16 150 put has expired: record how it ended.',
    ]);
    expect((await ttai('position', 'list', '--values')).out).not.toContain('~');
    market.value = { warnings: ['model_price:leg1'], dte: -3, assignmentRisk: 'high' };
    const { out } = await ttai('position', 'list', '--values');
    expect(out).toContain('~ by a model');
    expect(out).not.toContain('assignment is likely');
  });

  test('that a monitor would not see are named when it is started', async () => {
    const started = async (input: object) =>
      (await api('POST', '/monitors', { ...input, idempotencyKey: crypto.randomUUID() })).body.warnings;
    expect(await started({ portfolio: 'nosuch' })).toEqual([
      expect.stringContaining('Portfolio nosuch has no open position now'),
    ]);
    await added();
    const rules = ['AAPL', 'ZZZZ'].map((symbol) => ({ type: 'price_above', threshold: 1, symbol }));
    expect(await started({ rules })).toEqual([
      'Portfolio main has no open position in ZZZZ now: a rule about it sees nothing.',
    ]);
  });

  test('that were over when they were opened are refused, with the field', async () => {
    const expired = { ...put, expiration: '2026-01-16' };
    const later = { symbol: 'AAPL', legs: [put, expired], openedAt: '2026-01-17T15:00:00Z' };
    for (const input of [later, { symbol: 'AAPL', legs: [put, expired] }]) {
      const answer = await api('POST', '/positions', input);
      expect(answer).toMatchObject({ status: 400, code: 'invalid_input' });
      expect(JSON.stringify(answer.body)).toContain('legs.1.expiration');
    }
    const before = await api('POST', '/positions', { ...later, openedAt: '2026-01-15T15:00:00Z' });
    expect(before.status).toBe(200);
  });

  test('of an id of the own making are added once', async () => {
    const positionId = '5F0C6A52-6f0e-4a3c-9c55-0d7f4a1d2b11';
    const first = await added({ positionId });
    expect(await added({ positionId })).toEqual(first);
    const other = { symbol: 'KO', legs: [{ ...put, openPrice: 2.36 }], portfolio: 'wheel', note: 'rolled' };
    for (const [field, value] of Object.entries({ ...other, openedAt: '2026-06-01T15:00:00Z' })) {
      const answer = await api('POST', '/positions', {
        symbol: 'AAPL',
        legs: [put],
        positionId,
        [field]: value,
      });
      expect([field, answer.status, answer.code]).toEqual([field, 409, 'position_exists']);
    }
    expect((await api('GET', '/positions')).body.positions).toHaveLength(1);
    expect((await api('GET', '/positions')).body.positions).toHaveLength(1);
  });

  test('tell why their values are not known', async () => {
    await added();
    market.failure = new PeerUnavailableError('analysis_unavailable', 'Away.');
    expect(await api('GET', '/positions?values=true')).toMatchObject({
      status: 503,
      code: 'analysis_unavailable',
    });
    expect((await api('GET', '/positions')).status).toBe(200);
  });

  test.each([
    ['no legs', { legs: [] }, 'legs'],
    ['nine legs', { legs: Array.from({ length: 9 }, () => put) }, 'legs'],
    ['a leg of nothing', { legs: [{ ...put, quantity: 0 }] }, 'legs.0.quantity'],
    ['half a contract', { legs: [{ ...put, quantity: 0.5 }] }, 'legs.0.quantity'],
    ['an option without a strike', { legs: [{ ...put, strike: undefined }] }, 'legs.0.strike'],
    [
      'shares with a strike',
      { legs: [{ kind: 'stock', strike: 5, quantity: 1, openPrice: 1 }] },
      'legs.0.kind',
    ],
    ['no day', { legs: [{ ...put, expiration: '2026-02-30' }] }, 'legs.0.expiration'],
    ['a price below 0', { legs: [{ ...put, openPrice: -1 }] }, 'legs.0.openPrice'],
    ['an opening to come', { legs: [put], openedAt: '2999-01-01T00:00:00Z' }, 'openedAt'],
    ['a note with NUL', { legs: [put], note: '\u0000' }, 'note'],
    ['an id that is none', { legs: [put], positionId: 'mine' }, 'positionId'],
  ])('of %s are refused', async (_, input, field) => {
    const { code, body } = await api('POST', '/positions', { symbol: 'AAPL', ...input });
    expect([code, JSON.stringify(body)]).toEqual(['invalid_input', expect.stringContaining(`"${field}"`)]);
  });

  test('are not closed with the wrong number of prices, before they were opened, or without a result', async () => {
    const { positionId } = await added({ openedAt: '2026-06-01T15:00:00Z' });
    for (const wrong of [
      {},
      { closePrices: [1, 2] },
      { closePrices: [1], realizedPnl: '1' },
      { realizedPnl: '1e5' },
      { closePrices: [1], closedAt: '2026-05-01T00:00:00Z' },
    ]) {
      expect((await api('POST', `/positions/${positionId}/close`, wrong)).code).toBe('invalid_input');
    }
    expect((await api('POST', '/positions/none/close', { realizedPnl: '1' })).code).toBe(
      'position_not_found',
    );
    expect((await api('GET', '/positions?cursor=none')).code).toBe('invalid_input');
  });

  test('closed by two at once are closed once', async () => {
    const { positionId } = await added();
    const answers = await Promise.all(
      ['1.00', '2.00'].map((realizedPnl) => api('POST', `/positions/${positionId}/close`, { realizedPnl })),
    );
    expect(answers.map(({ code }) => code).sort()).toEqual(['position_closed', undefined].sort());
  });

  test('are imported once, however often; a dry run keeps nothing', async () => {
    const csv = [
      'symbol,right,strike,expiration,quantity,openPrice',
      'AAPL,put,150,2030-12-20,-1,2.35',
      'AAPL,put,140,2030-12-20,1,1.10',
      'KO,,,,100,60.25',
      'KO,,,,many,60.25',
      'TOTAL,,,,,',
    ].join('\r\n');
    const send = (more = {}) => api('POST', '/positions/import', { csv, ...more });
    const outcome = { format: 'ttai', refusedLines: 1, ignoredLines: 1, refused: [{ line: 5 }] };
    expect((await send({ dryRun: true })).body).toMatchObject({ ...outcome, added: 2, alreadyKnown: 0 });
    expect((await api('GET', '/positions')).body.positions).toEqual([]);
    const [first, second] = await Promise.all([send(), send()]);
    expect([first.body.added, second.body.added].sort()).toEqual([0, 2]);
    expect((await send()).body).toMatchObject({ ...outcome, added: 0, alreadyKnown: 2 });
    expect((await send({ dryRun: true })).body).toMatchObject({ added: 0, alreadyKnown: 2 });
    expect((await api('GET', '/positions')).body.positions).toHaveLength(2);
    expect((await send({ format: 'schwab' })).code).toBe('invalid_input');
    expect((await send({ portfolio: 'wheel' })).body).toMatchObject({
      ...{ added: 0, alreadyKnown: 2 },
      warnings: ['Some are known already in portfolio main, and stay there.'],
    });
    // Another export, after more of the same was sold.
    const grown = await send({ csv: csv.replace('KO,,,,100,', 'KO,,,,200,'), dryRun: true });
    expect(grown.body).toMatchObject({ added: 1, alreadyKnown: 1 });
    expect(grown.body.warnings).toEqual([expect.stringContaining('KO shares is held already')]);
  });
});

describe('preferences', () => {
  test('have defaults, and change in what is named', async () => {
    const first = await api('GET', '/preferences');
    expect(first.body.preferences).toEqual({
      ...{ timeZone: 'America/New_York', channels: ['live', 'webhook'], morningAlert: false },
      ...{ quietFrom: null, quietUntil: null },
    });
    await api('POST', '/preferences', { timeZone: 'europe/berlin' });
    await Promise.all([
      api('POST', '/preferences', { morningAlert: true }),
      api('POST', '/preferences', { channels: [] }),
      api('POST', '/preferences', { quietFrom: '22:00', quietUntil: '07:00' }),
    ]);
    const { body } = await api('GET', '/preferences');
    expect(body.preferences).toEqual({
      ...{ timeZone: 'Europe/Berlin', channels: [], morningAlert: true },
      ...{ quietFrom: '22:00', quietUntil: '07:00' },
    });
    const off = await api('POST', '/preferences', { quietFrom: null, quietUntil: null });
    expect(off.body.preferences).toMatchObject({ quietFrom: null, morningAlert: true });
  });

  test.each([
    [{}, 'Nothing to change'],
    [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
    [{ timeZone: '+01:00' }, 'timeZone'],
    [{ channels: ['pigeon'] }, 'channels'],
    [{ quietFrom: '22:00' }, 'quietUntil'],
    [{ quietFrom: '22:00', quietUntil: null }, 'quietUntil'],
    [{ quietFrom: '22:00', quietUntil: '22:00' }, 'quietUntil'],
    [{ quietFrom: '24:00', quietUntil: '07:00' }, 'quietFrom'],
  ])('refuse %j', async (input, field) => {
    const { code, body } = await api('POST', '/preferences', input);
    expect([code, JSON.stringify(body)]).toEqual(['invalid_input', expect.stringContaining(field)]);
  });
});

describe('screeners', () => {
  test('are saved by name, listed and deleted', async () => {
    const save = (input: object) => api('POST', '/screeners', { name: 'cheap', criteria: {}, ...input });
    const first = await save({ criteria: { maxPrice: 60 } });
    const second = await save({ criteria: { maxPrice: 50 }, autoRun: true });
    const { savedScreenerId } = second.body.screener as { savedScreenerId: string };
    expect(first.body.screener).toMatchObject({ savedScreenerId, maxSymbols: 50, autoRun: false });
    expect((await api('GET', '/screeners')).body).toEqual({
      screeners: [
        { savedScreenerId, name: 'cheap', criteria: { maxPrice: 50 }, maxSymbols: 50, autoRun: true },
      ],
    });
    expect((await save({ criteria: { minPrice: 200 } })).code).toBe('invalid_input');
    expect([first.body.isNew, second.body.isNew]).toEqual([true, false]);
    // What is left out stays.
    const named = (input: object) => api('POST', '/screeners', { name: 'cheap', ...input });
    await named({ criteria: { maxPrice: 7 }, maxSymbols: 9, autoRun: true });
    expect((await named({ maxSymbols: 12 })).body.screener).toMatchObject({
      ...{ criteria: { maxPrice: 7 }, maxSymbols: 12, autoRun: true },
    });
    expect((await named({ criteria: {}, autoRun: false })).body.screener).toMatchObject({
      ...{ criteria: { maxPrice: 7 }, maxSymbols: 12, autoRun: false },
    });
    await named({ criteria: { minPrice: 3, universe: 'all' } });
    const third = await named({ criteria: { maxPrice: 8, universe: null } });
    expect((third.body.screener as { criteria: object }).criteria).toEqual({ minPrice: 3, maxPrice: 8 });
    const apart = await named({ criteria: { minPrice: 9 } });
    expect([apart.code, JSON.stringify(apart.body)]).toEqual([
      'invalid_input',
      expect.stringContaining('criteria.minPrice: must not exceed maxPrice, which is 8'),
    ]);
    // What is checked is what is kept.
    await named({ criteria: { symbols: ['aapl'] } });
    expect(JSON.stringify((await api('GET', '/screeners')).body)).toContain('["AAPL"]');
    // One that an older release took can only be taken away.
    await database.pool.query(`UPDATE saved_screeners SET criteria = '{"minDelta": 1}'`);
    expect((await named({ criteria: { minPrice: 3 } })).code).toBe('invalid_input');
    expect((await named({ criteria: { minDelta: null, minPrice: 3 } })).body.screener).toMatchObject({
      criteria: { minPrice: 3 },
    });
    for (const color of [null, 'red'])
      expect((await named({ criteria: { color } })).code).toBe('invalid_input');
    expect((await api('DELETE', `/screeners/${savedScreenerId}`)).status).toBe(200);
    expect((await api('DELETE', `/screeners/${savedScreenerId}`)).code).toBe('screener_not_found');
  });

  test('are known by their names too, each owner by the own ones', async () => {
    const id = '5f0c6a52-6f0e-4a3c-9c55-0d7f4a1d2b11';
    await database.pool.query(
      `INSERT INTO saved_screeners (id, owner, name, criteria)
       VALUES ($1, 'local', 'cheap puts', '{}'), (gen_random_uuid(), 'local', $1::text, '{}'),
         (gen_random_uuid(), 'ann', 'dear puts', '{}')`,
      [id],
    );
    const started = await api('POST', '/runs/screener', { savedScreenerId: 'cheap puts' });
    expect(started.body.run).toMatchObject({ name: 'cheap puts' });
    expect((await api('DELETE', '/screeners/dear%20puts')).code).toBe('screener_not_found');
    // What is an id counts as one first.
    expect((await api('DELETE', `/screeners/${id.toUpperCase()}`)).body.screener).toMatchObject({
      name: 'cheap puts',
    });
    expect((await api('DELETE', `/screeners/${id}`)).body.screener).toMatchObject({ name: id });
  });

  test('are at most 200', async () => {
    await database.pool.query(
      `INSERT INTO saved_screeners (id, owner, name, criteria)
       SELECT gen_random_uuid(), 'local', n::text, '{}' FROM generate_series(1, 200) AS n`,
    );
    expect(await api('POST', '/screeners', { name: 'one more', criteria: {} })).toMatchObject({
      ...{ status: 409, code: 'too_many_screeners' },
    });
    expect((await api('POST', '/screeners', { name: '200', criteria: { maxPrice: 5 } })).status).toBe(200);
  });
});

const dayMs = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * dayMs);
async function told(type: string, at: Date, count = 1, source = 'priceAlert/1'): Promise<void> {
  const one = { owner: 'local', type, source, at, data: { symbol: 'AAPL' } };
  const all = Array.from({ length: count }, () => ({ ...one, id: crypto.randomUUID() }));
  await insertNotifications(database.pool, all);
}

describe('catch_up', () => {
  const check = (unknown: number) => ({
    ...{ at: ago(0.1).toISOString(), open: true, positions: 3, unknown, asOf: null, source: null },
    problem: unknown === 0 ? null : { code: 'symbol_not_found', message: 'Nobody knows KOO.' },
  });

  test('names a position that can not be valued, and says that there are more than were looked at', async () => {
    const { pool } = database;
    await pool.query(
      `INSERT INTO positions (id, owner, symbol, legs, opened_at)
       SELECT gen_random_uuid(), 'local', 'KO', '[{"kind":"stock","quantity":1,"openPrice":60}]', now()
       FROM generate_series(1, 201)`,
    );
    const evaluate = market.positions;
    market.positions = async (request) => {
      const answer = await evaluate(request);
      const [first] = answer.positions;
      const error = { code: 'SYMBOL_NOT_FOUND', message: 'Nobody knows it.', retryable: false };
      return { ...answer, errors: { [first?.id ?? '']: error } };
    };
    const { body } = await api('GET', '/catch-up');
    expect(body.positionsProblem).toBe(
      "1 of 200 can't be valued, first long 1 KO shares at 60.00: Nobody knows it; only 200 were looked at; the list of positions has all",
    );
  });

  test('tells what happened since a time, or a number', async () => {
    await told('analysis_complete', ago(3));
    await told('price_alert_triggered', ago(0.5), 4, 'priceAlert/b');
    await told('analysis_complete', ago(0.4));
    await added();
    const run = await system.spawn('analysis', 'a', { input: { symbol: 'MSFT', type: 'x' }, owner: 'local' });
    system.move(run, { status: 'stopped', updatedAt: new Date() });
    const alert = await system.spawn('priceAlert', 'b', {
      input: { symbol: 'KO', condition: 'above', threshold: 60, repeat: 'once' },
      owner: 'local',
    });
    const { context } = await system.snapshot(alert);
    system.move(alert, { context: { ...context, triggers: 1, lastTriggeredAt: ago(0.2).toISOString() } });
    const monitor = await system.spawn('portfolioMonitor', 'c', { input: {}, owner: 'local' });
    system.move(monitor, {
      context: {
        ...{ portfolio: 'main', lastCheck: check(0) },
        health: {
          failures: 4,
          since: null,
          told: true,
          reason: { code: 'away', message: 'Nobody answers.' },
        },
      },
    });
    const half = await system.spawn('portfolioMonitor', 'd', { input: {}, owner: 'local' });
    system.move(half, {
      context: {
        ...{ portfolio: 'wheel', lastCheck: check(2) },
        health: { failures: 0, since: null, told: false, reason: null },
      },
    });

    const { body } = await api('GET', '/catch-up');
    expect(body).toMatchObject({
      ...{ latestSeq: 6, missed: false },
      notifications: [
        { type: 'analysis_complete', count: 1, newest: [{ seq: 6 }] },
        { type: 'price_alert_triggered', count: 4, newest: [{ seq: 5 }, { seq: 4 }, { seq: 3 }] },
      ],
      runsEnded: { count: 1, newest: [{ symbol: 'MSFT', status: 'cancelled' }] },
      alertsTriggered: { count: 1, newest: [{ symbol: 'KO', triggers: 1 }] },
      monitors: expect.arrayContaining([
        expect.objectContaining({ portfolio: 'main', health: 'blind', problem: 'Nobody answers.' }),
        expect.objectContaining({
          ...{ portfolio: 'wheel', health: 'seeing' },
          problem: '2 without a fresh value: Nobody knows KOO.',
        }),
      ]),
      positionsToManage: [{ symbol: 'AAPL', why: ['half of the profit is there'], source: 'simulated' }],
      positionsProblem: null,
    });
    const since = await api('GET', `/catch-up?since=${ago(4).toISOString()}`);
    expect(since.body).toMatchObject({ notifications: [{ count: 2 }, { count: 4 }] });
    const after = await api('GET', '/catch-up?afterSeq=5');
    expect(after.body).toMatchObject({ notifications: [{ type: 'analysis_complete', count: 1 }] });
    expect((await api('GET', '/catch-up?afterSeq=6')).body).toMatchObject({ notifications: [] });
    expect((await api('GET', `/catch-up?afterSeq=5&since=${ago(4).toISOString()}`)).code).toBe(
      'invalid_input',
    );

    const { out } = await ttai('catch-up');
    expect(out).toContain('Notifications: 1 analysis_complete, 4 price_alert_triggered.');
    expect(out).toContain('Monitor of main: blind');
    expect(out).toContain('half of the profit is there; profit and loss +$135.00, 30 days left (simulated');
  });

  test('says that positions are not known, and all else', async () => {
    await added();
    market.failure = new PeerUnavailableError('analysis_unavailable', 'Nobody answers.');
    expect((await api('GET', '/catch-up')).body).toMatchObject({
      ...{ positionsToManage: [], positionsProblem: 'Nobody answers.', notifications: [] },
    });
  });
});

describe('old records', () => {
  const rowsOf = async (table: string) => {
    const { rows } = await database.pool.query(`SELECT count(*)::int AS count FROM ${table}`);
    return (rows[0] as { count: number }).count;
  };

  test('of notifications go after 90 days, and who has not read them is told', async () => {
    await told('price_alert_triggered', ago(91), 3);
    await told('price_alert_triggered', ago(89), 2);
    expect(await pruneRecords(database.pool, new Date(), 2)).toMatchObject({ notifications: 2 });
    expect(await pruneRecords(database.pool, new Date(), 2)).toMatchObject({ notifications: 1 });
    expect(await pruneRecords(database.pool, new Date(), 2)).toMatchObject({ notifications: 0 });
    expect(await rowsOf('notifications')).toBe(2);
    const list = async (afterSeq: number) => (await api('GET', `/notifications?afterSeq=${afterSeq}`)).body;
    expect(await list(0)).toMatchObject({
      missed: true,
      latestSeq: 5,
      notifications: [{ seq: 4 }, { seq: 5 }],
    });
    expect(await list(2)).toMatchObject({ missed: true });
    expect(await list(3)).toMatchObject({ missed: false, notifications: [{ seq: 4 }, { seq: 5 }] });
    const caughtUp = async (query: string) => (await api('GET', `/catch-up${query}`)).body.missed;
    expect(await caughtUp('?afterSeq=2')).toBe(true);
    expect(await caughtUp('?afterSeq=3')).toBe(false);
    expect(await caughtUp(`?since=${ago(100).toISOString()}`)).toBe(true);
    expect(await caughtUp('')).toBe(false);
    // Numbers go on where they were.
    await told('price_alert_triggered', ago(0));
    expect(await list(5)).toMatchObject({ notifications: [{ seq: 6 }], latestSeq: 6 });
  });

  test('of results go after a year; closed positions stay', async () => {
    const { pool } = database;
    for (const [table, columns] of [
      ['analyses', "'S', 'full_analysis'"],
      ['screener_results', ''],
    ] as const) {
      const names = columns === '' ? '' : ', symbol, type';
      await pool.query(
        `INSERT INTO ${table} (run_id, owner, status, result, created_at${names})
         SELECT n::text, 'local', 'completed', '{}', now() - n * interval '1 day'${columns && `, ${columns}`}
         FROM generate_series(360, 369) AS n`,
      );
    }
    const { positionId } = await added({ openedAt: '1999-01-01T00:00:00Z' });
    await api('POST', `/positions/${positionId}/close`, {
      realizedPnl: '1',
      closedAt: '1999-02-01T00:00:00Z',
    });
    const gone = { analyses: 5, screenerResults: 5, notifications: 0 };
    expect(await pruneRecords(pool, new Date(), 1_000)).toEqual(gone);
    expect([await rowsOf('analyses'), await rowsOf('screener_results'), await rowsOf('positions')]).toEqual([
      5, 5, 1,
    ]);
  });

  test('are pruned while notifications are inserted, without a deadlock or a lost number', async () => {
    const owners = Array.from({ length: 20 }, (_, index) => `owner ${index}`);
    const batch = (at: Date) =>
      owners
        .toSorted(() => Math.random() - 0.5)
        .map((owner) => ({ owner, id: crypto.randomUUID(), type: 't', source: 's', at, data: {} }));
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        index % 3 === 0
          ? pruneRecords(database.pool, new Date(), 7)
          : insertNotifications(database.pool, batch(ago(index % 2 === 0 ? 100 : 1))),
      ),
    );
    await pruneRecords(database.pool, new Date(), 10_000);
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS owners FROM notification_counters c WHERE last_seq = 40
         AND (SELECT count(*) FROM notifications n WHERE n.owner = c.owner) = 20
         AND pruned_seq = (SELECT max(seq) FROM generate_series(1, 40) AS seq
           WHERE NOT EXISTS (SELECT FROM notifications n WHERE n.owner = c.owner AND n.seq = seq.seq))`,
    );
    expect(rows).toEqual([{ owners: 20 }]);
  });
});

describe('the command line', () => {
  test('adds, lists, closes and deletes positions', async () => {
    const legs = ['sell 2 put 150 2030-12-20 at 2.35', 'BUY 2 put 140 2030-12-20 @ 1.10'];
    const one = await ttai('position', 'add', 'aapl', ...legs, '--note', 'a dip', '--json');
    const { positionId } = JSON.parse(one.out) as { positionId: string };
    expect(one).toMatchObject({ code: 0 });
    await ttai('position', 'add', 'KO', 'buy 100 shares at 60.25');
    const listed = await ttai('position', 'list', '--values');
    expect(listed.out).toContain('SIMULATED DATA');
    expect(listed.out).toMatch(
      /^AAPL +-2 2030-12-20 150 put @ 2.35, \+2 2030-12-20 140 put @ 1.10 .*135.00/m,
    );
    const closed = await ttai('position', 'close', positionId, '0', '0');
    expect(closed.out).toContain('profit and loss +$250.00');
    expect((await ttai('position', 'list', '--status', 'closed')).out).toMatch(/AAPL.*250.00/);
    expect((await ttai('position', 'close', positionId, '--pnl', '-3')).notes).toContain('position_closed');
    const deleted = await ttai('position', 'delete', positionId);
    expect(deleted).toMatchObject({ code: 0, out: expect.stringMatching(/^Deleted: .+\.$/) });
    expect((await ttai('position', 'list', '--status', 'closed')).out).toContain('No positions.');
  });

  test('says how a leg is written', async () => {
    const { code, notes } = await ttai('position', 'add', 'AAPL', 'one put');
    expect(code).toBe(2);
    expect(notes).toContain('"sell 1 put 150 2030-12-20 at 2.35"');
    expect(await ttai('position', 'close', 'x')).toMatchObject({ code: 2 });
    expect(await ttai('position', 'import', join(folder, 'none.csv'))).toMatchObject({ code: 2 });
  });

  test('imports a file', async () => {
    const file = join(folder, 'positions.csv');
    await writeFile(file, '\uFEFFsymbol,quantity,openPrice\nKO,100,60.25\nKO,many,1\n');
    expect((await ttai('position', 'import', file, '--dry-run')).out).toContain('Would add 1');
    const { out } = await ttai('position', 'import', file);
    expect(out).toContain('long 100 KO shares at 60.25  (line 2)');
    expect(out).toContain('line 3 refused: "many" is no quantity');
    expect((await ttai('position', 'import', file)).out).toContain('Added 0, known already 1');
  });

  test('shows and sets preferences, and saves screeners', async () => {
    const set = [
      '--time-zone',
      'Europe/Berlin',
      '--channels',
      'webhook',
      '--morning',
      'on',
      '--quiet',
      '22:00-07:00',
    ];
    expect((await ttai('preferences', 'set', ...set)).code).toBe(0);
    const { out } = await ttai('preferences');
    expect(out).toMatch(/Europe\/Berlin.*webhook.*on.*22:00 to 07:00/s);
    expect((await ttai('preferences', 'set', '--quiet', 'always')).code).toBe(2);
    await ttai('screener', 'save', 'cheap puts', '{"maxPrice":60}', '--auto-run');
    expect((await ttai('screener', 'list')).out).toMatch(/cheap puts +\{"maxPrice":60\} +50 +each hour/);
    const [saved] = (
      JSON.parse((await ttai('screener', 'list', '--json')).out) as {
        screeners: { savedScreenerId: string }[];
      }
    ).screeners;
    const deleted = await ttai('screener', 'delete', 'cheap puts');
    expect(deleted).toMatchObject({
      ...{ code: 0, out: `The screener "cheap puts" (${saved?.savedScreenerId}) is deleted; its runs stay.` },
    });
    expect((await ttai('screener', 'save', 'x', 'cheap')).code).toBe(2);
  });
});
