/** The client against a server that notes what it was asked. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { AnalysisClient } from './analysis-client.ts';

let server: Server | undefined;

afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

/** Its address. */
async function serve(listener: RequestListener): Promise<string> {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

it('keeps the path of an address that has one', async () => {
  const asked: string[] = [];
  const none = { symbols: [], universeSize: 0, failedCounts: {}, asOf: '2026-03-02T15:00:00Z' };
  const answer = { ...none, quality: { source: 'simulated', asOf: null, warnings: [] } };
  const url = await serve((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('connection', 'close').end(JSON.stringify(answer));
  });
  const client = new AnalysisClient(() => `${url}/behind/a/proxy`);
  expect(await client.candidates({})).toMatchObject(none);
  expect(asked).toEqual(['/behind/a/proxy/screener/candidates?detail=true']);
});

it('tries again what did not arrive in time', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(408, { connection: 'close' });
    response.end(JSON.stringify({ error: { code: 'REQUEST_TIMEOUT', message: 'late', retryable: true } }));
  });
  const call = new AnalysisClient(() => url).candidates({});
  await expect(call).rejects.toMatchObject({ code: 'request_timeout', retryable: true });
});
