/**
 * Screeners over the real analysis service, killed with SIGKILL and started again. Its market is simulated and its time
 * stands still, so that a symbol comes to the same whenever it is asked. In every state: `screener-crash.test.ts`.
 */
import { expect, test } from 'vitest';
import { AnalysisProxy } from './analysis-proxy.ts';
import { startAnalysisService } from './analysis-service.ts';
import { Random } from './chaos/random.ts';
import { expectWhole, finish, newRun, outcomeOf, SEED, startProcess, useDatabase } from './screener-runs.ts';

const QUICK = '/analyze/quick';
const KILLS = 6;

useDatabase();

test('killed in six batches, it comes to the same as undisturbed', async () => {
  await using analysis = await startAnalysisService({ MARKET_DATA_AS_OF: '2026-06-10T15:00:00Z' });
  await using proxy = new AnalysisProxy(analysis.url);
  await proxy.open();
  const quiet = newRun(proxy.url);
  await finish(quiet);
  const { output, analyzed } = await outcomeOf(quiet);
  expect(output).toMatchObject({ status: 'completed', candidates: 50, failed: [], source: 'simulated' });
  expect(new Set(analyzed).size).toBe(50);

  const batches = Array.from({ length: 10 }, (_, batch) => {
    const asked = proxy.requests.filter(({ path }) => path === QUICK);
    return asked.slice(batch * 5, batch * 5 + 5).map(({ symbol }) => symbol);
  });
  const random = new Random(SEED);
  const struck = random
    .shuffled([...batches.keys()])
    .slice(0, KILLS)
    .toSorted((one, other) => one - other);
  const run = newRun(proxy.url);
  proxy.requests.length = 0;
  for (const batch of struck) {
    const symbol = random.pick(batches[batch] ?? []);
    // Held, so that the last batch is not over before its kill.
    proxy.hold((request) => request.symbol === symbol);
    const asked = proxy.arrival({ path: QUICK, symbol });
    const { child, ended } = startProcess(run);
    await asked;
    child.kill('SIGKILL');
    expect(await ended).toBe(false);
    proxy.release();
  }
  await finish(run);
  console.log(`screener: seed ${SEED}; killed in the batches ${struck.join(', ')}, from 0`);
  expectWhole(await outcomeOf(run), output, analyzed.toSorted());
}, 120_000);
