/** Files as brokers write them, with all that stands around their tables. The values are invented. */
import { describe, expect, it } from 'vitest';
import { amountOf } from './amounts.ts';
import { contractOf } from './contracts.ts';
import { readPositions as readPositionsAt } from './index.ts';

/** The options of these files have not expired then. */
const now = new Date('2026-11-24T15:00:00Z');
const readPositions = (csv: string, format?: Parameters<typeof readPositionsAt>[1]) =>
  readPositionsAt(csv, format, now);

const put = (strike: number, quantity: number, openPrice: number, expiration = '2026-12-18') => ({
  ...{ kind: 'option', right: 'put', strike, expiration, quantity, openPrice },
});
const call = (strike: number, quantity: number, openPrice: number, expiration = '2026-12-18') => ({
  ...put(strike, quantity, openPrice, expiration),
  right: 'call',
});
const stock = (quantity: number, openPrice: number) => ({ kind: 'stock', quantity, openPrice });

/** What is held, by symbol. */
function held(csv: string, format?: Parameters<typeof readPositions>[1]) {
  return readPositions(csv, format).positions.map(({ symbol, legs }) => [symbol, legs]);
}

describe('an option', () => {
  it.each([
    'AAPL  261218P00150000',
    'AAPL261218P00150000',
    '-AAPL261218P150',
    ' .AAPL261218P150',
    'AAPL 12/18/2026 150.00 P',
    'AAPL 12/18/2026 Put $150.00',
    'AAPL 18DEC26 150 P',
    "AAPL Dec 18 '26 $150 Put",
    "AAPL Dec18'26 150 PUT",
    'AAPL DEC 18 2026 $150 PUT',
    'AAPL 20261218 150 P',
    'PUT (AAPL) APPLE INC DEC 18 26 $150 (100 SHS)',
  ])('is %s', (text) => {
    expect(contractOf(text)).toEqual({ symbol: 'AAPL', expiration: '2026-12-18', right: 'put', strike: 150 });
  });

  it.each([
    ['BRK/B 261218C00412500', { symbol: 'BRK/B', right: 'call', strike: 412.5 }],
    ['SPXW  261218P05000000', { symbol: 'SPXW', right: 'put', strike: 5_000 }],
    ['NVDA 12/18/2026 1,150.00 C', { symbol: 'NVDA', right: 'call', strike: 1_150 }],
    ['-F261218P12.5', { symbol: 'F', right: 'put', strike: 12.5 }],
  ])('is %s', (text, expected) => {
    expect(contractOf(text)).toMatchObject({ expiration: '2026-12-18', ...expected });
  });

  it.each([
    'AAPL',
    'AAPL  260230P00150000',
    'AAPL261318P150',
    'AAPL 2/30/2026 150 P',
    'AAPL  261218P00000000',
  ])('is not %s', (text) => {
    expect(contractOf(text)).toBeNull();
  });
});

describe('an amount', () => {
  it.each([
    ['$1,234.50', 1_234.5],
    ['($235.00)', -235],
    ['-$235', -235],
    ['+3', 3],
    ['3-', -3],
    ['1,234,567', 1_234_567],
    ['.5', 0.5],
    ['235.00 USD', 235],
    ['-0', 0],
  ])('is %s', (text, amount) => {
    expect(amountOf(text)).toBe(amount);
  });
  it.each(['', '--', 'n/a', 'N/A', undefined])('is none in %s', (text) => {
    expect(amountOf(text)).toBeUndefined();
  });
  it.each(['12,5', '1.2.3', '(5', 'five', '1e5', '0x10', '1,23,4'])('is no number in %s', (text) => {
    expect(amountOf(text)).toBeNaN();
  });
  it('has a decimal comma where the file is cut at semicolons', () => {
    expect(amountOf('1.234,50', true)).toBe(1_234.5);
    expect(amountOf('12,5', true)).toBe(12.5);
    expect(amountOf('12.5', true)).toBe(12.5);
  });
});

describe("a broker's file", () => {
  it('of Schwab has a title, money in parentheses, cash and totals', () => {
    const csv = [
      '\uFEFF"Positions for account Individual ...123 as of 04:00 PM ET, 2026/11/27"',
      '',
      '"Symbol","Description","Qty (Quantity)","Price","Mkt Val (Market Value)","Cost Basis","Security Type"',
      '"AAPL 12/18/2026 150.00 P","PUT APPLE INC $150 EXP 12/18/26","-2","1.10","($220.00)","($470.00)","Option"',
      '"AAPL 12/18/2026 140.00 P","PUT APPLE INC $140 EXP 12/18/26","2","0.60","$120.00","$220.00","Option"',
      '"KO","COCA COLA CO","1,200","70.25","$84,300.00","$72,300.00","Equity"',
      '"912828ZT0","US TREASURY","1,000","99","$990","$980","Fixed Income"',
      '"Cash & Cash Investments","--","--","--","$10,000.00","--","Cash and Money Market"',
      '"Account Total","","--","--","$94,200.00","$72,050.00","--"',
    ].join('\r\n');
    expect(readPositions(csv)).toMatchObject({
      format: 'schwab',
      refused: [{ line: 7, reason: '"Fixed Income" is neither stock nor option' }],
      ignored: 3,
    });
    expect(held(csv)).toEqual([
      ['AAPL', [put(150, -2, 2.35), put(140, 2, 1.1)]],
      ['KO', [stock(1_200, 60.25)]],
    ]);
  });

  it('of Fidelity has a disclaimer below', () => {
    const csv = [
      'Account Number,Account Name,Symbol,Description,Quantity,Last Price,Current Value,Cost Basis Total,Average Cost Basis,Type',
      'X123,Individual,SPAXX**,HELD IN MONEY MARKET,,,$5000.00,,,Cash,',
      'X123,Individual, -AAPL261218P150,AAPL DEC 18 2026 $150 PUT,-1,$1.10,-$110.00,$235.00,$2.35,Margin,',
      'X123,Individual,MSFT,MICROSOFT CORP,10.5,$500.00,$5250.00,$4200.00,$400.00,Cash,',
      'X123,Individual,Pending Activity,,,,$10.00,,,,',
      '',
      '"The data and information in this spreadsheet is provided to you solely for your use, ""as is""."',
      '"Date downloaded Nov-27-2026 4:10 p.m ET"',
    ].join('\n');
    expect(readPositions(csv)).toMatchObject({ format: 'fidelity', refused: [], ignored: 4 });
    expect(held(csv)).toEqual([
      ['AAPL', [put(150, -1, 2.35)]],
      ['MSFT', [stock(10.5, 400)]],
    ]);
  });

  it('of tastytrade has columns for the contract', () => {
    const csv = [
      'Account,Symbol,Type,Quantity,Exp Date,DTE,Strike Price,Call/Put,Underlying Last Price,Trade Price',
      '5WX1,SPY   261218P00500000,OPTION,-1,12/18/26,21d,500,PUT,600.1,3.20',
      '5WX1,SPY   261218P00490000,OPTION,1,12/18/26,21d,490,PUT,600.1,2.10',
      '5WX1,SPY   261218C00650000,OPTION,-1,12/18/26,21d,650,CALL,600.1,2.90',
      '5WX1,SPY   261218C00660000,OPTION,1,12/18/26,21d,660,CALL,600.1,1.80',
      '5WX1,F,EQUITY,100,,,,,11.2,10.50',
      '5WX1,F     261218C00012000,OPTION,-1,12/18/26,21d,12,CALL,11.2,0.35',
      '5WX1,/ESZ6,FUTURE,1,,,,,6000,5900',
    ].join('\n');
    expect(readPositions(csv)).toMatchObject({
      format: 'tastytrade',
      refused: [{ line: 8, reason: '"FUTURE" is neither stock nor option' }],
    });
    expect(held(csv)).toEqual([
      ['SPY', [put(500, -1, 3.2), put(490, 1, 2.1), call(650, -1, 2.9), call(660, 1, 1.8)]],
      ['F', [stock(100, 10.5), call(12, -1, 0.35)]],
    ]);
  });

  it('of tastytrade may say long and short in words', () => {
    const csv = [
      'Account Number,Symbol,Instrument Type,Underlying Symbol,Quantity,Quantity Direction,Average Open Price,Multiplier',
      '5WX1,AAPL  261218P00150000,Equity Option,AAPL,3,Short,2.35,100',
    ].join('\n');
    expect(held(csv)).toEqual([['AAPL', [put(150, -3, 2.35)]]]);
  });

  it('of Interactive Brokers is a statement of several tables', () => {
    const csv = [
      'Statement,Header,Field Name,Field Value',
      'Statement,Data,Title,Activity Statement',
      'Open Positions,Header,DataDiscriminator,Asset Category,Currency,Symbol,Quantity,Mult,Cost Price,Cost Basis,Close Price,Code',
      'Open Positions,Data,Summary,Stocks,USD,BRK B,100,1,450.123,45012.30,470,',
      'Open Positions,Data,Lot,Stocks,USD,BRK B,100,1,450.123,45012.30,470,',
      'Open Positions,Total,,Stocks,USD,,,,,45012.30,,',
      'Open Positions,Data,Summary,Equity and Index Options,USD,AAPL 18DEC26 150 P,-1,100,2.34567,-234.57,1.1,',
      'Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price',
      'Trades,Data,Order,Stocks,USD,KO,2026-11-01,100,60',
    ].join('\n');
    expect(readPositions(csv)).toMatchObject({ format: 'ibkr', refused: [] });
    expect(held(csv)).toEqual([
      ['BRK.B', [stock(100, 450.123)]],
      ['AAPL', [put(150, -1, 2.34567)]],
    ]);
  });

  it('of a Flex query has columns for the contract', () => {
    const csv = [
      'ClientAccountID,AssetClass,Symbol,UnderlyingSymbol,Multiplier,Strike,Expiry,Put/Call,Quantity,CostBasisPrice',
      'U1,OPT,AAPL  261218P00150000,AAPL,100,150,20261218,P,-1,2.35',
      'U1,STK,KO,,1,,,,100,60.5',
    ].join('\n');
    expect(held(csv)).toEqual([
      ['AAPL', [put(150, -1, 2.35)]],
      ['KO', [stock(100, 60.5)]],
    ]);
  });

  it('of E*TRADE', () => {
    const csv = [
      'Account Summary',
      'Symbol,Last Price $,Change $,Change %,Qty #,Price Paid $,Value $',
      "AAPL Dec 18 '26 $150 Put,1.10,0,0,-1,2.35,-110.00",
      'CASH,,,,,,2500.00',
      'TOTAL,,,,,,2390.00',
      'Generated at Nov 27 2026 04:10 PM ET',
    ].join('\n');
    expect(held(csv)).toEqual([['AAPL', [put(150, -1, 2.35)]]]);
    expect(readPositions(csv)).toMatchObject({ format: 'etrade', refused: [], ignored: 4 });
  });

  it('of our own names its positions, and may be cut at semicolons', () => {
    const csv = [
      'symbol;kind;right;strike;expiration;quantity;openPrice;openedAt;position;note',
      'AAPL;option;put;150;2026-12-18;-1;2,35;2026-10-01;a;"sold; on a dip"',
      'AAPL;option;call;200;2026-12-18;-1;1,10;2026-10-02;a;',
      'AAPL;option;put;120;2026-12-18;-1;0,35;;b;',
      'KO;stock;;;;100;60,25;;;',
    ].join('\n');
    const { positions } = readPositions(csv);
    expect(positions).toMatchObject([
      { legs: [put(150, -1, 2.35), call(200, -1, 1.1)], note: 'sold; on a dip', lines: [2, 3] },
      { legs: [put(120, -1, 0.35)], openedAt: null },
      { legs: [stock(100, 60.25)] },
    ]);
    expect(positions[0]?.openedAt?.toISOString()).toBe('2026-10-01T00:00:00.000Z');
  });
});

describe('lines that are refused', () => {
  const head = 'symbol,kind,right,strike,expiration,quantity,openPrice';
  it.each([
    ['AAPL,option,put,150,2026-12-18,-1,', 'it has no price or cost at which it was opened'],
    ['AAPL,option,put,150,2026-12-18,,2.35', 'it has no quantity'],
    ['AAPL,option,put,150,2026-12-18,0,2.35', 'its quantity is 0'],
    ['AAPL,option,put,150,2026-12-18,1.5,2.35', 'options are held by whole contracts'],
    ['AAPL,option,put,150,2026-12-19,1,2.35', 'its expiration: no option expires on 2026-12-19, a Saturday'],
    ['AAPL,option,put,150,2041-12-20,1,2.35', 'its expiration: must be of the years 1990 to 2040'],
    ['AAPL 20261218 99999999 P,,,,,1,2.35', 'its strike is no price'],
    ['AAPL,option,put,150,2026-02-30,-1,2.35', 'an option: "2026-02-30" is no day such as 2026-12-18'],
    ['AAPL,option,,150,2026-12-18,-1,2.35', 'an option: its right is missing'],
    [
      'AAPL,option,pit,cheap,,-1,2.35',
      'an option: "pit" is neither call nor put; "cheap" is no strike; its expiration is missing',
    ],
    [
      'AAPL,option,put,150,2026-12-18,-1,-2.35',
      'its openPrice is negative: a price is positive, and a negative quantity says that it was sold',
    ],
    ['AAPL,stock,,,,many,2.35', '"many" is no quantity'],
    ['AAPL,stock,,,,1,cheap', 'the price at which it was opened is no number'],
    ['$$$,stock,,,,1,5', '"$$$" is no symbol that can be read'],
    ['AAPL1 261218P00150000,option,,,,-1,5', '"AAPL1" is an adjusted option, not on 100 shares'],
    ['AAPL,option,,,,-1,5', '"AAPL" is no option that can be read'],
  ])('%s', (line, reason) => {
    expect(readPositions(`${head}\nKO,stock,,,,1,60\n${line}`)).toMatchObject({
      positions: [{ symbol: 'KO' }],
      refused: [{ line: 3, reason }],
    });
  });

  it.each([
    ['nothing of ours', 'a,b,c\n1,2,3', 'auto' as const],
    ['another format than is said', `${head}\nKO,stock,,,,1,60`, 'schwab' as const],
    ['no table at all', 'hello', 'auto' as const],
    ['more lines than 2,000', `${head}${'\nKO,stock,,,,1,60'.repeat(2_001)}`, 'auto' as const],
    ['more lines than 5,000, and an open quote', `${head}\n"KO${'\n'.repeat(5_001)}`, 'auto' as const],
  ])('are all of them: %s', (_, csv, format) => {
    expect(() => readPositions(csv, format)).toThrow(expect.objectContaining({ code: 'invalid_input' }));
  });

  it('a quote that does not close refuses its line, and no other', () => {
    const csv = `${head}\nKO,stock,,,,1,60\n"PEP,stock,,,,1,60\nT,stock,,,,1,20`;
    expect(readPositions(csv)).toMatchObject({
      positions: [
        { symbol: 'KO', lines: [2] },
        { symbol: 'T', lines: [4] },
      ],
      refused: [{ line: 3, reason: 'a quote in it does not close' }],
    });
  });
});

describe('when it was opened', () => {
  const own = (openedAt: string) => readPositions(`symbol,quantity,openPrice,openedAt\nKO,1,60,${openedAt}`);

  it.each(['garbage', '2030-01-01', '2026-11-24T16:00:00Z'])(
    'refuses %s in a file of ones own',
    (openedAt) => {
      expect(own(openedAt)).toMatchObject({
        positions: [],
        refused: [
          {
            line: 2,
            reason: `its openedAt "${openedAt}" is no day or time such as 2026-11-20 that has come`,
          },
        ],
      });
    },
  );

  it.each([
    ['2026-11-20', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20T15:00:00Z', '2026-11-20T15:00:00.000Z'],
    ['20261120;093000', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20 09:30:00', '2026-11-20T00:00:00.000Z'],
  ])('takes %s', (text, openedAt) => {
    expect(own(text).positions[0]?.openedAt?.toISOString()).toBe(openedAt);
  });
});

describe('an option that has expired', () => {
  const file = (openedAt: string, expiration = '2026-11-23') =>
    `symbol,right,strike,expiration,quantity,openPrice,openedAt\nAAPL,put,150,${expiration},-1,2,${openedAt}`;

  it.each([
    ['was opened before', file('2026-11-02T15:00:00Z'), []],
    ['expires today', file('', '2026-11-24'), []],
    [
      'was opened later',
      file('2026-11-24T12:00:00Z'),
      ['it expired on 2026-11-23, before the position was opened on 2026-11-24'],
    ],
    // Of a day the file says no time: it is that day, wherever.
    [
      'was opened on the next day',
      file('2026-11-24'),
      ['it expired on 2026-11-23, before the position was opened on 2026-11-24'],
    ],
    [
      'was opened on the next day, at a time of an unknown offset',
      file('2026-11-24 09:45:12'),
      ['it expired on 2026-11-23, before the position was opened on 2026-11-24'],
    ],
    ['was opened on its last day', file('11/23/2026'), []],
    // In New York it is still the day before.
    ['was opened on its last evening', file('2026-11-24T03:00:00Z'), []],
    [
      'may have been opened at any time',
      file(''),
      ['it has expired on 2026-11-23, and nothing says that it was opened before'],
    ],
  ])('and %s', (_, csv, reasons) => {
    const { positions, refused } = readPositions(csv);
    expect(refused.map(({ reason }) => reason)).toEqual(reasons);
    expect(positions).toHaveLength(1 - reasons.length);
  });
});

describe('legs', () => {
  const file = (...lines: string[]) =>
    ['symbol,kind,right,strike,expiration,quantity,openPrice', ...lines].join('\n');
  const sizes = (csv: string) => readPositions(csv).positions.map(({ lines }) => lines);

  it('of different sizes, expirations or underlyings stand alone', () => {
    expect(
      sizes(
        file(
          'A,option,put,50,2026-12-18,-1,1',
          'A,option,put,45,2026-12-18,2,1',
          'A,option,put,45,2027-01-15,1,1',
          'B,option,put,45,2026-12-18,1,1',
        ),
      ),
    ).toEqual([[2], [3], [4], [5]]);
  });

  it('are paired with the nearest strike of the same size', () => {
    expect(
      sizes(
        file(
          'A,option,put,50,2026-12-18,-1,1',
          'A,option,put,30,2026-12-18,1,1',
          'A,option,put,45,2026-12-18,1,1',
        ),
      ),
    ).toEqual([[2, 4], [3]]);
  });

  it('of two verticals that do not face each other are no condor', () => {
    expect(
      sizes(
        file(
          'A,option,put,50,2026-12-18,1,3',
          'A,option,put,45,2026-12-18,-1,1',
          'A,option,call,60,2026-12-18,-1,1',
          'A,option,call,65,2026-12-18,1,1',
        ),
      ),
    ).toEqual([
      [2, 3],
      [4, 5],
    ]);
  });

  it('of shares cover a call of the same size only', () => {
    expect(
      sizes(
        file(
          'A,stock,,,,150,10',
          'A,option,call,60,2026-12-18,-1,1',
          'B,stock,,,,200,10',
          'B,option,call,60,2026-12-18,-2,1',
        ),
      ),
    ).toEqual([[2], [3], [4, 5]]);
  });

  it('keep their identity over files, and the same line twice is two lots', () => {
    const lot = 'A,option,put,50,2026-12-18,-1,1';
    const ids = (csv: string) => readPositions(csv).positions.map(({ externalId }) => externalId);
    const one = ids(file(lot));
    const [first, second] = ids(file('B,stock,,,,1,1', lot, lot)).slice(1);
    expect(first).toBe(one[0]);
    expect(second).not.toBe(first);
    expect(ids(file('A,option,put,50,2026-12-18,-1,1.01'))).not.toEqual(one);
  });
});
