/** The exchange's hours at moments around open, close, half days and the turn of the year. */
import { expect, test } from 'vitest';
import { MarketHours } from './market-hours.ts';

const session = (date: string, closesAt = `${date}T21:00:00Z`, halfDay = false) => ({
  date,
  opensAt: `${date}T14:30:00Z`,
  closesAt,
  halfDay,
});

/** Trading stands still over the turn of the year; 24 December is a half day. */
const sessions = [
  session('2026-12-23'),
  session('2026-12-24', '2026-12-24T18:00:00Z', true),
  session('2026-12-31'),
  session('2027-01-04'),
];

function hours(quotesNeverClose = false) {
  const asked: string[] = [];
  let broken = false;
  const calendar = async ({ from, to }: { from: string; to: string }) => {
    asked.push(from);
    if (broken) throw new Error('away');
    return {
      timezone: 'America/New_York',
      quotesNeverClose,
      sessions: sessions.filter(({ date }) => date >= from && date <= to),
    };
  };
  const breakIt = (value: boolean): void => {
    broken = value;
  };
  return { asked, breakIt, hours: new MarketHours({ calendar }) };
}

test.each([
  ['2026-12-24T14:29:59Z', false, '2026-12-24', '2026-12-23'],
  ['2026-12-24T14:30:00Z', true, '2026-12-24', '2026-12-23'],
  ['2026-12-24T17:59:59Z', true, '2026-12-24', '2026-12-23'],
  ['2026-12-24T18:00:00Z', false, '2026-12-31', '2026-12-24'],
  ['2026-12-31T21:00:00Z', false, '2027-01-04', '2026-12-31'],
  ['2027-01-01T12:00:00Z', false, '2027-01-04', '2026-12-31'],
])('at %s', async (moment, open, date, previous) => {
  expect(await hours().hours.at(new Date(moment))).toMatchObject({
    open,
    session: { date },
    previous: { date: previous },
  });
});

test('a market whose quotes never stop is open, with the same sessions', async () => {
  const { hours: exchange } = hours(true);
  const saturday = await exchange.at(new Date('2026-12-26T12:00:00Z'));
  expect(saturday).toMatchObject({ open: true, session: { date: '2026-12-31' } });
});

test('a year is asked for once, and again only when it could not be had', async () => {
  const { asked, breakIt, hours: exchange } = hours();
  breakIt(true);
  await expect(exchange.sessionOn('2026-12-24')).rejects.toThrow('away');
  breakIt(false);
  expect(await exchange.sessionOn('2026-12-24')).toMatchObject({ halfDay: true });
  expect(await exchange.sessionOn('2026-12-25')).toBeNull();
  expect(asked).toEqual(['2026-01-01', '2026-01-01']);
});
