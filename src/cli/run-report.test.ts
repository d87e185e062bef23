import { expect, it } from 'vitest';
import { run } from '../server/operations/run-view.ts';
import { runReport } from './run-report.ts';

const leg = (action: string, right: string, strike: number) => ({
  action,
  right,
  strike,
  expiration: '2026-04-17',
  bid: 1.2,
  ask: 1.3,
});

/** The rows of a report, by their name; of several with the same name all. */
function rowsOf(options: object): Record<string, string[]> {
  const found = run.parse({
    runId: 'r',
    symbol: 'AAPL',
    type: 'full_analysis',
    kind: 'analysis',
    revision: 1,
    status: 'completed',
    step: null,
    progress: null,
    recommendation: 'select',
    cautions: [],
    waiting: [],
    error: null,
    startedAt: '2026-03-02T15:00:00Z',
    updatedAt: '2026-03-02T15:00:00Z',
    result: { kind: 'analysis', reasons: [], chart: {}, options, research: null, asOf: null, source: null },
  });
  const rows: Record<string, string[]> = {};
  for (const line of runReport(found, { style: (_, text) => text })) {
    const [, name, value] = /^ {2}(\S.*?) {2,}(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) rows[name] = [...(rows[name] ?? []), value];
  }
  return rows;
}

it('lists the legs and both break-evens of a condor', () => {
  const rows = rowsOf({
    bestStrike: 192.5,
    bestExpiration: '2026-04-17',
    dte: 46,
    breakeven: 191.2,
    breakevenUpper: 233.8,
    legs: [
      leg('sell', 'put', 192.5),
      leg('buy', 'put', 187.5),
      leg('sell', 'call', 232.5),
      leg('buy', 'call', 237.5),
    ],
  });
  expect(rows.Contract).toBeUndefined();
  expect(rows.Contracts).toEqual(['4 legs expiring 2026-04-17 (46 days)']);
  expect(rows.Leg?.map((row) => row.split(' ').slice(0, 3).join(' '))).toEqual([
    'sell 192.50 put',
    'buy 187.50 put',
    'sell 232.50 call',
    'buy 237.50 call',
  ]);
  expect(rows.Breakeven).toEqual(['191.20 and 233.80']);
});

it('shows one contract and one break-even where there is only one, and volatilities that agree', () => {
  const rows = rowsOf({
    bestStrike: 220,
    bestExpiration: '2026-04-17',
    dte: 46,
    breakeven: 217.5,
    iv: 0.397,
    atmIv: 0.36,
    hv20: 0.3,
    ivHvRatio: 1.2,
    legs: [leg('sell', 'put', 220)],
  });
  expect(rows.Contract).toEqual(['220.00 expiring 2026-04-17 (46 days)']);
  expect(rows.Breakeven).toEqual(['217.50']);
  expect(rows['IV / HV']).toEqual(['1.20 (36.0 % at the money / 30.0 %)']);
});
