/** A market in the process for tests of the trading day: sessions that the test names, and values that it sets. */
import type { MarketService } from '../src/actors/effects/index.ts';
import { TtaiError } from '../src/actors/runtime/index.ts';
import type { MarketCalendar, PositionValue, Quotes } from '../src/machines/market.ts';

export type Session = MarketCalendar['sessions'][number];

/** What a position is worth unless the test says otherwise: nothing to watch, nothing to manage. */
export const quietValue = {
  structure: 'short_put',
  underlyingPrice: 100,
  underlyingAsOf: '2026-11-25T20:59:59Z',
  stale: false,
  changePct: 0,
  dte: 45,
  marketValue: -120,
  pnl: 30,
  pnlPct: 20,
  profitCapturedPct: 20,
  shortDelta: 0.2,
  assignmentRisk: 'none',
  daysToEarnings: null,
  earningsInsideDte: false,
  management: { takeProfit: false, closeByDte: false, tested: false },
  warnings: [],
} satisfies Omit<PositionValue, 'id' | 'symbol'>;

export interface DayMarket extends MarketService {
  /** By symbol: what differs from `quietValue`; null: the position can't be valued. */
  values: Map<string, Partial<PositionValue> | null>;
  /** Symbols with which a request is refused whole. */
  refused: Set<string>;
  quotesBySymbol: Quotes;
  /** Called before each answer of `positions` or `calendar`; throws what the service would. */
  before: (call: {
    name: 'positions' | 'calendar' | 'quotes';
    owner: string | undefined;
  }) => void | Promise<void>;
  /** How many positions each call was asked for. */
  asked: number[];
  /** By position: when it was opened, as the service was told. */
  openedAt: Map<string, unknown>;
}

/** The calls that the trading day and its pieces make; any other fails. */
export function dayMarket(sessions: readonly Session[]): DayMarket {
  const market = {
    values: new Map(),
    refused: new Set(),
    quotesBySymbol: {},
    before: () => {},
    asked: [],
    openedAt: new Map(),
    async calendar({ from, to }, options) {
      await market.before({ name: 'calendar', owner: options?.owner });
      const within = sessions.filter(({ date }) => date >= from && date <= to);
      return { timezone: 'America/New_York', sessions: within };
    },
    async quotes(symbols, options) {
      await market.before({ name: 'quotes', owner: options?.owner });
      return Object.fromEntries(
        Object.entries(market.quotesBySymbol).filter(([symbol]) => symbols.includes(symbol)),
      );
    },
    async positions({ positions }, options) {
      await market.before({ name: 'positions', owner: options?.owner });
      market.asked.push(positions.length);
      if (positions.some(({ symbol }) => market.refused.has(String(symbol)))) {
        throw new TtaiError('validation_error', 'no option expires on a Sunday');
      }
      const errors: Record<string, { code: string; message: string; retryable: boolean }> = {};
      const values = positions.flatMap((position) => {
        const { id, symbol, openedAt } = position as { id: string; symbol: string; openedAt?: unknown };
        market.openedAt.set(id, openedAt);
        const own = market.values.get(symbol);
        if (own !== null) return [{ ...quietValue, id, symbol, ...own } as PositionValue];
        errors[id] = { code: 'SYMBOL_NOT_FOUND', message: 'not known', retryable: false };
        return [];
      });
      const asOf = quietValue.underlyingAsOf;
      return { positions: values, errors, asOf, quality: { source: 'simulated', asOf } };
    },
  } satisfies Partial<DayMarket> as unknown as DayMarket;
  return market;
}
