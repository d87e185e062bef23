/**
 * An owner's open positions at the present market, as the daily pieces tell of them. One that can't be valued is there
 * with its values unknown. Not for the rules that judge them.
 */

import { originOf, type PositionValue } from '../../machines/market.ts';
import { roundMoney } from '../../machines/money.ts';
import { openPositions, type Position } from '../../persistence/records/positions.ts';
import type { EffectContext } from '../runtime/index.ts';
import { evaluatePositions, isRefused } from './evaluated-positions.ts';
import type { EffectRooms } from './rooms.ts';

export interface ValuedPosition {
  position: Position;
  /** Null: it could not be valued. */
  value: PositionValue | null;
  /** Of the value, to the cent. */
  marketValue: number | null;
  pnl: number | null;
}

export interface ValuedPositions {
  all: ValuedPosition[];
  /** There are more, which were not looked at. */
  isCut: boolean;
  /** Null when there are none; `simulated` where any part is. */
  source: string | null;
  /** The oldest price in it. */
  asOf: string | null;
}

/** Beyond it the last ones by portfolio and symbol are left out, which is told. */
export const MAX_VALUED = 10_000;

/** Values of an owner's open positions. Throws the analysis service's errors, but for positions that it refuses. */
export async function valuedPositions(
  { service, database }: EffectRooms,
  { owner, signal }: EffectContext,
): Promise<ValuedPositions> {
  const found = await openPositions(database, owner, { limit: MAX_VALUED + 1 });
  const open = found.slice(0, MAX_VALUED);
  const all: ValuedPosition[] = [];
  let source: string | null = null;
  let asOf: string | null = null;
  // Without the effect's key: the next attempt may find other positions, and reading twice is no harm.
  for await (const part of evaluatePositions(service, open, { owner, signal })) {
    if ('error' in part && !isRefused(part.error)) throw part.error;
    const answer = 'answer' in part ? part.answer : null;
    const values = new Map(answer?.positions.map((value) => [value.id, value]));
    const origin = answer?.quality.source ?? null;
    source = originOf(source, origin);
    asOf = older(asOf, answer?.quality.asOf ?? null);
    for (const position of part.positions) {
      const value = values.get(position.id) ?? null;
      const { marketValue = null, pnl = null } = value ?? {};
      all.push({ position, value, marketValue: roundMoney(marketValue), pnl: roundMoney(pnl) });
    }
  }
  return { all, isCut: found.length > open.length, source, asOf };
}

/** The older of two times, of those that are known. */
export function older(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return Date.parse(a) <= Date.parse(b) ? a : b;
}
