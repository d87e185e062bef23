/**
 * The server: listens, hands requests to the app and upgrades to the doors that speak WebSocket, and lets go of all
 * of them when it stops. Not for bringing up what it needs; main.ts does that.
 */
import { createServer, type IncomingMessage, maxHeaderSize, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { QuoteCache } from '../actors/effects/index.ts';
import { TtaiError } from '../actors/runtime/errors.ts';
import type { ActorSystem, RuntimeLog } from '../actors/runtime/types.ts';
import type { Config } from '../config.ts';
import type { Records } from '../persistence/records/records.ts';
import { createApp } from './app.ts';
import { createAuth } from './auth.ts';
import { toErrorBody } from './errors.ts';
import type { HealthChecks } from './health.ts';
import { createInspectDoor } from './inspect/index.ts';
import type { RequestObserver } from './observed-requests.ts';
import { OpenCalls } from './open-calls.ts';
import type { NotificationReader, OperationAnalysis } from './operations/operation.ts';
import { watchQuietConnections } from './quiet-connections.ts';
import { createSessionsDoor, type SessionsDoorOptions } from './sessions/door.ts';
import { refuseUpgrade } from './sessions/upgrade.ts';
import { answerUnreadable } from './unreadable-requests.ts';

export type { HealthChecks, PartHealth } from './health.ts';

/** A client has this long to send a whole request. */
const requestTimeoutMs = 30_000;
/** Longer than any call waits (45 s), so that a client that asks again and again keeps its connection. */
const keepAliveTimeoutMs = 60_000;
/** What still runs this long after `stop` is cut off. */
const stopWithinMs = 2_000;

export interface ServerOptions {
  config: Pick<Config, 'host' | 'port' | 'authTokensFile' | 'marketData'> &
    Partial<Pick<Config, 'webhookAllowedHosts'>>;
  system: ActorSystem;
  notifications: NotificationReader & SessionsDoorOptions['notifications'];
  analysis: OperationAnalysis;
  records: Records;
  /** The process's cache of quotes, for who watches them live; unless given, one of the server's own. */
  quotes?: SessionsDoorOptions['quotes'];
  /** Where prices come from, as of now; as it is set unless given. */
  marketSource?: () => Promise<string>;
  /** How to ask each part whether it is there. */
  health: HealthChecks;
  /** This process, for the sessions that it holds. */
  serverId: string;
  log: RuntimeLog;
  /** Who measures and traces requests; nobody unless said. */
  requests?: RequestObserver;
}

export interface RunningServer {
  /** `http://127.0.0.1:4747`, or what a client on this machine would use. */
  url: string;
  port: number;
  /** How many WebSocket sessions are open. */
  openSessions(): number;
  /** Takes no more requests, lets go of those that wait, and resolves when all connections are closed. Once is enough. */
  stop(): Promise<void>;
}

/** Resolves when it listens. Throws `port_in_use`, `address_unavailable` or `tokens_required`, for a person to read. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, system, notifications, analysis, records } = options;
  const { health, serverId, log, requests } = options;
  const quotes = options.quotes ?? new QuoteCache(analysis);
  const calls = new OpenCalls();
  const server = createServer({ requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs });
  const port = () => (server.address() as AddressInfo | null)?.port ?? config.port;
  const auth = createAuth({ tokensFile: config.authTokensFile, host: config.host, port, log });
  const { authenticateUpgrade } = auth;
  const inspect = createInspectDoor({ system, log, authenticateUpgrade });
  const sessions = createSessionsDoor({ system, notifications, quotes, authenticateUpgrade, serverId, log });
  const app = createApp({
    system,
    notifications,
    analysis,
    webhookAllowedHosts: config.webhookAllowedHosts ?? [],
    records,
    auth,
    health,
    inspect,
    marketSource: options.marketSource ?? (async () => config.marketData),
    log,
    calls,
    requests,
  });
  answerUnreadable(server, maxHeaderSize);
  const closeQuietConnections = watchQuietConnections(server);
  server.on('request', getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const door = { '/ws': sessions, '/inspect/ws': inspect }[pathOf(request)];
    if (door) return door.handleUpgrade(request, socket, head);
    socket.on('error', () => socket.destroy());
    refuseUpgrade(socket, 404, toErrorBody(new TtaiError('not_found', 'No WebSocket is spoken here.')).error);
  });
  await listen(server, config.host, config.port);

  let stopped: Promise<void> | undefined;
  return {
    url: `http://${hostForUrl(config.host)}:${port()}`,
    port: port(),
    openSessions: () => sessions.connections().length,
    stop() {
      stopped ??= (async () => {
        calls.stop();
        const closed = new Promise((resolve) => server.close(resolve));
        const late = setTimeout(() => server.closeAllConnections(), stopWithinMs);
        closeQuietConnections();
        await Promise.all([sessions.stop(), inspect.stop()]);
        await closed;
        clearTimeout(late);
      })();
      return stopped;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): unknown {
  if (cause.code === 'EADDRINUSE') {
    const message = `Port ${port} of ${host} is taken by another program. Stop that one, or choose another with PORT.`;
    return new TtaiError('port_in_use', message, { cause });
  }
  if (cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND' || cause.code === 'EACCES') {
    return new TtaiError('address_unavailable', `Can't listen on ${host}:${port} (${cause.code}).`, {
      cause,
    });
  }
  return cause;
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

/** Where a client on this machine reaches the address that the server listens on. */
function hostForUrl(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
