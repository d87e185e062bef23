/** With tokens each door demands one, and shows its owner's alone. What a token is: `auth.test.ts`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashToken } from './auth.ts';
import { codeIn, json, mcp, upgrade } from './testing/plain-requests.ts';
import { ask, startTestServer, type TestServer } from './testing/test-server.ts';

describe('with tokens', () => {
  let folder: string;
  let server: TestServer;
  const withToken = (token: string) => ({ authorization: `Bearer ${token}` });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ttai-doors-'));
    await writeFile(
      join(folder, 'tokens'),
      `${hashToken('a-token')} ann\n${hashToken('b-token')} bob\noperator ${hashToken('o-token')} opal\n`,
    );
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
    ['GET', '/api/actors', {}],
    ['GET', '/api/actors/analysis/a/pending', {}],
    ['POST', '/api/actors/analysis/a/stop', json],
    ['POST', '/api/alerts', json],
    ['GET', '/api/positions', {}],
    ['POST', '/api/positions/import', json],
    ['GET', '/api/preferences', {}],
    ['GET', '/api/catch-up', {}],
    ['POST', '/mcp', mcp],
    ['GET', '/mcp', {}],
    ['GET', '/inspect', {}],
    ['GET', '/inspect/api/actors', {}],
    ['GET', '/inspect/stately', {}],
    ['GET', '/ws', {}],
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
      ['GET', `/api/actors/priceAlert/${alertId}`, 'actor_not_found'],
      ['GET', `/api/actors/priceAlert/${alertId}/history`, 'actor_not_found'],
      ['GET', `/api/actors/priceAlert/${alertId}/pending`, 'actor_not_found'],
    ] as const) {
      const answer = await ask(server, method, path, { headers: bob });
      expect([answer.status, codeIn(answer.text)]).toEqual([404, code]);
    }
    const stop = `/api/actors/priceAlert/${alertId}/stop`;
    expect((await ask(server, 'POST', stop, { headers: { ...json, ...bob }, body: '{}' })).status).toBe(404);
    expect((await ask(server, 'GET', '/api/runs', { headers: bob })).json).toMatchObject({ runs: [] });
    expect((await ask(server, 'GET', '/api/actors', { headers: bob })).json).toMatchObject({ actors: [] });
    const opal = { ...json, ...withToken('o-token') };
    expect((await ask(server, 'GET', '/api/actors?limit=2', { headers: opal })).json).toMatchObject({
      actors: [{ owner: 'ann' }, { owner: 'ann' }],
    });
    expect((await ask(server, 'POST', stop, { headers: opal, body: '{}' })).json).toMatchObject({
      actor: { status: 'stopped' },
    });
  });

  it('tells a stranger that it lives and whether it is ready, and nothing else', async () => {
    expect((await ask(server, 'GET', '/healthz')).json).toEqual({ status: 'ok' });
    expect((await ask(server, 'GET', '/readyz')).json).toEqual({ ready: true });
    expect((await ask(server, 'GET', '/readyz', { headers: withToken('a-token') })).json).toMatchObject({
      parts: { database: { ok: true } },
    });
  });
});
