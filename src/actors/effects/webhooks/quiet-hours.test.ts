/** Quiet hours on clocks that jump, and against a definition that is looked up minute by minute. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quietUntil } from './quiet-hours.ts';

const hours = (timeZone: string, quietFrom: string | null, until: string | null) => ({
  timeZone,
  quietFrom,
  quietUntil: until,
});
const end = (now: string, zone: string, from: string, until: string) =>
  quietUntil(new Date(now), hours(zone, from, until))?.toISOString() ?? null;

test('without quiet hours, outside of them, or with none between, it is not quiet', () => {
  expect(quietUntil(new Date(), hours('UTC', null, null))).toBeNull();
  expect(end('2026-01-05T12:00:00Z', 'UTC', '22:00', '07:00')).toBeNull();
  expect(end('2026-01-05T07:00:00Z', 'UTC', '22:00', '07:00')).toBeNull();
  expect(end('2026-01-05T12:00:00Z', 'UTC', '12:00', '12:00')).toBeNull();
});

test('over midnight, and within a day, they end at their end in the zone of the owner', () => {
  expect(end('2026-01-05T22:00:00Z', 'UTC', '22:00', '07:00')).toBe('2026-01-06T07:00:00.000Z');
  expect(end('2026-01-06T06:59:59.999Z', 'UTC', '22:00', '07:00')).toBe('2026-01-06T07:00:00.000Z');
  expect(end('2026-01-05T12:30:10Z', 'Europe/Berlin', '13:00', '14:00')).toBe('2026-01-05T13:00:00.000Z');
  expect(end('2026-01-05T18:00:00Z', 'Asia/Kathmandu', '23:00', '06:15')).toBe('2026-01-06T00:30:00.000Z');
});

test('the night in which the clock is put forward is an hour shorter, the other one an hour longer', () => {
  expect(end('2026-03-08T04:00:00Z', 'America/New_York', '22:00', '07:00')).toBe('2026-03-08T11:00:00.000Z');
  expect(end('2026-11-01T03:00:00Z', 'America/New_York', '22:00', '07:00')).toBe('2026-11-01T12:00:00.000Z');
});

test('an end that the clock jumps over ends with the jump; one that comes twice ends the first time', () => {
  expect(end('2026-03-08T06:30:00Z', 'America/New_York', '22:00', '02:30')).toBe('2026-03-08T07:00:00.000Z');
  expect(end('2026-11-01T05:00:00Z', 'America/New_York', '22:00', '01:30')).toBe('2026-11-01T05:30:00.000Z');
  // The hour that comes twice is quiet twice.
  expect(end('2026-11-01T05:45:00Z', 'America/New_York', '01:30', '02:00')).toBe('2026-11-01T06:00:00.000Z');
  expect(end('2026-11-01T06:45:00Z', 'America/New_York', '01:30', '02:00')).toBe('2026-11-01T07:00:00.000Z');
});

test('where the clock goes back to before their beginning, they end with that', () => {
  expect(end('2026-11-01T05:59:00Z', 'America/New_York', '01:01', '00:00')).toBe('2026-11-01T06:00:00.000Z');
});

test('they end at the first minute that is not quiet, wherever and whenever', () => {
  const minute = fc.integer({ min: 0, max: 1_439 });
  const zone = fc.constantFrom(
    'America/New_York',
    'Europe/London',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'America/Sao_Paulo',
  );
  const around = [
    '2026-03-08T07:00Z',
    '2026-11-01T06:00Z',
    '2026-03-29T01:00Z',
    '2026-10-25T01:00Z',
    '2026-04-04T15:00Z',
    '2026-10-03T15:30Z',
  ];
  const time = fc
    .tuple(fc.constantFrom(...around), fc.integer({ min: -2_880, max: 2_880 }))
    .map(([moment, minutes]) => Date.parse(moment) + minutes * 60_000);
  const text = (m: number) =>
    `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`;
  fc.assert(
    fc.property(time, zone, minute, minute, (at, timeZone, from, until) => {
      const quiet = hours(timeZone, text(from), text(until));
      const isQuietAt = (moment: number) => {
        const shown = new Date(moment).toLocaleTimeString('en-GB', { timeZone, hour12: false });
        const now = Number(shown.slice(0, 2)) * 60 + Number(shown.slice(3, 5));
        return from <= until ? now >= from && now < until : now >= from || now < until;
      };
      let expected = at;
      while (isQuietAt(expected)) expected += 60_000;
      expect(quietUntil(new Date(at), quiet)?.getTime() ?? at).toBe(expected);
    }),
    { numRuns: 60 },
  );
});
