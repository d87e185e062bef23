/** How a person is shown what the doors say. */
import { expect, it } from 'vitest';
import { localTime, localTimes } from './terminal.ts';

it('times are shown by the clock of the reader, wherever they stand', () => {
  const [at, then] = ['2026-11-28T03:17:10Z', '2026-01-05T15:00:00.123Z'];
  expect(localTimes(`since ${at}: (as of ${then})`)).toBe(
    `since ${localTime(at)}: (as of ${localTime(then)})`,
  );
  expect(localTimes(`"since ${at}" at ${at}`)).toBe(`"since ${at}" at ${localTime(at)}`);
  expect(localTimes('a put of 2026-12-18, and 2026-12-18T15:00')).toBe(
    'a put of 2026-12-18, and 2026-12-18T15:00',
  );
});
