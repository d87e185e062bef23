/** Numbers as spreadsheets write them: currency signs, thousands, negatives in parentheses. */

const plain = /^\d+(\.\d+)?$|^\.\d+$/;
const thousands = /^\d{1,3}(,\d{3})+(\.\d+)?$/;
const decimalComma = /^\d{1,3}(\.\d{3})*,\d+$|^\d+,\d+$/;
const none = /^(|-+|n\/?a|none|null)$/i;

/** Undefined where there is none (`--`, `n/a`, nothing); NaN for what is no number. */
export function amountOf(text: string | undefined, hasDecimalComma = false): number | undefined {
  const bare = (text ?? '').replaceAll(/[\s$€£¥"']/g, '').replace(/^(USD|EUR|GBP)|(USD|EUR|GBP)$/i, '');
  if (none.test(bare)) return undefined;
  const [, open, sign = '', number = '', after = '', close] =
    /^(\()?([-+]?)([\d.,]+)(-?)(\))?$/.exec(bare) ?? [];
  if (Boolean(open) !== Boolean(close)) return Number.NaN;
  const value = magnitudeOf(number, hasDecimalComma);
  // Negative of nothing is nothing.
  return (open || sign === '-' || after === '-') && value !== 0 ? -value : value;
}

function magnitudeOf(number: string, hasDecimalComma: boolean): number {
  if (hasDecimalComma && decimalComma.test(number)) {
    return Number(number.replaceAll('.', '').replace(',', '.'));
  }
  if (plain.test(number)) return Number(number);
  return thousands.test(number) ? Number(number.replaceAll(',', '')) : Number.NaN;
}
