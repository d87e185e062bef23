/** Wrong input on every door: each is answered with a typed error, and the process goes on. The table is the test. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { codeIn, json, mcp, upgrade } from './testing/plain-requests.ts';
import { ask, startTestServer, type TestServer } from './testing/test-server.ts';

const chunked = { 'transfer-encoding': 'chunked' };
const unknownRun = 'analysis.00000000-0000-4000-8000-000000000000';
const tenMegabytes = Buffer.alloc(10 * 1024 * 1024, 'x');

interface Sent {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}
type Headers = Record<string, string>;

const get = (path: string, headers: Headers = {}): Sent => ({ method: 'GET', path, headers });
const post = (path: string, body: string | Buffer, headers: Headers = json): Sent => ({
  method: 'POST',
  path,
  headers,
  body,
});
const rpc = (body: string | Buffer, headers: Headers = mcp): Sent => post('/mcp', body, headers);
const tool = (name: string, input: unknown): Sent =>
  rpc(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: input } }));

const otherHost = { host: 'evil.example' };
const otherOrigin = { origin: 'https://evil.example' };
const longSymbol = 'A'.repeat(1_000);
const longCookie = 'c'.repeat(20_000);
const foreignEvent = { runId: unknownRun, event: { type: 'xstate.done.actor.x' } };
const alertFields = '"symbol":"AAPL","condition":"above","threshold":1';
const unknownAlert = '{"symbol":"NOPE","condition":"above","threshold":1}';
const savedNowhere = '{"savedScreenerId":"00000000-0000-4000-8000-000000000000"}';
const crossedPrices = '{"criteria":{"minPrice":50,"maxPrice":20}}';
const modernHeaders = { ...mcp, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };

const aTime = '2026-01-01T00:00:00Z';
const wrongLeg = '{"symbol":"A","legs":[{"strike":1,"right":"put","quantity":-1,"openPrice":1}]}';
const wrongCriteria = '{"name":"a","criteria":{"minPrice":50,"maxPrice":20}}';
const longFile = JSON.stringify({ csv: 'x'.repeat(950_000) });

/** What is sent, and the status and code that it is answered with: our code, or JSON-RPC's where it has only that. */
const wrongs: [name: string, sent: Sent, status: number, code: string | number][] = [
  ['api: unknown address', get('/nowhere'), 404, 'not_found'],
  ['api: unknown operation', get('/api/nowhere'), 404, 'not_found'],
  ['api: wrong method', { method: 'PUT', path: '/api/runs' }, 405, 'method_not_allowed'],
  ['api: broken escapes', get('/api/runs/%E0%A4%A'), 404, 'run_not_found'],
  ['api: missing field', post('/api/alerts', '{}'), 400, 'invalid_input'],
  ['api: no body', post('/api/runs/analysis', '', {}), 400, 'invalid_input'],
  ['api: non-JSON', post('/api/runs/analysis', '{"symbol":'), 400, 'invalid_json'],
  ['api: JSON that is no object', post('/api/alerts', '[1]'), 400, 'invalid_input'],
  ['api: a prototype', post('/api/alerts', '{"__proto__":{"symbol":"A"}}'), 400, 'invalid_input'],
  [
    'api: no JSON type',
    post('/api/alerts', '{}', { 'content-type': 'text/plain' }),
    415,
    'unsupported_media_type',
  ],
  ['api: 10 MB', post('/api/alerts', tenMegabytes), 413, 'too_large'],
  ['api: 10 MB in chunks', post('/api/alerts', tenMegabytes, { ...json, ...chunked }), 413, 'too_large'],
  ['api: symbol of 1,000 characters', get(`/api/quotes?symbols=${longSymbol}`), 400, 'invalid_input'],
  [
    'api: a head that is too large',
    get(`/api/quotes?symbols=${'AAPL,'.repeat(10_000)}`),
    431,
    'head_too_large',
  ],
  ['mcp: a head that is too large', rpc('{}', { ...mcp, cookie: longCookie }), 431, 'head_too_large'],
  [
    'no HTTP',
    { method: 'GET', path: '/api/runs', headers: { 'content-length': 'x' } },
    400,
    'invalid_request',
  ],
  ['api: a number that is none', get('/api/runs?limit=many'), 400, 'invalid_input'],
  ['api: unknown parameter', get('/api/runs?order=asc'), 400, 'invalid_input'],
  ['api: unknown run', get(`/api/runs/${unknownRun}`), 404, 'run_not_found'],
  ['api: an actor that is no run', post('/api/runs/session.1/cancel', '{}'), 404, 'run_not_found'],
  ['api: unknown screener', post('/api/runs/screener', savedNowhere), 404, 'screener_not_found'],
  ['api: no criteria', post('/api/runs/screener', '{}'), 400, 'invalid_input'],
  ['api: criteria of no sense', post('/api/runs/screener', crossedPrices), 400, 'invalid_input'],
  ['api: an unknown kind of run', get('/api/runs?kind=session'), 400, 'invalid_input'],
  ['api: unknown alert', { method: 'DELETE', path: '/api/alerts/none' }, 404, 'alert_not_found'],
  ['api: a note with NUL', post('/api/alerts', `{${alertFields},"note":"\\u0000"}`), 400, 'invalid_input'],
  ['api: half a character', post('/api/alerts', `{${alertFields},"note":"\\ud800"}`), 400, 'invalid_input'],
  ['api: a cursor with NUL', get('/api/alerts?cursor=%00'), 400, 'invalid_input'],
  ['api: an alert for an unknown symbol', post('/api/alerts', unknownAlert), 404, 'symbol_not_found'],
  ['api: a position without legs', post('/api/positions', '{"symbol":"A"}'), 400, 'invalid_input'],
  ['api: a position of no expiration', post('/api/positions', wrongLeg), 400, 'invalid_input'],
  ['api: unknown position', post('/api/positions/x/close', '{"realizedPnl":"1"}'), 404, 'position_not_found'],
  ['api: no position', { method: 'DELETE', path: '/api/positions/%00' }, 400, 'invalid_input'],
  ['api: a file that is none', post('/api/positions/import', '{"csv":"hello"}'), 400, 'invalid_input'],
  ['api: a file with NUL', post('/api/positions/import', '{"csv":"a\\u0000b"}'), 400, 'invalid_input'],
  ['api: a file of 950 kB', post('/api/positions/import', longFile), 400, 'invalid_input'],
  ['api: import by GET', get('/api/positions/import'), 405, 'method_not_allowed'],
  ['api: a time zone of nowhere', post('/api/preferences', '{"timeZone":"A/B"}'), 400, 'invalid_input'],
  ['api: half of the quiet hours', post('/api/preferences', '{"quietFrom":"22:00"}'), 400, 'invalid_input'],
  ['api: wrong criteria', post('/api/screeners', wrongCriteria), 400, 'invalid_input'],
  ['api: unknown screener', { method: 'DELETE', path: '/api/screeners/x' }, 404, 'screener_not_found'],
  ['api: both a time and a number', get(`/api/catch-up?afterSeq=1&since=${aTime}`), 400, 'invalid_input'],
  ['api: a time to come', get('/api/catch-up?since=2999-01-01T00:00:00Z'), 400, 'invalid_input'],
  ['api: unknown actor', get('/api/actors/analysis/none'), 404, 'actor_not_found'],
  ['api: unknown history', get('/api/actors/analysis/none/history'), 404, 'actor_not_found'],
  ['api: unknown pending', get('/api/actors/analysis/none/pending'), 404, 'actor_not_found'],
  ['api: stop of an unknown actor', post('/api/actors/a/b/stop', '{}'), 404, 'actor_not_found'],
  ['api: an actor of no key', get('/api/actors/analysis'), 404, 'not_found'],
  ['api: a key with NUL', get('/api/actors/analysis/%00'), 400, 'invalid_input'],
  ['api: a key with a slash', get('/api/actors/analysis/a%2Fb'), 400, 'invalid_input'],
  ['api: a machine with a path', get('/api/actors/..%2F..%2Fx/a'), 400, 'invalid_input'],
  ['api: a revision that is none', get('/api/actors/a/b/history?from=x'), 400, 'invalid_input'],
  ['api: too long a history', get('/api/actors/a/b/history?limit=1000'), 400, 'invalid_input'],
  ['api: an unknown status', get('/api/actors?status=tired'), 400, 'invalid_input'],
  ['api: stop by GET', get('/api/actors/a/b/stop'), 405, 'method_not_allowed'],
  ['api: unknown symbol', get('/api/quotes?symbols=NOPE'), 404, 'symbol_not_found'],
  ['api: another Host', get('/api/runs', otherHost), 403, 'forbidden_host'],
  ['api: another Origin', get('/api/runs', otherOrigin), 403, 'forbidden_origin'],
  ['page: another Host', get('/', otherHost), 403, 'forbidden_host'],
  ['inspector: another Host', get('/inspect', otherHost), 403, 'forbidden_host'],
  ['inspector: unknown actor', get('/inspect/api/actors/analysis/none'), 404, 'actor_not_found'],
  ['inspector: a key with NUL', get('/inspect/api/actors/analysis/%00'), 400, 'invalid_input'],
  ['mcp: another Origin', rpc('{}', { ...mcp, ...otherOrigin }), 403, 'forbidden_origin'],
  ['mcp: GET', get('/mcp'), 405, 'method_not_allowed'],
  ['mcp: DELETE', { method: 'DELETE', path: '/mcp' }, 405, 'method_not_allowed'],
  ['mcp: non-JSON', rpc('hello'), 400, 'invalid_json'],
  ['mcp: no body', rpc(''), 400, 'invalid_json'],
  ['mcp: no body and no type', rpc('', {}), 400, 'invalid_json'],
  ['mcp 2026: no body', rpc('', modernHeaders), 400, 'invalid_json'],
  ['mcp: null', rpc('null'), 400, -32_600],
  ['mcp: no JSON type', rpc('{}', { ...mcp, 'content-type': 'text/plain' }), 415, 'unsupported_media_type'],
  ['mcp: no JSON-RPC', rpc('{"hello":1}'), 400, -32_600],
  ['mcp: an empty batch', rpc('[]'), 400, -32_600],
  ['mcp: 10 MB', rpc(tenMegabytes), 413, 'too_large'],
  ['mcp: unknown method', rpc('{"jsonrpc":"2.0","id":1,"method":"actors/send"}'), 200, -32_601],
  ['mcp: unknown tool', tool('drop_tables', {}), 200, 'unknown_tool'],
  ['mcp: an operation for operators', tool('stop_actor', { machine: 'a', key: 'b' }), 200, 'unknown_tool'],
  ['mcp: missing field', tool('start_analysis', {}), 200, 'invalid_input'],
  ['mcp: arguments that are no object', tool('start_analysis', 'AAPL'), 400, 'invalid_input'],
  ['mcp: symbol of 1,000 characters', tool('get_quote', { symbols: [longSymbol] }), 200, 'invalid_input'],
  ['mcp: unknown screener', tool('start_screener', JSON.parse(savedNowhere)), 200, 'screener_not_found'],
  ['mcp: criteria of no sense', tool('start_screener', JSON.parse(crossedPrices)), 200, 'invalid_input'],
  ['mcp: a leg of nothing', tool('add_position', { symbol: 'A', legs: [{}] }), 200, 'invalid_input'],
  ['mcp: unknown position', tool('delete_position', { positionId: unknownRun }), 200, 'position_not_found'],
  ['mcp: no file', tool('import_positions', { csv: '' }), 200, 'invalid_input'],
  ['mcp: unknown run', tool('get_run', { runId: unknownRun }), 200, 'run_not_found'],
  ['mcp: an event for a machine', tool('cancel_run', foreignEvent), 200, 'invalid_input'],
  [
    'mcp 2026: no envelope',
    rpc('{"jsonrpc":"2.0","id":1,"method":"tools/list"}', modernHeaders),
    400,
    -32_602,
  ],
  ['ws: no upgrade', get('/ws'), 426, 'upgrade_required'],
  ['inspector ws: no upgrade', get('/inspect/ws'), 426, 'upgrade_required'],
  ['ws: unknown address', get('/nowhere', upgrade), 404, 'not_found'],
  ['ws: another Origin', get('/ws', { ...upgrade, ...otherOrigin }), 403, 'forbidden_origin'],
  [
    'ws: another protocol',
    get('/ws', { ...upgrade, 'sec-websocket-protocol': 'chat' }),
    400,
    'invalid_input',
  ],
  ['inspector ws: another Host', get('/inspect/ws', { ...upgrade, ...otherHost }), 403, 'forbidden_host'],
];

describe('wrong input', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    expect((await ask(server, 'GET', '/healthz')).json).toEqual({ status: 'ok' });
    expect(server.system.actors.size).toBe(0);
    expect(server.errors).toEqual([]);
  });

  it.each(wrongs)('%s', async (_, { method, path, headers, body }, status, code) => {
    const answer = await ask(server, method, path, {
      ...(headers && { headers }),
      ...(body !== undefined && { body }),
    });
    expect([answer.status, codeIn(answer.text)]).toEqual([status, code]);
    expect(answer.text.length).toBeLessThan(3_000);
  });

  it('mcp: no body is a parse error of JSON-RPC, with our error beside it', async () => {
    expect((await ask(server, 'POST', '/mcp', { headers: mcp })).json).toEqual({
      jsonrpc: '2.0',
      error: {
        code: -32_700,
        message: 'The body is empty.',
        data: { error: { code: 'invalid_json', message: 'The body is empty.', retryable: false } },
      },
      id: null,
    });
  });

  it('names an item of a list as a person counts', async () => {
    const { json: answer } = await ask(server, 'GET', '/api/quotes?symbols=AAPL,A$');
    expect(answer).toMatchObject({
      error: {
        message: expect.stringContaining('symbols, item 2: must be a ticker'),
        details: { issues: [{ field: 'symbols.1' }] },
      },
    });
  });

  it('a socket without an upgrade names the protocol to upgrade to', async () => {
    expect((await ask(server, 'GET', '/ws')).headers).toMatchObject({ upgrade: 'websocket' });
  });

  it('a fault of ours is internal_error, with an id and nothing else of it', async () => {
    server.system.failNext = new Error('SELECT secret');
    const answer = await ask(server, 'GET', `/api/runs/${unknownRun}`);
    expect(answer.status).toBe(500);
    expect(answer.json).toMatchObject({ error: { code: 'internal_error', retryable: false } });
    expect(answer.text).not.toContain('secret');
    expect(server.errors.splice(0)).toHaveLength(1);
  });
});
