/** The machine `analysis` alone, in memory. On the durable runtime: `test/machines-on-runtime.test.ts`. */
import { describe, expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import type { LiveActor } from '../actors/runtime/testing/live-actor.ts';
import { type AnalysisContext, analysis, analysisInput, MAX_RESTARTS } from './analysis.ts';
import type { AnalysisResult } from './analysis-result.ts';
import { analysisModel, chart, failed, marketData, options, research } from './testing/models.ts';

const { machine } = analysis;
const fetched = { type: 'xstate.done.actor.fetchMarketData', output: marketData };
const charted = (recommendation: string) => ({
  type: 'xstate.done.actor.analyzeChart',
  output: chart(recommendation),
});
const chosen = (recommendation: string) => ({
  type: 'xstate.done.actor.analyzeOptions',
  output: options(recommendation),
});
const read = (sentiment: string) => ({
  type: 'xstate.done.actor.analyzeResearch',
  output: research(sentiment),
});
const readRejecting = (rejectReasons: string[], redFlags: string[] = [], sentiment = 'positive') => ({
  type: 'xstate.done.actor.analyzeResearch',
  output: research(sentiment, rejectReasons, redFlags),
});
const saved = { type: 'xstate.done.actor.saveAnalysis', output: null };
const error = (id: string, code: string) => ({ type: `xstate.error.actor.${id}`, error: failed(code) });
const cancelled = { type: 'CANCEL' };

const run = (type: string, events: { type: string }[], strategy = 'csp') =>
  replay(machine, { input: analysisInput.parse({ type, symbol: 'MSFT', strategy }), events });
const contextOf = (live: LiveActor) => live.seen().context as AnalysisContext;
const outputOf = (live: LiveActor) => live.seen().output as AnalysisResult;

describe('analysis: every path', () => {
  const paths = pathsOf(analysisModel);

  test('reaches every state and takes every transition', () => {
    const replayed = paths.map((path) => replay(machine, path));
    expect(uncovered(machine, replayed)).toEqual([]);
    console.log(`analysis: ${paths.length} paths reach every state and take every transition`);
  });

  test('keeps its promises on the way', () => {
    for (const path of paths) {
      let done = 0;
      const live = replay(machine, path, (now) => {
        const { progress } = contextOf(now);
        expect(progress.done).toBeGreaterThanOrEqual(done);
        expect(progress.done).toBeLessThanOrEqual(progress.total);
        done = progress.done;
      });
      const { status, value } = live.seen();
      expect(status).not.toBe('error');
      if (status !== 'done') {
        expect(live.emitted).toEqual([]);
        // It waits for something, and can be cancelled.
        expect(Object.keys(live.effects())).not.toEqual([]);
        live.send(cancelled);
        expect(live.seen()).toMatchObject({ status: 'done', value: 'cancelled' });
        expect(outputOf(live)).toMatchObject({ status: 'cancelled', recommendation: null });
        continue;
      }
      const output = outputOf(live);
      const allowed = { done: ['completed', 'rejected'], failed: ['failed'], cancelled: ['cancelled'] };
      expect(allowed[value as keyof typeof allowed]).toContain(output.status);
      expect(live.effects()).toEqual({});
      expect(live.emitted).toHaveLength(value === 'cancelled' ? 0 : 1);
      expect(contextOf(live).marketData).toBeNull();
      if (output.status === 'failed') expect(output.error).not.toBeNull();
      if (output.recommendation?.includes('select')) {
        expect(output).toMatchObject({
          chart: { recommendation: 'bullish' },
          options: { recommendation: 'select' },
        });
      }
    }
  });
});

describe('analysis: what the parts come to', () => {
  test.each([
    ['bullish', 'select', 'positive', 'strong_select'],
    ['bullish', 'select', 'neutral', 'select'],
    ['bullish', 'select', 'negative', 'select'],
    ['bullish', 'select', 'unknown', 'select'],
    ['bullish', 'reject', 'positive', 'neutral'],
    ['bearish', 'select', 'positive', 'neutral'],
    ['neutral', 'select', 'positive', 'neutral'],
    ['neutral', 'reject', 'negative', 'neutral'],
  ])('full: chart %s, contract %s, news %s make %s', (ofChart, ofOptions, ofNews, expected) => {
    for (const parts of [
      [chosen(ofOptions), read(ofNews)],
      [read(ofNews), chosen(ofOptions)],
    ]) {
      const live = run('full_analysis', [fetched, charted(ofChart), ...parts, saved]);
      expect(outputOf(live)).toMatchObject({
        status: 'completed',
        recommendation: expected,
        reasons: ['a chart', 'a contract', 'the news'],
        asOf: '2026-01-05T15:00:00.000Z',
        source: 'simulated',
      });
      expect(contextOf(live).progress).toEqual({ done: 5, total: 5, step: 'Done' });
      expect(live.emitted).toMatchObject([
        { notification: 'analysis_complete', data: { status: 'completed', recommendation: expected } },
      ]);
    }
  });

  test.each([
    ['bullish', 'select', 'select'],
    ['bullish', 'reject', 'neutral'],
    ['bearish', 'select', 'neutral'],
  ])('options: chart %s and contract %s make %s, without the news', (ofChart, ofOptions, expected) => {
    const live = run('options_analysis', [fetched, charted(ofChart), chosen(ofOptions), saved]);
    const cautions = ofOptions === 'reject' ? ['no contract is accepted'] : [];
    expect(outputOf(live)).toMatchObject({ recommendation: expected, research: null, cautions });
  });

  test.each([
    ['csp', 'bullish'],
    ['covered_call', 'bullish'],
    ['bull_put_spread', 'bullish'],
    ['bear_call_spread', 'bearish'],
    ['iron_condor', 'neutral'],
  ])('%s wants a %s chart and no other', (strategy, wanted) => {
    for (const verdict of ['bullish', 'bearish', 'neutral']) {
      const live = run('options_analysis', [fetched, charted(verdict), chosen('select'), saved], strategy);
      expect(outputOf(live).recommendation).toBe(verdict === wanted ? 'select' : 'neutral');
    }
  });

  test('news that say no do not take the pick away, are told beside it, and never make it strong', () => {
    const news = readRejecting(['high_news_risk'], ['guidance_cut', 'guidance_cut']);
    const live = run('full_analysis', [fetched, charted('bullish'), chosen('select'), news, saved]);
    const cautions = ['the news say no: high news risk, guidance cut'];
    expect(outputOf(live)).toMatchObject({ recommendation: 'select', cautions });
    expect(live.emitted).toMatchObject([{ data: { recommendation: 'select', cautions } }]);
  });

  test('news that nobody has are no news that say no', () => {
    const nothing = readRejecting(['no_news_data'], [], 'unknown');
    const live = run('full_analysis', [fetched, charted('bullish'), chosen('select'), nothing, saved]);
    expect(outputOf(live).cautions).toEqual(['the news are not known: no news of the last 30 days']);
  });

  test('what the news have nothing against is without cautions', () => {
    const live = run('full_analysis', [
      fetched,
      charted('bullish'),
      chosen('select'),
      read('neutral'),
      saved,
    ]);
    expect(outputOf(live).cautions).toEqual([]);
  });

  test('its time is that of its oldest part', () => {
    const earlier = '2026-01-05T14:59:00.000Z';
    const old = { ...chosen('select'), output: { ...options('select'), asOf: earlier } };
    const live = run('options_analysis', [fetched, charted('bullish'), old, saved]);
    expect(outputOf(live).asOf).toBe(earlier);
  });

  test('what was cut off with its process is begun anew, but not for ever', () => {
    const cutOff = (id: string) => ({ type: `xstate.error.actor.${id}`, error: failed('interrupted') });
    const news = [cutOff('analyzeResearch'), read('positive'), cutOff('saveAnalysis'), saved];
    const live = run('full_analysis', [
      fetched,
      cutOff('analyzeChart'),
      charted('bullish'),
      chosen('select'),
      ...news,
    ]);
    expect(outputOf(live)).toMatchObject({ status: 'completed', recommendation: 'strong_select' });
    const often = run(
      'chart_analysis',
      Array.from({ length: MAX_RESTARTS + 1 }, () => cutOff('fetchMarketData')),
    );
    expect(often.effects()).toMatchObject({
      saveAnalysis: { result: { status: 'failed', error: { code: 'interrupted' } } },
    });
  });

  test('a chart alone picks nothing', () => {
    const live = run('chart_analysis', [fetched, charted('bullish'), saved]);
    expect(outputOf(live)).toMatchObject({ status: 'completed', recommendation: 'neutral', options: null });
  });

  test.each(['chart_analysis', 'options_analysis', 'full_analysis'])(
    '%s: a rejected chart ends it, saved as rejected with its reasons',
    (type) => {
      const live = run(type, [fetched, charted('reject')]);
      expect(live.effects()).toMatchObject({ saveAnalysis: { result: { status: 'rejected' } } });
      live.happen(saved);
      expect(outputOf(live)).toMatchObject({
        status: 'rejected',
        recommendation: 'reject',
        reasons: ['a price gap in the last three bars'],
        options: null,
        research: null,
      });
    },
  );

  test('its steps say what is still to come', () => {
    const steps = (events: { type: string }[]) => contextOf(run('full_analysis', events)).progress;
    const both = [fetched, charted('bullish')];
    expect(steps(both)).toEqual({ done: 2, total: 5, step: 'Looking for a contract, and reading the news' });
    expect(steps([...both, chosen('select')])).toMatchObject({ done: 3, step: 'Reading the news' });
    expect(steps([...both, read('neutral')])).toMatchObject({ done: 3, step: 'Looking for a contract' });
    const last = run('options_analysis', both);
    expect(contextOf(last).progress).toEqual({ done: 2, total: 4, step: 'Looking for a contract' });
  });

  test('the chart is judged for the strategy', () => {
    expect(run('chart_analysis', [fetched]).effects()).toMatchObject({
      analyzeChart: { symbol: 'MSFT', strategy: 'csp' },
    });
  });

  test('contract and news are looked for side by side', () => {
    const live = run('full_analysis', [fetched, charted('bullish')]);
    expect(live.effects()).toEqual({
      analyzeOptions: { symbol: 'MSFT', strategy: 'csp', chartContext: chart('bullish') },
      analyzeResearch: { symbol: 'MSFT' },
    });
  });
});

describe('analysis: what goes wrong', () => {
  test.each([
    ['fetchMarketData', []],
    ['analyzeChart', [fetched]],
    ['analyzeOptions', [fetched, charted('bullish')]],
    ['analyzeResearch', [fetched, charted('bullish')]],
    ['analyzeResearch', [fetched, charted('bullish'), chosen('select')]],
  ])('%s failing fails the run: saved and told with its error', (id, before) => {
    const live = run('full_analysis', [...before, error(id, 'provider_unavailable')]);
    expect(live.effects()).toMatchObject({ saveAnalysis: { result: { status: 'failed' } } });
    expect(Object.keys(live.effects())).toEqual(['saveAnalysis']);
    live.happen(saved);
    expect(live.seen()).toMatchObject({ value: 'failed', status: 'done' });
    expect(outputOf(live)).toMatchObject({
      status: 'failed',
      recommendation: null,
      error: failed('provider_unavailable'),
      reasons: ['provider_unavailable it is'],
    });
    expect(live.emitted).toMatchObject([{ data: { status: 'failed', recommendation: null } }]);
  });

  test('a result that can not be saved is a failed run', () => {
    const live = run('chart_analysis', [fetched, charted('bullish'), error('saveAnalysis', 'unavailable')]);
    expect(outputOf(live)).toMatchObject({
      status: 'failed',
      recommendation: null,
      error: { code: 'unavailable' },
    });
  });

  test('of two errors the first is told: it is what went wrong', () => {
    const live = run('full_analysis', [
      error('fetchMarketData', 'symbol_not_found'),
      error('saveAnalysis', 'unavailable'),
    ]);
    expect(outputOf(live).error).toEqual(failed('symbol_not_found'));
  });

  test('parts from two sources are never put together: the run fails, and another may be started', () => {
    const simulated = { ...options('select'), quality: { source: 'simulated', asOf: null } };
    const files = { ...chart('bullish'), quality: { source: 'files', asOf: null } };
    const parts = [
      { ...charted('bullish'), output: files },
      { ...chosen('select'), output: simulated },
    ];
    const live = run('options_analysis', [fetched, ...parts]);
    expect(live.effects()).toMatchObject({ saveAnalysis: { result: { status: 'failed' } } });
    live.happen(saved);
    expect(live.seen()).toMatchObject({ value: 'failed', status: 'done' });
    expect(outputOf(live)).toMatchObject({
      status: 'failed',
      recommendation: null,
      source: null,
      error: {
        code: 'source_changed',
        retryable: true,
        message: expect.stringContaining('chart from files, options from simulated'),
      },
    });
  });

  test('cancelled while it is saved, it has been cancelled', () => {
    const live = run('chart_analysis', [fetched, charted('bullish'), cancelled]);
    expect(live.seen().value).toBe('cancelled');
    expect(outputOf(live)).toMatchObject({ status: 'cancelled', recommendation: null });
    expect(live.effects()).toEqual({});
    expect(live.emitted).toEqual([]);
  });

  test.each([{ type: 'quick' }, { symbol: '' }, { symbol: 'A'.repeat(11) }, { timeframe: 'hourly' }])(
    'refuses the input %o',
    (wrong) => {
      expect(analysisInput.safeParse({ type: 'full_analysis', symbol: 'MSFT', ...wrong }).success).toBe(
        false,
      );
    },
  );
});
