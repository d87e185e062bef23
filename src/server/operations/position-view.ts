/** A position as clients give it and see it, and what it is worth at the present market. */
import { z } from 'zod';
import { count } from '../../machines/daily-piece.ts';
import type { PositionValue } from '../../machines/market.ts';
import { moneyText, priceText, roundMoney } from '../../machines/money.ts';
import {
  COST_DOUBLED_WORDS,
  EXPIRED_WORDS,
  type ManageReason,
  reasonsToManage,
} from '../../machines/report.ts';
import type { Position, PositionLeg } from '../../persistence/records/positions.ts';
import { expirationFault } from '../expirations.ts';
import { text } from './fields.ts';

const maxLegs = 8;
const price = z.number().min(0).max(1_000_000);

/** As the analysis service's /positions/evaluate takes it; what can be told from the rest may be left out. */
const givenLeg = z
  .strictObject({
    kind: z.enum(['option', 'stock']).optional().describe('stock where strike is left out'),
    right: z.enum(['call', 'put', 'C', 'P']).optional(),
    strike: z.number().positive().max(1_000_000).optional(),
    expiration: z.iso.date().optional().describe('2026-12-18'),
    quantity: z.number().min(-1_000_000).max(1_000_000).describe('Contracts or shares; negative: sold'),
    openPrice: price.describe('Per share'),
  })
  .superRefine((leg, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    const { right, strike, expiration, quantity } = leg;
    if (quantity === 0) refuse('quantity', 'must not be 0');
    if (kindOf(leg) === 'option') {
      for (const [field, value] of Object.entries({ right, strike, expiration })) {
        if (value === undefined) refuse(field, 'is missing: an option has right, strike and expiration');
      }
      const fault = expiration === undefined ? null : expirationFault(expiration);
      if (fault !== null) refuse('expiration', fault);
      if (!Number.isInteger(quantity)) refuse('quantity', 'must be whole: options are held by contracts');
    } else if (right !== undefined || strike !== undefined || expiration !== undefined) {
      refuse('kind', 'stock has no right, strike or expiration');
    }
  });

export const legs = z.array(givenLeg).min(1).max(maxLegs);
export const portfolio = text(100).trim().min(1);
export const positionId = text(100).min(1);
export const closePrices = z.array(price).min(1).max(maxLegs);

const leg = z.object({
  kind: z.enum(['option', 'stock']),
  right: z.enum(['call', 'put']).optional(),
  strike: z.number().optional(),
  expiration: z.string().optional(),
  quantity: z.number(),
  openPrice: z.number(),
});

const figure = z.number().nullable();
const value = z.object({
  structure: z.string(),
  underlyingPrice: figure,
  marketValue: figure.describe('Of the whole position, as are the amounts below'),
  pnl: figure,
  pnlPct: figure,
  profitCapturedPct: figure.describe('Of the most that can be made'),
  dte: figure,
  shortDelta: figure.describe('The largest |delta| of a short option'),
  assignmentRisk: z.string(),
  daysToEarnings: figure,
  manage: z.array(z.string()).describe('Why it should be looked at'),
  stale: z.boolean(),
  warnings: z.array(z.string()),
  asOf: z.string(),
  source: z.string().describe('"simulated" is invented data'),
});
export type PositionWorth = z.output<typeof value>;

export const positionView = z.object({
  positionId: z.string(),
  portfolio: z.string(),
  symbol: z.string(),
  legs: z.array(leg),
  status: z.enum(['open', 'closed']),
  openedAt: z.string(),
  closedAt: z.string().nullable(),
  realizedPnl: z.string().nullable().describe('In currency; null while open, or not known'),
  source: z.string().describe('manual, csv or tastytrade'),
  note: z.string().nullable(),
});
export type PositionView = z.output<typeof positionView>;

export const valuedPosition = positionView.extend({
  value: value.nullable().describe('With values=true, of open ones'),
  valueError: z.object({ code: z.string(), message: z.string() }).nullable(),
});

function kindOf({ kind, strike, right, expiration }: z.output<typeof givenLeg>): 'option' | 'stock' {
  if (kind !== undefined) return kind;
  return strike === undefined && right === undefined && expiration === undefined ? 'stock' : 'option';
}

/** Legs as they are kept. */
export function keptLegs(given: z.output<typeof legs>): PositionLeg[] {
  return given.map((one) => {
    const { right, strike, expiration, quantity, openPrice } = one;
    if (kindOf(one) === 'stock') return { kind: 'stock', quantity, openPrice };
    return {
      kind: 'option',
      right: right === 'C' || right === 'call' ? 'call' : 'put',
      ...(strike !== undefined && { strike }),
      ...(expiration !== undefined && { expiration }),
      quantity,
      openPrice,
    };
  });
}

export function positionOf(position: Position): PositionView {
  const { id, portfolio: name, symbol, status, openedAt, closedAt, realizedPnl, source, note } = position;
  return {
    positionId: id,
    portfolio: name,
    symbol,
    legs: [...position.legs],
    status,
    openedAt: openedAt.toISOString(),
    closedAt: closedAt?.toISOString() ?? null,
    realizedPnl,
    source,
    note,
  };
}

/** What the service said of a position, in the size of a list. */
export function worthOf(found: PositionValue, origin: { asOf: string; source: string }): PositionWorth {
  const { structure, underlyingPrice, marketValue, pnl, pnlPct, profitCapturedPct, dte } = found;
  const { shortDelta, assignmentRisk, daysToEarnings, stale, warnings } = found;
  return {
    ...{ structure, underlyingPrice, marketValue, pnl, pnlPct, profitCapturedPct, dte },
    ...{ shortDelta, assignmentRisk, daysToEarnings },
    manage: reasonsInWords(found),
    ...{ stale, warnings },
    ...origin,
  };
}

const manageWords: Readonly<Record<ManageReason, string>> = {
  expired: `it ${EXPIRED_WORDS}`,
  tested: 'a short strike is tested',
  cost_doubled: COST_DOUBLED_WORDS,
  close_by_dte: '21 days or fewer are left',
  take_profit: 'half of the profit is there',
};

/** The rules of the daily report, and what else may come before the expiration. */
function reasonsInWords(found: PositionValue): string[] {
  const { assignmentRisk, earningsInsideDte, dte, warnings } = found;
  return [
    ...reasonsToManage(found).map((reason) => manageWords[reason]),
    ...(assignmentRisk === 'high' && (dte === null || dte >= 0) ? ['assignment is likely'] : []),
    ...(earningsInsideDte ? ['earnings come before it expires'] : []),
    ...(warnings.some((code) => code.startsWith('not_in_chain:')) ? ['the chain has no such contract'] : []),
  ];
}

/** Whether a contract of it has no quotes, so that its value is what a model says. */
export function isModelled({ warnings }: Pick<PositionWorth, 'warnings'>): boolean {
  return warnings.some((code) => code.startsWith('model_price:'));
}

/** Until an option expires. */
export function daysLeftInWords(dte: number | null): string {
  if (dte === null) return 'days left unknown';
  return dte < 0 ? 'expired' : `${count(dte, 'day')} left`;
}

/** A position in a few words: `short 1 AAPL 2026-12-18 150 put at 2.35`. */
export function legInWords(
  symbol: string,
  { kind, right, strike, expiration, quantity, openPrice }: z.output<typeof leg>,
): string {
  const side = quantity < 0 ? 'short' : 'long';
  const what = kind === 'stock' ? `${symbol} shares` : `${symbol} ${expiration} ${strike} ${right}`;
  return `${side} ${Math.abs(quantity)} ${what} at ${priceText(openPrice)}`;
}

export function positionInWords(position: PositionView): string {
  const { positionId: id, symbol, portfolio: name, status, realizedPnl } = position;
  const held = position.legs.map((one) => legInWords(symbol, one)).join(', ');
  const result =
    status === 'closed'
      ? `, closed${realizedPnl === null ? '' : ` with ${moneyText(roundMoney(realizedPnl))}`}`
      : '';
  return `${held} (${name}, positionId ${id})${result}`;
}
