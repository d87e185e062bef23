/** What is told of the time that somebody was away. With records and over each door: `test/records.test.ts`. */
import { expect, test } from 'vitest';
import { defaultPreferences } from '../../persistence/records/preferences.ts';
import { CalledOperations, codeOf } from '../testing/called-operations.ts';
import { type CaughtUp, catchUpLines } from './catch-up.ts';

const called = CalledOperations.use();
const hourMs = 3_600_000;
const ago = (hours: number) => new Date(Date.now() - hours * hourMs);

/** Alerts of these symbols, whose notifications say that they have fired, the first one last. */
async function fired(...symbols: string[]) {
  const addresses = await Promise.all(
    symbols.map((symbol) => {
      const input = { symbol, condition: 'above', threshold: 60, repeat: 'once' };
      return called.system.spawn('priceAlert', symbol, { input, owner: 'local' });
    }),
  );
  return { toldBy: async () => ({ count: addresses.length, newest: addresses }) };
}

/** Runs that ended so many hours ago, started in this order. */
async function ended(...hours: number[]): Promise<void> {
  for (const [index, hour] of hours.entries()) {
    const input = { symbol: `R${hour}`, type: 'full_analysis' };
    const address = await called.system.spawn('analysis', `r${index}`, { input, owner: 'local' });
    called.system.move(address, { status: 'stopped', updatedAt: ago(hour) });
  }
}

test('what happened is told newest first, and how much is not shown', async () => {
  const records = { ...called.context.records, ...(await fired('S1', 'S2', 'S3')) };
  await ended(5, 7, 1, 2, 8, 4, 3, 6);
  const answer = await called.call<CaughtUp>('catch_up', {}, { records });
  expect(answer.alertsTriggered.newest.map(({ symbol }) => symbol)).toEqual(['S1', 'S2', 'S3']);
  expect(answer.runsEnded.newest.map(({ symbol }) => symbol)).toEqual(['R1', 'R2', 'R3', 'R4', 'R5']);
  const lines = catchUpLines(answer);
  expect(lines).toContain('Runs ended: 8.');
  expect(lines.filter((line) => line.startsWith('  and'))).toEqual(['  and 3 more']);
});

test('alerts and runs are counted however many are newer', async () => {
  const forgotten = 'priceAlert/deleted-a-year-later';
  const records = {
    ...called.context.records,
    toldBy: async () => ({ count: 30, newest: [forgotten] }),
  };
  await ended(...Array.from({ length: 120 }, (_, index) => index / 60));
  const answer = await called.call<CaughtUp>('catch_up', {}, { records });
  expect(answer.alertsTriggered).toEqual({ count: 30, newest: [] });
  expect(answer.runsEnded.count).toBe(120);
  expect(answer.runsEnded.newest).toHaveLength(5);
});

test('a date is its midnight by the clocks of the owner', async () => {
  const records = {
    ...called.context.records,
    preferences: async () => ({ ...defaultPreferences, timeZone: 'Asia/Tokyo' }),
  };
  const answer = await called.call<CaughtUp>('catch_up', { since: '2026-03-02' }, { records });
  expect(answer.since).toBe('2026-03-01T15:00:00.000Z');
});

test('a date that has not begun for its owner is refused, like any time to come', async () => {
  const records = {
    ...called.context.records,
    // Eleven hours behind UTC: no day begins there before it does in UTC.
    preferences: async () => ({ ...defaultPreferences, timeZone: 'Pacific/Pago_Pago' }),
  };
  const tomorrow = new Date(Date.now() + 24 * hourMs).toISOString().slice(0, 10);
  for (const since of [tomorrow, '2999-01-01', '1969-12-31', '2026-02-30', 'yesterday']) {
    expect(await codeOf(called.call('catch_up', { since }, { records })), since).toBe('invalid_input');
  }
});

test.each([
  [30, '30 days left'],
  [1, '1 day left'],
  [0, '0 days left'],
  [-43, 'expired'],
  [null, 'days left unknown'],
])('of a position with %s days: %s', async (dte, words) => {
  const answer = await called.call<CaughtUp>('catch_up', {});
  const position = {
    ...{ positionId: 'p', portfolio: 'main', symbol: 'KO', held: 'short put', why: ['has expired'] },
    ...{ pnl: 1, isModelled: false, dte, asOf: '2026-03-02T15:00:00Z', source: 'simulated' },
  };
  expect(catchUpLines({ ...answer, positionsToManage: [position] }).join()).toContain(
    `, ${words} (simulated`,
  );
});

test('a value that a model says is told as that', async () => {
  const put = { kind: 'option' as const, right: 'put' as const, strike: 60, expiration: '2026-12-18' };
  const position = {
    ...{ id: 'p', owner: 'local', portfolio: 'main', symbol: 'KO', status: 'open' as const },
    ...{ legs: [{ ...put, quantity: -1, openPrice: 2 }], openedAt: ago(9), updatedAt: ago(9) },
    ...{ closedAt: null, realizedPnl: null, source: 'manual' as const, externalId: null, note: null },
  };
  const value = {
    ...{ id: 'p', symbol: 'KO', structure: 'short_put', underlyingPrice: 55, stale: false },
    ...{ marketValue: -391.28, pnl: -191.28, pnlPct: -95, profitCapturedPct: -95, dte: 9, shortDelta: 0.8 },
    ...{ assignmentRisk: 'low', daysToEarnings: null, earningsInsideDte: false },
    ...{ management: { tested: true }, warnings: ['model_price:leg1'] },
  };
  const analysis = {
    ...called.context.analysis,
    positions: async () => ({
      ...{ positions: [value], errors: {}, asOf: '2026-03-02T15:00:00Z', quality: { source: 'simulated' } },
    }),
  } as unknown as typeof called.context.analysis;
  const records = { ...called.context.records, openPositions: async () => [position] };
  const answer = await called.call<CaughtUp>('catch_up', {}, { records, analysis });
  expect(answer.positionsToManage).toMatchObject([{ pnl: -191.28, isModelled: true }]);
  expect(catchUpLines(answer).join()).toContain('profit and loss -$191.28 by a model, 9 days left');
});
