/** `analyze`, `screen`, `runs`, `run` and `cancel`. */
import { describe, expect, it } from 'vitest';
import { savedScreener } from '../server/testing/fake-rooms.ts';
import { finishedAnalysis, finishedScreener } from '../server/testing/finished-runs.ts';
import { localTime } from './terminal.ts';
import { TypedCommands } from './testing/typed-commands.ts';

const typed = TypedCommands.use();

describe('analyze', () => {
  it('shows the steps, then the result, and says that it is simulated', async () => {
    let ended = false;
    const { code, out, notes } = await typed.ttai(
      ['analyze', 'aapl', '--type', 'full_analysis'],
      {},
      (line) => {
        const [address] = typed.server.system.actors.keys();
        if (!address || ended) return;
        ended = line.includes('reading the chart');
        const progress = { done: 1, total: 5, step: 'reading the chart' };
        const { context } = typed.server.system.actors.get(address) ?? { context: {} };
        queueMicrotask(() =>
          ended
            ? typed.server.system.move(address, { status: 'done', output: finishedAnalysis })
            : typed.server.system.move(address, { context: { ...context, progress } }),
        );
      },
    );
    expect(notes).toContain('fetching market data');
    expect(notes).toContain('1/5  reading the chart');
    expect(out).toContain('STRONG_SELECT');
    expect(out).toContain('SIMULATED DATA');
    expect(out).toMatch(/Contract +220.00 expiring 2026-04-17 \(46 days\)/);
    expect(code).toBe(0);
  });

  it('shows what speaks against the pick beside it, and what is wrong with the data', async () => {
    const [caution, quality] = ['the news say no: guidance cut', { source: 'simulated' }];
    const output = {
      ...finishedAnalysis,
      recommendation: 'select',
      cautions: [caution],
      options: {
        ...finishedAnalysis.options,
        quality: { ...quality, warnings: ['one_sided_quotes:242', 'earnings_unknown'] },
      },
    };
    const { out, notes } = await typed.ttai(['analyze', 'AAPL'], {}, () => {
      for (const address of typed.server.system.actors.keys()) {
        const context = { progress: { done: 5, total: 5, step: 'Done' } };
        queueMicrotask(() => typed.server.system.move(address, { status: 'done', context, output }));
      }
    });
    expect(out).toContain(`SELECT, but ${caution}`);
    expect(out).toContain('one sided quotes: 242, earnings unknown');
    expect(notes).toContain('5/5  Done');
  });

  it('says why a step does not go on', async () => {
    typed.server.system.lastError = {
      ...{ name: 'E', code: 'provider_unavailable', retryable: true },
      message: 'Nobody is there.',
    };
    const effects = [{ id: 'fetchMarketData', src: 'fetchMarketData', effectId: 'e' }];
    const { notes, code } = await typed.ttai(['analyze', 'AAPL'], {}, (line) => {
      for (const address of typed.server.system.actors.keys()) {
        queueMicrotask(() =>
          line.includes('Nobody is there. (provider_unavailable)')
            ? typed.server.system.move(address, { status: 'done', output: finishedAnalysis })
            : typed.server.system.move(address, { effects }),
        );
      }
    });
    expect(notes).toContain('Waiting, and trying again: Nobody is there. (provider_unavailable)');
    expect(code).toBe(0);
    const run = (await typed.ttai(['runs', '--json'])).out;
    const [{ runId }] = (JSON.parse(run) as { runs: [{ runId: string }] }).runs;
    typed.server.system.move(`analysis/${runId.split('.')[1]}`, { status: 'active' });
    const report = (await typed.ttai(['run', runId])).out;
    expect(report).toContain('Nobody is there. (provider_unavailable)');
    expect(report).toContain('Next attempt');
  });

  it('is a failure when the analysis fails', async () => {
    const error = { name: 'E', code: 'symbol_not_found', message: 'Nobody knows NOPE.', retryable: false };
    const { code, out } = await typed.ttai(['analyze', 'NOPE'], {}, () => {
      for (const address of typed.server.system.actors.keys()) {
        queueMicrotask(() =>
          typed.server.system.move(address, { status: 'done', output: { status: 'failed', error } }),
        );
      }
    });
    expect(out).toContain('Nobody knows NOPE. (symbol_not_found)');
    expect(code).toBe(1);
  });

  it.each([
    ['analyze', ['analyze', 'AAPL'], 'analysis'],
    ['screen', ['screen'], 'screener'],
  ])('times in words are by the clock of the reader, in %s as in run', async (_, args, machine) => {
    const at = '2026-03-02T15:00:00.000Z';
    const error = { name: 'E', code: 'stale', message: `Nothing is newer than ${at}.`, retryable: false };
    const { out } = await typed.ttai(args, {}, () => {
      for (const address of typed.server.system.actors.keys())
        queueMicrotask(() =>
          typed.server.system.move(address, { status: 'done', output: { status: 'failed', error } }),
        );
    });
    const [address = ''] = typed.server.system.actors.keys();
    expect(address).toContain(machine);
    expect(out).toContain(`newer than ${localTime(at)}.`);
    expect((await typed.ttai(['run', address.replace('/', '.')])).out).toBe(out);
  });
});

describe('screen', () => {
  /** Ends the screener when its first line is shown. */
  const ending = (output: object) => (line: string) => {
    for (const address of typed.server.system.actors.keys()) {
      if (line.includes('looking for candidates'))
        queueMicrotask(() => typed.server.system.move(address, { status: 'done', output }));
    }
  };

  it('sends the criteria, shows how far it is, and prints a table', async () => {
    const args = [
      '--symbols',
      'aapl',
      'F',
      '--min-price',
      '20',
      '--any-trend',
      '--rsi-max',
      '65',
      '--sort-by',
      'score',
    ];
    let moved = false;
    const end = ending(finishedScreener);
    const { code, out, notes } = await typed.ttai(['screen', ...args, '--max-symbols', '30'], {}, (line) => {
      const [address] = typed.server.system.actors.keys();
      if (!address || moved) {
        if (line.startsWith('3/24')) end('looking for candidates');
        return;
      }
      moved = line.includes('looking for candidates');
      const context = {
        ...typed.server.system.actors.get(address)?.context,
        progress: { done: 3, total: 24, step: 'analysing' },
      };
      if (moved) queueMicrotask(() => typed.server.system.move(address, { context }));
    });
    const [actor] = typed.server.system.actors.values();
    expect(actor).toMatchObject({ machine: 'screener' });
    expect(notes).toContain('3/24  analysing');
    expect(out).toContain('SIMULATED DATA');
    expect(out).toMatch(/^SYMBOL +VERDICT +SCORE +PRICE +STRIKE/m);
    expect(out).toMatch(/^S0 +select +90.0 +40.25 +38.00 +2026-04-17 +-0.24 +0.42 +0.61$/m);
    expect(out).toContain('F0  Too few bars. (insufficient_data)');
    expect(out).toContain('and 2 more');
    expect(code).toBe(0);
  });

  it('takes a saved one, and answers as JSON', async () => {
    const { out } = await typed.ttai(
      ['screen', '--saved', savedScreener.id, '--json'],
      {},
      ending(finishedScreener),
    );
    expect(JSON.parse(out)).toMatchObject({
      kind: 'screener',
      name: 'Cheap puts',
      full: { failed: { length: 12 } },
    });
    expect([...typed.server.system.actors.values()]).toMatchObject([{ context: { maxSymbols: 20 } }]);
    const listed = await typed.ttai(['runs', '--kind', 'screener']);
    expect(listed.out).toMatch(/^Cheap puts +screener +completed/m);
    expect((await typed.ttai(['runs', '--kind', 'analysis'])).out).toContain('No runs.');
  });

  it('says in the words of the server what is wrong with the criteria', async () => {
    const both = await typed.ttai(['screen', '--saved', savedScreener.id, '--min-price', '20']);
    expect([both.code, both.notes]).toEqual([2, expect.stringContaining('give either criteria')]);
    const wrong = await typed.ttai(['screen', '--min-price', '200']);
    expect(wrong.notes).toContain('criteria.minPrice: must not exceed maxPrice, which is 100 unless given');
    expect((await typed.ttai(['screen', '--universe', 'bonds'])).code).toBe(2);
    expect(typed.server.system.actors.size).toBe(0);
  });

  it('without candidates says so, and is no failure', async () => {
    const none = {
      ...finishedScreener,
      candidates: 0,
      results: [],
      failed: [],
      leftOut: [{ symbol: 'ZZZZQ', reasons: ['symbol'] }],
      reasons: ['None of 503 symbols fulfils the criteria.'],
    };
    const { code, out } = await typed.ttai(['screen'], {}, ending(none));
    expect(out).toContain('None of 503 symbols fulfils the criteria.');
    expect(out).toContain('Left out: ZZZZQ (nobody knows it).');
    expect(out).not.toContain('VERDICT');
    expect(code).toBe(0);
  });
});

it('lists, shows and cancels runs', async () => {
  await fetch(`${typed.server.url}/api/runs/analysis`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"symbol":"AAPL"}',
  });
  const { runs } = JSON.parse((await typed.ttai(['runs', '--json'])).out) as { runs: { runId: string }[] };
  const runId = runs[0]?.runId ?? '';
  const listed = (await typed.ttai(['runs'])).out.split('\n');
  expect(listed[1]).toContain(runId);
  expect(listed[1]?.indexOf('fetching market data')).toBe(listed[0]?.indexOf('STEP'));
  expect((await typed.ttai(['run', runId])).out).toContain('fetching market data');
  expect((await typed.ttai(['cancel', runId])).out).toContain('CANCELLED');
  expect((await typed.ttai(['runs', '--status', 'running'])).out).toContain('No runs.');
});
