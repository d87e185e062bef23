/** Runs of screeners: started on criteria and on saved ones. */
import { describe, expect, it } from 'vitest';
import { addressOf, CalledOperations, codeOf, type RunAnswer } from '../testing/called-operations.ts';
import { outdatedScreener, savedScreener } from '../testing/fake-rooms.ts';
import { finishedScreener } from '../testing/finished-runs.ts';
import { type OperationContext, operations } from './index.ts';

const called = CalledOperations.use();

describe('screeners', () => {
  const start = (input: object, as: Partial<OperationContext> = {}) =>
    called.call<RunAnswer>('start_screener', input, as);

  it('tell once why they do not go on, for however many symbols, and have no cautions', async () => {
    const started = await start({ criteria: {} });
    expect(started.run).toMatchObject({ cautions: [] });
    called.system.lastError = { name: 'E', code: 'provider_unavailable', message: 'Gone.', retryable: true };
    const effects = ['a', 'b'].map((id) => ({ id, src: 'quickAnalyze', effectId: id }));
    called.system.move(addressOf(started), { effects });
    const { output, text } = await called.answerOf('wait_run', {
      runId: started.run.runId,
      maxWaitSeconds: 0,
    });
    expect(output).toMatchObject({ run: { waiting: [{ effect: 'quickAnalyze' }, {}] } });
    expect(text.match(/Gone\./g)).toHaveLength(1);
  });

  it('start on criteria, and end with a result of summary size', async () => {
    const started = await start({
      criteria: { symbols: [' aapl', 'F'], strategy: 'covered_call' },
      maxSymbols: 30,
    });
    expect(started).toMatchObject({
      run: {
        runId: expect.stringMatching(/^screener\./),
        kind: 'screener',
        type: 'screener',
        symbol: null,
        name: null,
        strategy: 'covered_call',
        status: 'running',
        progress: null,
      },
      alreadyRunning: false,
    });
    expect(await called.system.snapshot(addressOf(started))).toMatchObject({
      context: { criteria: { symbols: ['AAPL', 'F'] }, maxSymbols: 30, savedScreenerId: null },
    });
    const told: string[] = [];
    const onProgress: OperationContext['onProgress'] = ({ done, total, step }) =>
      told.push(`${done}/${total} ${step}`);
    const waited = called.call<RunAnswer>('wait_run', { runId: started.run.runId }, { onProgress });
    await called.system.someoneWaits();
    const { address, context: fields } = await called.system.snapshot(addressOf(started));
    called.system.move(address, {
      context: { ...fields, progress: { done: 3, total: 24, step: 'analysing' } },
    });
    called.system.move(address, { status: 'done', value: 'done', output: finishedScreener });
    const { run } = await waited;
    expect(told).toContain('3/24 analysing');
    expect(run).toMatchObject({
      status: 'completed',
      recommendation: null,
      result: {
        kind: 'screener',
        candidates: 24,
        analyzed: 12,
        rejected: 2,
        failedCount: 12,
        asOf: finishedScreener.asOf,
        source: 'simulated',
      },
    });
    expect(run.result).toMatchObject({ results: finishedScreener.results, failed: { length: 10 } });
    const full = await called.call('get_run', { runId: run.runId, detail: 'full' });
    expect(full).toMatchObject({
      run: { full: { failed: { length: 12 }, criteria: finishedScreener.criteria } },
    });
  });

  it('say in words what they found, where it is from, and what failed', async () => {
    const { run } = await start({ savedScreenerId: savedScreener.id });
    called.system.move(run.runId.replace('.', '/'), { status: 'done', output: finishedScreener });
    const operation = operations.find(({ name }) => name === 'get_run');
    const { text } = (await operation?.call(called.context, { runId: run.runId })) ?? { text: '' };
    expect(text).toContain('Screener "Cheap puts"');
    expect(text).toContain('1. S0 select, score 90, price 40.25, strike 38 2026-04-17, 0.61 % a week.');
    expect(text).toContain('F9 (insufficient_data), and 2 more.');
    expect(text).toContain('Source simulated, as of 2026-03-02T15:00:00Z.');
  });

  it('start on what was saved, with its own number of symbols unless another is asked for', async () => {
    const started = await start({ savedScreenerId: savedScreener.id });
    const { criteria, maxSymbols, id, name } = savedScreener;
    expect(await called.system.snapshot(addressOf(started))).toMatchObject({
      context: { criteria, maxSymbols, savedScreenerId: id, name },
    });
    expect(started.run).toMatchObject({ name, strategy: 'csp' });
    const more = await start({ savedScreenerId: savedScreener.id, maxSymbols: 40 });
    expect(await called.system.snapshot(addressOf(more))).toMatchObject({ context: { maxSymbols: 40 } });
  });

  it('are refused on what was not saved, or by somebody else, or does not fit any more', async () => {
    expect(await codeOf(start({ savedScreenerId: 'none' }))).toBe('screener_not_found');
    expect(await codeOf(start({ savedScreenerId: savedScreener.id }, { owner: 'ann' }))).toBe(
      'screener_not_found',
    );
    expect(await codeOf(start({ savedScreenerId: outdatedScreener.id }))).toBe('invalid_input');
    expect(called.system.actors.size).toBe(0);
  });

  it('answer the running one for the same request, in whatever order it is written', async () => {
    const first = await start({ criteria: { minPrice: 20, maxPrice: 60 } });
    const second = await start({ criteria: { maxPrice: 60, minPrice: 20 } });
    const other = await start({ criteria: { minPrice: 20, maxPrice: 61 } });
    expect(second).toMatchObject({ alreadyRunning: true, run: { runId: first.run.runId } });
    expect(other.run.runId).not.toBe(first.run.runId);
    const keyed = await start({ criteria: {}, idempotencyKey: 'a' });
    called.system.move(addressOf(keyed), { status: 'done', output: finishedScreener });
    expect(await start({ criteria: {}, idempotencyKey: 'a' })).toMatchObject({
      alreadyRunning: false,
      run: { runId: keyed.run.runId, status: 'completed' },
    });
    expect(await codeOf(start({ criteria: { maxPrice: 9 }, idempotencyKey: 'a' }))).toBe(
      'idempotency_conflict',
    );
  });

  it('are listed with analyses, or by kind, and cancelled', async () => {
    const analysis = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const screener = await start({ criteria: {} });
    const ids = async (input: object) =>
      (await called.call<{ runs: { runId: string }[] }>('list_runs', input)).runs.map(({ runId }) => runId);
    expect(await ids({})).toEqual([screener.run.runId, analysis.run.runId]);
    expect(await ids({ kind: 'screener' })).toEqual([screener.run.runId]);
    expect(await ids({ kind: 'analysis' })).toEqual([analysis.run.runId]);
    expect(await called.call('cancel_run', { runId: screener.run.runId })).toMatchObject({
      run: { status: 'cancelled', kind: 'screener' },
    });
  });
});
