/** The machine `screener` alone, in memory. On the durable runtime: `test/machines-on-runtime.test.ts`. */
import { describe, expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import type { ActorEvent } from '../actors/runtime/index.ts';
import type { LiveActor } from '../actors/runtime/testing/live-actor.ts';
import { criteria } from './criteria.ts';
import { MAX_RESTARTS, type ScreenerContext, screener, screenerInput } from './screener.ts';
import { KEPT, type ScreenedSymbol, type ScreenerResult } from './screener-result.ts';
import { failed } from './testing/models.ts';
import { away, found, row, screenerModel } from './testing/screener-model.ts';

const { machine } = screener;
const candidates = (...symbols: string[]) => ({
  type: 'xstate.done.actor.findCandidates',
  output: found(...symbols),
});
const looked = (slot: number, output: ScreenedSymbol) => ({
  type: `xstate.done.actor.quickAnalyze${slot}`,
  output,
});
const missed = (slot: number, error: ReturnType<typeof failed>) => ({
  type: `xstate.error.actor.quickAnalyze${slot}`,
  error,
});
const saved = { type: 'xstate.done.actor.saveScreenerResult', output: null };
const paused = { type: 'xstate.after.betweenBatches.screener.pause' };
const cancelled = { type: 'CANCEL' };
/** As many symbols in the order of the alphabet, two letters each. */
const names = (count: number) =>
  Array.from({ length: count }, (_, index) => `S${String.fromCharCode(65 + index)}`);

const run = (events: ActorEvent[], input: object = {}) =>
  replay(machine, { input: screenerInput.parse({ criteria: {}, ...input }), events });
const contextOf = (live: LiveActor) => live.seen().context as ScreenerContext;
const outputOf = (live: LiveActor) => live.seen().output as ScreenerResult;

/** A batch begins with a symbol, so that the first of the five always has one. */
const NEVER = [
  'screener.analyze.first.idle',
  'screener.analyze.first.deciding always -> screener.analyze.first.idle',
];

describe('screener: every path', () => {
  const paths = pathsOf(screenerModel);

  test('reaches every state and takes every transition, but for those of a first slot without a symbol', () => {
    const replayed = paths.map((path) => replay(machine, path));
    expect(uncovered(machine, replayed)).toEqual(NEVER);
    console.log(
      `screener: ${paths.length} paths reach every state and take every transition, but ${NEVER.join(', ')}`,
    );
  });

  test('keeps its promises on the way', () => {
    for (const path of paths) {
      let done = 0;
      const live = replay(machine, path, (now) => {
        const { progress, tally } = contextOf(now);
        expect(progress.done).toBe(tally.analyzed + tally.failed.length);
        expect(progress.done).toBeGreaterThanOrEqual(done);
        expect(progress.done).toBeLessThanOrEqual(progress.total);
        done = progress.done;
        expect(Object.keys(now.effects()).length).toBeLessThanOrEqual(5);
      });
      const { status, value } = live.seen();
      expect(status).not.toBe('error');
      if (status !== 'done') {
        expect(live.emitted).toEqual([]);
        // It waits for something, and can be cancelled.
        expect(Object.keys(live.effects()).length + live.timers().length).toBeGreaterThan(0);
        live.send(cancelled);
        expect(live.seen()).toMatchObject({ status: 'done', value: 'cancelled' });
        expect(outputOf(live)).toMatchObject({ status: 'cancelled', error: null });
        expect([live.effects(), live.timers()]).toEqual([{}, []]);
        continue;
      }
      const output = outputOf(live);
      expect(output.status).toBe(
        { done: 'completed', failed: 'failed', cancelled: 'cancelled' }[String(value)],
      );
      expect([live.effects(), live.timers()]).toEqual([{}, []]);
      expect(live.emitted).toHaveLength(value === 'cancelled' ? 0 : 1);
      expect(output.error === null).toBe(output.status !== 'failed');
      expect(output.results.every(({ recommendation }) => recommendation !== 'reject')).toBe(true);
      if (output.status === 'completed')
        expect(output.analyzed + output.failed.length).toBe(output.candidates);
    }
  });
});

describe('screener: what comes of it', () => {
  test('rejected ones are dropped, the others ordered by score and then by symbol', () => {
    const live = run([
      candidates(...names(5)),
      looked(4, row('SE', { score: 50 })),
      looked(0, row('SA', { score: null })),
      looked(1, row('SB', { score: 90, recommendation: 'reject' })),
      looked(2, row('SC', { score: 50, recommendation: 'neutral' })),
      looked(3, row('SD', { score: 71.5 })),
      saved,
    ]);
    expect(outputOf(live)).toMatchObject({
      status: 'completed',
      candidates: 5,
      analyzed: 5,
      rejected: 1,
      results: [{ symbol: 'SD' }, { symbol: 'SC' }, { symbol: 'SE' }, { symbol: 'SA' }],
      source: 'simulated',
      reasons: ['5 of 500 symbols fulfil the criteria: 5 analysed, 1 of these rejected.'],
    });
  });

  test('ten are kept, whichever end first', () => {
    const all = names(13);
    const events = [0, 5, 10].flatMap((from) => [
      ...(from === 0 ? [candidates(...all)] : [paused]),
      ...all
        .slice(from, from + 5)
        .map((symbol, slot) => looked(slot, row(symbol, { score: from + slot })))
        .reverse(),
    ]);
    const { results, analyzed } = outputOf(run([...events, saved]));
    expect(results.map(({ symbol }) => symbol)).toEqual(all.reverse().slice(0, KEPT));
    expect(analyzed).toBe(13);
  });

  test('five are looked at side by side, then 5 s nothing, then the next', () => {
    const live = run([candidates(...names(7))], { criteria: { strategy: 'covered_call' } });
    expect(live.effects()).toEqual(
      Object.fromEntries(
        names(5).map((symbol, slot) => [`quickAnalyze${slot}`, { symbol, strategy: 'covered_call' }]),
      ),
    );
    for (const [slot, symbol] of names(5).entries()) {
      expect(contextOf(live).progress).toEqual({ done: slot, total: 7, step: 'Analysing candidates' });
      live.happen(looked(slot, row(symbol)));
    }
    expect(live.effects()).toEqual({});
    live.passTime(4_999);
    expect(live.effects()).toEqual({});
    live.passTime(1);
    expect(Object.values(live.effects())).toMatchObject([{ symbol: 'SF' }, { symbol: 'SG' }]);
  });

  test('no more than maxSymbols are looked at, also where more were answered', () => {
    const live = run([candidates('A', 'B', 'C'), looked(0, row('A')), looked(1, row('B')), saved], {
      maxSymbols: 2,
    });
    expect(outputOf(live)).toMatchObject({
      candidates: 2,
      analyzed: 2,
      reasons: [
        '3 of 500 symbols fulfil the criteria, of which the first 2 were taken: 2 analysed, 0 of these rejected.',
      ],
    });
  });

  test('of symbols that were named, each that is no result is there with its reason', () => {
    const leftOut = [{ symbol: 'ZZ', reasons: ['symbol'] }];
    const output = { ...found('A', 'B', 'C'), leftOut };
    const live = run([
      { type: 'xstate.done.actor.findCandidates', output },
      looked(0, row('A')),
      looked(1, row('B', { recommendation: 'reject' })),
      missed(2, failed('insufficient_data')),
      saved,
    ]);
    expect(outputOf(live).leftOut).toEqual([{ symbol: 'B', reasons: ['rejected'] }, ...leftOut]);
    // Of a universe, hundreds fall: they are counted.
    const unnamed = run([candidates('A'), looked(0, row('A', { recommendation: 'reject' })), saved]);
    expect(outputOf(unnamed)).not.toHaveProperty('leftOut');
  });

  test('of symbols that were named, those analysed and not among the ten best are there too', () => {
    const symbols = names(KEPT + 3);
    // Those of low scores first: one that was among the best is displaced by later ones.
    const events = symbols.flatMap((symbol, index) => [
      ...(index > 0 && index % 5 === 0 ? [paused] : []),
      looked(index % 5, row(symbol, { score: index, recommendation: index === 4 ? 'reject' : 'select' })),
    ]);
    const begun = (more: object) => ({
      type: 'xstate.done.actor.findCandidates',
      output: { ...found(...symbols), ...more },
    });
    const live = run([begun({ leftOut: [] }), ...events, saved]);
    const { results, leftOut = [] } = outputOf(live);
    expect(results).toHaveLength(KEPT);
    expect(leftOut).toEqual([
      { symbol: 'SA', reasons: ['notAmongBest'] },
      { symbol: 'SB', reasons: ['notAmongBest'] },
      { symbol: 'SE', reasons: ['rejected'] },
    ]);
    const accounted = [...results, ...leftOut].map(({ symbol }) => symbol);
    expect(accounted.toSorted()).toEqual(symbols);
    expect(outputOf(run([begun({}), ...events, saved]))).not.toHaveProperty('leftOut');
  });

  test('no candidates are a result that says so, and why', () => {
    const live = run([candidates(), saved]);
    expect(live.seen()).toMatchObject({ status: 'done', value: 'done' });
    expect(outputOf(live)).toMatchObject({
      status: 'completed',
      results: [],
      reasons: ['None of 500 symbols fulfils the criteria; stopped by price 300, by volume 200.'],
      asOf: '2026-01-05T15:00:00.000Z',
      source: 'simulated',
    });
    expect(live.emitted).toMatchObject([
      {
        notification: 'screener_complete',
        data: { status: 'completed', candidates: 0, source: 'simulated' },
      },
    ]);
  });

  test('the oldest data is what the whole is as of, and invented data makes it invented', () => {
    const live = run([
      {
        type: 'xstate.done.actor.findCandidates',
        output: { ...found('A', 'B'), asOf: '2026-01-05T15:00:00Z', source: 'yahoo' },
      },
      looked(0, row('A', { asOf: '2026-01-05T14:59:59.500Z', source: 'yahoo' })),
      looked(1, row('B', { asOf: '2026-01-05T15:00:01Z', source: 'simulated' })),
      saved,
    ]);
    expect(outputOf(live)).toMatchObject({ asOf: '2026-01-05T14:59:59.500Z', source: 'simulated' });
  });
});

describe('screener: what goes wrong', () => {
  test('a symbol that fails is listed with its error, and the others go on', () => {
    const live = run([
      candidates('A', 'B', 'C'),
      missed(2, failed('insufficient_data')),
      looked(1, row('B')),
      missed(0, failed('symbol_not_found')),
    ]);
    expect(contextOf(live).progress).toMatchObject({ done: 3, total: 3 });
    live.happen(saved);
    expect(live.seen().value).toBe('done');
    expect(outputOf(live)).toMatchObject({
      status: 'completed',
      failed: [
        { symbol: 'A', code: 'symbol_not_found', message: 'symbol_not_found it is', retryable: false },
        { symbol: 'C', code: 'insufficient_data' },
      ],
      results: [{ symbol: 'B' }],
    });
  });

  test('where each of them fails, nothing is known: the run has failed', () => {
    const live = run([
      candidates('A', 'B'),
      missed(0, failed('insufficient_data')),
      missed(1, failed('timeout')),
      saved,
    ]);
    expect(live.seen().value).toBe('failed');
    expect(outputOf(live)).toMatchObject({
      status: 'failed',
      error: {
        code: 'no_symbol_analyzed',
        message: 'None of 2 candidates could be analysed; the first, A: insufficient_data it is',
      },
      failed: [{ symbol: 'A' }, { symbol: 'B' }],
    });
  });

  test('a service that stayed away fails the run, with what has been found', () => {
    const live = run([candidates(...names(8)), looked(2, row('SC')), missed(0, away)]);
    expect(Object.keys(live.effects())).toEqual(['saveScreenerResult']);
    live.happen(saved);
    expect(outputOf(live)).toMatchObject({
      status: 'failed',
      error: { code: 'analysis_unavailable' },
      results: [{ symbol: 'SC' }],
      failed: [],
    });
  });

  test('what was cut off is begun anew, but not for ever', () => {
    const cutOff = Array.from({ length: MAX_RESTARTS }, () => missed(0, failed('interrupted')));
    const live = run([candidates('A', 'B'), ...cutOff]);
    expect(live.effects()).toMatchObject({ quickAnalyze0: { symbol: 'A' }, quickAnalyze1: { symbol: 'B' } });
    expect(contextOf(live).tally.failed).toEqual([]);
    live.happen(missed(0, failed('interrupted')));
    expect(contextOf(live).tally.failed).toMatchObject([{ symbol: 'A', code: 'interrupted' }]);
  });

  test('a result that can not be saved is a failed run, and still told', () => {
    const live = run([
      candidates('A'),
      looked(0, row('A')),
      { type: 'xstate.error.actor.saveScreenerResult', error: failed('unavailable') },
    ]);
    expect(outputOf(live)).toMatchObject({ status: 'failed', error: { code: 'unavailable' } });
    expect(live.emitted).toMatchObject([{ data: { status: 'failed', results: [{ symbol: 'A' }] } }]);
  });

  test('cancelled at symbol 6 of 8, it shows what it had, saves nothing and tells nobody', () => {
    const live = run([
      candidates(...names(8)),
      ...names(5).map((symbol, slot) => looked(slot, row(symbol))),
      paused,
      cancelled,
    ]);
    expect(live.seen()).toMatchObject({ status: 'done', value: 'cancelled' });
    expect(outputOf(live)).toMatchObject({ status: 'cancelled', analyzed: 5, candidates: 8, error: null });
    expect([live.effects(), live.emitted]).toEqual([{}, []]);
  });

  test('the context stays small: of 200 symbols with long errors it keeps some 60 kB at most', () => {
    const symbols = Array.from({ length: 200 }, (_, index) => `S${index}`);
    const live = run([candidates(...symbols)], { maxSymbols: 200 });
    for (let start = 0; start < 200; start += 5) {
      for (const slot of [0, 1, 2, 3, 4])
        live.happen(missed(slot, { ...failed('x'), message: 'm'.repeat(9_999) }));
      live.passTime(5_000);
    }
    expect(contextOf(live).tally.failed).toHaveLength(200);
    expect(JSON.stringify(contextOf(live).tally).length).toBeLessThan(60_000);
  });
});

describe('criteria', () => {
  test.each([
    [{ minPrice: 150 }, 'minPrice', 'must not exceed maxPrice, which is 100 unless given'],
    [{ minPrice: 30, maxPrice: 20 }, 'minPrice', 'must not exceed maxPrice, which is 20'],
    [{ rsiMin: 80 }, 'rsiMin', 'must not exceed rsiMax, which is 70 unless given'],
    [{ rsiMax: 20 }, 'rsiMax', 'must not be below rsiMin, which is 30 unless given'],
    [{ rsiMin: 60, rsiMax: 40 }, 'rsiMin', 'must not exceed rsiMax, which is 40'],
    [{ symbols: ['aapl', '4'] }, 'symbols.1', 'must be a ticker'],
  ])('%o is refused, naming the field', (wrong, field, words) => {
    const { error } = criteria.safeParse(wrong);
    expect(error?.issues.map(({ path, message }) => [path.join('.'), message])).toEqual([
      [field, expect.stringContaining(words)],
    ]);
  });

  test.each([{ minDelta: 1 }, { symbols: [] }, { universe: 'bonds' }, { minIvRank: 40 }, { maxPrice: 0 }])(
    '%o is refused',
    (wrong) => {
      expect(criteria.safeParse(wrong).success).toBe(false);
    },
  );

  test('what is right stays as it was written', () => {
    const given = { symbols: [' aapl', 'BRK.B'], minPrice: 20, rsiMax: 65, aboveSma50: false };
    expect(criteria.parse(given)).toEqual({ ...given, symbols: ['AAPL', 'BRK.B'] });
    expect(criteria.parse({})).toEqual({});
  });
});
