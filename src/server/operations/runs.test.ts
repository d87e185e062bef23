/** Runs of analyses: started, waited for, listed and cancelled. */
import { describe, expect, it } from 'vitest';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { addressOf, CalledOperations, codeOf, type RunAnswer } from '../testing/called-operations.ts';
import { finishedAnalysis } from '../testing/finished-runs.ts';

const called = CalledOperations.use();

describe('runs', () => {
  it('start, are waited for with progress, and end with a result of summary size', async () => {
    const started = await called.call<RunAnswer>('start_analysis', { symbol: 'aapl' });
    expect(started.run).toMatchObject({
      symbol: 'AAPL',
      type: 'full_analysis',
      status: 'running',
      strategy: 'csp',
    });
    const told: string[] = [];
    const waited = called.call<RunAnswer>(
      'wait_run',
      { runId: started.run.runId },
      { onProgress: ({ step }) => told.push(step) },
    );
    await called.system.someoneWaits();
    const actor = await called.system.snapshot(addressOf(started));
    called.system.move(actor.address, {
      context: { ...actor.context, progress: { done: 1, total: 6, step: 'reading the chart' } },
    });
    called.system.move(actor.address, { status: 'done', value: 'done', output: finishedAnalysis });
    const ended = await waited;
    expect(told).toEqual(expect.arrayContaining(['reading the chart']));
    expect(ended.run).toMatchObject({
      status: 'completed',
      recommendation: 'strong_select',
      result: {
        source: 'simulated',
        asOf: finishedAnalysis.asOf,
        chart: { trendDirection: 'up', source: 'simulated', indicators: { rsi14: 58.2 } },
        options: { bestStrike: 220, delta: -0.22, source: 'simulated' },
        research: { sentiment: 'positive', source: 'simulated' },
      },
    });
    expect(ended.run.result?.chart.supportLevels).toHaveLength(3);
    const full = await called.call('get_run', { runId: started.run.runId, detail: 'full' });
    expect(full).toMatchObject({ run: { full: { chart: { indicators: { ema9: 230 } } } } });
  });

  it('tell in a line what speaks against them, and why they do not go on', async () => {
    const started = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const { runId } = started.run;
    const lastError = { name: 'E', code: 'provider_unavailable', message: 'Gone.', retryable: true };
    called.system.lastError = lastError;
    called.system.move(addressOf(started), {
      effects: [{ id: 'chart', src: 'analyzeChart', effectId: 'e' }],
    });
    const waiting = await called.answerOf('wait_run', { runId, maxWaitSeconds: 0 });
    expect(waiting.output).toMatchObject({
      run: { waiting: [{ effect: 'analyzeChart', error: { code: 'provider_unavailable' } }] },
    });
    expect(waiting.text).toContain('Gone. (provider_unavailable)');
    const cautions = ['the news say no: guidance cut'];
    const options = {
      ...finishedAnalysis.options,
      quality: { source: 'simulated', warnings: ['stale_chain'] },
    };
    const output = { ...finishedAnalysis, recommendation: 'select', cautions, options };
    called.system.move(addressOf(started), { status: 'done', output });
    const ended = await called.answerOf('get_run', { runId });
    expect(ended.output).toMatchObject({ run: { cautions, waiting: [] } });
    expect(ended.text).toContain('completed: select, but the news say no: guidance cut.');
    expect(ended.text).toContain('Warnings: stale_chain.');
    expect((await called.answerOf('list_runs', {})).text).toContain('select, but the news say no');
  });

  it('answer the running one for the same symbol, type, timeframe and strategy', async () => {
    const first = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const second = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const other = await called.call<RunAnswer>('start_analysis', {
      symbol: 'AAPL',
      strategy: 'covered_call',
    });
    expect(first.alreadyRunning).toBe(false);
    expect(second).toMatchObject({ alreadyRunning: true, run: { runId: first.run.runId } });
    expect(other.run.runId).not.toBe(first.run.runId);
  });

  it('answer the same run for the same idempotency key, and refuse it for another input', async () => {
    const first = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL', idempotencyKey: 'a' });
    called.system.move(addressOf(first), { status: 'done', output: finishedAnalysis });
    const again = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL', idempotencyKey: 'a' });
    expect(again).toMatchObject({
      alreadyRunning: false,
      run: { runId: first.run.runId, status: 'completed' },
    });
    expect(await codeOf(called.call('start_analysis', { symbol: 'MSFT', idempotencyKey: 'a' }))).toBe(
      'idempotency_conflict',
    );
  });

  it('are answered as they are when the wait is over, and at once after a revision', async () => {
    const { run } = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    expect(await called.call('wait_run', { runId: run.runId, maxWaitSeconds: 0 })).toMatchObject({
      run: { status: 'running' },
    });
    expect(await called.call('wait_run', { runId: run.runId, afterRevision: 0 })).toMatchObject({
      run: { revision: 1 },
    });
  });

  it('stop waiting when the client is gone', async () => {
    const { run } = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const gone = new AbortController();
    const waited = called.call('wait_run', { runId: run.runId }, { signal: gone.signal });
    const seen = expect(waited).rejects.toMatchObject({ code: 'cancelled' });
    await called.system.someoneWaits();
    gone.abort(new TtaiError('cancelled', 'Gone.'));
    await seen;
    await called.system.nobodyWaits();
  });

  it('are cancelled once, and stay as they ended', async () => {
    const { run } = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    expect(await called.call('cancel_run', { runId: run.runId })).toMatchObject({
      run: { status: 'cancelled' },
    });
    expect(await called.call('cancel_run', { runId: run.runId })).toMatchObject({
      run: { status: 'cancelled' },
    });
  });

  it('are listed newest first, by status, in pages', async () => {
    const started = [];
    for (const symbol of ['AAA', 'BBB', 'CCC', 'DDD'])
      started.push(await called.call<RunAnswer>('start_analysis', { symbol }));
    for (const answer of started.slice(0, 2))
      called.system.move(addressOf(answer), { status: 'done', output: finishedAnalysis });
    const page = await called.call('list_runs', { limit: 3 });
    expect(page).toMatchObject({
      runs: [{ symbol: 'DDD' }, { symbol: 'CCC' }, { symbol: 'BBB' }],
      nextCursor: '3',
    });
    expect(await called.call('list_runs', { limit: 3, cursor: '3' })).toMatchObject({
      runs: [{ symbol: 'AAA' }],
      nextCursor: null,
    });
    expect(await called.call('list_runs', { status: 'completed', limit: 1 })).toMatchObject({
      runs: [{ symbol: 'BBB' }],
    });
    expect(await called.call('list_runs', { status: 'running' })).toMatchObject({
      runs: [{ symbol: 'DDD' }, { symbol: 'CCC' }],
    });
  });

  it('show a run that died as failed, with its error', async () => {
    const answer = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const error = { name: 'E', message: 'It broke.', code: 'step_failed', retryable: false };
    called.system.move(addressOf(answer), { status: 'error', error });
    expect(await called.call('get_run', { runId: answer.run.runId })).toMatchObject({
      run: { status: 'failed', error: { code: 'step_failed', message: 'It broke.' }, result: null },
    });
  });

  it('of another owner are answered like missing ones', async () => {
    const { run } = await called.call<RunAnswer>('start_analysis', { symbol: 'AAPL' }, { owner: 'ann' });
    const screen = await called.call<RunAnswer>('start_screener', { criteria: {} }, { owner: 'ann' });
    for (const name of ['get_run', 'wait_run', 'cancel_run']) {
      expect(await codeOf(called.call(name, { runId: run.runId }))).toBe('run_not_found');
      expect(await codeOf(called.call(name, { runId: screen.run.runId }))).toBe('run_not_found');
      expect(await codeOf(called.call(name, { runId: 'analysis.none' }))).toBe('run_not_found');
      expect(await codeOf(called.call(name, { runId: `session.${run.runId.slice(9)}` }))).toBe(
        'run_not_found',
      );
    }
    expect(await called.call('list_runs', {})).toEqual({ runs: [], nextCursor: null });
  });
});
