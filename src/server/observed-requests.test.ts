/** What is told of requests, and who may read the metrics. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashToken } from './auth.ts';
import type { RequestObserver } from './observed-requests.ts';
import { ask, startTestServer, type TestServer } from './testing/test-server.ts';

let folder: string;
let server: TestServer;
let told: object[];

const requests: RequestObserver = {
  begins: (request) => ({
    run: (work) => work(),
    ended: (answer) => void told.push({ ...request, ...answer }),
  }),
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
};

beforeEach(async () => {
  told = [];
  folder = await mkdtemp(join(tmpdir(), 'ttai-metrics-'));
  const tokensFile = join(folder, 'tokens');
  await writeFile(tokensFile, `operator ${hashToken('op-token')} ann\n${hashToken('bob-token')} bob\n`);
  server = await startTestServer({ tokensFile, requests });
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const get = (path: string, token?: string, more = {}) =>
  ask(server, 'GET', path, {
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...more },
  });

test('metrics are for operators', async () => {
  expect((await get('/metrics')).status).toBe(401);
  expect(await get('/metrics', 'bob-token')).toMatchObject({
    status: 403,
    json: { error: { code: 'operators_only' } },
  });
  const { status, headers, text } = await get('/metrics', 'op-token');
  expect({ status, text }).toEqual({ status: 200, text: 'up 1\n' });
  expect(headers['content-type']).toContain('version=0.0.4');
});

test('on a laptop without tokens they are there', async () => {
  const local = await startTestServer({ requests });
  try {
    expect((await ask(local, 'GET', '/metrics', { headers: { host: `127.0.0.1:${local.port}` } })).text).toBe(
      'up 1\n',
    );
  } finally {
    await local.stop();
  }
});

test('a request is told of by its route, never its path, whatever becomes of it', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await get('/api/runs/analysis.secret', 'bob-token', { traceparent });
  await get('/nowhere/secret', 'bob-token');
  await get('/api/nowhere/secret', 'bob-token');
  await get('/api/runs/analysis.secret');
  expect(told).toEqual([
    { method: 'GET', route: '/api/runs/:runId', status: 404, traceparent },
    { method: 'GET', route: 'none', status: 404, traceparent: undefined },
    { method: 'GET', route: 'none', status: 404, traceparent: undefined },
    { method: 'GET', route: '/api/runs/:runId', status: 401, traceparent: undefined },
  ]);
});

test.each([
  ['POST', '/api/runs/analysis', 400],
  ['DELETE', '/api/runs/analysis', 405],
  ['GET', '/api/actors/migrate', 405],
  ['GET', '/inspect/api/stately', 200],
])(
  '%s %s is told of by its own route, not by a wider one that fits as well',
  async (method, path, status) => {
    const { status: answered } = await ask(server, method, path, {
      headers: { authorization: 'Bearer bob-token' },
    });
    expect({ answered, told }).toMatchObject({ answered: status, told: [{ method, route: path, status }] });
  },
);
