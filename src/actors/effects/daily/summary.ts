/** What an end-of-day summary tells, and the values that it leaves for the next one to count from. */

import { roundMoney } from '../../../machines/money.ts';
import { byMove, dayPnlOf, type GatheredSummary, totalsOf } from '../../../machines/summary.ts';
import { marksOf, saveMarks } from '../../../persistence/records/position-marks.ts';
import { closedPositions } from '../../../persistence/records/positions.ts';
import type { EffectContext } from '../../runtime/index.ts';
import type { EffectRooms } from '../rooms.ts';
import { valuedPositions } from '../valued-positions.ts';
import type { PieceDay } from './day.ts';

const MAX_LISTED = 50;

export async function gatherSummary(
  rooms: EffectRooms,
  { date, session, now, timeZone, previousClose, previousDate, isOfUse }: PieceDay,
  context: EffectContext,
): Promise<GatheredSummary> {
  const { database } = rooms;
  const { owner } = context;
  const valued = await valuedPositions(rooms, context);
  const closedToday = await closedPositions(database, owner, {
    from: previousClose,
    to: new Date(session.closesAt),
  });
  const before = await marksOf(database, owner, previousDate);
  const marks = new Map(before.map((mark) => [mark.positionId, mark]));
  // It was not there at the previous close.
  const isNew = (openedAt: Date) => openedAt >= previousClose;

  const open = valued.all.map(({ position, value, marketValue, pnl }) => ({
    positionId: position.id,
    symbol: position.symbol,
    structure: value?.structure ?? null,
    marketValue,
    pnl,
    dayPnl: dayPnlOf({ pnl, isNew: isNew(position.openedAt) }, marks.get(position.id)),
  }));
  const closed = closedToday.map(({ id: positionId, symbol, realizedPnl, openedAt }) => {
    const realized = roundMoney(realizedPnl);
    const dayPnl = dayPnlOf({ pnl: realized, isNew: isNew(openedAt) }, marks.get(positionId));
    return { positionId, symbol, realizedPnl: realized, dayPnl };
  });
  // The prices are those of the close until the next session opens.
  if (isOfUse) await saveMarks(database, owner, date, open);
  return {
    now: now.toISOString(),
    timeZone,
    isCut: valued.isCut,
    source: valued.source,
    asOf: valued.asOf,
    previousDate,
    positions: open.toSorted(byMove).slice(0, MAX_LISTED),
    positionsOmitted: Math.max(0, open.length - MAX_LISTED),
    closed: closed.toSorted(byMove).slice(0, MAX_LISTED),
    closedOmitted: Math.max(0, closed.length - MAX_LISTED),
    totals: totalsOf(open, closed),
  };
}
