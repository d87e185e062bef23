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
  [0, '0 days left'],
  [-43, 'expired'],
  [null, 'days left unknown'],
])('of a position with %s days: %s', async (dte, words) => {
  const answer = await called.call<CaughtUp>('catch_up', {});
  const position = {
    ...{ positionId: 'p', portfolio: 'main', symbol: 'KO', held: 'short put', why: ['has expired'] },
    ...{ pnl: 1, dte, asOf: '2026-03-02T15:00:00Z', source: 'simulated' },
  };
  expect(catchUpLines({ ...answer, positionsToManage: [position] }).join()).toContain(
    `, ${words} (simulated`,
  );
});
