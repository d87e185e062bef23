import { expect, it } from 'vitest';
import { finishedAnalysis } from '../testing/finished-runs.ts';
import { analysisInWords, analysisResultOf } from './analysis-run-view.ts';

const leg = (action: string, right: string, strike: number) => ({ action, right, strike });

/** The line about the contract. */
function contractInWords(options: object): string | undefined {
  const result = analysisResultOf({
    ...finishedAnalysis,
    options: { ...finishedAnalysis.options, ...options },
  });
  return analysisInWords(result).find((line) => line.startsWith('Options: '));
}

it('names the one contract by its strike', () => {
  expect(contractInWords({ legs: [leg('sell', 'put', 220)] })).toBe(
    'Options: select csp 220 2026-04-17, premium 3.1, delta -0.22.',
  );
});

it('names each leg where there are several', () => {
  const legs = [leg('sell', 'put', 220), leg('buy', 'put', 215)];
  expect(contractInWords({ strategy: 'bull_put_spread', legs })).toBe(
    'Options: select bull_put_spread sell 220 put, buy 215 put 2026-04-17, premium 3.1, delta -0.22.',
  );
});
