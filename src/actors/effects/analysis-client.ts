/**
 * The one client of the analysis service: HTTP in, checked answers and typed errors out.
 * Its errors say how to go on: a peer that is away is waited for, a wrong request is not tried again.
 */
import { z } from 'zod';
import {
  type Article,
  article,
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
import { DoNotRetryError, PeerUnavailableError, RetryLaterError, TtaiError } from '../runtime/index.ts';

/** More than a year of five-minute bars; an answer beyond is not one of ours. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
/** The service takes this many symbols in one request. */
const MAX_QUOTES_PER_REQUEST = 500;

/** Codes of statuses after which the same request gives the same answer. */
const FINAL_STATUSES = new Set([400, 401, 403, 404, 405, 409, 413, 415, 422]);

const errorBody = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    retryAfterSeconds: z.number().nullish(),
    details: z.record(z.string(), z.unknown()).nullish(),
  }),
});

/** `unavailable`: the service lives, and its provider of market data can not be asked now. */
const readinessBody = z.looseObject({
  status: z.enum(['ready', 'starting', 'unavailable']),
  provider: z.looseObject({ name: z.string(), detail: z.record(z.string(), z.unknown()) }),
});
export type AnalysisReadiness = z.infer<typeof readinessBody>;

export interface CallOptions {
  owner?: string;
  /** The same for each attempt of one piece of work. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** Hears of each call: runs it, with the headers that go along. */
export type CallObserver = <T>(
  path: string,
  call: (headers: Readonly<Record<string, string>>) => Promise<T>,
) => Promise<T>;

export class AnalysisClient {
  readonly #baseUrl: () => string;
  readonly #observe: CallObserver;

  /** `baseUrl` is asked at each call: the service may come back on another port. */
  constructor(baseUrl: () => string, observe: CallObserver = (_path, call) => call({})) {
    this.#baseUrl = baseUrl;
    this.#observe = observe;
  }

  /** Bars of a symbol. Throws `symbol_not_found` and the provider's errors. */
  marketData(
    request: { symbol: string; timeframe: string; period?: string },
    options?: CallOptions,
  ): Promise<MarketData> {
    return this.#post('/market-data', request, marketData, options);
  }

  chart(
    request: { symbol: string; timeframe: string; marketData: unknown },
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
    return this.#call(`/market/calendar?${query}`, { method: 'GET' }, marketCalendar, options);
  }

  /** Whether the exchange is open, and when it opens and closes next. */
  clock(options?: CallOptions): Promise<MarketClock> {
    return this.#call('/market/clock', { method: 'GET' }, marketClock, options);
  }

  /** Whether it can answer, and what its provider says of itself. Throws only when the service does not answer. */
  readiness(options?: CallOptions): Promise<AnalysisReadiness> {
    return this.#call('/readyz', { method: 'GET' }, readinessBody, options, [503]);
  }

  #post<T>(path: string, body: unknown, schema: z.ZodType<T>, options?: CallOptions): Promise<T> {
    return this.#call(path, { method: 'POST', body: JSON.stringify(body) }, schema, options);
  }

  /** `alsoRead`: statuses of failures whose bodies are answers all the same. */
  #call<T>(
    path: string,
    init: RequestInit,
    schema: z.ZodType<T>,
    options?: CallOptions,
    alsoRead: readonly number[] = [],
  ): Promise<T> {
    // Observed by what is asked, not by what for.
    const [name = path] = path.split('?');
    return this.#observe(name, (headers) => this.#ask(path, { ...init, headers }, schema, options, alsoRead));
  }

  async #ask<T>(
    path: string,
    init: Omit<RequestInit, 'headers'> & { headers: Readonly<Record<string, string>> },
    schema: z.ZodType<T>,
    options: CallOptions = {},
    alsoRead: readonly number[] = [],
  ): Promise<T> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const headers: Record<string, string> = {
      ...init.headers,
      'content-type': 'application/json',
      'x-deadline-ms': String(timeoutMs),
      ...(options.owner !== undefined && { 'x-user-id': encodeURIComponent(options.owner) }),
      ...(options.idempotencyKey !== undefined && {
        'x-request-id': encodeURIComponent(options.idempotencyKey),
        'x-idempotency-key': encodeURIComponent(options.idempotencyKey),
      }),
    };
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(`${this.#baseUrl()}${path}`), {
        ...init,
        headers,
        signal,
        redirect: 'error',
      });
      text = await readBounded(response);
    } catch (error) {
      if (error instanceof TtaiError) throw error;
      if (options.signal?.aborted) throw options.signal.reason;
      if (timeout.aborted) {
        throw new TtaiError(
          'analysis_timeout',
          `the analysis service did not answer within ${timeoutMs} ms`,
          {
            retryable: true,
          },
        );
      }
      throw new PeerUnavailableError('analysis_unavailable', 'the analysis service can not be reached', {
        cause: error,
      });
    }
    const body = parseJson(text);
    const isRead = response.ok || alsoRead.includes(response.status);
    if (!isRead) throw errorOf(response, body);
    const parsed = schema.safeParse(body);
    if (!parsed.success) {
      throw new DoNotRetryError('analysis_answer_invalid', `${path} answered in a shape that is not known`, {
        details: { issues: parsed.error.issues.slice(0, 5) },
      });
    }
    return parsed.data;
  }
}

/** The body as text. Stops reading, and throws, beyond the limit. */
async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new DoNotRetryError('analysis_answer_invalid', 'the analysis service answered with too much');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined when it is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorOf(response: Response, body: unknown): TtaiError {
  const { status } = response;
  const parsed = errorBody.safeParse(body);
  const { code, message, retryAfterSeconds, details } = parsed.success
    ? parsed.data.error
    : {
        code: 'PROVIDER_ERROR',
        message: `the analysis service answered ${status}`,
        retryAfterSeconds: null,
        details: null,
      };
  const ourCode = code.toLowerCase();
  const more = { ...(details && { details }), retryAfterMs: retryAfterMs(response, retryAfterSeconds) };
  if (status === 503) return new PeerUnavailableError(ourCode, message, more);
  if (status === 429) return new RetryLaterError(ourCode, message, more);
  if (FINAL_STATUSES.has(status))
    return new DoNotRetryError(ourCode, message, { ...(details && { details }) });
  return new TtaiError(ourCode, message, { retryable: true, ...(details && { details }) });
}

function retryAfterMs(response: Response, fromBody: number | null | undefined): number | undefined {
  const seconds = fromBody ?? Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}
