/**
 * The runtime's errors: a small tree with stable codes. The same codes reach HTTP, MCP and the journal.
 * Not for errors of trading or of market data; those extend `TtaiError` where they arise.
 */
import { messageOf, parseStorable, storableText } from './storable.ts';

/** Any error with a stable code and a message for a person. `retryable`: the same call may succeed later. */
export class TtaiError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  /** What helps a caller mend the call: the field, the limit, the seconds to wait. JSON. */
  readonly details: Record<string, unknown> | undefined;

  constructor(
    code: string,
    message: string,
    options: { retryable?: boolean; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details;
  }
}

/** Codes of errors that the runtime itself answers. */
export type RuntimeErrorCode =
  | 'actor_not_found'
  | 'actor_ended'
  | 'actor_exists'
  | 'machine_not_found'
  | 'invalid_input'
  | 'invalid_event'
  | 'idempotency_conflict'
  | 'step_failed'
  | 'dead_letter_not_found'
  | 'dead_letter_late'
  | 'quarantined'
  | 'version_not_here'
  | 'migration_failed'
  | 'snapshot_misfit'
  | 'timeout'
  | 'busy'
  | 'unavailable'
  | 'stopped'
  | 'registration_refused';

/** An error that the runtime answers to a call. */
export class RuntimeError extends TtaiError {
  declare readonly code: RuntimeErrorCode;

  constructor(
    code: RuntimeErrorCode,
    message: string,
    options: { retryable?: boolean; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}

/** Thrown by an effect: its result will not change by trying again. The machine gets the error event at once. */
export class DoNotRetryError extends TtaiError {
  constructor(
    code: string,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(code, message, { ...options, retryable: false });
  }
}

/** An effect that should be tried again, at the earliest after `retryAfterMs` where the peer said so. */
class TryAgainError extends TtaiError {
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    message: string,
    options: { retryAfterMs?: number | undefined; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    const { retryAfterMs, ...rest } = options;
    super(code, message, { retryable: true, ...rest });
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Thrown by an effect whose peer could not be reached at all (refused, 503, breaker open). Does not use up the
 * retry limit: tried again, up to the ceiling of the backoff, until the effect's deadline.
 */
export class PeerUnavailableError extends TryAgainError {}

/** Thrown by an effect: try again, not before this long (HTTP's Retry-After). Uses up the retry limit. */
export class RetryLaterError extends TryAgainError {}

/** An error as it is kept in rows and given to machines: plain JSON, no stack. */
export interface PlainError {
  name: string;
  message: string;
  code: string;
  retryable: boolean;
  details?: Record<string, unknown>;
}

/** A longer message, name or code is cut: it is kept in rows and shown to people. */
const MAX_TEXT_CHARS = 10_000;
const MAX_DETAILS_CHARS = 32_768;

/**
 * Any thrown value as plain JSON that can be stored. An error without a code gets `internal_error`. Never throws: what
 * can't be read of an error is left out.
 */
export function toPlainError(error: unknown): PlainError {
  try {
    return plainError(error);
  } catch {
    return { name: 'Error', message: text(messageOf(error)), code: 'internal_error', retryable: false };
  }
}

function plainError(error: unknown): PlainError {
  if (error instanceof TtaiError) {
    const { name, message, code, retryable } = error;
    const plain = { name: text(name), message: text(message), code: text(code), retryable };
    const details = plainDetails(error.details);
    return details ? { ...plain, details } : plain;
  }
  if (error instanceof Error) {
    const { name, message } = error;
    return { name: text(name), message: text(message), code: 'internal_error', retryable: false };
  }
  if (typeof error === 'object' && error !== null && 'message' in error && 'code' in error) {
    const plain = error as Partial<PlainError>;
    return {
      name: text(plain.name ?? 'Error'),
      message: text(plain.message),
      code: text(plain.code),
      retryable: plain.retryable === true,
    };
  }
  return { name: 'Error', message: text(messageOf(error)), code: 'internal_error', retryable: false };
}

function text(value: unknown): string {
  const whole = String(value);
  if (whole.length <= MAX_TEXT_CHARS) return storableText(whole);
  return `${storableText(whole.slice(0, MAX_TEXT_CHARS))}… (${whole.length} characters)`;
}

/** Undefined where there are none. What can't be stored of them, or is too much, is not told. */
function plainDetails(details: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  if (!details) return undefined;
  try {
    const json = JSON.stringify(details);
    if (json.length > MAX_DETAILS_CHARS) return { omitted: true, chars: json.length };
    return parseStorable(json) as Record<string, unknown>;
  } catch {
    return { omitted: true };
  }
}
