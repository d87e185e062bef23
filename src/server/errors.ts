/**
 * One error shape for every door: `{error: {code, message, retryable, retryAfterSeconds?, details?}}`, and the HTTP
 * status of each code. Not for errors themselves: those are thrown where they arise, as `TtaiError`s.
 */
import { randomUUID } from 'node:crypto';
import { PeerUnavailableError, RetryLaterError, RuntimeError, TtaiError } from '../actors/runtime/errors.ts';
import type { RuntimeLog } from '../actors/runtime/types.ts';
import { isConnectionError } from '../persistence/database-errors.ts';

/** An error as every door answers it. */
export interface ErrorBody {
  error: {
    /** Stable, lower snake case. */
    code: string;
    /** For a person: what is wrong and, where it helps, what to do. */
    message: string;
    /** The same call may succeed later. */
    retryable: boolean;
    retryAfterSeconds?: number;
    details?: Record<string, unknown>;
  };
}

export type ErrorStatus =
  | 400
  | 401
  | 403
  | 404
  | 405
  | 408
  | 409
  | 413
  | 415
  | 422
  | 426
  | 429
  | 431
  | 500
  | 502
  | 503
  | 504;

const statusOf: Readonly<Record<string, ErrorStatus>> = {
  invalid_input: 400,
  invalid_event: 400,
  invalid_json: 400,
  webhook_url_forbidden: 400,
  invalid_request: 400,
  validation_error: 400,
  unauthorized: 401,
  forbidden_host: 403,
  forbidden_origin: 403,
  operators_only: 403,
  not_found: 404,
  run_not_found: 404,
  alert_not_found: 404,
  monitor_not_found: 404,
  position_not_found: 404,
  screener_not_found: 404,
  actor_not_found: 404,
  dead_letter_not_found: 404,
  webhook_not_found: 404,
  machine_not_found: 404,
  symbol_not_found: 404,
  unknown_tool: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  actor_ended: 409,
  alert_ended: 409,
  position_closed: 409,
  position_exists: 409,
  too_many_screeners: 409,
  actor_exists: 409,
  system_actor: 409,
  webhook_exists: 409,
  webhook_limit: 409,
  webhook_test_running: 409,
  dead_letter_late: 409,
  idempotency_conflict: 409,
  too_many_monitors: 409,
  too_many_positions: 409,
  no_broker_accounts: 409,
  too_large: 413,
  unsupported_media_type: 415,
  step_failed: 422,
  quarantined: 422,
  insufficient_data: 422,
  invalid_market_data: 422,
  upgrade_required: 426,
  rate_limit: 429,
  head_too_large: 431,
  auth_error: 502,
  provider_error: 502,
  analysis_answer_invalid: 502,
  busy: 503,
  unavailable: 503,
  version_not_here: 503,
  stopped: 503,
  provider_unavailable: 503,
  analysis_unavailable: 503,
  timeout: 504,
  provider_timeout: 504,
  analysis_timeout: 504,
};

/** How long a caller should wait when the error itself does not say: long enough not to hammer what is down. */
const defaultRetryAfterSeconds = 2;

/** The HTTP status for an error's code. A code nobody listed is 503 when retryable, 500 otherwise. */
export function httpStatus(body: ErrorBody): ErrorStatus {
  return statusOf[body.error.code] ?? (body.error.retryable ? 503 : 500);
}

/**
 * Any thrown value as the doors answer it. What is not a `TtaiError` is a fault of ours: it is logged under an id,
 * and the caller gets that id and nothing else of it.
 */
export function toErrorBody(error: unknown, log?: Pick<RuntimeLog, 'error'>): ErrorBody {
  if (error instanceof TtaiError) {
    const { code, message, retryable, details } = error;
    const retryAfterSeconds = retryable ? retryAfterOf(error) : undefined;
    return {
      error: {
        code,
        message,
        retryable,
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
        ...(details && { details }),
      },
    };
  }
  if (isConnectionError(error)) {
    const unavailable = new RuntimeError('unavailable', 'the database does not answer', { retryable: true });
    return toErrorBody(unavailable);
  }
  const errorId = randomUUID();
  log?.error({ err: error, errorId }, 'a request failed inside');
  return {
    error: {
      code: 'internal_error',
      message: `Something went wrong in the server. Its log has the cause under ${errorId}.`,
      retryable: false,
      details: { errorId },
    },
  };
}

/** An error body as an HTTP response, with `Retry-After` where trying again makes sense. */
export function errorResponse(body: ErrorBody, headers: Record<string, string> = {}): Response {
  const retryAfter = body.error.retryAfterSeconds;
  return Response.json(body, {
    status: httpStatus(body),
    headers: {
      ...(retryAfter !== undefined && { 'retry-after': String(Math.ceil(retryAfter)) }),
      ...headers,
    },
  });
}

function retryAfterOf(error: TtaiError): number {
  const stated = error.details?.retryAfterSeconds;
  if (typeof stated === 'number' && Number.isFinite(stated) && stated >= 0) return stated;
  if (error instanceof PeerUnavailableError || error instanceof RetryLaterError) {
    if (error.retryAfterMs !== undefined) return error.retryAfterMs / 1_000;
  }
  return defaultRetryAfterSeconds;
}
