/** The analysis service as a real child process: started, watched, started again, stopped. */
import { afterEach, expect, test } from 'vitest';
import { type Config, readConfig } from '../src/config.ts';
import { type Analysis, type AnalysisState, startAnalysis } from '../src/launch/analysis.ts';
import { endsWithin, sendSignal } from '../src/launch/processes.ts';

const warned: string[] = [];
const log = {
  debug: () => {},
  info: () => {},
  warn: (_: object, message: string) => warned.push(message),
  error: () => {},
};
const started: Analysis[] = [];

afterEach(async () => {
  for (const analysis of started.splice(0)) await analysis.stop();
});

async function start(
  options: { config?: Config; port?: number; healthEveryMs?: number } = {},
): Promise<Analysis> {
  const analysis = await startAnalysis({ config: readConfig({}), log, ...options });
  started.push(analysis);
  return analysis;
}

/** Resolves when it next gets into this state. */
function becomes(analysis: Analysis, state: AnalysisState): Promise<void> {
  return new Promise((resolve) => {
    const off = analysis.onState((now) => {
      if (now !== state) return;
      off();
      resolve();
    });
  });
}

test('answers when it is up, and is gone when it was stopped', async () => {
  const analysis = await start();
  expect(analysis.state()).toBe('up');
  const response = await fetch(`${analysis.url()}/healthz`);
  expect(response.status).toBe(200);
  await response.body?.cancel();

  const pid = Number(analysis.pid());
  await analysis.stop();
  expect(analysis.state()).toBe('down');
  expect(await endsWithin(pid, 0)).toBe(true);
});

test('comes back at the same address when it was killed', async () => {
  const analysis = await start();
  const [url, pid] = [analysis.url(), analysis.pid()];
  const down = becomes(analysis, 'down');
  const up = becomes(analysis, 'up');
  sendSignal(Number(pid), 'SIGKILL');
  await down;
  await up;
  expect(analysis.url()).toBe(url);
  expect(analysis.pid()).not.toBe(pid);
  expect((await fetch(`${url}/healthz`)).ok).toBe(true);
});

test('one that hangs is ended and comes back at the same address, and that is said', async () => {
  const analysis = await start({ healthEveryMs: 200 });
  const [url, pid] = [analysis.url(), Number(analysis.pid())];
  const down = becomes(analysis, 'down');
  const up = becomes(analysis, 'up');
  sendSignal(pid, 'SIGSTOP');
  await down;
  await up;
  expect(await endsWithin(pid, 0)).toBe(true);
  expect(analysis.url()).toBe(url);
  expect(warned.join()).toContain('no longer answers');
});

test('takes the port that it is given, or another when that is taken', async () => {
  const first = await start();
  const port = Number(new URL(first.url()).port);
  const second = await start({ port });
  expect(second.url()).not.toBe(first.url());
  await first.stop();
  const third = await start({ port });
  expect(third.url()).toBe(first.url());
});

test('a setting that the service refuses ends the launch with its words', async () => {
  const config = readConfig({ MARKET_DATA: 'files', MARKET_DATA_DIR: '/nonexistent' });
  await expect(start({ config })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('MARKET_DATA_DIR'),
  });
});

test('with ANALYSIS_URL no child is started', async () => {
  const analysis = await start({ config: readConfig({ ANALYSIS_URL: 'http://127.0.0.1:9/' }) });
  expect(analysis.url()).toBe('http://127.0.0.1:9');
  expect(analysis.pid()).toBeUndefined();
});
