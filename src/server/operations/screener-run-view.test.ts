/** What is said of a screener's result, for hosts that show text and for the command line. */
import { expect, test } from 'vitest';
import { finishedScreener } from '../testing/finished-runs.ts';
import { moreThanBest, screenerInWords, screenerResultOf } from './screener-run-view.ts';

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
