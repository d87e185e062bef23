/** The effects around price alerts: one look at all quotes that are waited for, and waking the watcher. */
import { z } from 'zod';
import type { Quotes } from '../../machines/market.ts';
import { lookResult, MARKET_WATCH_KEY, marketWatch } from '../../machines/market-watch.ts';
import type { Database } from '../../persistence/database.ts';
import {
  alertsMet,
  alertsToBlind,
  armedSymbols,
  disarmAlert,
} from '../../persistence/records/armed-alerts.ts';
import {
  type ActorEvent,
  type Address,
  type Effect,
  type EffectContext,
  effect,
  RuntimeError,
} from '../runtime/index.ts';
import type { EffectRooms } from './rooms.ts';

export const MARKET_WATCH: Address = `${marketWatch.id}/${MARKET_WATCH_KEY}`;

/** A quote that others have just asked for is as good. */
const MAX_QUOTE_AGE_MS = 1_000;

/** How many alerts are told at once; their steps share commits. */
const TOLD_AT_ONCE = 500;

export function marketWatchEffects({ quotes: cache, database }: EffectRooms): Effect[] {
  return [
    effect(
      'lookAtQuotes',
      // A look that fails is followed by the next one: retrying inside it would only make it late.
      {
        input: z.object({ tellBlind: z.boolean() }),
        output: lookResult,
        timeout: '25 s',
        deadline: '5 s',
        retries: { limit: 0 },
        concurrency: 1,
      },
      async ({ tellBlind }, context) => {
        const symbols = await armedSymbols(database);
        const at = context.now().toISOString();
        if (symbols.length === 0) return { at, symbols: 0, told: 0, missing: [] };
        let quotes: Quotes = {};
        try {
          const now = context.now().getTime();
          quotes = await cache.get(symbols, { now, maxAgeMs: MAX_QUOTE_AGE_MS, signal: context.signal });
        } catch (error) {
          if (!tellBlind) throw error;
          await tellLost(database, context, symbols, 'the quotes can not be had now');
          throw error;
        }
        const fresh = symbols.flatMap((symbol) => {
          const quote = quotes[symbol];
          return quote && !quote.stale && quote.price !== null && quote.asOf !== null
            ? [{ symbol, price: quote.price, asOf: quote.asOf, source: quote.source }]
            : [];
        });
        const bySymbol = new Map(fresh.map((quote) => [quote.symbol, quote]));
        const missing = symbols.filter((symbol) => !bySymbol.has(symbol));
        const met = await alertsMet(database, fresh);
        const told = await tell(database, context, met, (symbol) => {
          const { price, asOf, source } = bySymbol.get(symbol) as (typeof fresh)[number];
          return { type: 'QUOTE', price, asOf, source };
        });
        if (missing.length > 0) await tellLost(database, context, missing, 'there is no fresh quote');
        return { at, symbols: symbols.length, told, missing: missing.slice(0, 100) };
      },
    ),
    effect(
      'wakeWatcher',
      { input: z.object({}), output: z.object({ now: z.string() }), timeout: '10 s' },
      async (_input, { send, address, now }) => {
        await send(MARKET_WATCH, { type: 'WAKE' }, { source: address });
        return { now: now().toISOString() };
      },
    ),
  ];
}

async function tellLost(
  database: Database,
  context: EffectContext,
  symbols: readonly string[],
  reason: string,
): Promise<void> {
  const blind = await alertsToBlind(database, symbols);
  await tell(database, context, blind, () => ({ type: 'QUOTE_LOST', reason }));
}

/**
 * Sends each alert its event. Told twice, an alert takes a quote once: what it waits for has changed by then. One that
 * can't be told must not keep the others from it; trouble of the database's is thrown when all have been tried.
 */
async function tell(
  database: Database,
  { send, signal, address: source }: EffectContext,
  alerts: readonly { address: Address; symbol: string }[],
  eventFor: (symbol: string) => ActorEvent,
): Promise<number> {
  let told = 0;
  let trouble: RuntimeError | undefined;
  for (let start = 0; start < alerts.length; start += TOLD_AT_ONCE) {
    signal.throwIfAborted();
    await Promise.all(
      alerts.slice(start, start + TOLD_AT_ONCE).map(async ({ address, symbol }) => {
        try {
          await send(address, eventFor(symbol), { source });
          told++;
        } catch (error) {
          if (!(error instanceof RuntimeError)) throw error;
          // It was stopped from outside; its row is all that is left of it.
          if (error.code === 'actor_ended' || error.code === 'actor_not_found')
            await disarmAlert(database, address);
          // Another process has its version, and looks too.
          else if (error.retryable && error.code !== 'version_not_here') trouble = error;
        }
      }),
    );
  }
  if (trouble) throw trouble;
  return told;
}
