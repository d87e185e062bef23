/**
 * The files that brokers export their positions in, known by the names of their columns. What a column is called stands
 * here; what is done with it, in `lines.ts`.
 */

export const formats = ['ttai', 'tastytrade', 'schwab', 'fidelity', 'ibkr', 'etrade'] as const;
export type Format = (typeof formats)[number];

/** What a line may say. */
export interface Columns {
  symbol: readonly string[];
  quantity: readonly string[];
  /** Long or Short, where the quantity has no sign. */
  direction?: readonly string[];
  /** Per share. */
  openPrice?: readonly string[];
  /** Of the whole line; the price per share is computed from it. */
  cost?: readonly string[];
  underlying?: readonly string[];
  /** Names the contract where the symbol does not. */
  description?: readonly string[];
  /** Of the instrument: what is neither option nor stock is refused. */
  kind?: readonly string[];
  right?: readonly string[];
  strike?: readonly string[];
  expiration?: readonly string[];
  multiplier?: readonly string[];
  account?: readonly string[];
  openedAt?: readonly string[];
  /** Lines with the same one are legs of one position. */
  position?: readonly string[];
  note?: readonly string[];
}

export interface Layout {
  format: Format;
  /** Of each group a column must be there. */
  known: readonly (readonly string[])[];
  columns: Columns;
}

/** Names of columns in lower case. Of two names, the first one that is there counts. */
export const layouts: readonly Layout[] = [
  {
    format: 'ttai',
    known: [['symbol'], ['quantity'], ['openprice']],
    columns: {
      symbol: ['symbol'],
      quantity: ['quantity'],
      openPrice: ['openprice'],
      kind: ['kind'],
      right: ['right'],
      strike: ['strike'],
      expiration: ['expiration'],
      openedAt: ['openedat'],
      position: ['position', 'positionid'],
      note: ['note'],
    },
  },
  {
    format: 'tastytrade',
    known: [['symbol'], ['quantity'], ['trade price', 'average open price'], ['call/put', 'instrument type']],
    columns: {
      symbol: ['symbol'],
      quantity: ['quantity'],
      direction: ['quantity direction'],
      openPrice: ['trade price', 'average open price'],
      underlying: ['underlying symbol', 'root symbol'],
      kind: ['type', 'instrument type'],
      right: ['call/put'],
      strike: ['strike price'],
      expiration: ['exp date', 'expiration date'],
      multiplier: ['multiplier'],
      account: ['account', 'account number'],
      openedAt: ['created at'],
    },
  },
  {
    format: 'schwab',
    known: [
      ['symbol'],
      ['description'],
      ['qty (quantity)', 'quantity', 'qty'],
      ['cost basis'],
      ['security type', 'asset type'],
    ],
    columns: {
      symbol: ['symbol'],
      quantity: ['qty (quantity)', 'quantity', 'qty'],
      cost: ['cost basis'],
      description: ['description'],
      kind: ['security type', 'asset type'],
      account: ['account'],
    },
  },
  {
    format: 'fidelity',
    known: [
      ['account number'],
      ['symbol'],
      ['quantity'],
      ['cost basis total', 'cost basis'],
      ['current value'],
    ],
    columns: {
      symbol: ['symbol'],
      quantity: ['quantity'],
      cost: ['cost basis total', 'cost basis'],
      description: ['description'],
      account: ['account number'],
    },
  },
  {
    format: 'ibkr',
    known: [
      ['symbol'],
      ['quantity', 'position'],
      ['cost price', 'costbasisprice', 'open price', 'openprice'],
      ['asset category', 'assetclass', 'put/call'],
    ],
    columns: {
      symbol: ['symbol'],
      quantity: ['quantity', 'position'],
      openPrice: ['cost price', 'costbasisprice', 'open price', 'openprice'],
      underlying: ['underlyingsymbol'],
      description: ['description'],
      kind: ['asset category', 'assetclass'],
      right: ['put/call'],
      strike: ['strike'],
      expiration: ['expiry'],
      multiplier: ['mult', 'multiplier'],
      account: ['account', 'clientaccountid'],
      openedAt: ['opendatetime'],
    },
  },
  {
    format: 'etrade',
    known: [['symbol'], ['qty #', 'quantity'], ['price paid $']],
    columns: { symbol: ['symbol'], quantity: ['qty #', 'quantity'], openPrice: ['price paid $'] },
  },
];

/** The layout that these names of columns have: the wanted one, or any. */
export function layoutOf(header: ReadonlySet<string>, wanted: Format | 'auto'): Layout | undefined {
  return layouts
    .filter(({ format }) => wanted === 'auto' || format === wanted)
    .find(({ known }) => known.every((names) => names.some((name) => header.has(name))));
}
