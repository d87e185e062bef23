/**
 * The WebSocket door: takes upgrades, keeps the connections of this process, and passes on to each what concerns it.
 * What a session holds is in its actor and what it is told is in rows, so that a client may come back to any server.
 * Not for routing or tokens; the server does that.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import type { QuoteCache } from '../../actors/effects/index.ts';
import { type CommitNotice, type RuntimeLog, TtaiError } from '../../actors/runtime/index.ts';
import type { Auth } from '../auth.ts';
import { type ErrorBody, toErrorBody } from '../errors.ts';
import { Connection } from './connection.ts';
import type { NotificationRows } from './delivery.ts';
import { errorFrame } from './frames.ts';
import { LiveQuotes } from './live-quotes.ts';
import { PendingReader } from './pending-reader.ts';
import { type CloseCode, closeCodes, defaultLimits, type SessionLimits } from './protocol.ts';
import { createRegistry, type OpenConnection } from './registry.ts';
import { type SessionSystem, sessionIdOf } from './session-actor.ts';
import { SessionSocket } from './socket.ts';
import { StateFeed } from './states.ts';
import { chooseProtocol, isProtocolOffered, refuseUpgrade } from './upgrade.ts';

/** How long `stop` waits for clients to say goodbye, before it ends their sockets. */
const GOODBYE_MS = 1_000;
/** How long `stop` then waits for the sessions to be told that their clients are gone. */
const TELL_MS = 5_000;
/** Pings are spread over the time between two of one connection: thousands at once would hold up all else. */
const PING_SLICES = 30;

export interface SessionsDoorOptions {
  system: SessionSystem;
  notifications: NotificationRows;
  /** Those of the process, which alerts and monitors ask as well. */
  quotes: Pick<QuoteCache, 'get'>;
  authenticateUpgrade: Auth['authenticateUpgrade'];
  /** This process, for the snapshots of its sessions. */
  serverId: string;
  log: RuntimeLog;
  limits?: Partial<SessionLimits>;
}

export interface SessionsDoor {
  /** For `upgrade` requests of the path `/ws`. Never throws. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes all connections with 1001 and tells their sessions. Call it before the actor system drains. */
  stop(): Promise<void>;
  /** Those that are open in this process. */
  connections(): readonly OpenConnection[];
}

export function createSessionsDoor(options: SessionsDoorOptions): SessionsDoor {
  const { system, notifications, serverId, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const registry = createRegistry();
  const reader = new PendingReader(notifications, limits, log);
  const connections = new Map<string, Connection>();
  const socketOptions = {
    noServer: true,
    maxPayload: limits.frameBytes,
    handleProtocols: chooseProtocol,
    // Known to `ws` since 8.19, not yet to its types.
    closeTimeout: limits.closeTimeoutMs,
    WebSocket: SessionSocket,
  };
  const sockets = new WebSocketServer<typeof SessionSocket>(socketOptions);
  const feed = new StateFeed({
    system,
    watchersOf: (topics) => [...new Set(topics.flatMap((topic) => [...registry.ofTopic(topic)]))],
    deliver: (ids, owner, address, frame) => {
      for (const id of ids) {
        if (registry.connection(id)?.owner === owner) connections.get(id)?.offer(address, frame);
      }
    },
    log,
  });
  const quotes = new LiveQuotes({
    quotes: options.quotes,
    topics: registry.topics,
    watchersOf: registry.ofTopic,
    deliver: (id, topic, frame) => connections.get(id)?.offer(topic, frame),
    limits,
    log,
  });
  let stopping = false;

  const stopNotifications = notifications.onNotification((owner) => {
    const ids = owner === null ? connections.keys() : registry.ofOwner(owner);
    for (const id of ids) connections.get(id)?.wake();
  });
  const stopCommits = system.onCommit((notice) => {
    if (notice.addresses === null) void readAllAgain();
    else passOn(notice.addresses);
    feed.committed(notice);
  });
  const slices = Array.from({ length: PING_SLICES }, () => new Set<Connection>());
  let [opened, ticks] = [0, 0];
  const keepAlive = setInterval(() => {
    for (const connection of slices[ticks++ % PING_SLICES] ?? []) connection.keepAlive();
  }, limits.keepAliveMs / PING_SLICES);
  keepAlive.unref();

  function passOn(addresses: NonNullable<CommitNotice['addresses']>): void {
    for (const address of addresses) {
      const sessionId = sessionIdOf(address);
      if (sessionId === null) continue;
      for (const id of registry.ofSession(sessionId)) void connections.get(id)?.check();
    }
  }

  /** Commits were missed. One connection after the other, so that a thousand don't fall on the database at once. */
  async function readAllAgain(): Promise<void> {
    for (const { connectionId, owner, topics } of registry.all()) {
      await connections.get(connectionId)?.check();
      await feed.show(connectionId, owner, topics, { ended: true });
    }
  }

  function open(socket: SessionSocket, owner: string): void {
    socket.on('error', (error) => log.debug({ err: error }, 'a client socket failed'));
    if (registry.ofOwner(owner).size >= limits.connectionsPerOwner) {
      const message = `There are ${limits.connectionsPerOwner} connections open already; close one.`;
      refuse(socket, closeCodes.tooMuch, new TtaiError('too_many_connections', message, { retryable: true }));
      return;
    }
    const connection = new Connection({
      socket,
      owner,
      system,
      notifications,
      reader,
      registry,
      feed,
      quotes,
      serverId,
      limits,
      log,
    });
    connections.set(connection.id, connection);
    const slice = slices[opened++ % PING_SLICES];
    slice?.add(connection);
    void connection.closed.then(() => {
      connections.delete(connection.id);
      slice?.delete(connection);
    });
  }

  return {
    handleUpgrade(request, socket, head) {
      socket.on('error', (error) => log.debug({ err: error }, 'an upgrade failed'));
      const refusal = stopping ? serverStops() : protocolRefusal(request);
      if (refusal) {
        refuseUpgrade(socket, stopping ? 503 : 400, refusal);
        return;
      }
      const who = options.authenticateUpgrade(request);
      if ('owner' in who) {
        sockets.handleUpgrade(request, socket, head, (client) => open(client, who.owner));
      } else if (who.error.code === 'unauthorized' && request.headers.origin !== undefined) {
        // A page in a browser can't see the status of an upgrade; a close code it can.
        sockets.handleUpgrade(request, socket, head, (client) => {
          client.on('error', (error) => log.debug({ err: error }, 'a client socket failed'));
          client.send(JSON.stringify(errorFrame(who.error)));
          client.close(closeCodes.unauthorized, who.error.code);
        });
      } else {
        refuseUpgrade(socket, who.status, who.error);
      }
    },

    async stop() {
      stopping = true;
      clearInterval(keepAlive);
      stopNotifications();
      stopCommits();
      quotes.stop();
      const gone = new Promise<void>((resolve) => sockets.close(() => resolve()));
      const told = [...connections.values()].map(({ closed }) => closed);
      for (const connection of connections.values()) {
        connection.close(closeCodes.serverStops, 'the server stops');
      }
      const goodbye = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, GOODBYE_MS);
      await gone;
      clearTimeout(goodbye);
      // While the database is away nobody can be told; the sessions' leases end by themselves.
      await Promise.race([Promise.all(told), sleep(TELL_MS, undefined, { ref: false })]);
    },

    connections: registry.all,
  };
}

function refuse(socket: SessionSocket, code: CloseCode, error: TtaiError): void {
  socket.send(JSON.stringify(errorFrame(toErrorBody(error).error)));
  socket.close(code, error.code);
}

function protocolRefusal(request: IncomingMessage): ErrorBody['error'] | null {
  if (isProtocolOffered(request.headers['sec-websocket-protocol'])) return null;
  return toErrorBody(new TtaiError('invalid_input', 'This server speaks the WebSocket protocol ttai.v1.'))
    .error;
}

function serverStops(): ErrorBody['error'] {
  return toErrorBody(new TtaiError('stopped', 'The server stops. Try again.', { retryable: true })).error;
}
