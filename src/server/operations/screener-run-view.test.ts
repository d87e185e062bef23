/** What is said of a screener's result, for hosts that show text and for the command line. */
import { expect, test } from 'vitest';
import { finishedScreener } from '../testing/finished-runs.ts';
import { leftOutLines, moreThanBest, screenerInWords, screenerResultOf } from './screener-run-view.ts';

test.each([
  [14, 1, 10, 'These are the best 10 of 13 that were not rejected; the others are not kept.'],
  [11, 1, 10, null],
  [2, 0, 2, null],
  [0, 0, 0, null],
])('%s analysed, %s rejected, %s shown', (analyzed, rejected, shown, said) => {
  const [row] = screenerResultOf(finishedScreener).results;
  const results = Array.from({ length: shown }, () => row);
  const result = screenerResultOf({ ...finishedScreener, analyzed, rejected, results });
  expect(moreThanBest(result)).toBe(said);
  expect(screenerInWords(result).includes(said ?? 'nothing')).toBe(said !== null);
});

test('named symbols that are no results are told with their reasons, the first ten of them', () => {
  const few = [
    { symbol: 'AAPL', reasons: ['price', 'rsi'] },
    { symbol: 'KO', reasons: ['notAmongBest'] },
    { symbol: 'ZZZZQ', reasons: ['symbol'] },
  ];
  const result = screenerResultOf({ ...finishedScreener, leftOut: few });
  expect(screenerInWords(result)).toContain(
    'Left out: AAPL (price, RSI), KO (analysed, but not among the ten best), ZZZZQ (nobody knows it).',
  );
  const many = Array.from({ length: 12 }, (_, index) => ({ symbol: `S${index}`, reasons: ['volume'] }));
  const cut = screenerResultOf({ ...finishedScreener, leftOut: many });
  expect(cut).toMatchObject({ leftOut: { length: 10 }, leftOutCount: 12 });
  expect(leftOutLines(cut).join()).toMatch(/S9 \(volume\), and 2 more\.$/);
  // Runs of older releases have none.
  expect(screenerResultOf(finishedScreener)).toMatchObject({ leftOut: [], leftOutCount: 0 });
});
