/** When what looks at the market looks again. */
import { expect, test } from 'vitest';
import { pauseAfter } from './market-pauses.ts';
import { monday } from './testing/portfolio-monitor-model.ts';

const at = (time: string) => `2026-01-05T${time}.000Z`;
const closed = { ...monday, open: false };
const MINUTE = 60_000;

test.each([
  ['while the exchange is open, after its interval', at('17:00:00'), monday, 60, false, MINUTE],
  ['not after the close, but a minute after it', at('20:59:30'), monday, 60, false, 1.5 * MINUTE],
  ['nor in the very moment of the close', at('20:59:00'), monday, 60, false, 2 * MINUTE],
  ['with a long interval, once after the close', at('20:30:00'), monday, 3_600, false, 31 * MINUTE],
  ['asked right after the close, once more', at('21:00:10'), closed, 10, false, 50_000],
  ['after the check after the close, at the next open', at('21:01:00'), closed, 60, false, 1_049 * MINUTE],
  ['after the close, when it failed, again', at('21:01:00'), closed, 60, true, MINUTE],
  ['and that for an hour', at('22:01:00'), closed, 60, true, 989 * MINUTE],
  ['where nobody knows the calendar, after its interval', at('03:00:00'), null, 60, true, MINUTE],
  ['before the open, at the open', '2026-01-06T14:29:59.000Z', closed, 60, false, 1_000],
])('%s', (_when, moment, market, seconds, hasFailed, expected) => {
  expect(pauseAfter({ at: moment, endedAt: moment, market }, seconds, hasFailed)).toBe(expected);
});

test.each([
  ['over the close: at once', '20:59:30', '21:04:00', monday, 0],
  ['almost over the close: once after it', '20:58:30', '20:59:50', monday, 70_000],
  ['after the close: at the next open', '21:01:00', '21:03:00', closed, 1_047 * MINUTE],
])('after one that took long, %s', (_when, began, ended, market, expected) => {
  expect(pauseAfter({ at: at(began), endedAt: at(ended), market }, 60, false)).toBe(expected);
});
