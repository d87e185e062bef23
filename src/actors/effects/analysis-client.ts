/**
 * The one client of the analysis service: what can be asked of it, and in which shape it answers. Not for how it is
 * reached, and what its errors mean (`analysis-calls.ts`).
 */
import { z } from 'zod';
import {
  type Article,
  article,
  type BrokerPositions,
  brokerPositions,
  type Candidates,
  type ChartAnalysis,
  candidates,
  chartAnalysis,
  type MarketCalendar,
  type MarketClock,
  type MarketData,
  marketCalendar,
  marketClock,
  marketData,
  type OptionChain,
  type OptionsAnalysis,
  optionChain,
  optionsAnalysis,
  type Positions,
  positions,
  type QuickAnalysis,
  type QuickBatch,
  type Quotes,
  quickAnalysis,
  quickBatch,
  quotes,
  type ResearchAnalysis,
  researchAnalysis,
} from '../../machines/market.ts';
import { AnalysisCalls, type CallObserver, type CallOptions } from './analysis-calls.ts';

/** The service takes this many symbols in one request. */
const MAX_QUOTES_PER_REQUEST = 500;

/** `unavailable`: the service lives, and its provider of market data can not be asked now. */
const readinessBody = z.looseObject({
  status: z.enum(['ready', 'starting', 'unavailable']),
  provider: z.looseObject({
    name: z.string(),
    source: z.string().optional(),
    detail: z.record(z.string(), z.unknown()),
  }),
});
export type AnalysisReadiness = z.infer<typeof readinessBody>;

export class AnalysisClient {
  readonly #calls: AnalysisCalls;

  /** `baseUrl` is asked at each call: the service may come back on another port. */
  constructor(baseUrl: () => string, observe?: CallObserver) {
    this.#calls = new AnalysisCalls(baseUrl, observe);
  }

  /** Bars of a symbol. Throws `symbol_not_found` and the provider's errors. */
  marketData(
    request: { symbol: string; timeframe: string; period?: string },
    options?: CallOptions,
  ): Promise<MarketData> {
    return this.#post('/market-data', request, marketData, options);
  }

  chart(
    request: { symbol: string; timeframe: string; strategy?: string | undefined; marketData: unknown },
    options?: CallOptions,
  ): Promise<ChartAnalysis> {
    return this.#post('/analyze/chart', request, chartAnalysis, options);
  }

  options(
    request: { symbol: string; strategy: string; chartContext: unknown },
    options?: CallOptions,
  ): Promise<OptionsAnalysis> {
    return this.#post('/analyze/options', request, optionsAnalysis, options);
  }

  research(request: { symbol: string }, options?: CallOptions): Promise<ResearchAnalysis> {
    return this.#post('/analyze/research', request, researchAnalysis, options);
  }

  /** Quotes by symbol; those that the provider does not know are absent. */
  async quotes(symbols: readonly string[], options?: CallOptions): Promise<Quotes> {
    const found: Quotes = {};
    for (let start = 0; start < symbols.length; start += MAX_QUOTES_PER_REQUEST) {
      const part = symbols.slice(start, start + MAX_QUOTES_PER_REQUEST);
      // Each part is a request of its own.
      const key = options?.idempotencyKey;
      const own = key === undefined ? options : { ...options, idempotencyKey: `${key}.${start}` };
      Object.assign(found, await this.#post('/quotes', { symbols: part }, quotes, own));
    }
    return found;
  }

  /** Chart and options of a symbol in one line. */
  quick(request: { symbol: string; strategy: string }, options?: CallOptions): Promise<QuickAnalysis> {
    return this.#post('/analyze/quick', request, quickAnalysis, options);
  }

  /** The same for up to 100 symbols; a failure of one is that one's. */
  quickBatch(
    request: { symbols: readonly string[]; strategy: string },
    options?: CallOptions,
  ): Promise<QuickBatch> {
    return this.#post('/analyze/quick/batch', request, quickBatch, options);
  }

  /** Symbols that fulfil the criteria, best first; the service checks the criteria. */
  candidates(criteria: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Candidates> {
    return this.#post('/screener/candidates?detail=true', { criteria }, candidates, options);
  }

  /** Positions at the present market; the service checks their shape. */
  positions(
    request: { positions: readonly Readonly<Record<string, unknown>>[] },
    options?: CallOptions,
  ): Promise<Positions> {
    return this.#post('/positions/evaluate', request, positions, options);
  }

  /**
   * What is held in the brokerage accounts of who runs the service, all of it. Throws `no_broker_accounts` where market
   * data comes from elsewhere, and the broker's errors when any account can't be read.
   */
  brokerPositions(options?: CallOptions): Promise<BrokerPositions> {
    return this.#get('/broker/positions', brokerPositions, options);
  }

  /** Articles about symbols, newest first. */
  news(
    request: { symbols: readonly string[]; lookbackDays?: number },
    options?: CallOptions,
  ): Promise<Article[]> {
    return this.#post('/news', request, z.array(article), options);
  }

  /** The option chain of a symbol. */
  optionChain(
    request: { symbol: string; right?: 'call' | 'put' | 'both'; dteMin?: number; dteMax?: number },
    options?: CallOptions,
  ): Promise<OptionChain> {
    return this.#post('/option-chain', request, optionChain, options);
  }

  /** The exchange's sessions from one day to another, both included: dates as 2026-11-27. */
  calendar(range: { from: string; to: string }, options?: CallOptions): Promise<MarketCalendar> {
    const query = new URLSearchParams(range);
    return this.#get(`/market/calendar?${query}`, marketCalendar, options);
  }

  /** Whether the exchange is open, and when it opens and closes next. */
  clock(options?: CallOptions): Promise<MarketClock> {
    return this.#get('/market/clock', marketClock, options);
  }

  /** Whether it can answer, and what its provider says of itself. Throws only when the service does not answer. */
  readiness(options?: CallOptions): Promise<AnalysisReadiness> {
    return this.#calls.make({ path: '/readyz', answer: readinessBody, alsoRead: [503] }, options);
  }

  #post<T>(path: string, body: unknown, answer: z.ZodType<T>, options?: CallOptions): Promise<T> {
    return this.#calls.make({ path, body, answer }, options);
  }

  #get<T>(path: string, answer: z.ZodType<T>, options?: CallOptions): Promise<T> {
    return this.#calls.make({ path, answer }, options);
  }
}
