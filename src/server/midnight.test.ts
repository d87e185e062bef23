/** When a day begins in a time zone. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { midnightOf } from './midnight.ts';

test.each([
  ['2026-11-28', 'UTC', '2026-11-28T00:00:00.000Z'],
  ['2026-11-28', 'Europe/Berlin', '2026-11-27T23:00:00.000Z'],
  ['2026-11-28', 'America/New_York', '2026-11-28T05:00:00.000Z'],
  ['2026-11-28', 'Pacific/Kiritimati', '2026-11-27T10:00:00.000Z'],
  ['2026-11-28', 'Asia/Kathmandu', '2026-11-27T18:15:00.000Z'],
  // The clocks are turned on the day, or were in the night before.
  ['2026-04-05', 'Pacific/Auckland', '2026-04-04T11:00:00.000Z'],
  ['2026-09-27', 'Pacific/Auckland', '2026-09-26T12:00:00.000Z'],
  ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
  ['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
  ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00.000Z'],
  ['2026-11-02', 'America/New_York', '2026-11-02T05:00:00.000Z'],
])('%s in %s begins at %s', (date, zone, begins) => {
  expect(midnightOf(date, zone).toISOString()).toBe(begins);
});

// From 2012: until then some of them were turned at midnight.
test('the clocks there show midnight of that date', () => {
  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'Asia/Tokyo',
    'Australia/Lord_Howe',
    'America/St_Johns',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.integer({ min: 15_400, max: 20_000 }), (timeZone, day) => {
      const date = new Date(day * 86_400_000).toISOString().slice(0, 10);
      const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
      expect(format.format(midnightOf(date, timeZone))).toBe(`${date} 00:00`);
    }),
  );
});
