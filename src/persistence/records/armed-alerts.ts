/**
 * The price alerts that wait for a price: rows with indexes, judged by SQL, so that a look at all prices costs what it
 * triggers and not what is armed. Written with the alerts' steps, read by the watcher's effect.
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

/** An alert that is to be told something. */
export interface AlertToTell {
  address: string;
  symbol: string;
}

/** Arms alerts, or changes what they wait for; each address once. */
export async function armAlerts(database: Database, alerts: readonly ArmedAlert[]): Promise<void> {
  if (alerts.length === 0) return;
  // In the order of the addresses, so that two transactions can't deadlock.
  await database.query(
    `INSERT INTO armed_alerts (address, owner, symbol, upper, lower, wants_quote, blind)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::boolean[], $7::boolean[])
       AS a(address, owner, symbol, upper, lower, wants_quote, blind) ORDER BY address
     ON CONFLICT (address) DO UPDATE SET symbol = excluded.symbol, upper = excluded.upper, lower = excluded.lower,
       wants_quote = excluded.wants_quote, blind = excluded.blind`,
    [
      alerts.map(({ address }) => address),
      alerts.map(({ owner }) => owner),
      alerts.map(({ symbol }) => symbol),
      alerts.map(({ upper }) => upper),
      alerts.map(({ lower }) => lower),
      alerts.map(({ wantsQuote }) => wantsQuote),
      alerts.map(({ blind }) => blind),
    ],
  );
}

export async function disarmAlerts(database: Database, addresses: readonly string[]): Promise<void> {
  if (addresses.length === 0) return;
  await database.query(
    `DELETE FROM armed_alerts WHERE address IN
       (SELECT address FROM armed_alerts WHERE address = ANY($1) ORDER BY address FOR UPDATE)`,
    [addresses],
  );
}

/**
 * An owner's alerts of a symbol, at most so many, that wait for a price close to this one, or for their first quote.
 * Close: one that has triggered waits a little behind its threshold.
 */
export async function alertsNear(
  database: Database,
  owner: string,
  { symbol, price }: { symbol: string; price: number },
  limit: number,
): Promise<string[]> {
  const { rows } = await database.query(
    `SELECT address FROM armed_alerts WHERE owner = $1 AND symbol = $2
       AND (upper BETWEEN $3 AND $4 OR lower BETWEEN $3 AND $4 OR (upper IS NULL AND lower IS NULL))
     ORDER BY address LIMIT $5`,
    [owner, symbol, price * 0.999, price * 1.001, limit],
  );
  return rows.map((row) => row.address as string);
}

/** The symbols that something waits for: one look into the index for each, however many alerts there are. */
export async function armedSymbols(database: Database): Promise<string[]> {
  const { rows } = await database.query(
    `WITH RECURSIVE armed(symbol) AS (
       (SELECT symbol FROM armed_alerts ORDER BY symbol LIMIT 1)
       UNION ALL
       SELECT (SELECT a.symbol FROM armed_alerts a WHERE a.symbol > armed.symbol ORDER BY a.symbol LIMIT 1)
       FROM armed WHERE armed.symbol IS NOT NULL
     )
     SELECT symbol FROM armed WHERE symbol IS NOT NULL`,
  );
  return rows.map((row) => row.symbol as string);
}

/** The alerts that wait for a price which their symbol has reached. */
export async function alertsMet(
  database: Database,
  prices: readonly { symbol: string; price: number }[],
): Promise<AlertToTell[]> {
  const { rows } = await database.query(
    `SELECT met.address, q.symbol FROM unnest($1::text[], $2::numeric[]) AS q(symbol, price)
     CROSS JOIN LATERAL (
       SELECT address FROM armed_alerts WHERE symbol = q.symbol AND upper <= q.price
       UNION
       SELECT address FROM armed_alerts WHERE symbol = q.symbol AND lower >= q.price
     ) AS met`,
    [prices.map(({ symbol }) => symbol), prices.map(({ price }) => price)],
  );
  return rows as unknown as AlertToTell[];
}

/** Alerts of these symbols, at most so many, that want their next fresh quote whatever its price. */
export async function alertsWantingQuote(
  database: Database,
  symbols: readonly string[],
  limit: number,
): Promise<AlertToTell[]> {
  const { rows } = await database.query(
    'SELECT address, symbol FROM armed_alerts WHERE wants_quote AND symbol = ANY($1) LIMIT $2',
    [symbols, limit],
  );
  return rows as unknown as AlertToTell[];
}

/** Alerts of symbols without a fresh quote, at most so many, that have not been told so yet. */
export async function alertsToBlind(
  database: Database,
  symbols: readonly string[],
  limit: number,
): Promise<AlertToTell[]> {
  const { rows } = await database.query(
    'SELECT address, symbol FROM armed_alerts WHERE NOT blind AND symbol = ANY($1) LIMIT $2',
    [symbols, limit],
  );
  return rows as unknown as AlertToTell[];
}

/** Alerts that have had no quote yet, at most so many, and have not been told why. */
export async function alertsToPutOff(database: Database, limit: number): Promise<AlertToTell[]> {
  const { rows } = await database.query(
    'SELECT address, symbol FROM armed_alerts WHERE wants_quote AND NOT blind LIMIT $1',
    [limit],
  );
  return rows as unknown as AlertToTell[];
}
