/**
 * The way to the analysis service: one call over HTTP, bounded in time and size, with its answer checked and its errors
 * typed. They say how to go on: a peer that is away is waited for, a wrong request is not tried again. Not for what can
 * be asked (`analysis-client.ts`).
 */
import { z } from 'zod';
import { DoNotRetryError, PeerUnavailableError, RetryLaterError, TtaiError } from '../runtime/index.ts';

/** More than a year of five-minute bars; an answer beyond is not one of ours. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
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

/** One call. */
export interface Call<T> {
  /** With its query. */
  path: string;
  /** Of a POST, as JSON; a GET has none. */
  body?: unknown;
  answer: z.ZodType<T>;
  /** Statuses of failures whose bodies are answers all the same. */
  alsoRead?: readonly number[];
}

export class AnalysisCalls {
  readonly #baseUrl: () => string;
  readonly #observe: CallObserver;

  /** `baseUrl` is asked at each call: the service may come back on another port. */
  constructor(baseUrl: () => string, observe: CallObserver = (_path, call) => call({})) {
    this.#baseUrl = baseUrl;
    this.#observe = observe;
  }

  /** Throws the service's errors, `analysis_timeout`, `analysis_unavailable` and `analysis_answer_invalid`. */
  make<T>(call: Call<T>, options?: CallOptions): Promise<T> {
    // Observed by what is asked, not by what for.
    const [name = call.path] = call.path.split('?');
    return this.#observe(name, (headers) => this.#ask(call, headers, options));
  }

  async #ask<T>(
    { path, body, answer, alsoRead = [] }: Call<T>,
    observed: Readonly<Record<string, string>>,
    options: CallOptions = {},
  ): Promise<T> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeoutMs);
    const headers: Record<string, string> = {
      ...observed,
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
        ...(body === undefined ? { method: 'GET' } : { method: 'POST', body: JSON.stringify(body) }),
        headers,
        signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
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
    const found = parseJson(text);
    const isRead = response.ok || alsoRead.includes(response.status);
    if (!isRead) throw errorOf(response, found);
    const parsed = answer.safeParse(found);
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
