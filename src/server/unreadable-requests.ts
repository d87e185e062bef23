/**
 * Requests that Node's parser refuses before any room sees them: answered in the shape of all errors, and the
 * connection closed, for nobody knows where the next request would begin. Not for requests that can be read.
 */
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TtaiError } from '../actors/runtime/errors.ts';
import { httpStatus, toErrorBody } from './errors.ts';

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** Answers them from now on. `maxHeadBytes`: of the server, for the message. */
export function answerUnreadable(server: Server, maxHeadBytes: number): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // A response that is under way must not get a second one into its middle.
    const { _httpMessage: open } = socket as Duplex & { _httpMessage?: { headersSent: boolean } | null };
    if (!socket.writable || error.code === 'ECONNRESET' || open?.headersSent) {
      socket.destroy();
      return;
    }
    const body = toErrorBody(errorOf(error.code, maxHeadBytes));
    const text = JSON.stringify(body);
    const status = httpStatus(body);
    socket.end(
      `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
  });
}

function errorOf(code: string | undefined, maxHeadBytes: number): TtaiError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = `The address and the headers of a request may have at most ${maxHeadBytes} bytes together.`;
    return new TtaiError('head_too_large', message, { details: { maxBytes: maxHeadBytes } });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new TtaiError('request_timeout', 'The request did not come whole in time.', { retryable: true });
  }
  return new TtaiError('invalid_request', 'What was sent is not HTTP.');
}
