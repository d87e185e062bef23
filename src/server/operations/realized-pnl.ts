/** Profit and loss of a closed position, exactly: decimals as whole numbers of their last digit, never floats. */
import type { PositionLeg } from '../../persistence/records/positions.ts';

/** `units` of 10 to the power of `-scale`. */
interface Decimal {
  units: bigint;
  scale: number;
}

/** An option is on 100 shares. */
const sharesPerContract = 100n;
const pattern = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/i;

/**
 * In currency for the whole position, as decimal text with two digits or more: what each leg was closed at, less what
 * it was opened at, per share, times its signed quantity. `closePrices` in the order of the legs.
 */
export function realizedPnl(
  legs: readonly Pick<PositionLeg, 'kind' | 'quantity' | 'openPrice'>[],
  closePrices: readonly number[],
): string {
  const parts = legs.map(({ kind, quantity, openPrice }, index) => {
    const perShare = plus(decimalOf(closePrices[index] ?? 0), negative(decimalOf(openPrice)));
    const { units, scale } = times(perShare, decimalOf(quantity));
    return { units: kind === 'option' ? units * sharesPerContract : units, scale };
  });
  return inWords(parts.reduce(plus, { units: 0n, scale: 0 }));
}

/** The shortest decimal text that is this number, which is what a person wrote. */
function decimalOf(number: number): Decimal {
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] = pattern.exec(String(number)) ?? [];
  const scale = fraction.length - Number(exponent);
  const units = BigInt(`${sign}${whole}${fraction}`);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

function plus(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  const at = ({ units, scale: own }: Decimal) => units * 10n ** BigInt(scale - own);
  return { units: at(a) + at(b), scale };
}

function times(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

function negative({ units, scale }: Decimal): Decimal {
  return { units: -units, scale };
}

function inWords({ units, scale }: Decimal): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}.${fraction.padEnd(2, '0')}`;
}
