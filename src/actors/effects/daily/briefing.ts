/** What a morning's briefing tells: positions that need an eye, alerts near their price, what happened since the close. */
import type { GatheredBriefing } from '../../../machines/briefing.ts';
import { count } from '../../../machines/daily-piece.ts';
import { originOf, type PositionValue } from '../../../machines/market.ts';
import { sumOf } from '../../../machines/money.ts';
import { COST_DOUBLED_WORDS, EXPIRED_WORDS } from '../../../machines/report.ts';
import {
  type ArmedLevel,
  armedLevels,
  notificationCounts,
  recentAnalyses,
} from '../../../persistence/records/daily-reading.ts';
import type { EffectContext } from '../../runtime/index.ts';
import type { EffectRooms } from '../rooms.ts';
import { older, valuedPositions } from '../valued-positions.ts';
import type { PieceDay } from './day.ts';

const MAX_WATCHED = 20;
const MAX_NEAREST = 5;
const MAX_ANALYSES = 10;
/** Of one owner; those beyond are counted, and not looked at. */
const MAX_LEVELS = 2_000;
const SOON_DAYS = 7;
const QUOTE_MAX_AGE_MS = 10_000;

export async function gatherBriefing(
  rooms: EffectRooms,
  { now, timeZone, previousClose }: PieceDay,
  context: EffectContext,
): Promise<GatheredBriefing> {
  const { database } = rooms;
  const { owner } = context;
  const since = { from: previousClose, to: now };
  const valued = await valuedPositions(rooms, context);
  const alerts = await alertsOf(rooms, now, context);
  const notifications = await notificationCounts(database, owner, since);
  const analyses = await recentAnalyses(database, owner, since, MAX_ANALYSES);
  const pnl = sumOf(valued.all.map((one) => one.pnl));
  const watch = valued.all.flatMap(({ value }) => {
    const reasons = value ? reasonsToWatch(value) : [];
    if (!value || reasons.length === 0) return [];
    const { id: positionId, symbol, structure, dte } = value;
    return [{ positionId, symbol, structure, dte, reasons }];
  });
  watch.sort((a, b) => (a.dte ?? Number.MAX_VALUE) - (b.dte ?? Number.MAX_VALUE));
  return {
    now: now.toISOString(),
    timeZone,
    isCut: valued.isCut,
    source: originOf(valued.source, alerts.source),
    asOf: older(valued.asOf, alerts.asOf),
    positions: { open: valued.all.length, unrealizedPnl: pnl.amount, unknown: pnl.unknown },
    watch: watch.slice(0, MAX_WATCHED),
    watchOmitted: Math.max(0, watch.length - MAX_WATCHED),
    alerts: { armed: alerts.armed, unknown: alerts.unknown, nearest: alerts.nearest },
    since: { from: previousClose.toISOString(), notifications, analyses },
  };
}

/** Why a position needs an eye in the session that begins. */
export function reasonsToWatch({
  dte,
  management,
  assignmentRisk,
  daysToEarnings,
}: Pick<PositionValue, 'dte' | 'management' | 'assignmentRisk' | 'daysToEarnings'>): string[] {
  return [
    ...(dte !== null && dte < 0 ? [EXPIRED_WORDS] : []),
    ...(dte !== null && dte >= 0 && dte <= SOON_DAYS ? [`expires ${inDays(dte)}`] : []),
    ...(management.tested
      ? [management.testedBy === 'cost' ? COST_DOUBLED_WORDS : 'a short strike is tested']
      : []),
    ...(assignmentRisk === 'moderate' || assignmentRisk === 'high'
      ? [`assignment risk ${assignmentRisk}`]
      : []),
    ...(daysToEarnings !== null && daysToEarnings >= 0 && daysToEarnings <= SOON_DAYS
      ? [`earnings ${inDays(daysToEarnings)}`]
      : []),
  ];
}

function inDays(days: number): string {
  return days === 0 ? 'today' : `in ${count(days, 'day')}`;
}

async function alertsOf(
  { quotes: cache, database }: EffectRooms,
  now: Date,
  { owner, signal }: EffectContext,
) {
  const { count: armed, levels } = await armedLevels(database, owner, MAX_LEVELS);
  if (armed === 0) return { armed, unknown: 0, nearest: [], source: null, asOf: null };
  const symbols = levels.map(({ symbol }) => symbol);
  const quotes = await cache.get(symbols, { now: now.getTime(), maxAgeMs: QUOTE_MAX_AGE_MS, signal });
  let asOf: string | null = null;
  let source: string | null = null;
  const known = levels.flatMap((level) => {
    const quote = quotes[level.symbol];
    if (!quote || quote.stale || quote.price === null) return [];
    asOf = older(asOf, quote.asOf);
    source = originOf(source, quote.source);
    return [{ level, price: quote.price }];
  });
  const nearest = known.flatMap(({ level, price }) => distancesOf(level, price));
  nearest.sort((a, b) => a.distancePct - b.distancePct);
  return { armed, unknown: armed - known.length, nearest: nearest.slice(0, MAX_NEAREST), source, asOf };
}

/** From a price to the levels that an alert waits for. */
export function distancesOf({ symbol, upper, lower }: ArmedLevel, price: number) {
  const one = (level: number, direction: 'above' | 'below', distance: number) => ({
    symbol,
    price,
    level,
    direction,
    distancePct: Math.round((Math.max(0, distance) / price) * 10_000) / 100,
  });
  return [
    ...(upper === null ? [] : [one(upper, 'above', upper - price)]),
    ...(lower === null ? [] : [one(lower, 'below', price - lower)]),
  ];
}
