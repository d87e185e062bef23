import { describe, expect, it } from 'vitest';
import { printable, printableJson } from './printable.ts';
import { localTime } from './terminal.ts';

const nasty = '\u001b[2J\r\n\u009b\u007f\u202e\u2066\u200f\u2028\ud800 ok 🙂 שלום';

describe('printable', () => {
  it('shows what would steer the terminal as escapes, and leaves the rest', () => {
    expect(printable(nasty)).toBe(
      String.raw`\x1b[2J\x0d\x0a\x9b\x7f\u202e\u2066\u200f\u2028\ud800 ok 🙂 שלום`,
    );
  });

  it('reaches every text of a value', () => {
    const value = { a: [{ '\u001bb': '\u001b' }], number: 1, nothing: null, yes: true };
    expect(printable(value)).toEqual({ a: [{ '\\x1bb': '\\x1b' }], number: 1, nothing: null, yes: true });
  });

  it('is JSON that reads back the same', () => {
    const json = printableJson({ nasty }, 2);
    expect(JSON.parse(json)).toEqual({ nasty });
    expect(json.split('\n')).toHaveLength(3);
    expect(printable(json.replaceAll('\n', ''))).toBe(json.replaceAll('\n', ''));
  });
});

it('writes times with two digits everywhere, and what is no time as it is', () => {
  const date = new Date(2026, 0, 3, 2, 4, 5);
  expect(localTime(date.toISOString())).toMatch(/^2026-01-03 02:04:05 \S+$/);
  expect(localTime(new Date(2026, 0, 3).toISOString())).toMatch(/^2026-01-03 00:00:00 /);
  expect(localTime('soon')).toBe('soon');
});
