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
  let elapsedMs = 0;
  const market = { quotesNeverClose };
  const calendar = async ({ from, to }: { from: string; to: string }) => {
    asked.push(from);
    if (broken) throw new Error('away');
    return {
      timezone: 'America/New_York',
      ...market,
      sessions: sessions.filter(({ date }) => date >= from && date <= to),
    };
  };
  const breakIt = (value: boolean): void => {
    broken = value;
  };
  const pass = (ms: number): void => {
    elapsedMs += ms;
  };
  return { asked, breakIt, pass, market, hours: new MarketHours({ calendar }, () => elapsedMs) };
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

test('a year is asked for again after an hour, since the service may have another provider or calendar by then', async () => {
  const { asked, breakIt, pass, market, hours: exchange } = hours();
  const night = new Date('2026-12-23T02:00:00Z');
  await expect(exchange.at(night)).rejects.toThrow('no sessions');
  const evening = new Date('2026-12-23T23:00:00Z');
  expect(await exchange.at(evening)).toMatchObject({ open: false });
  market.quotesNeverClose = true;
  pass(3_599_999);
  expect(await exchange.at(evening)).toMatchObject({ open: false });
  const before = asked.length;
  pass(1);
  // Nobody waits for that; while it can't be had, what is known is good.
  breakIt(true);
  expect(await exchange.at(evening)).toMatchObject({ open: false });
  expect(asked.length).toBeGreaterThan(before);
  breakIt(false);
  pass(3_600_000);
  await exchange.at(evening);
  await expect.poll(async () => (await exchange.at(evening)).open).toBe(true);
});
