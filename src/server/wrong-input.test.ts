/** Wrong input on every door: each is answered with a typed error, and the process goes on. The table is the test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hashToken } from './auth.ts';
import { ask, startTestServer, type TestServer } from './testing/test-server.ts';

const json = { 'content-type': 'application/json' };
const mcp = { ...json, accept: 'application/json, text/event-stream' };
const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const unknownRun = 'analysis.00000000-0000-4000-8000-000000000000';
const tenMegabytes = Buffer.alloc(10 * 1024 * 1024, 'x');

function toolCall(name: string, input: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: input } });
}

interface Wrong {
  name: string;
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  status: number;
  /** Of the error, wherever the door puts it. */
  code: string | number;
}

const wrongs: Wrong[] = [
  { name: 'api: unknown address', method: 'GET', path: '/nowhere', status: 404, code: 'not_found' },
  { name: 'api: unknown operation', method: 'GET', path: '/api/nowhere', status: 404, code: 'not_found' },
  { name: 'api: wrong method', method: 'PUT', path: '/api/runs', status: 405, code: 'method_not_allowed' },
  {
    name: 'api: broken escapes',
    method: 'GET',
    path: '/api/runs/%E0%A4%A',
    status: 404,
    code: 'run_not_found',
  },
  {
    name: 'api: missing field',
    method: 'POST',
    path: '/api/alerts',
    headers: json,
    body: '{}',
    status: 400,
    code: 'invalid_input',
  },
  { name: 'api: no body', method: 'POST', path: '/api/runs/analysis', status: 400, code: 'invalid_input' },
  {
    name: 'api: non-JSON',
    method: 'POST',
    path: '/api/runs/analysis',
    headers: json,
    body: '{"symbol":',
    status: 400,
    code: 'invalid_json',
  },
  {
    name: 'api: JSON that is no object',
    method: 'POST',
    path: '/api/alerts',
    headers: json,
    body: '[1]',
    status: 400,
    code: 'invalid_input',
  },
  {
    name: 'api: a prototype',
    method: 'POST',
    path: '/api/alerts',
    headers: json,
    body: '{"__proto__":{"symbol":"A"}}',
    status: 400,
    code: 'invalid_input',
  },
  {
    name: 'api: not sent as JSON',
    method: 'POST',
    path: '/api/alerts',
    headers: { 'content-type': 'text/plain' },
    body: '{}',
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'api: 10 MB',
    method: 'POST',
    path: '/api/alerts',
    headers: json,
    body: tenMegabytes,
    status: 413,
    code: 'too_large',
  },
  {
    name: 'api: 10 MB in chunks',
    method: 'POST',
    path: '/api/alerts',
    headers: { ...json, 'transfer-encoding': 'chunked' },
    body: tenMegabytes,
    status: 413,
    code: 'too_large',
  },
  {
    name: 'api: symbol of 1,000 characters',
    method: 'GET',
    path: `/api/quotes?symbols=${'A'.repeat(1_000)}`,
    status: 400,
    code: 'invalid_input',
  },
  {
    name: 'api: a number that is none',
    method: 'GET',
    path: '/api/runs?limit=many',
    status: 400,
    code: 'invalid_input',
  },
  {
    name: 'api: unknown parameter',
    method: 'GET',
    path: '/api/runs?order=asc',
    status: 400,
    code: 'invalid_input',
  },
  {
    name: 'api: unknown run',
    method: 'GET',
    path: `/api/runs/${unknownRun}`,
    status: 404,
    code: 'run_not_found',
  },
  {
    name: 'api: an actor that is no run',
    method: 'POST',
    path: '/api/runs/session.1/cancel',
    status: 404,
    code: 'run_not_found',
  },
  {
    name: 'api: unknown alert',
    method: 'DELETE',
    path: '/api/alerts/none',
    status: 404,
    code: 'alert_not_found',
  },
  {
    name: 'api: unknown symbol',
    method: 'GET',
    path: '/api/quotes?symbols=NOPE',
    status: 404,
    code: 'symbol_not_found',
  },
  {
    name: 'api: another Host',
    method: 'GET',
    path: '/api/runs',
    headers: { host: 'evil.example' },
    status: 403,
    code: 'forbidden_host',
  },
  {
    name: 'api: another Origin',
    method: 'GET',
    path: '/api/runs',
    headers: { origin: 'https://evil.example' },
    status: 403,
    code: 'forbidden_origin',
  },
  {
    name: 'page: another Host',
    method: 'GET',
    path: '/',
    headers: { host: 'evil.example' },
    status: 403,
    code: 'forbidden_host',
  },
  {
    name: 'inspector: another Host',
    method: 'GET',
    path: '/inspect',
    headers: { host: 'evil.example' },
    status: 403,
    code: 'forbidden_host',
  },
  {
    name: 'inspector: unknown actor',
    method: 'GET',
    path: '/inspect/api/actors/analysis/none',
    status: 404,
    code: 'actor_not_found',
  },
  {
    name: 'mcp: another Origin',
    method: 'POST',
    path: '/mcp',
    headers: { ...mcp, origin: 'https://evil.example' },
    body: '{}',
    status: 403,
    code: 'forbidden_origin',
  },
  { name: 'mcp: GET', method: 'GET', path: '/mcp', status: 405, code: 'method_not_allowed' },
  { name: 'mcp: DELETE', method: 'DELETE', path: '/mcp', status: 405, code: 'method_not_allowed' },
  {
    name: 'mcp: non-JSON',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: 'hello',
    status: 400,
    code: 'invalid_json',
  },
  {
    name: 'mcp: not sent as JSON',
    method: 'POST',
    path: '/mcp',
    headers: { accept: mcp.accept, 'content-type': 'text/plain' },
    body: '{}',
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'mcp: no JSON-RPC',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: '{"hello":1}',
    status: 400,
    code: -32_600,
  },
  {
    name: 'mcp: an empty batch',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: '[]',
    status: 400,
    code: -32_600,
  },
  {
    name: 'mcp: 10 MB',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: tenMegabytes,
    status: 413,
    code: 'too_large',
  },
  {
    name: 'mcp: unknown method',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: '{"jsonrpc":"2.0","id":1,"method":"actors/send"}',
    status: 200,
    code: -32_601,
  },
  {
    name: 'mcp: unknown tool',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: toolCall('drop_tables', {}),
    status: 200,
    code: 'unknown_tool',
  },
  {
    name: 'mcp: missing field',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: toolCall('start_analysis', {}),
    status: 200,
    code: 'invalid_input',
  },
  {
    name: 'mcp: arguments that are no object',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: toolCall('start_analysis', 'AAPL'),
    status: 400,
    code: 'invalid_input',
  },
  {
    name: 'mcp: symbol of 1,000 characters',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: toolCall('get_quote', { symbols: ['A'.repeat(1_000)] }),
    status: 200,
    code: 'invalid_input',
  },
  {
    name: 'mcp: unknown run',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: toolCall('get_run', { runId: unknownRun }),
    status: 200,
    code: 'run_not_found',
  },
  {
    name: 'mcp: an event for a machine',
    method: 'POST',
    path: '/mcp',
    headers: mcp,
    body: toolCall('cancel_run', { runId: unknownRun, event: { type: 'xstate.done.actor.x' } }),
    status: 200,
    code: 'invalid_input',
  },
  {
    name: 'mcp 2026: unknown revision',
    method: 'POST',
    path: '/mcp',
    headers: { ...mcp, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}',
    status: 400,
    code: -32_602,
  },
  {
    name: 'ws: unknown address',
    method: 'GET',
    path: '/nowhere',
    headers: upgrade,
    status: 404,
    code: 'not_found',
  },
  {
    name: 'ws: another Origin',
    method: 'GET',
    path: '/ws',
    headers: { ...upgrade, origin: 'https://evil.example' },
    status: 403,
    code: 'forbidden_origin',
  },
  {
    name: 'ws: another protocol',
    method: 'GET',
    path: '/ws',
    headers: { ...upgrade, 'sec-websocket-protocol': 'chat' },
    status: 400,
    code: 'invalid_input',
  },
  {
    name: 'inspector ws: another Host',
    method: 'GET',
    path: '/inspect/ws',
    headers: { ...upgrade, host: 'evil.example' },
    status: 403,
    code: 'forbidden_host',
  },
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

  it.each(wrongs)('$name is $status $code', async ({ method, path, headers = {}, body, status, code }) => {
    const answer = await ask(server, method, path, { headers, ...(body !== undefined && { body }) });
    expect([answer.status, codeIn(answer.text)]).toEqual([status, code]);
    expect(answer.text.length).toBeLessThan(3_000);
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

describe('with tokens', () => {
  let folder: string;
  let server: TestServer;
  const withToken = (token: string) => ({ authorization: `Bearer ${token}` });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ttai-doors-'));
    await writeFile(join(folder, 'tokens'), `${hashToken('a-token')} ann\n${hashToken('b-token')} bob\n`);
    server = await startTestServer({ tokensFile: join(folder, 'tokens') });
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const doors: [string, string, Record<string, string>][] = [
    ['GET', '/', {}],
    ['GET', '/nowhere', {}],
    ['GET', '/metrics', {}],
    ['GET', '/api/runs', {}],
    ['GET', '/api/openapi.json', {}],
    ['POST', '/api/alerts', json],
    ['POST', '/mcp', mcp],
    ['GET', '/mcp', {}],
    ['GET', '/inspect', {}],
    ['GET', '/inspect/api/actors', {}],
    ['GET', '/inspect/stately', {}],
    ['GET', '/ws', upgrade],
    ['GET', '/inspect/ws', upgrade],
  ];
  it.each(doors)('%s %s demands one, and knows a wrong one', async (method, path, headers) => {
    for (const credentials of [{}, withToken('wrong')]) {
      const answer = await ask(server, method, path, { headers: { ...headers, ...credentials } });
      expect([answer.status, codeIn(answer.text)]).toEqual([401, 'unauthorized']);
      if (headers !== upgrade) expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  it('asks a browser for it', async () => {
    const page = { accept: 'text/html,*/*' };
    const answer = await ask(server, 'GET', '/inspect', { headers: page });
    expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
    const authorization = `Basic ${Buffer.from('me:a-token').toString('base64')}`;
    expect((await ask(server, 'GET', '/', { headers: { ...page, authorization } })).status).toBe(200);
  });

  it("answers another's run and alert like missing ones", async () => {
    const runBody = JSON.stringify({ symbol: 'AAPL' });
    const alertBody = JSON.stringify({ symbol: 'AAPL', condition: 'above', threshold: 1 });
    const ann = { ...json, ...withToken('a-token') };
    const started = await ask(server, 'POST', '/api/runs/analysis', { headers: ann, body: runBody });
    const alert = await ask(server, 'POST', '/api/alerts', { headers: ann, body: alertBody });
    const { runId } = (started.json as { run: { runId: string } }).run;
    const { alertId } = (alert.json as { alert: { alertId: string } }).alert;
    expect((await ask(server, 'GET', `/api/runs/${runId}`, { headers: ann })).status).toBe(200);
    const bob = withToken('b-token');
    for (const [method, path, code] of [
      ['GET', `/api/runs/${runId}`, 'run_not_found'],
      ['GET', `/api/runs/${runId}/wait`, 'run_not_found'],
      ['POST', `/api/runs/${runId}/cancel`, 'run_not_found'],
      ['DELETE', `/api/alerts/${alertId}`, 'alert_not_found'],
    ] as const) {
      const answer = await ask(server, method, path, { headers: bob });
      expect([answer.status, codeIn(answer.text)]).toEqual([404, code]);
    }
    expect((await ask(server, 'GET', '/api/runs', { headers: bob })).json).toMatchObject({ runs: [] });
  });

  it('tells a stranger that it lives and whether it is ready, and nothing else', async () => {
    expect((await ask(server, 'GET', '/healthz')).json).toEqual({ status: 'ok' });
    expect((await ask(server, 'GET', '/readyz')).json).toEqual({ ready: true });
    expect((await ask(server, 'GET', '/readyz', { headers: withToken('a-token') })).json).toMatchObject({
      parts: { database: { ok: true } },
    });
  });
});

/** The code of an error: of ours where there is one, else JSON-RPC's. From JSON, or from the one event of a stream. */
function codeIn(text: string): unknown {
  const data = text.match(/^data: (.*)$/m)?.[1] ?? text;
  const { error, result } = JSON.parse(data) as {
    error?: { code: unknown; data?: { error?: { code: unknown } } };
    result?: { isError: boolean; structuredContent: { error: { code: unknown } } };
  };
  return result?.structuredContent.error.code ?? error?.data?.error?.code ?? error?.code;
}
