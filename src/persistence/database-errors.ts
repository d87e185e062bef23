/** What the driver's errors mean: whether it is the data's fault, the server's, or the connection's. */

const SOCKET_CODES = new Set([
  ...[
    'ECONNREFUSED',
    'ECONNRESET',
    'ECONNABORTED',
    'EPIPE',
    'ETIMEDOUT',
    'ENOTCONN',
    'ENOTFOUND',
    'EAI_AGAIN',
  ],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'EADDRNOTAVAIL', 'ENOBUFS'],
]);
/** What Node says of a connection that was closed under a statement. Of other streams it may be a fault in a program. */
const STREAM_CODE = /^ERR_(STREAM|SOCKET|SSL|TLS)_|^EPROTO$/;

/** The connection broke, or the server is away, starting or stopping: whether a commit happened is not known. */
export function isConnectionError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return isAwayError(error) || (typeof code === 'string' && STREAM_CODE.test(code));
}

/** The same, as far as it can be told of an error that may have come from anywhere. */
export function isAwayError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, syscall } = error as { code?: unknown; message?: unknown; syscall?: unknown };
  if (typeof code === 'string') {
    // Whatever keeps a socket from being opened. A file that is missing, or one too many, is no server.
    if (syscall === 'connect' || SOCKET_CODES.has(code)) return true;
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

/**
 * What the server answers anybody now, whatever it was asked: it is away, in the wrong state (25), full (53), stopping
 * (57) or broken (58), or two transactions were in each other's way (40, 55). Not a statement that took too long
 * (57014): it may be the only one that does.
 */
export function isServerTrouble(error: unknown): boolean {
  if (isConnectionError(error)) return true;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string' || code.length !== 5 || code === '57014') return false;
  return ['25', '40', '53', '55', '57', '58'].includes(code.slice(0, 2));
}

/**
 * The same rows would fail again: data exceptions (22), constraints (23), program limits (54). Not the unique
 * violation of two commits with one idempotency key, of which the next try finds the first; nor what a server in
 * trouble answers, such as a full disk.
 */
export function isDataError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string' || code.length !== 5) return !isConnectionError(error);
  return code !== '23505' && ['22', '23', '54'].includes(code.slice(0, 2));
}
