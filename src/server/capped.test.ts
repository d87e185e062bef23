import { describe, expect, test } from 'vitest';
import { capped } from './capped.ts';

describe('capped', () => {
  test('keeps what fits', () => {
    const value = { a: [1, 2, 3] };
    expect(capped(value, 100)).toBe(value);
  });

  test('replaces the largest fields only, and never the type of an event', () => {
    const event = { type: 'DATA', small: 1, bars: 'x'.repeat(10_000) };
    const cut = capped(event, 2_000);
    expect(cut).toMatchObject({ type: 'DATA', small: 1, bars: { '@truncated': expect.any(String) } });
    expect(JSON.stringify(cut).length).toBeLessThan(2_000);
  });

  test('many small fields that are too much together become a note', () => {
    const value = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`field${index}`, 'x'.repeat(50)]),
    );
    expect(capped(value, 2_000)).toMatchObject({ '@truncated': expect.any(String) });
  });
});
