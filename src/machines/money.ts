/** Amounts of money: added up in whole cents, never as floats; null is not known, and is counted, not taken for 0. */

/** Text as the database writes a numeric, or a number as the analysis service answers it, to the nearest cent. */
export function toCents(amount: number | string): number {
  if (typeof amount === 'number') return Math.round(amount * 100);
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(amount);
  if (!match) throw new RangeError(`not an amount of money: ${amount}`);
  const [, sign, whole, fraction = ''] = match;
  const [cents, next] = [fraction.slice(0, 2).padEnd(2, '0'), fraction.charAt(2)];
  const total = Number(whole) * 100 + Number(cents) + (next >= '5' ? 1 : 0);
  return total === 0 || sign === '' ? total : -total;
}

export function fromCents(cents: number): number {
  return cents / 100;
}

/** To the nearest cent. */
export function roundMoney(amount: number | string | null): number | null {
  return amount === null ? null : fromCents(toCents(amount));
}

/** `a - b`; null where one of them is not known. */
export function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : fromCents(toCents(a) - toCents(b));
}

/** A sum of what is known of it. */
export interface KnownSum {
  /** Of the known ones; null when there are some and none is known, 0 when there are none. */
  amount: number | null;
  /** How many are not known. */
  unknown: number;
}

export function sumOf(amounts: readonly (number | string | null)[]): KnownSum {
  const known = amounts.filter((amount) => amount !== null);
  const cents = known.reduce<number>((total, amount) => total + toCents(amount), 0);
  return {
    amount: known.length === 0 && amounts.length > 0 ? null : fromCents(cents),
    unknown: amounts.length - known.length,
  };
}

const dollars = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  signDisplay: 'exceptZero',
});

/** For a person: `+$1,234.50`, `-$0.05`, `unknown`. */
export function moneyText(amount: number | null): string {
  return amount === null ? 'unknown' : dollars.format(amount);
}

/** A price per share for a person: `1.10`, `331.33`; what is finer than a cent stays as it is. */
export function priceText(price: number): string {
  return Number(price.toFixed(2)) === price ? price.toFixed(2) : String(price);
}
