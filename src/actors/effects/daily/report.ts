/** What a daily report tells: performance, the alerts of the day, what to manage. */
import { roundMoney, sumOf } from '../../../machines/money.ts';
import { type GatheredReport, reasonsToManage } from '../../../machines/report.ts';
import { EXCHANGE_TIME_ZONE, reportAfter } from '../../../machines/trading-day-plan.ts';
import { toldAlerts } from '../../../persistence/records/daily-reading.ts';
import { type Realized, realizedSums } from '../../../persistence/records/positions.ts';
import type { EffectContext } from '../../runtime/index.ts';
import type { EffectRooms } from '../rooms.ts';
import { valuedPositions } from '../valued-positions.ts';
import type { PieceDay } from './day.ts';

const MAX_MANAGED = 50;
const MAX_ALERTS = 20;

export async function gatherReport(
  rooms: EffectRooms,
  { date, session, piece, now, timeZone, previousClose }: PieceDay,
  context: EffectContext,
): Promise<GatheredReport> {
  const { database } = rooms;
  const { owner } = context;
  const valued = await valuedPositions(rooms, context);
  const sums = await realizedSums(database, owner, {
    dayFrom: previousClose,
    date,
    timeZone: EXCHANGE_TIME_ZONE,
    to: new Date(session.closesAt),
  });
  const period = { from: reportAfter(previousClose), to: new Date(piece.at) };
  const alerts = await toldAlerts(database, owner, period, MAX_ALERTS);
  const pnl = sumOf(valued.all.map((one) => one.pnl));
  const managed = valued.all.flatMap(({ value }) => {
    const reasons = value ? reasonsToManage(value) : [];
    if (!value || reasons.length === 0) return [];
    const { id: positionId, symbol, structure, dte, profitCapturedPct, shortDelta } = value;
    return [{ positionId, symbol, structure, reasons, dte, profitCapturedPct, shortDelta }];
  });
  managed.sort((a, b) => (a.dte ?? Number.MAX_VALUE) - (b.dte ?? Number.MAX_VALUE));
  return {
    now: now.toISOString(),
    timeZone,
    isCut: valued.isCut,
    source: valued.source,
    asOf: valued.asOf,
    results: {
      open: valued.all.length,
      unrealizedPnl: pnl.amount,
      unrealizedUnknown: pnl.unknown,
      realizedDay: realizedOf(sums.day),
      realizedMonth: realizedOf(sums.month),
      realizedAll: realizedOf(sums.all),
    },
    alerts: {
      count: alerts.count,
      last: alerts.last.map(({ at, ...alert }) => ({ ...alert, at: at.toISOString() })),
    },
    manage: managed.slice(0, MAX_MANAGED),
    manageOmitted: Math.max(0, managed.length - MAX_MANAGED),
    manageUnknown: valued.all.filter(({ value }) => value === null).length,
  };
}

function realizedOf({ pnl, closed, unknown }: Realized): GatheredReport['results']['realizedDay'] {
  return { pnl: closed === 0 ? 0 : roundMoney(pnl), closed, unknown };
}
