/** HTTP's side of a WebSocket: which protocol is spoken, and refusals before there is a socket to refuse on. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { webSocketProtocol } from '../auth.ts';
import type { ErrorBody } from '../errors.ts';

/**
 * Whether a client that offers these protocols (`Sec-WebSocket-Protocol`) can be served. One that names none, such as
 * a command line tool, gets today's.
 */
export function isProtocolOffered(header: string | undefined): boolean {
  if (header === undefined) return true;
  return header.split(',').some((protocol) => protocol.trim() === webSocketProtocol);
}

/** For `ws`: of the protocols that the client offers, the one that is spoken. Never the one that carries the token. */
export function chooseProtocol(offered: Set<string>): string | false {
  return offered.has(webSocketProtocol) && webSocketProtocol;
}

/** Answers an upgrade with an error, in the shape of all doors, and ends the socket. */
export function refuseUpgrade(socket: Duplex, status: number, error: ErrorBody['error']): void {
  const body = JSON.stringify({ error });
  // An HTTP server's sockets may stay half open: a client that never closes its half would hold it for ever.
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
      '',
      body,
    ].join('\r\n'),
  );
}
