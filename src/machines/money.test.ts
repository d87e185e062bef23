/** Sums of money are exact to the cent, and what is not known is counted. */
import { expect, test } from 'vitest';
import { difference, moneyText, priceText, roundMoney, sumOf, toCents } from './money.ts';

test.each<[number | string, number]>([
  ['1.005', 101],
  ['-1.005', -101],
  ['0.004', 0],
  ['12', 1_200],
  ['12.3', 1_230],
  ['-0.001', 0],
  ['90071992547.13', 9_007_199_254_713],
  [0.1 + 0.2, 30],
  [-2.675, -267],
])('%s is %i cents', (amount, cents) => {
  expect(toCents(amount)).toBe(cents);
});

test('what is no amount is refused', () => {
  for (const wrong of ['', 'NaN', '1e5', '1,5']) expect(() => toCents(wrong)).toThrow('not an amount');
});

test('a sum of many cents is exact where one of floats is not', () => {
  const dimes = Array.from({ length: 10_000 }, () => 0.1);
  expect(dimes.reduce((a, b) => a + b, 0)).not.toBe(1_000);
  expect(sumOf(dimes)).toEqual({ amount: 1_000, unknown: 0 });
});

test('what is not known is counted, and not taken for 0', () => {
  expect(sumOf([1.1, null, '2.2', null])).toEqual({ amount: 3.3, unknown: 2 });
  expect(sumOf([null])).toEqual({ amount: null, unknown: 1 });
  expect(sumOf([])).toEqual({ amount: 0, unknown: 0 });
  expect(difference(0.3, 0.1)).toBe(0.2);
  expect(difference(null, 1)).toBeNull();
  expect(difference(1, null)).toBeNull();
  expect(roundMoney(null)).toBeNull();
  expect(roundMoney('10.999')).toBe(11);
});

test('in words', () => {
  expect([1_234.5, -0.05, 0, null].map(moneyText)).toEqual(['+$1,234.50', '-$0.05', '$0.00', 'unknown']);
  expect([1.1, 331.33, 60, 0.0525, 0].map(priceText)).toEqual(['1.10', '331.33', '60.00', '0.0525', '0.00']);
});
