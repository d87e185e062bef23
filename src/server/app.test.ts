import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { version } from '../version.ts';
import type { HealthChecks } from './health.ts';
import { startServer } from './index.ts';
import { operations } from './operations/index.ts';
import { fakeRooms } from './testing/fake-rooms.ts';
import { ask, startTestServer, type TestServer } from './testing/test-server.ts';

let server: TestServer;
let health: HealthChecks;
const fine = async () => ({ ok: true });

beforeEach(async () => {
  health = { database: fine, analysis: fine };
  server = await startTestServer({
    health: { database: () => healthOf('database'), analysis: () => healthOf('analysis') },
  });
});
afterEach(() => server.stop());

/** The health of a part as the test last set it. */
async function healthOf(part: string): Promise<{ ok: boolean }> {
  return (health[part] ?? fine)();
}

describe('/api', () => {
  it('answers each operation at its address, with values from path, query and body', async () => {
    const headers = { 'content-type': 'application/json' };
    const post = (path: string, body: object) =>
      ask(server, 'POST', path, { headers, body: JSON.stringify(body) });
    const started = await post('/api/runs/analysis', { symbol: 'aapl' });
    const { runId } = (started.json as { run: { runId: string } }).run;
    const set = await post('/api/alerts', { symbol: 'AAPL', condition: 'below', threshold: 10 });
    const { alertId } = (set.json as { alert: { alertId: string } }).alert;
    const get = async (path: string) => (await ask(server, 'GET', path)).json;
    expect(await get('/api/quotes?symbols=AAPL,MSFT')).toMatchObject({
      quotes: [{ symbol: 'AAPL' }, { symbol: 'MSFT' }],
    });
    expect(await get('/api/quotes?symbols=AAPL&symbols=NOPE')).toMatchObject({ missing: ['NOPE'] });
    expect(await get(`/api/runs/${runId}?detail=full`)).toMatchObject({ run: { runId, full: null } });
    expect(await get(`/api/runs/${runId}/wait?maxWaitSeconds=0&afterRevision=0`)).toMatchObject({
      run: { runId },
    });
    expect(await get('/api/runs?limit=5&status=running')).toMatchObject({ runs: [{ runId }] });
    expect(await get('/api/alerts')).toMatchObject({ alerts: [{ alertId }] });
    expect(await get('/api/notifications?afterSeq=1')).toMatchObject({ notifications: [{ seq: 2 }] });
    expect((await post(`/api/runs/${runId}/cancel`, {})).json).toMatchObject({
      run: { status: 'cancelled' },
    });
    expect((await ask(server, 'DELETE', `/api/alerts/${alertId}`)).json).toMatchObject({
      alert: { status: 'cancelled' },
    });
  });

  it('describes every operation, and the sockets', async () => {
    const { json } = await ask(server, 'GET', '/api/openapi.json');
    const { paths } = json as { paths: Record<string, Record<string, { operationId: string }>> };
    const described = Object.values(paths).flatMap((methods) => Object.values(methods));
    expect(described.map(({ operationId }) => operationId).sort()).toEqual(
      operations.map(({ name }) => name).sort(),
    );
    expect(paths['/api/runs/{runId}/wait']?.get).toMatchObject({
      parameters: expect.arrayContaining([
        expect.objectContaining({ name: 'runId', in: 'path', required: true }),
      ]),
    });
    expect((await ask(server, 'GET', '/api/asyncapi.json')).json).toMatchObject({ asyncapi: '3.0.0' });
  });
});

describe('health', () => {
  it('is ready when all parts are, and names those that are not', async () => {
    expect((await ask(server, 'GET', '/readyz')).json).toMatchObject({ ready: true, missing: [] });
    health = {
      database: async () => ({ ok: false, pending: 2 }),
      analysis: async () => {
        throw new Error('refused');
      },
    };
    const answer = await ask(server, 'GET', '/readyz');
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.any(String) },
      json: {
        ready: false,
        missing: ['database', 'analysis'],
        parts: { database: { pending: 2 }, analysis: { message: 'refused' } },
      },
    });
    expect((await ask(server, 'GET', '/healthz')).status).toBe(200);
  });
});

const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe('the front page', () => {
  it('says what runs here and how to connect, and loads nothing from elsewhere', async () => {
    const { text, headers } = await ask(server, 'GET', '/');
    expect(headers['content-type']).toContain('text/html');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(text).toContain(`claude mcp add --transport http ttai http://127.0.0.1:${server.port}/mcp`);
    expect(text).toContain('Simulated market');
    expect(text).toContain('href="/inspect"');
    expect(text).not.toMatch(/(src|href)="https?:/);
  });

  it('says where prices come from as the service does', async () => {
    const rooms = { ...fakeRooms(), health: {}, serverId: 'x', log: silent };
    const config = { host: '127.0.0.1', port: 0, marketData: 'files' as const };
    let source = async () => 'simulated';
    const files = await startServer({ ...rooms, config, marketSource: () => source() });
    try {
      expect((await ask(files, 'GET', '/')).text).toContain('Simulated market');
      source = async () => 'files';
      expect((await ask(files, 'GET', '/')).text).toContain('Market data: <strong>files</strong>');
    } finally {
      await files.stop();
    }
  });
});

describe('starting', () => {
  const rooms = {
    ...fakeRooms(),
    health: {},
    serverId: 'x',
    log: silent,
  };

  it('says that a port is taken, and that others need tokens', async () => {
    const config = { host: '127.0.0.1', port: server.port, marketData: 'simulated' as const };
    await expect(startServer({ ...rooms, config })).rejects.toMatchObject({ code: 'port_in_use' });
    const open = { ...config, host: '0.0.0.0' };
    await expect(startServer({ ...rooms, config: open })).rejects.toMatchObject({ code: 'tokens_required' });
  });

  it('tells the version of the package', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(version).toBe(manifest.version);
  });
});
