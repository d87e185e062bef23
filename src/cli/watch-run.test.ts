/** What is said of a run whose server went away while it was watched. */
import { expect, test } from 'vitest';
import { TtaiError } from '../actors/runtime/errors.ts';
import type { RunHead } from '../server/operations/run-view.ts';
import { type Client, unreachable } from './client.ts';
import { explain } from './errors.ts';
import { watchRun } from './watch-run.ts';

const run = { runId: 'screener.1', kind: 'screener', status: 'running', step: null, revision: 1 };
const begun = { run: run as unknown as RunHead, alreadyRunning: false };
const terminal = { out() {}, note() {}, status: undefined, style: (_: unknown, text: string) => text };

async function failed(error: TtaiError): Promise<string> {
  const client = { call: () => Promise.reject(error) } as unknown as Client;
  const thrown = await watchRun(client, begun, terminal).catch((found: unknown) => found);
  return explain(thrown).line;
}

test('the run goes on, under which id, and how to see it', async () => {
  const away = unreachable({ url: 'http://127.0.0.1:1', token: undefined });
  const line = await failed(away);
  expect(line).toContain('No TTAI server answers at http://127.0.0.1:1.');
  expect(line).toContain('screener.1 goes on');
  expect(line).toMatch(/"npm run ttai -- run screener\.1 --wait" shows it\. \(server_unreachable\)$/);
  const busy = new TtaiError('unavailable', 'The database is away.', { retryable: true });
  expect(await failed(busy)).toContain('run screener.1 --wait');
});

test('what no waiting mends says nothing of that', async () => {
  const line = await failed(new TtaiError('run_not_found', 'There is no run screener.1.'));
  expect(line).toBe('There is no run screener.1. (run_not_found)');
});
