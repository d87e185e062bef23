/**
 * /inspect/ws: Stately's protocol over a WebSocket, from committed rows, for sleeping actors as for busy ones. One
 * way only: what a client sends is ignored.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ActorView } from '../../actors/runtime/index.ts';
import type { Caller } from '../auth.ts';
import { checkInput } from '../checked-input.ts';
import { type ErrorBody, httpStatus, toErrorBody } from '../errors.ts';
import { lastSteps } from '../last-steps.ts';
import { mayTouch } from '../operations/authority.ts';
import { redactedActor } from '../redact.ts';
import { addressSchema, visibleActorAt } from './api.ts';
import { followSteps } from './feed.ts';
import type { InspectRoom } from './room.ts';
import { type StatelyFrame, StatelyFrames } from './stately.ts';

/** How much of the past a new listener hears. */
const pastSteps = 50;
const pastActors = 20;
const pingMs = 30_000;
const maxIncomingBytes = 4_096;
/** The name that a browser's client offers beside its token; others offer none. */
const subprotocol = 'ttai.v1';

export interface InspectSocketOptions {
  /** Answers who asks, or the error to refuse with. Checks token, host and origin. */
  authenticateUpgrade: (request: IncomingMessage) => Caller | { status: number; error: ErrorBody['error'] };
}

export interface InspectSocket {
  /** Takes over an upgrade request for /inspect/ws[?address=machine/key]. Never throws. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Says goodbye (1001) to all and resolves when they are closed. */
  stop(): Promise<void>;
}

export function createInspectSocket(room: InspectRoom, options: InspectSocketOptions): InspectSocket {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maxIncomingBytes,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });

  async function accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const who = options.authenticateUpgrade(request);
    if ('error' in who) return refuse(socket, who.status, { error: who.error });
    const address = addressOf(request);
    const actor = address === undefined ? undefined : await visibleActorAt(room.system, who, address);
    const release = room.slots.take(who.owner);
    socket.once('close', release);
    if (socket.destroyed) return release();
    server.handleUpgrade(request, socket, head, (webSocket) => {
      serve(room, webSocket, who, actor).catch((error: unknown) => {
        const { error: body } = toErrorBody(error, room.log);
        webSocket.close(body.retryable ? 1013 : 1011, body.code);
      });
    });
  }

  return {
    handleUpgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      accept(request, socket, head).catch((error: unknown) => {
        const body = toErrorBody(error, room.log);
        refuse(socket, httpStatus(body), body);
      });
    },
    async stop() {
      const closed = [...server.clients].map(
        (client) => new Promise<void>((resolve) => client.once('close', () => resolve())),
      );
      const late = setTimeout(() => {
        for (const client of server.clients) client.terminate();
      }, 1_000);
      for (const client of server.clients) client.close(1001, 'the server is stopping');
      await Promise.all(closed);
      clearTimeout(late);
      server.close();
    },
  };
}

/** Tells one listener: each actor and its last steps, then what is committed from then on. */
async function serve(
  room: InspectRoom,
  webSocket: WebSocket,
  caller: Caller,
  only: ActorView | undefined,
): Promise<void> {
  const { system } = room;
  const { owner } = caller;
  const gone = new AbortController();
  keepAlive(webSocket);
  webSocket.on('error', () => webSocket.terminate());
  webSocket.once('close', () => gone.abort());
  const frames = new StatelyFrames(room.charts);
  const after = await system.inspectEnd();
  const actors = only ? [only] : (await system.list({ owner, limit: pastActors })).actors.toReversed();
  // Read after `after` was taken, so the live part may bring some of these again.
  const told = new Set<string>();
  for (const actor of actors) {
    const past = await lastSteps(system, actor, pastSteps);
    await send(webSocket, frames.announce(redactedActor(system, actor), past.at(-1)?.incarnation ?? '1'));
    for (const record of past) {
      told.add(record.cursor);
      await send(webSocket, frames.of(record));
    }
  }
  const scope = only ? { address: only.address } : { owner };
  for await (const record of followSteps(system, { ...scope, after, signal: gone.signal }, room.log)) {
    if (told.delete(record.cursor) || !mayTouch(caller, record.owner)) continue;
    await send(webSocket, frames.of(record));
  }
}

/** Waits until the socket took the frames: a slow listener is read for more slowly, and memory stays bounded. */
async function send(webSocket: WebSocket, frames: StatelyFrame[]): Promise<void> {
  for (const frame of frames) {
    await new Promise<void>((resolve) => webSocket.send(JSON.stringify(frame), () => resolve()));
  }
}

function keepAlive(webSocket: WebSocket): void {
  let answered = true;
  const timer = setInterval(() => {
    if (!answered) return webSocket.terminate();
    answered = false;
    webSocket.ping();
  }, pingMs);
  webSocket.on('pong', () => {
    answered = true;
  });
  webSocket.once('close', () => clearInterval(timer));
}

function addressOf(request: IncomingMessage): string | undefined {
  const address = new URL(request.url ?? '/', 'http://inspect').searchParams.get('address');
  if (address === null) return undefined;
  return checkInput(addressSchema, address);
}

function refuse(socket: Duplex, status: number, body: ErrorBody): void {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
