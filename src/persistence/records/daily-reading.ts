/** What the daily pieces read of an owner's alerts, notifications and analyses. Not for who lists them page by page. */
import type { Database } from '../database.ts';

/** Between two moments, the first included. */
export interface Period {
  from: Date;
  to: Date;
}

/** How many notifications of each type an owner got, by type. */
export async function notificationCounts(
  database: Database,
  owner: string,
  { from, to }: Period,
): Promise<{ type: string; count: number }[]> {
  const { rows } = await database.query(
    `SELECT type, count(*)::int AS count FROM notifications WHERE owner = $1 AND at >= $2 AND at < $3
     GROUP BY type ORDER BY type`,
    [owner, from, to],
  );
  return rows as unknown as { type: string; count: number }[];
}

export interface ToldAlert {
  seq: number;
  at: Date;
  type: string;
  /** Of the position, or of the price; null where the alert is about no symbol. */
  symbol: string | null;
}

/** The alerts that an owner was told of: how many, and the last ones, oldest first. */
export async function toldAlerts(
  database: Database,
  owner: string,
  { from, to }: Period,
  limit: number,
): Promise<{ count: number; last: ToldAlert[] }> {
  const { rows } = await database.query(
    `SELECT seq, at, type, data->>'symbol' AS symbol, count(*) OVER ()::int AS count FROM notifications
     WHERE owner = $1 AND at >= $2 AND at < $3 AND type IN ('price_alert_triggered', 'position_alert')
     ORDER BY at DESC, seq DESC LIMIT $4`,
    [owner, from, to, limit],
  );
  const last = rows.map(({ seq, at, type, symbol }) => ({
    seq: Number(seq),
    at: at as Date,
    type: type as string,
    symbol: symbol as string | null,
  }));
  return { count: (rows[0]?.count as number | undefined) ?? 0, last: last.reverse() };
}

export interface RecentAnalysis {
  symbol: string;
  type: string;
  status: string;
  recommendation: string | null;
}

/** An owner's analyses, newest first. */
export async function recentAnalyses(
  database: Database,
  owner: string,
  { from, to }: Period,
  limit: number,
): Promise<RecentAnalysis[]> {
  const { rows } = await database.query(
    `SELECT symbol, type, status, recommendation FROM analyses
     WHERE owner = $1 AND created_at >= $2 AND created_at < $3 ORDER BY created_at DESC LIMIT $4`,
    [owner, from, to, limit],
  );
  return rows as unknown as RecentAnalysis[];
}

/** What one alert waits for: prices, null where there is none on that side. */
export interface ArmedLevel {
  symbol: string;
  upper: number | null;
  lower: number | null;
}

/** What an owner's alerts wait for, by symbol, and how many alerts there are. */
export async function armedLevels(
  database: Database,
  owner: string,
  limit: number,
): Promise<{ count: number; levels: ArmedLevel[] }> {
  const { rows } = await database.query(
    `SELECT symbol, upper::float8, lower::float8, count(*) OVER ()::int AS count FROM armed_alerts
     WHERE owner = $1 ORDER BY symbol, address LIMIT $2`,
    [owner, limit],
  );
  const levels = rows.map(({ symbol, upper, lower }) => ({ symbol, upper, lower }) as ArmedLevel);
  return { count: (rows[0]?.count as number | undefined) ?? 0, levels };
}
