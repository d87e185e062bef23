/**
 * What one owner is to be told in the month, by a simple reading of the rules: loops over moments, without machines,
 * timers or a database. It shares nothing with what it judges but the market's answers.
 */
import { type Market, type Session, type ShortPut, SLOT_MS } from './market.ts';

const MINUTE_MS = 60_000;

export interface Rule {
  type: string;
  threshold: number | string;
  symbol?: string;
  coolDownMinutes?: number;
}

export interface Alert {
  key: string;
  symbol: string;
  condition: 'above' | 'below' | 'crosses';
  threshold: number;
  repeat: 'once' | 'every_cross';
  /** In milliseconds since 1970; no end: Infinity. */
  expiresAt: number;
  cancelledAt: number;
  /** From a moment on another threshold: it begins anew. */
  change: { at: number; threshold: number } | null;
}

export interface Month {
  market: Market;
  sessions: readonly Session[];
  /** When the owner starts it all; outside a session. */
  start: number;
  puts: readonly (ShortPut & { from: number; to: number })[];
  rules: readonly Rule[];
  alerts: readonly Alert[];
}

/** One line for each notification, in any order. */
export function expectedNotifications(month: Month): string[] {
  return [
    ...dailies(month),
    ...positionAlerts(month),
    ...health(month),
    ...month.alerts.flatMap((alert) => priceAlerts(month, alert)),
  ];
}

function dailies({ sessions }: Month): string[] {
  return sessions.flatMap(({ opensAt, closesAt }) => {
    const [opens, closes] = [Date.parse(opensAt), Date.parse(closesAt)];
    // Seven candidates are two batches, five seconds apart; sessions begin at half past.
    const scans: string[] = [];
    for (let hour = opens + 30 * MINUTE_MS; hour < closes; hour += 60 * MINUTE_MS) {
      scans.push(line('screener_complete', hour + 5_000));
    }
    return [
      line('morning_briefing', opens),
      ...scans,
      line('eod_summary', closes),
      line('daily_report', closes + 60 * MINUTE_MS),
    ];
  });
}

/** When the monitor checks: at its start, every minute of a session, and a minute after. */
function checksOf({ sessions, start }: Month): number[] {
  const checks = [start];
  for (const { opensAt, closesAt } of sessions) {
    const closes = Date.parse(closesAt);
    for (let at = Date.parse(opensAt); at < closes; at += MINUTE_MS) checks.push(at);
    checks.push(closes + MINUTE_MS);
  }
  return checks;
}

/** Blind at the third check that fails, seeing at the first that does not. */
function health(month: Month): string[] {
  const told: string[] = [];
  let failures = 0;
  for (const at of checksOf(month)) {
    if (month.market.isAway(at)) {
      failures++;
      if (failures === 3) told.push(line('monitor_health', at, 'blind'));
    } else {
      if (failures >= 3) told.push(line('monitor_health', at, 'seeing'));
      failures = 0;
    }
  }
  return told;
}

/** Whether a rule is true of a figure, and from where on it is over. */
type Judge = (
  put: ShortPut,
  at: number,
  market: Market,
  threshold: number,
) => 'true' | 'over' | 'between' | 'unknown';

const fromUp = (value: number, threshold: number, margin: number) =>
  value >= threshold ? 'true' : value <= threshold - margin ? 'over' : 'between';
const downTo = (value: number, threshold: number, margin: number) =>
  value <= threshold ? 'true' : value >= threshold + margin - 1e-9 ? 'over' : 'between';
const LEVELS = ['none', 'low', 'moderate', 'high'];

const judges: Record<string, { bySymbol: boolean; quoted: boolean; judge: Judge }> = {
  price_above: {
    bySymbol: true,
    quoted: true,
    judge: ({ symbol }, at, market, limit) => fromUp(market.price(symbol, at), limit, limit * 0.0005),
  },
  price_below: {
    bySymbol: true,
    quoted: true,
    judge: ({ symbol }, at, market, limit) => downTo(market.price(symbol, at), limit, limit * 0.0005),
  },
  pct_change: {
    bySymbol: true,
    quoted: true,
    judge: (put, at, market, limit) => fromUp(Math.abs(market.worthOf(put, at).changePct ?? 0), limit, 0.25),
  },
  earnings_within: {
    bySymbol: true,
    quoted: false,
    judge: (put, at, market, limit) => {
      const days = market.worthOf(put, at).daysToEarnings;
      if (days === null) return 'unknown';
      return days >= 0 && days <= limit ? 'true' : 'over';
    },
  },
  delta_breach: {
    bySymbol: false,
    quoted: true,
    judge: (put, at, market, limit) => fromUp(Math.abs(market.worthOf(put, at).shortDelta ?? 0), limit, 0.02),
  },
  dte_warning: {
    bySymbol: false,
    quoted: false,
    judge: (put, at, market, limit) => {
      const { dte } = market.worthOf(put, at);
      return dte !== null && dte <= limit ? 'true' : 'over';
    },
  },
  profit_target: {
    bySymbol: false,
    quoted: true,
    judge: (put, at, market, limit) => fromUp(market.worthOf(put, at).profitCapturedPct ?? 0, limit, 5),
  },
  loss_limit: {
    bySymbol: false,
    quoted: true,
    judge: (put, at, market, limit) => fromUp(-(market.worthOf(put, at).pnlPct ?? 0), limit, 5),
  },
  assignment_risk: {
    bySymbol: false,
    quoted: true,
    judge: (put, at, market, limit) =>
      LEVELS.indexOf(market.worthOf(put, at).assignmentRisk) >= limit ? 'true' : 'over',
  },
};

function positionAlerts(month: Month): string[] {
  const { market, rules, puts } = month;
  const told: string[] = [];
  for (const rule of rules) {
    const { bySymbol, quoted, judge } = judges[rule.type] as (typeof judges)[string];
    const threshold = typeof rule.threshold === 'string' ? LEVELS.indexOf(rule.threshold) : rule.threshold;
    const coolDownMs = (rule.coolDownMinutes ?? 1_440) * MINUTE_MS;
    const firedAt = new Map<string, number>();
    for (const at of checksOf(month)) {
      if (market.isAway(at)) continue;
      const held = puts.filter(
        (put) => put.from <= at && at < put.to && (rule.symbol ?? put.symbol) === put.symbol,
      );
      const subjects = new Map(held.map((put) => [bySymbol ? put.symbol : put.id, put]));
      for (const gone of [...firedAt.keys()].filter((subject) => !subjects.has(subject)))
        firedAt.delete(gone);
      for (const [subject, put] of subjects) {
        if (!bySymbol && (market.worthOf(put, at).dte ?? 0) < 0) {
          firedAt.delete(subject);
          continue;
        }
        if (quoted && market.isStale(put.symbol, at)) continue;
        const verdict = judge(put, at, market, threshold);
        const last = firedAt.get(subject);
        if (verdict === 'over') firedAt.delete(subject);
        if (verdict !== 'true' || (last !== undefined && at - last < coolDownMs)) continue;
        firedAt.set(subject, at);
        told.push(line('position_alert', at, rule.type, String(rule.threshold), subject));
      }
    }
  }
  return told;
}

/** One alert over the prices that it can see, of each five minutes one. */
function priceAlerts({ market, sessions, start }: Month, alert: Alert): string[] {
  const { symbol, condition, repeat } = alert;
  const told: string[] = [];
  let threshold = alert.threshold;
  /** Has triggered, and not been far enough on the other side since: of `above` and `below`. */
  let isSpent = false;
  /** Of `crosses`: where the price was, and whether it has triggered before. */
  let side: 'above' | 'below' | null = null;
  let margin = 0;
  for (const { opensAt, closesAt } of sessions) {
    for (let at = Date.parse(opensAt); at < Date.parse(closesAt); at += SLOT_MS) {
      if (at < start || at >= alert.expiresAt || at >= alert.cancelledAt) continue;
      if (alert.change && at >= alert.change.at && threshold !== alert.change.threshold) {
        threshold = alert.change.threshold;
        [isSpent, side, margin] = [false, null, 0];
      }
      if (market.isAway(at) || market.isStale(symbol, at)) continue;
      const price = market.price(symbol, at);
      let triggers = false;
      if (condition === 'crosses') {
        if (side === null) side = price > threshold ? 'above' : price < threshold ? 'below' : null;
        else if (side === 'above' ? price <= threshold * (1 - margin) : price >= threshold * (1 + margin)) {
          triggers = true;
          side = side === 'above' ? 'below' : 'above';
          margin = 0.0005;
        }
      } else {
        const isMet = condition === 'above' ? price >= threshold : price <= threshold;
        const isBack = condition === 'above' ? price <= threshold * 0.9995 : price >= threshold * 1.0005;
        if (isMet && !isSpent) {
          triggers = true;
          isSpent = true;
        } else if (isBack) isSpent = false;
      }
      if (!triggers) continue;
      told.push(line('price_alert_triggered', at, alert.key));
      if (repeat === 'once') return told;
    }
  }
  return told;
}

/** A notification as one line. */
export function line(type: string, at: number, ...more: string[]): string {
  return [new Date(at).toISOString(), type, ...more].join(' ');
}
