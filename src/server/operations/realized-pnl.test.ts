import { describe, expect, it } from 'vitest';
import { realizedPnl } from './realized-pnl.ts';

const option = (quantity: number, openPrice: number) => ({ kind: 'option' as const, quantity, openPrice });
const stock = (quantity: number, openPrice: number) => ({ kind: 'stock' as const, quantity, openPrice });

describe('profit and loss', () => {
  it.each([
    ['a short put bought back at half', [option(-1, 2.35)], [1.17], '118.00'],
    ['a short put that expired', [option(-3, 0.1)], [0], '30.00'],
    // In floats: (0.1 + 0.2 - 0.3) * 100 is no 0.
    ['a spread that came to nothing', [option(1, 0.1), option(1, 0.2), option(-1, 0.3)], [0, 0, 0], '0.00'],
    ['a loss on shares', [stock(-7, 10.005)], [10.01], '-0.035'],
    ['a covered call', [stock(100, 50.25), option(-1, 1.5)], [52, 0.75], '250.00'],
    ['parts of a share', [stock(0.333333, 3)], [4.5], '0.4999995'],
    ['prices that are written with exponents', [stock(1_000_000, 1e-7)], [3e-7], '0.20'],
    ['a loss below a dollar', [option(1, 0.005)], [0], '-0.50'],
    ['a million contracts', [option(-1e6, 999_999.99)], [0], '99999999000000.00'],
  ])('of %s', (_, legs, closes, expected) => {
    expect(realizedPnl(legs, closes)).toBe(expected);
  });
});
