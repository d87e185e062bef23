/** For tests of sessions: the real door on a real port. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Auth } from '../../auth.ts';
import type { NotificationRows } from '../delivery.ts';
import { createSessionsDoor, type SessionsDoor, type SessionsDoorOptions } from '../door.ts';
import type { SessionLimits } from '../protocol.ts';
import type { SessionSystem } from '../session-actor.ts';

export interface TestServerOptions {
  system: SessionSystem;
  notifications: NotificationRows;
  serverId: string;
  /** Nobody knows a symbol unless said. */
  quotes?: SessionsDoorOptions['quotes'];
  limits?: Partial<SessionLimits>;
}

export interface TestServer {
  url: string;
  door: SessionsDoor;
  /** Resolves when this was logged, or is already. */
  logged(message: string): Promise<void>;
  stop(): Promise<void>;
}

/** The owner is the bearer token; the token `wrong`, or none, is refused. */
const tokenIsOwner: Auth['authenticateUpgrade'] = ({ headers }) => {
  const owner = headers.authorization?.slice('Bearer '.length);
  if (owner !== undefined && owner !== 'wrong') return { owner, operator: false };
  return { status: 401, error: { code: 'unauthorized', message: 'A token is needed.', retryable: false } };
};

/** A server process's worth of door, on a port of its own. Limits that are not given suit tests. */
export async function startServer(options: TestServerOptions): Promise<TestServer> {
  const messages = new Set<string>();
  const onMessage: (() => void)[] = [];
  const keep = (_fields: object, message: string) => {
    messages.add(message);
    for (const resolve of onMessage.splice(0)) resolve();
  };
  const door = createSessionsDoor({
    system: options.system,
    notifications: options.notifications,
    quotes: options.quotes ?? { get: async () => ({}) },
    authenticateUpgrade: tokenIsOwner,
    serverId: options.serverId,
    log: { debug: keep, info: keep, warn: keep, error: keep },
    limits: { retryMs: 5, retryMaxMs: 20, closeTimeoutMs: 500, ...options.limits },
  });
  const http: Server = createServer((_request, response) => response.writeHead(404).end());
  http.on('upgrade', (request, socket, head) => door.handleUpgrade(request, socket, head));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    door,
    async logged(message) {
      while (!messages.has(message)) await new Promise<void>((resolve) => onMessage.push(resolve));
    },
    async stop() {
      await door.stop();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}
