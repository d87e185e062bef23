/** The effects around price alerts: one look at all quotes that are waited for, and waking the watcher. */
import { z } from 'zod';
import type { Quotes } from '../../machines/market.ts';
import { lookResult, MARKET_WATCH_KEY, marketWatch } from '../../machines/market-watch.ts';
import type { Database } from '../../persistence/database.ts';
import {
  type AlertToTell,
  alertsMet,
  alertsToBlind,
  alertsToPutOff,
  alertsWantingQuote,
  armedSymbols,
  disarmAlerts,
} from '../../persistence/records/armed-alerts.ts';
import {
  type ActorEvent,
  type ActorSystem,
  type Address,
  type Effect,
  type EffectContext,
  effect,
  RuntimeError,
} from '../runtime/index.ts';
import type { MarketSession } from './market-hours.ts';
import type { EffectRooms } from './rooms.ts';

export const MARKET_WATCH: Address = `${marketWatch.id}/${MARKET_WATCH_KEY}`;

/** A quote that others have just asked for is as good. */
const MAX_QUOTE_AGE_MS = 1_000;
/** For this long after the open, a symbol without a fresh quote is not missed. */
const OPENING_MS = 120_000;
/** Symbols without a fresh quote that a look's result names. */
const MAX_NAMED = 100;

/** How many alerts are told at once; their steps share commits. */
const TOLD_AT_ONCE = 500;
/**
 * How many alerts one look tells what is no trigger: their first quote, or that there is none. What is met is told
 * before and without limit, so that a source which fails, or comes back, does not hold up a trigger for 100,000 steps.
 */
const NEWS_PER_LOOK = 2_000;

/**
 * The watcher, for a process that starts: begun where it is missing, and woken, since it may wait for an open that a
 * source of before had, and this one has not. Called again, it costs a look.
 */
export async function startMarketWatch(system: Pick<ActorSystem, 'spawn' | 'send'>): Promise<void> {
  await system.spawn(marketWatch.id, MARKET_WATCH_KEY, { input: {}, owner: 'system' });
  try {
    await system.send(MARKET_WATCH, { type: 'WAKE' }, { source: 'start' });
  } catch (error) {
    // Of a newer release, which wakes it itself; or not to be woken by anybody, which must not keep a server from starting.
    if (!(error instanceof RuntimeError)) throw error;
  }
}

export function marketWatchEffects({ quotes: cache, hours, database }: EffectRooms): Effect[] {
  const waker = new Waker();
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
        const now = context.now();
        const look = {
          at: now.toISOString(),
          symbols: symbols.length,
          told: 0,
          missing: [],
          opensInMs: null,
        };
        if (symbols.length === 0) return look;
        const teller = new Teller(database, context);
        let session: MarketSession;
        let quotes: Quotes;
        try {
          const market = await hours.at(now);
          session = market.session;
          if (!market.open) {
            await teller.lose(
              await alertsToPutOff(database, NEWS_PER_LOOK),
              `the market is closed until ${session.opensAt}`,
            );
            return { ...look, opensInMs: Date.parse(session.opensAt) - now.getTime() };
          }
          quotes = await cache.get(symbols, {
            now: now.getTime(),
            maxAgeMs: MAX_QUOTE_AGE_MS,
            signal: context.signal,
          });
        } catch (error) {
          if (tellBlind) {
            const blind = await alertsToBlind(database, symbols, NEWS_PER_LOOK);
            await teller.lose(blind, 'the quotes can not be had now');
          }
          throw error;
        }
        const fresh = freshOf(quotes);
        const seen = [...fresh.keys()];
        const missing = symbols.filter((symbol) => !fresh.has(symbol));
        const met = await alertsMet(database, [...fresh.values()]);
        await teller.show(met, fresh);
        const told = new Set(met.map(({ address }) => address));
        const wanting = await alertsWantingQuote(database, seen, NEWS_PER_LOOK);
        await teller.show(
          wanting.filter(({ address }) => !told.has(address)),
          fresh,
        );
        if (missing.length > 0 && !isOpening(now, session)) {
          await teller.lose(await alertsToBlind(database, missing, NEWS_PER_LOOK), 'there is no fresh quote');
        }
        return { ...look, told: teller.told, missing: missing.slice(0, MAX_NAMED) };
      },
    ),
    effect(
      'wakeWatcher',
      { input: z.object({}), output: z.object({ now: z.string() }), timeout: '10 s', concurrency: 1_000 },
      async (_input, { send, address, now }) => {
        await waker.wake(() => send(MARKET_WATCH, { type: 'WAKE' }, { source: address }));
        return { now: now().toISOString() };
      },
    ),
  ];
}

/**
 * Wakes the watcher once for all who ask while it is being woken: a thousand alerts that are set at once are a few steps
 * of its. Who comes while one call is under way needs the next one, since the look that follows from it may have begun.
 */
class Waker {
  #underWay: Promise<unknown> | undefined;
  #next: Promise<unknown> | undefined;

  wake(call: () => Promise<unknown>): Promise<unknown> {
    if (!this.#underWay) return this.#begin(call);
    this.#next ??= this.#underWay
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#begin(call);
      });
    return this.#next;
  }

  #begin(call: () => Promise<unknown>): Promise<unknown> {
    const called = call().finally(() => {
      this.#underWay = undefined;
    });
    this.#underWay = called;
    return called;
  }
}

interface FreshQuote {
  symbol: string;
  price: number;
  asOf: string;
  source: string;
}

/** Whether symbols may not have been traded yet today. */
function isOpening(now: Date, { opensAt }: MarketSession): boolean {
  const sinceOpen = now.getTime() - Date.parse(opensAt);
  return sinceOpen >= 0 && sinceOpen < OPENING_MS;
}

/** Those that can be acted on, by symbol. */
function freshOf(quotes: Quotes): Map<string, FreshQuote> {
  const fresh = new Map<string, FreshQuote>();
  for (const [symbol, { price, asOf, source, stale }] of Object.entries(quotes)) {
    if (!stale && price !== null && asOf !== null) fresh.set(symbol, { symbol, price, asOf, source });
  }
  return fresh;
}

/**
 * Tells alerts of their quotes. Told twice, an alert takes a quote once: what it waits for has changed by then. One that
 * can't be told must not keep the others from it; trouble of the database's is thrown when all have been tried.
 */
class Teller {
  readonly #database: Database;
  readonly #context: EffectContext;
  /** How many were sent a quote. */
  told = 0;

  constructor(database: Database, context: EffectContext) {
    this.#database = database;
    this.#context = context;
  }

  async show(alerts: readonly AlertToTell[], fresh: ReadonlyMap<string, FreshQuote>): Promise<void> {
    this.told += await this.#tell(alerts, (symbol) => {
      const { price, asOf, source } = fresh.get(symbol) as FreshQuote;
      return { type: 'QUOTE', price, asOf, source };
    });
  }

  async lose(alerts: readonly AlertToTell[], reason: string): Promise<void> {
    await this.#tell(alerts, () => ({ type: 'QUOTE_LOST', reason }));
  }

  async #tell(alerts: readonly AlertToTell[], eventFor: (symbol: string) => ActorEvent): Promise<number> {
    const { send, signal, address: source } = this.#context;
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
              await disarmAlerts(this.#database, [address]);
            // Another process has its version, and looks too.
            else if (error.retryable && error.code !== 'version_not_here') trouble = error;
          }
        }),
      );
    }
    if (trouble) throw trouble;
    return told;
  }
}
