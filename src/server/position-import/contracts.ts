/** How brokers write an option: the industry's 21 characters (OSI), their short forms of it, and their words. */

export interface Contract {
  /** The underlying. */
  symbol: string;
  /** 2026-12-18. */
  expiration: string;
  right: 'call' | 'put';
  strike: number;
}

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const root = '(?<root>[A-Z][A-Z0-9./]{0,9})';
const strike = '\\$?(?<strike>\\d+(?:\\.\\d+)?)';
const right = '(?<right>C|P|CALL|PUT)';
const slashes = '(?<month>\\d{1,2})/(?<day>\\d{1,2})/(?<year>\\d{4}|\\d{2})';
const inWords = `(?<month>${months.join('|')})[ ]?(?<day>\\d{1,2})(?:TH|ST|ND|RD)?,?[ ]?'?(?<year>\\d{4}|\\d{2})`;
const dayFirst = `(?<day>\\d{1,2}) ?(?<month>${months.join('|')}) ?'?(?<year>\\d{4}|\\d{2})`;
const digits = '(?<year>\\d{4}|\\d{2})-?(?<month>\\d{2})-?(?<day>\\d{2})';

/** The strike in thousandths, always 8 digits. */
const osi = new RegExp(
  `^[-+.]?${root} *(?<year>\\d\\d)(?<month>\\d\\d)(?<day>\\d\\d)(?<right>[CP])(?<mills>\\d{8})$`,
);
const forms = [
  // .AAPL261218P150, -AAPL261218P152.5
  new RegExp(
    `^[-+.]?(?<root>[A-Z][A-Z./]{0,9})(?<year>\\d\\d)(?<month>\\d\\d)(?<day>\\d\\d)(?<right>[CP])${strike}$`,
  ),
  // AAPL 12/18/2026 150.00 P
  new RegExp(`^${root} ${slashes} ${strike} ${right}$`),
  // AAPL 12/18/2026 Put $150.00
  new RegExp(`^${root} ${slashes} ${right} ${strike}$`),
  // AAPL 18DEC26 150 P
  new RegExp(`^${root} ${dayFirst} ${strike} ${right}$`),
  // AAPL Dec 18 '26 $150 Put, AAPL DEC 18 2026 $150 PUT
  new RegExp(`^${root} ${inWords} ${strike} ${right}$`),
  // AAPL 20261218 150 P
  new RegExp(`^${root} ${digits} ${strike} ${right}$`),
  // PUT (AAPL) APPLE INC DEC 18 26 $150 (100 SHS)
  new RegExp(`^${right} \\(${root}\\) .*?\\b${inWords} ${strike}(?: |$)`),
];

/** The contract that a text names; null when it names none. */
export function contractOf(text: string): Contract | null {
  const tidy = text
    .trim()
    .toUpperCase()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/(\d),(\d{3})/g, '$1$2');
  const match = [osi, ...forms].map((form) => form.exec(tidy)).find((found) => found !== null);
  const { root: symbol = '', year = '', month = '', day = '', ...rest } = match?.groups ?? {};
  const expiration = dateOf(year, month, day);
  const price = rest.mills === undefined ? Number(rest.strike) : Number(rest.mills) / 1_000;
  if (!match || expiration === null || !(price > 0)) return null;
  return { symbol, expiration, right: rest.right?.startsWith('C') ? 'call' : 'put', strike: price };
}

/** A day as brokers write it alone in a column: 12/18/2026, 2026-12-18, 20261218, 18DEC26, Dec 18 2026. Null: none. */
export function dayOf(text: string): string | null {
  const tidy = text.trim().toUpperCase();
  for (const form of [slashes, digits, dayFirst, inWords]) {
    const { year = '', month = '', day = '' } = new RegExp(`^${form}$`).exec(tidy)?.groups ?? {};
    const date = dateOf(year, month, day);
    if (date !== null) return date;
  }
  return null;
}

function dateOf(year: string, month: string, day: string): string | null {
  const number = months.includes(month) ? months.indexOf(month) + 1 : Number(month);
  const written = [year.padStart(4, '20'), String(number).padStart(2, '0'), day.padStart(2, '0')].join('-');
  const date = new Date(`${written}T00:00:00Z`);
  // No 30th of February, which Date would carry over.
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(written) ? written : null;
}
