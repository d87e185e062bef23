/**
 * One trace of an analysis, whole: from the MCP call of an assistant through steps and effects into the Python service,
 * with the server killed in the middle and started again. Real processes, and a collector that takes what they send.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { treeOf } from '../src/telemetry/testing/span-tree.ts';
import { AnalysisProxy } from './analysis-proxy.ts';
import { startAnalysisService, type TestAnalysisService } from './analysis-service.ts';
import { type OtlpReceiver, startOtlpReceiver } from './otlp-receiver.ts';
import { endServer, type ServerProcess, spawnServer } from './server-process.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;
/** The market stands still; spans are sent soon. */
const SETTINGS = { MARKET_DATA_AS_OF: '2026-06-10T15:00:00Z', OTEL_BSP_SCHEDULE_DELAY: '50' };

let home: string;
let collector: OtlpReceiver;
let service: TestAnalysisService;
let proxy: AnalysisProxy;
let server: ServerProcess;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ttai-traces-'));
  collector = await startOtlpReceiver();
  service = await startAnalysisService({ ...SETTINGS, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  proxy = new AnalysisProxy(service.url);
  await proxy.open();
});

afterEach(async () => {
  await endServer(server);
  await proxy[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

function startServer(): Promise<string> {
  const env = { ...SETTINGS, ANALYSIS_URL: proxy.url, OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` };
  server = spawnServer(home, { env: { ...env, LOG_LEVEL: 'error' } });
  return server.ready;
}

/** Calls a tool as an assistant that traces does. */
async function callTool(url: string, name: string, input: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      traceparent: TRACEPARENT,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: input } }),
  });
  const text = await response.text();
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  return (JSON.parse(json) as { result: { structuredContent: Record<string, unknown> } }).result
    .structuredContent;
}

const spans = () => treeOf(collector.spans, TRACE_ID);

test('one trace holds the MCP call, steps, effects and the spans of the Python service, across a kill -9', async () => {
  proxy.hold(({ path }) => path === '/analyze/chart');
  const { run } = (await callTool(await startServer(), 'start_analysis', {
    symbol: 'AAPL',
    type: 'chart_analysis',
  })) as { run: { runId: string } };
  await proxy.arrival({ symbol: 'AAPL', path: '/analyze/chart' });
  // What a process has not sent when it is killed is lost with it.
  await expect.poll(() => spans().join('\n'), { timeout: 10_000 }).toContain('fetchMarketData');
  await expect.poll(() => spans().join('\n'), { timeout: 10_000 }).toContain('POST /mcp');
  await expect.poll(() => spans().join('\n'), { timeout: 10_000 }).toContain('analysis xstate.done.actor.');
  server.process.kill('SIGKILL');
  await server.ended;
  proxy.release();

  const url = await startServer();
  const answer = await fetch(`${url}/api/runs/${run.runId}/wait?maxWaitSeconds=30`);
  expect(await answer.json()).toMatchObject({ run: { status: 'completed' } });
  await expect.poll(spans, { timeout: 15_000 }).toEqual([
    '? POST /mcp',
    '  analysis xstate.init',
    '    effect fetchMarketData',
    '      analysis xstate.done.actor.fetchMarketData',
    '        effect analyzeChart',
    '          analysis xstate.done.actor.analyzeChart',
    '            effect saveAnalysis',
    '              analysis xstate.done.actor.saveAnalysis',
    '          call /analyze/chart',
    '            POST /analyze/chart',
    '      call /market-data',
    '        POST /market-data',
    '          provider bars',
    '          provider quote',
    // Asked by the server that was killed, whose own spans of it were never sent.
    '? POST /analyze/chart',
  ]);
  expect(new Set(collector.spans.map((span) => span.service))).toEqual(new Set(['ttai', 'ttai-analysis']));
}, 90_000);
