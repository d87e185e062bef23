/**
 * The connections that carry no request just now, so that a server that stops can close them at once. Node's own
 * `closeIdleConnections` passes over those that never carried one, which clients open in advance.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Watches the connections of a server. The function that it answers closes the quiet ones, now and from now on. */
export function watchQuietConnections(server: Server): () => void {
  const quiet = new Set<Socket>();
  let closing = false;
  const becomesQuiet = (socket: Socket): void => {
    if (closing) socket.destroySoon();
    else if (!socket.destroyed) quiet.add(socket);
  };
  server.on('connection', (socket: Socket) => {
    becomesQuiet(socket);
    socket.once('close', () => quiet.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    quiet.delete(socket);
    response.once('close', () => becomesQuiet(socket));
  });
  server.on('upgrade', ({ socket }: IncomingMessage) => quiet.delete(socket));
  return () => {
    closing = true;
    for (const socket of quiet) socket.destroySoon();
  };
}
