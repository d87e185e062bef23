import { expect, test } from 'vitest';
import { forPeople } from './log.ts';

test('a terminal shows time, level, message and fields in one line', () => {
  const line = JSON.stringify({
    level: 40,
    time: '2026-01-02T03:04:05.678Z',
    pid: 1,
    port: 5,
    msg: 'Careful',
  });
  expect(forPeople(line)).toBe('03:04:05 WARN  Careful  port=5');
});

test('an error is shown with its stack', () => {
  const err = { message: 'no', stack: 'Error: no\n    at here' };
  const line = JSON.stringify({ level: 50, time: '2026-01-02T03:04:05.678Z', err, msg: 'Failed' });
  expect(forPeople(line)).toBe('03:04:05 ERROR Failed\nError: no\n    at here');
});

test('what is not JSON stays as it is', () => {
  expect(forPeople('plain\n')).toBe('plain');
});
