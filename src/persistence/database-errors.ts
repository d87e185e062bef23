/** What the driver's errors mean for the runtime. */

/**
 * SQLSTATE codes after which the same transaction may be tried again: serialization failure, deadlock, lock not
 * available, and the unique violation of two commits with one idempotency key, of which the next try finds the first.
 */
const TRANSIENT = new Set(['40001', '40P01', '55P03', '23505']);

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** The connection broke, or the server is away, starting or stopping: whether a commit happened is not known. */
export function isConnectionError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string') {
    if (SOCKET_CODES.has(code)) return true;
    if (code.startsWith('08') || code.startsWith('57P0') || code === '53300' || code === '25P03') return true;
    if (code.length === 5) return false;
  }
  return (
    typeof message === 'string' &&
    /connection terminated|timeout exceeded|read timeout|not queryable|connection ended|client has encountered/i.test(
      message,
    )
  );
}

/** The transaction was rolled back for a reason that may be gone at the next try. */
export function isTransientError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && TRANSIENT.has(code);
}
