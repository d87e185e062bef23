/** A line of a broker's file as a leg that is held, or the reason why it is none. */
import type { ListedLeg } from '../../actors/effects/index.ts';
import { expirationFault, expiredBefore } from '../expirations.ts';
import { amountOf } from './amounts.ts';
import type { Columns, Layout } from './brokers.ts';
import { type Contract, contractOf, dayOf } from './contracts.ts';

export interface HeldLine extends ListedLeg {
  /** In the file, from 1. */
  line: number;
  openedAt: Date | null;
  note: string | null;
}

export type ReadLine =
  | { held: HeldLine }
  | { refused: { line: number; reason: string } }
  /** A total, cash, a disclaimer, an empty line. */
  | { ignored: true };

export type Cells = ReadonlyMap<string, string>;

const ticker = /^[A-Z][A-Z0-9.\-/]{0,9}$/;
const sharesPerContract = 100;
const maxSize = 1_000_000;
const money =
  /^(account )?(grand )?(sub)?totals?\b|^cash\b|^pending activity|\bmoney market\b|^(SPAXX|FDRXX|FCASH|FZFXX|SWVXX|CORE)\b\**$/i;
const otherKinds = /future|crypto|bond|fixed income|mutual|warrant|forex|\bFOP\b|\bFUT\b|\bCASH\b/i;

export class LineReader {
  readonly #layout: Layout;
  readonly #hasDecimalComma: boolean;
  readonly #now: Date;

  constructor(layout: Layout, hasDecimalComma: boolean, now: Date) {
    this.#layout = layout;
    this.#hasDecimalComma = hasDecimalComma;
    this.#now = now;
  }

  read(line: number, cells: Cells): ReadLine {
    const cell = (name: keyof Columns): string =>
      (this.#layout.columns[name] ?? []).map((column) => cells.get(column)).find(Boolean) ?? '';
    const refused = (reason: string): ReadLine => ({ refused: { line, reason } });
    const symbolCell = cell('symbol');
    const quantityCell = cell('quantity');
    const isMoney = [symbolCell, cell('description'), [...cells.values()][0] ?? ''].some((text) =>
      money.test(text),
    );
    if (isMoney || (symbolCell === '' && quantityCell === '')) return { ignored: true };

    const kind = cell('kind');
    const contract = this.#contractOf(cell);
    if (contract !== null && 'fault' in contract) return refused(contract.fault);
    if (
      !contract &&
      quantityCell === '' &&
      ![...cells.values()].some((text, index) => index > 0 && text !== '')
    ) {
      // Sentences below the table.
      return { ignored: true };
    }
    if (!contract && (otherKinds.test(kind) || /future/i.test(kind)))
      return refused(`${quoted(kind)} is neither stock nor option`);
    if (!contract && /option/i.test(kind))
      return refused(`${quoted(symbolCell)} is no option that can be read`);

    const symbol = (contract?.symbol ?? symbolCell).toUpperCase().replace(' ', '.');
    if (!ticker.test(symbol)) return refused(`${quoted(symbolCell)} is no symbol that can be read`);
    if (contract && /\d$/.test(symbol))
      return refused(`${quoted(symbol)} is an adjusted option, not on 100 shares`);
    const quantity = this.#quantityOf(quantityCell, cell('direction'));
    if (quantity === undefined) return refused('it has no quantity');
    if (!Number.isFinite(quantity) || Math.abs(quantity) > maxSize)
      return refused(`${quoted(quantityCell)} is no quantity`);
    if (quantity === 0) return refused('its quantity is 0');
    if (contract && !Number.isInteger(quantity)) return refused('options are held by whole contracts');
    const fault = contract ? expirationFault(contract.expiration) : null;
    if (fault !== null) return refused(`its expiration: ${fault}`);
    if (contract && contract.strike > maxSize) return refused('its strike is no price');
    const multiplier = amountOf(cell('multiplier')) ?? (contract ? sharesPerContract : 1);
    if (multiplier !== (contract ? sharesPerContract : 1))
      return refused(`its multiplier is ${multiplier}, not ${contract ? sharesPerContract : 1}`);

    // Brokers write what was received as negative. In a file of one's own it is a mistake that would be believed.
    if (this.#layout.format === 'ttai' && (amountOf(cell('openPrice'), this.#hasDecimalComma) ?? 0) < 0)
      return refused(
        'its openPrice is negative: a price is positive, and a negative quantity says that it was sold',
      );
    const openPrice = this.#openPriceOf(cell, Math.abs(quantity) * multiplier);
    if (openPrice === undefined) return refused('it has no price or cost at which it was opened');
    if (!Number.isFinite(openPrice) || openPrice > maxSize)
      return refused('the price at which it was opened is no number');
    const opened = cell('openedAt');
    const openedAt = timeOf(opened, this.#now);
    // Brokers write a moment in ways of their own. In a file of one's own it is a mistake that would be believed.
    if (this.#layout.format === 'ttai' && opened !== '' && openedAt === null)
      return refused(`its openedAt ${quoted(opened)} is no day or time such as 2026-11-20 that has come`);
    // Midnight in UTC, as which a day is kept, is the day before in New York.
    const since = openedAt && (openingDayOf(opened) ?? openedAt);
    const over = contract ? expiredBefore(contract.expiration, since ?? this.#now) : null;
    if (over !== null)
      return refused(
        openedAt
          ? `it ${over}`
          : `it has expired on ${contract?.expiration}, and nothing says that it was opened before`,
      );
    return {
      held: {
        line,
        account: cell('account'),
        symbol,
        leg: contract
          ? {
              kind: 'option',
              right: contract.right,
              strike: contract.strike,
              expiration: contract.expiration,
              quantity,
              openPrice,
            }
          : { kind: 'stock', quantity, openPrice },
        openedAt,
        position: cell('position'),
        note: cell('note').slice(0, 500) || null,
      },
    };
  }

  /** From its own columns, its symbol or its description. Null: it is no option. */
  #contractOf(cell: (name: keyof Columns) => string): Contract | { fault: string } | null {
    const named = contractOf(cell('symbol')) ?? contractOf(cell('description'));
    if (named) return named;
    const [right, strike, expiration] = [cell('right'), cell('strike'), cell('expiration')];
    const isSaid = /^(c|p|call|put)$/i.test(right);
    if (!isSaid && amountOf(strike) === undefined && expiration === '') return null;
    const price = amountOf(strike, this.#hasDecimalComma);
    const day = dayOf(expiration);
    const isPrice = price !== undefined && price > 0 && price <= maxSize;
    if (!isSaid || !isPrice || day === null) {
      const faults = [
        isSaid ? '' : faultOf('right', right, 'is neither call nor put'),
        isPrice ? '' : faultOf('strike', strike, 'is no strike'),
        day === null ? faultOf('expiration', expiration, 'is no day such as 2026-12-18') : '',
      ];
      return { fault: `an option: ${faults.filter(Boolean).join('; ')}` };
    }
    const symbol = (cell('underlying') || cell('symbol')).trim();
    return { symbol, expiration: day, right: /^c/i.test(right) ? 'call' : 'put', strike: price };
  }

  #quantityOf(text: string, direction: string): number | undefined {
    const quantity = amountOf(text, this.#hasDecimalComma);
    return quantity !== undefined && /^short$/i.test(direction) ? -Math.abs(quantity) : quantity;
  }

  #openPriceOf(cell: (name: keyof Columns) => string, shares: number): number | undefined {
    // What was received for a short is written as negative by some.
    const price = amountOf(cell('openPrice'), this.#hasDecimalComma);
    if (price !== undefined) return Math.abs(price);
    const cost = amountOf(cell('cost'), this.#hasDecimalComma);
    return cost === undefined ? undefined : Number((Math.abs(cost) / shares).toFixed(6));
  }
}

/** A day, with or without a time of day of unknown offset; null for what is none, a moment too. */
function openingDayOf(text: string): string | null {
  return dayOf(text) ?? dayOf(text.replace(/^(\d{4}-?\d{2}-?\d{2})[;, ]+[\d:]+$/, '$1'));
}

/** Such a day, or a moment; null for what is neither, or still to come. */
function timeOf(text: string, now: Date): Date | null {
  const day = openingDayOf(text);
  const isMoment = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:?\d{2})$/.test(text);
  const time = new Date(day === null ? (isMoment ? text : Number.NaN) : `${day}T00:00:00Z`);
  return Number.isNaN(time.getTime()) || time > now ? null : time;
}

/** A cell that is empty is told apart from one that holds something else. */
function faultOf(name: string, text: string, wrong: string): string {
  return text === '' ? `its ${name} is missing` : `${quoted(text)} ${wrong}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 50));
}
