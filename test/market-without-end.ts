/**
 * A market in the process, for tests of the doors: every symbol has a quote and every position a value; analyses begin
 * and do not end, so that runs stay as they are.
 */

import type { CallOptions } from '../src/actors/effects/analysis-calls.ts';
import type { MarketService } from '../src/actors/effects/rooms.ts';
import { DoNotRetryError } from '../src/actors/runtime/index.ts';
import type { BrokerPositions, PositionValue } from '../src/machines/market.ts';

/** What is answered about each position, whatever it holds. */
export interface MarketWithoutEnd extends MarketService {
  /** Thrown by `positions`, while it is set. */
  failure: Error | undefined;
  /** What is held at the broker; null: the provider has no accounts. */
  broker: BrokerPositions | null;
  /** Changes what the next answers say of positions. */
  value: Partial<PositionValue>;
  /** Symbols that it does not know. */
  unknown: ReadonlySet<string>;
}

export const marketTime = '2026-06-10T15:00:00Z';

const usualValue = {
  structure: 'short_put',
  underlyingPrice: 100,
  underlyingAsOf: marketTime,
  stale: false,
  changePct: 0,
  dte: 30,
  marketValue: -100,
  pnl: 135,
  pnlPct: 57,
  profitCapturedPct: 57,
  shortDelta: 0.2,
  assignmentRisk: 'low' as const,
  daysToEarnings: null,
  earningsInsideDte: null,
  management: { takeProfit: true, closeByDte: false, tested: false },
  warnings: [],
};

export function marketWithoutEnd(): MarketWithoutEnd {
  const never = (_request: unknown, { signal }: CallOptions = {}): Promise<never> =>
    new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  const market: MarketWithoutEnd = {
    failure: undefined,
    value: {},
    unknown: new Set(),
    broker: null,
    async brokerPositions() {
      if (market.failure) throw market.failure;
      if (market.broker) return market.broker;
      throw new DoNotRetryError('no_broker_accounts', 'this market has no accounts');
    },
    async quotes(symbols) {
      const quote = { price: 100, asOf: marketTime, source: 'simulated', stale: false };
      return Object.fromEntries(symbols.map((symbol) => [symbol, quote]));
    },
    async positions({ positions }) {
      if (market.failure) throw market.failure;
      return {
        positions: positions
          .filter(({ symbol }) => !market.unknown.has(String(symbol)))
          .map(({ id, symbol }) => ({
            ...usualValue,
            ...market.value,
            id: String(id),
            symbol: String(symbol),
          })),
        errors: Object.fromEntries(
          positions
            .filter(({ symbol }) => market.unknown.has(String(symbol)))
            .map(({ id }) => [
              id,
              { code: 'SYMBOL_NOT_FOUND', message: 'Nobody knows it.', retryable: false },
            ]),
        ),
        asOf: marketTime,
        quality: { source: 'simulated', asOf: marketTime },
      };
    },
    marketData: never,
    chart: never,
    options: never,
    research: never,
    quick: never,
    quickBatch: never,
    candidates: never,
    news: never,
    optionChain: never,
    calendar: never,
    clock: (options) => never(null, options),
    readiness: (options) => never(null, options),
  };
  return market;
}
