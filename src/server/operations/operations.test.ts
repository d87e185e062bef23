import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import {
  type FakeSystem,
  fakeRooms,
  finishedAnalysis,
  finishedScreener,
  outdatedScreener,
  savedScreener,
} from '../testing/fake-system.ts';
import { type OperationContext, operations } from './index.ts';

let system: FakeSystem;
let context: OperationContext;

beforeEach(() => {
  const rooms = fakeRooms();
  system = rooms.system;
  context = { ...rooms, owner: 'local', operator: false, source: 'test' };
});

interface RunAnswer {
  run: {
    runId: string;
    status: string;
    result: { chart: { supportLevels: unknown[] } } | null;
    [key: string]: unknown;
  };
  alreadyRunning: boolean;
}

/** The output of an operation, as the test expects it to be. */
async function call<Output>(
  name: string,
  input: unknown,
  as: Partial<OperationContext> = {},
): Promise<Output> {
  return (await answerOf(name, input, as)).output as Output;
}

async function answerOf(name: string, input: unknown, as: Partial<OperationContext> = {}) {
  const operation = operations.find((candidate) => candidate.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  return operation.call({ ...context, ...as }, input);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((thrown: unknown) => thrown);
  return error instanceof TtaiError ? error.code : `not a TtaiError: ${String(error)}`;
}

function addressOf({ run }: RunAnswer): string {
  return run.runId.replace('.', '/');
}

describe('the table', () => {
  it('has unique names and routes, all hints, and objects as schemas', () => {
    expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length);
    expect(new Set(operations.map(({ http }) => `${http.method} ${http.path}`)).size).toBe(operations.length);
    for (const { name, annotations, input, output } of operations) {
      expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/);
      expect(Object.values(annotations).every((hint) => typeof hint === 'boolean')).toBe(true);
      expect(z.toJSONSchema(input, { io: 'input' }).type).toBe('object');
      expect(z.toJSONSchema(output).type).toBe('object');
    }
  });
});

describe('get_quote', () => {
  it('answers known symbols with asOf and source, and names the unknown ones', async () => {
    const answer = await call('get_quote', { symbols: [' aapl ', 'NOPE', 'AAPL'] });
    expect(answer).toEqual({
      quotes: [
        expect.objectContaining({
          symbol: 'AAPL',
          price: 231.2,
          asOf: expect.any(String),
          source: 'simulated',
        }),
      ],
      missing: ['NOPE'],
    });
  });

  it('is symbol_not_found when none is known', async () => {
    expect(await codeOf(call('get_quote', { symbols: ['NOPE'] }))).toBe('symbol_not_found');
  });
});

describe('runs', () => {
  it('start, are waited for with progress, and end with a result of summary size', async () => {
    const started = await call<RunAnswer>('start_analysis', { symbol: 'aapl' });
    expect(started.run).toMatchObject({
      symbol: 'AAPL',
      type: 'full_analysis',
      status: 'running',
      strategy: 'csp',
    });
    const told: string[] = [];
    const waited = call<RunAnswer>(
      'wait_run',
      { runId: started.run.runId },
      { onProgress: ({ step }) => told.push(step) },
    );
    await system.someoneWaits();
    const actor = await system.snapshot(addressOf(started));
    system.move(actor.address, {
      context: { ...actor.context, progress: { done: 1, total: 6, step: 'reading the chart' } },
    });
    system.move(actor.address, { status: 'done', value: 'done', output: finishedAnalysis });
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
    const full = await call('get_run', { runId: started.run.runId, detail: 'full' });
    expect(full).toMatchObject({ run: { full: { chart: { indicators: { ema9: 230 } } } } });
  });

  it('tell in a line what speaks against them, and why they do not go on', async () => {
    const started = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const { runId } = started.run;
    const lastError = { name: 'E', code: 'provider_unavailable', message: 'Gone.', retryable: true };
    system.lastError = lastError;
    system.move(addressOf(started), { effects: [{ id: 'chart', src: 'analyzeChart', effectId: 'e' }] });
    const waiting = await answerOf('wait_run', { runId, maxWaitSeconds: 0 });
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
    system.move(addressOf(started), { status: 'done', output });
    const ended = await answerOf('get_run', { runId });
    expect(ended.output).toMatchObject({ run: { cautions, waiting: [] } });
    expect(ended.text).toContain('completed: select, but the news say no: guidance cut.');
    expect(ended.text).toContain('Warnings: stale_chain.');
    expect((await answerOf('list_runs', {})).text).toContain('select, but the news say no');
  });

  it('answer the running one for the same symbol, type, timeframe and strategy', async () => {
    const first = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const second = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const other = await call<RunAnswer>('start_analysis', { symbol: 'AAPL', strategy: 'covered_call' });
    expect(first.alreadyRunning).toBe(false);
    expect(second).toMatchObject({ alreadyRunning: true, run: { runId: first.run.runId } });
    expect(other.run.runId).not.toBe(first.run.runId);
  });

  it('answer the same run for the same idempotency key, and refuse it for another input', async () => {
    const first = await call<RunAnswer>('start_analysis', { symbol: 'AAPL', idempotencyKey: 'a' });
    system.move(addressOf(first), { status: 'done', output: finishedAnalysis });
    const again = await call<RunAnswer>('start_analysis', { symbol: 'AAPL', idempotencyKey: 'a' });
    expect(again).toMatchObject({
      alreadyRunning: false,
      run: { runId: first.run.runId, status: 'completed' },
    });
    expect(await codeOf(call('start_analysis', { symbol: 'MSFT', idempotencyKey: 'a' }))).toBe(
      'idempotency_conflict',
    );
  });

  it('are answered as they are when the wait is over, and at once after a revision', async () => {
    const { run } = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    expect(await call('wait_run', { runId: run.runId, maxWaitSeconds: 0 })).toMatchObject({
      run: { status: 'running' },
    });
    expect(await call('wait_run', { runId: run.runId, afterRevision: 0 })).toMatchObject({
      run: { revision: 1 },
    });
  });

  it('stop waiting when the client is gone', async () => {
    const { run } = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const gone = new AbortController();
    const waited = call('wait_run', { runId: run.runId }, { signal: gone.signal });
    const seen = expect(waited).rejects.toMatchObject({ code: 'cancelled' });
    await system.someoneWaits();
    gone.abort(new TtaiError('cancelled', 'Gone.'));
    await seen;
    await system.nobodyWaits();
  });

  it('are cancelled once, and stay as they ended', async () => {
    const { run } = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    expect(await call('cancel_run', { runId: run.runId })).toMatchObject({ run: { status: 'cancelled' } });
    expect(await call('cancel_run', { runId: run.runId })).toMatchObject({ run: { status: 'cancelled' } });
  });

  it('are listed newest first, by status, in pages', async () => {
    const started = [];
    for (const symbol of ['AAA', 'BBB', 'CCC', 'DDD'])
      started.push(await call<RunAnswer>('start_analysis', { symbol }));
    for (const answer of started.slice(0, 2))
      system.move(addressOf(answer), { status: 'done', output: finishedAnalysis });
    const page = await call('list_runs', { limit: 3 });
    expect(page).toMatchObject({
      runs: [{ symbol: 'DDD' }, { symbol: 'CCC' }, { symbol: 'BBB' }],
      nextCursor: '3',
    });
    expect(await call('list_runs', { limit: 3, cursor: '3' })).toMatchObject({
      runs: [{ symbol: 'AAA' }],
      nextCursor: null,
    });
    expect(await call('list_runs', { status: 'completed', limit: 1 })).toMatchObject({
      runs: [{ symbol: 'BBB' }],
    });
    expect(await call('list_runs', { status: 'running' })).toMatchObject({
      runs: [{ symbol: 'DDD' }, { symbol: 'CCC' }],
    });
  });

  it('show a run that died as failed, with its error', async () => {
    const answer = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const error = { name: 'E', message: 'It broke.', code: 'step_failed', retryable: false };
    system.move(addressOf(answer), { status: 'error', error });
    expect(await call('get_run', { runId: answer.run.runId })).toMatchObject({
      run: { status: 'failed', error: { code: 'step_failed', message: 'It broke.' }, result: null },
    });
  });

  it('of another owner are answered like missing ones', async () => {
    const { run } = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' }, { owner: 'ann' });
    const screen = await call<RunAnswer>('start_screener', { criteria: {} }, { owner: 'ann' });
    for (const name of ['get_run', 'wait_run', 'cancel_run']) {
      expect(await codeOf(call(name, { runId: run.runId }))).toBe('run_not_found');
      expect(await codeOf(call(name, { runId: screen.run.runId }))).toBe('run_not_found');
      expect(await codeOf(call(name, { runId: 'analysis.none' }))).toBe('run_not_found');
      expect(await codeOf(call(name, { runId: `session.${run.runId.slice(9)}` }))).toBe('run_not_found');
    }
    expect(await call('list_runs', {})).toEqual({ runs: [], nextCursor: null });
  });
});

describe('screeners', () => {
  const start = (input: object, as: Partial<OperationContext> = {}) =>
    call<RunAnswer>('start_screener', input, as);

  it('tell once why they do not go on, for however many symbols, and have no cautions', async () => {
    const started = await start({ criteria: {} });
    expect(started.run).toMatchObject({ cautions: [] });
    system.lastError = { name: 'E', code: 'provider_unavailable', message: 'Gone.', retryable: true };
    const effects = ['a', 'b'].map((id) => ({ id, src: 'quickAnalyze', effectId: id }));
    system.move(addressOf(started), { effects });
    const { output, text } = await answerOf('wait_run', { runId: started.run.runId, maxWaitSeconds: 0 });
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
    expect(await system.snapshot(addressOf(started))).toMatchObject({
      context: { criteria: { symbols: ['AAPL', 'F'] }, maxSymbols: 30, savedScreenerId: null },
    });
    const told: string[] = [];
    const onProgress: OperationContext['onProgress'] = ({ done, total, step }) =>
      told.push(`${done}/${total} ${step}`);
    const waited = call<RunAnswer>('wait_run', { runId: started.run.runId }, { onProgress });
    await system.someoneWaits();
    const { address, context: fields } = await system.snapshot(addressOf(started));
    system.move(address, { context: { ...fields, progress: { done: 3, total: 24, step: 'analysing' } } });
    system.move(address, { status: 'done', value: 'done', output: finishedScreener });
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
    const full = await call('get_run', { runId: run.runId, detail: 'full' });
    expect(full).toMatchObject({
      run: { full: { failed: { length: 12 }, criteria: finishedScreener.criteria } },
    });
  });

  it('say in words what they found, where it is from, and what failed', async () => {
    const { run } = await start({ savedScreenerId: savedScreener.id });
    system.move(run.runId.replace('.', '/'), { status: 'done', output: finishedScreener });
    const operation = operations.find(({ name }) => name === 'get_run');
    const { text } = (await operation?.call(context, { runId: run.runId })) ?? { text: '' };
    expect(text).toContain('Screener "Cheap puts"');
    expect(text).toContain('1. S0 select, score 90, price 40.25, strike 38 2026-04-17, 0.61 % a week.');
    expect(text).toContain('F9 (insufficient_data), and 2 more.');
    expect(text).toContain('Source simulated, as of 2026-03-02T15:00:00Z.');
  });

  it('start on what was saved, with its own number of symbols unless another is asked for', async () => {
    const started = await start({ savedScreenerId: savedScreener.id });
    const { criteria, maxSymbols, id, name } = savedScreener;
    expect(await system.snapshot(addressOf(started))).toMatchObject({
      context: { criteria, maxSymbols, savedScreenerId: id, name },
    });
    expect(started.run).toMatchObject({ name, strategy: 'csp' });
    const more = await start({ savedScreenerId: savedScreener.id, maxSymbols: 40 });
    expect(await system.snapshot(addressOf(more))).toMatchObject({ context: { maxSymbols: 40 } });
  });

  it('are refused on what was not saved, or by somebody else, or does not fit any more', async () => {
    expect(await codeOf(start({ savedScreenerId: 'none' }))).toBe('screener_not_found');
    expect(await codeOf(start({ savedScreenerId: savedScreener.id }, { owner: 'ann' }))).toBe(
      'screener_not_found',
    );
    expect(await codeOf(start({ savedScreenerId: outdatedScreener.id }))).toBe('invalid_input');
    expect(system.actors.size).toBe(0);
  });

  it('answer the running one for the same request, in whatever order it is written', async () => {
    const first = await start({ criteria: { minPrice: 20, maxPrice: 60 } });
    const second = await start({ criteria: { maxPrice: 60, minPrice: 20 } });
    const other = await start({ criteria: { minPrice: 20, maxPrice: 61 } });
    expect(second).toMatchObject({ alreadyRunning: true, run: { runId: first.run.runId } });
    expect(other.run.runId).not.toBe(first.run.runId);
    const keyed = await start({ criteria: {}, idempotencyKey: 'a' });
    system.move(addressOf(keyed), { status: 'done', output: finishedScreener });
    expect(await start({ criteria: {}, idempotencyKey: 'a' })).toMatchObject({
      alreadyRunning: false,
      run: { runId: keyed.run.runId, status: 'completed' },
    });
    expect(await codeOf(start({ criteria: { maxPrice: 9 }, idempotencyKey: 'a' }))).toBe(
      'idempotency_conflict',
    );
  });

  it('are listed with analyses, or by kind, and cancelled', async () => {
    const analysis = await call<RunAnswer>('start_analysis', { symbol: 'AAPL' });
    const screener = await start({ criteria: {} });
    const ids = async (input: object) =>
      (await call<{ runs: { runId: string }[] }>('list_runs', input)).runs.map(({ runId }) => runId);
    expect(await ids({})).toEqual([screener.run.runId, analysis.run.runId]);
    expect(await ids({ kind: 'screener' })).toEqual([screener.run.runId]);
    expect(await ids({ kind: 'analysis' })).toEqual([analysis.run.runId]);
    expect(await call('cancel_run', { runId: screener.run.runId })).toMatchObject({
      run: { status: 'cancelled', kind: 'screener' },
    });
  });
});

describe('alerts', () => {
  const wanted = { symbol: 'aapl', condition: 'above', threshold: 200 };
  interface AlertAnswer {
    alert: { alertId: string; status: string };
  }

  it('are set, listed and deleted', async () => {
    const { alert } = await call<AlertAnswer>('set_alert', { ...wanted, note: 'sell calls' });
    expect(alert).toMatchObject({
      symbol: 'AAPL',
      threshold: 200,
      repeat: 'once',
      status: 'arming',
      note: 'sell calls',
    });
    expect(await call('list_alerts', {})).toMatchObject({ alerts: [{ alertId: alert.alertId }] });
    expect(await call('delete_alert', { alertId: alert.alertId })).toMatchObject({
      alert: { status: 'cancelled' },
    });
    expect(await call('delete_alert', { alertId: alert.alertId })).toMatchObject({
      alert: { status: 'cancelled' },
    });
    expect(await call('list_alerts', {})).toMatchObject({ alerts: [] });
    expect(await call('list_alerts', { status: 'all' })).toMatchObject({
      alerts: [{ alertId: alert.alertId }],
    });
  });

  it('are changed while they are armed; what is not named stays', async () => {
    const { alert } = await call<AlertAnswer>('set_alert', { ...wanted, note: 'sell calls' });
    const { alertId } = alert;
    expect(await call('update_alert', { alertId, threshold: 210, note: null })).toMatchObject({
      alert: { alertId, condition: 'above', threshold: 210, note: null },
    });
    expect(await codeOf(call('update_alert', { alertId }))).toBe('invalid_input');
    expect(await codeOf(call('update_alert', { alertId, symbol: 'MSFT' }))).toBe('invalid_input');
    expect(await codeOf(call('update_alert', { alertId, threshold: 1 }, { owner: 'ann' }))).toBe(
      'alert_not_found',
    );
    await call('delete_alert', { alertId });
    expect(await codeOf(call('update_alert', { alertId, threshold: 220 }))).toBe('alert_ended');
  });

  it('take a note of several lines, in any script, and an expiry some years away', async () => {
    const expiresAt = new Date(Date.now() + 4 * 366 * 86_400_000).toISOString();
    const note = 'sell calls\n\tשלום 🙂';
    expect(await call('set_alert', { ...wanted, note, expiresAt })).toMatchObject({
      alert: { note, expiresAt },
    });
  });

  it('are refused for a symbol that nobody knows', async () => {
    expect(await codeOf(call('set_alert', { ...wanted, symbol: 'NOPE' }))).toBe('symbol_not_found');
    expect(system.actors.size).toBe(0);
  });

  it('are set while nobody can say whether the symbol is known, unless the caller is gone', async () => {
    const away = new TtaiError('analysis_unavailable', 'Away.', { retryable: true });
    const analysis = { ...context.analysis, quotes: () => Promise.reject(away) };
    expect(await call('set_alert', { ...wanted, symbol: 'NOPE' }, { analysis })).toMatchObject({
      alert: { symbol: 'NOPE' },
    });
    const signal = AbortSignal.abort(new TtaiError('cancelled', 'Gone.'));
    expect(await codeOf(call('set_alert', wanted, { analysis, signal }))).toBe('cancelled');
    expect(system.actors.size).toBe(1);
  });

  it('say why they wait for a quote', async () => {
    const { alert } = await call<AlertAnswer>('set_alert', wanted);
    const { address, context: fields } = await system.snapshot(`priceAlert/${alert.alertId}`);
    system.move(address, { context: { ...fields, blindBecause: 'there is no fresh quote' } });
    expect(await call('list_alerts', {})).toMatchObject({
      alerts: [{ waitingFor: 'quote', blindBecause: 'there is no fresh quote' }],
    });
  });

  it('of another owner are answered like missing ones', async () => {
    const { alert } = await call<AlertAnswer>('set_alert', wanted, { owner: 'ann' });
    expect(await codeOf(call('delete_alert', { alertId: alert.alertId }))).toBe('alert_not_found');
    expect(await codeOf(call('delete_alert', { alertId: '../analysis/x' }))).toBe('alert_not_found');
    expect(await call('list_alerts', {})).toMatchObject({ alerts: [] });
  });
});

describe('list_notifications', () => {
  it('goes on after a seq, and shows only the own ones', async () => {
    expect(await call('list_notifications', { afterSeq: 1 })).toMatchObject({
      notifications: [{ seq: 2 }],
      latestSeq: 2,
    });
    expect(await call('list_notifications', {}, { owner: 'ann' })).toEqual({
      notifications: [],
      latestSeq: 0,
      missed: false,
    });
  });
});

describe('wrong input is invalid_input with the field', () => {
  const alert = { symbol: 'AAPL', condition: 'above', threshold: 1 };
  const cases: [name: string, operation: string, input: unknown, field: string][] = [
    ['no object', 'get_quote', 'AAPL', '(whole input)'],
    ['a missing field', 'start_analysis', {}, 'symbol'],
    ['a symbol of 1,000 characters', 'start_analysis', { symbol: 'A'.repeat(1_000) }, 'symbol'],
    ['a symbol with other characters', 'get_quote', { symbols: ["A'; --"] }, 'symbols.0'],
    ['no symbols', 'get_quote', { symbols: [] }, 'symbols'],
    ['too many symbols', 'get_quote', { symbols: Array(21).fill('A') }, 'symbols'],
    ['an unknown field', 'start_analysis', { symbol: 'A', ['x'.repeat(1_000)]: 1 }, '(whole input)'],
    ['an unknown type', 'start_analysis', { symbol: 'A', type: 'all' }, 'type'],
    ['neither criteria nor a saved screener', 'start_screener', {}, 'criteria'],
    ['both', 'start_screener', { criteria: {}, savedScreenerId: savedScreener.id }, 'criteria'],
    ['an unknown criterion', 'start_screener', { criteria: { minDelta: 1 } }, 'criteria'],
    [
      'a symbol among criteria',
      'start_screener',
      { criteria: { symbols: ['A', '1'] } },
      'criteria.symbols.1',
    ],
    ['prices the wrong way round', 'start_screener', { criteria: { minPrice: 200 } }, 'criteria.minPrice'],
    ['RSI the wrong way round', 'start_screener', { criteria: { rsiMax: 10 } }, 'criteria.rsiMax'],
    ['an endless volume', 'start_screener', { criteria: { minVolume: 1e16 } }, 'criteria.minVolume'],
    ['too many symbols to analyse', 'start_screener', { criteria: {}, maxSymbols: 201 }, 'maxSymbols'],
    ['no symbols to analyse', 'start_screener', { criteria: {}, maxSymbols: 0 }, 'maxSymbols'],
    ['an unknown kind', 'list_runs', { kind: 'session' }, 'kind'],
    ['too long a wait', 'wait_run', { runId: 'analysis.1', maxWaitSeconds: 46 }, 'maxWaitSeconds'],
    [
      'a wait that is no number',
      'wait_run',
      { runId: 'analysis.1', maxWaitSeconds: Number.NaN },
      'maxWaitSeconds',
    ],
    ['a run id of 1,000 characters', 'get_run', { runId: 'a'.repeat(1_000) }, 'runId'],
    ['an unknown detail', 'get_run', { runId: 'analysis.1', detail: 'some' }, 'detail'],
    ['too long a page', 'list_runs', { limit: 1_000 }, 'limit'],
    ['a negative threshold', 'set_alert', { ...alert, threshold: -1 }, 'threshold'],
    ['an endless threshold', 'set_alert', { ...alert, threshold: Number.POSITIVE_INFINITY }, 'threshold'],
    ['an expiry in the past', 'set_alert', { ...alert, expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    ['an expiry without an offset', 'set_alert', { ...alert, expiresAt: '2029-01-01' }, 'expiresAt'],
    ['an expiry decades away', 'set_alert', { ...alert, expiresAt: '2099-01-01T00:00:00Z' }, 'expiresAt'],
    [
      'an expiry beyond the year 9999',
      'set_alert',
      { ...alert, expiresAt: '9999-12-31T23:59:59-23:59' },
      'expiresAt',
    ],
    [
      'an expiry to the nanosecond at the end of time',
      'set_alert',
      { ...alert, expiresAt: '9999-12-31T23:59:59.999999999Z' },
      'expiresAt',
    ],
    ['a note with NUL', 'set_alert', { ...alert, note: 'a\u0000b' }, 'note'],
    ['a note with half a character', 'set_alert', { ...alert, note: 'a\ud800b' }, 'note'],
    ['a note that steers terminals', 'set_alert', { ...alert, note: '\u001b[2J' }, 'note'],
    ['a note with a C1 control', 'set_alert', { ...alert, note: '\u009b2J' }, 'note'],
    ['a note that turns the text around', 'set_alert', { ...alert, note: '\u202eabc' }, 'note'],
    ['a note that isolates text', 'set_alert', { ...alert, note: '\u2066abc' }, 'note'],
    ['a key with NUL', 'start_analysis', { symbol: 'A', idempotencyKey: '\u0000' }, 'idempotencyKey'],
    ['a cursor with NUL', 'list_alerts', { cursor: '\u0000' }, 'cursor'],
    ['a run id with NUL', 'get_run', { runId: 'analysis.\u0000' }, 'runId'],
    ['an alert id with NUL', 'delete_alert', { alertId: '\u0000' }, 'alertId'],
  ];

  it.each(cases)('%s', async (_, name, input, field) => {
    const error = await call(name, input).catch((thrown: unknown) => thrown);
    if (!(error instanceof TtaiError)) throw error;
    expect(error.code).toBe('invalid_input');
    expect(error.details?.issues).toEqual(expect.arrayContaining([expect.objectContaining({ field })]));
    expect(error.message.length).toBeLessThan(1_000);
    expect(system.actors.size).toBe(0);
  });
});
