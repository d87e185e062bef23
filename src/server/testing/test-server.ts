/** For tests of the doors: a server on a free port of loopback, over the fake rooms, and a way to speak to it plainly. */
import { request } from 'node:http';
import type { RuntimeLog } from '../../actors/runtime/types.ts';
import type { HealthChecks } from '../health.ts';
import { type RunningServer, startServer } from '../index.ts';
import type { RequestObserver } from '../observed-requests.ts';
import { fakeRooms } from './fake-rooms.ts';
import type { FakeSystem } from './fake-system.ts';

export interface TestServer extends RunningServer {
  system: FakeSystem;
  /** What was logged as an error: a test that expects none says so. */
  errors: object[];
}

export async function startTestServer(
  options: { tokensFile?: string; health?: HealthChecks; requests?: RequestObserver } = {},
): Promise<TestServer> {
  const rooms = fakeRooms();
  const errors: object[] = [];
  const nothing = () => {};
  const log: RuntimeLog = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (fields) => errors.push(fields),
  };
  const server = await startServer({
    config: {
      host: '127.0.0.1',
      port: 0,
      marketData: 'simulated',
      ...(options.tokensFile !== undefined && { authTokensFile: options.tokensFile }),
    },
    ...rooms,
    health: options.health ?? { database: async () => ({ ok: true }) },
    serverId: 'test',
    log,
    ...(options.requests && { requests: options.requests }),
  });
  return { ...server, system: rooms.system, errors };
}

export interface PlainAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: unknown;
}

/** A request with exactly these headers: `fetch` would not let a test lie about Host and Origin. */
export function ask(
  server: { port: number },
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<PlainAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer>();
  const sent = request({ host: '127.0.0.1', port: server.port, method, path, headers, agent: false });
  sent.on('response', async (response) => {
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
  });
  sent.on('upgrade', (response, socket) => {
    socket.destroy();
    resolve({ status: response.statusCode ?? 0, headers: response.headers, text: '', json: undefined });
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
