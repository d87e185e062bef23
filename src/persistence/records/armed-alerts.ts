/**
 * The price alerts that wait for a price: rows with an index, judged by SQL, so that a quote costs what it triggers
 * and not what is armed. Written by the alert actors' effects, read by the watcher's.
 */
import type { Database } from '../database.ts';

export interface ArmedAlert {
  address: string;
  owner: string;
  symbol: string;
  /** Met at this price or above. */
  upper: number | null;
  /** Met at this price or below. */
  lower: number | null;
  /** The next fresh quote is wanted, whatever its price. */
  wantsQuote: boolean;
  /** It was told that there is no fresh quote. */
  blind: boolean;
}

/** Arms an alert, or changes what it waits for. */
export async function armAlert(database: Database, alert: ArmedAlert): Promise<void> {
  await database.query(
    `INSERT INTO armed_alerts (address, owner, symbol, upper, lower, wants_quote, blind)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (address) DO UPDATE SET symbol = excluded.symbol, upper = excluded.upper, lower = excluded.lower,
       wants_quote = excluded.wants_quote, blind = excluded.blind`,
    [alert.address, alert.owner, alert.symbol, alert.upper, alert.lower, alert.wantsQuote, alert.blind],
  );
}

export async function disarmAlert(database: Database, address: string): Promise<void> {
  await database.query('DELETE FROM armed_alerts WHERE address = $1', [address]);
}

/** The symbols that something waits for. */
export async function armedSymbols(database: Database): Promise<string[]> {
  const { rows } = await database.query('SELECT DISTINCT symbol FROM armed_alerts ORDER BY symbol');
  return rows.map((row) => row.symbol as string);
}

/** The alerts that a fresh price of their symbol concerns: met, or wanting any quote. */
export async function alertsMet(
  database: Database,
  prices: readonly { symbol: string; price: number }[],
): Promise<{ address: string; symbol: string }[]> {
  const { rows } = await database.query(
    `SELECT a.address, a.symbol FROM unnest($1::text[], $2::numeric[]) AS q(symbol, price)
     JOIN armed_alerts a ON a.symbol = q.symbol AND (a.upper <= q.price OR a.lower >= q.price OR a.wants_quote)`,
    [prices.map(({ symbol }) => symbol), prices.map(({ price }) => price)],
  );
  return rows.map((row) => ({ address: row.address as string, symbol: row.symbol as string }));
}

/** The alerts of symbols without a fresh quote that have not been told so yet. */
export async function alertsToBlind(
  database: Database,
  symbols: readonly string[],
): Promise<{ address: string; symbol: string }[]> {
  const { rows } = await database.query(
    'SELECT address, symbol FROM armed_alerts WHERE symbol = ANY($1) AND NOT blind',
    [symbols],
  );
  return rows.map((row) => ({ address: row.address as string, symbol: row.symbol as string }));
}
