/** The clock that follows the database's: what it takes from what it is told. */
import { expect, test, vi } from 'vitest';
import { DatabaseClock } from './clock.ts';

const NOW = Date.parse('2026-01-05T12:00:00Z');
vi.useFakeTimers({ toFake: ['Date'], now: NOW });

test('what the wall clock could have said changes nothing, however slow the answer was', () => {
  const clock = new DatabaseClock();
  expect(clock.learn(NOW + 0.4, NOW, NOW)).toBe(false);
  expect(clock.learn(NOW + 1, NOW, NOW + 4_000)).toBe(false);
  expect(clock.learn(NOW + 3_999, NOW, NOW + 4_000)).toBe(false);
  expect(clock.now()).toBe(NOW);
});

test.each([3_600_000, -3_600_000])(
  'a wall clock that is off by %d ms is corrected within the round trip',
  (off) => {
    const clock = new DatabaseClock();
    expect(clock.learn(NOW + off, NOW - 6, NOW + 4)).toBe(true);
    expect(Math.abs(clock.now() - (NOW + off))).toBeLessThanOrEqual(6);
    // A slower answer says less: it is kept.
    expect(clock.learn(NOW + off, NOW - 100, NOW + 100)).toBe(false);
    // The wall clock is set right.
    expect(clock.learn(NOW, NOW - 1, NOW + 1)).toBe(true);
    expect(Math.abs(clock.now() - NOW)).toBeLessThanOrEqual(2);
  },
);
