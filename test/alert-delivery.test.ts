/**
 * The main way through the house with real processes: an alert set over MCP becomes one frame on a WebSocket; a client
 * that was away while the server was killed and restarted gets it once, from either of two servers.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { endServer, type ServerProcess, spawnServer } from './server-process.ts';

interface Frame {
  type: string;
  sessionId?: string;
  notification?: { seq: number; type: string; data: { symbol: string; price: number; source: string } };
}

/** A client of `/ws` that keeps what it got. */
class Listener {
  readonly frames: Frame[] = [];
  readonly #socket: WebSocket;
  #look: () => void = () => {};

  constructor(url: string, hello: object) {
    this.#socket = new WebSocket(url.replace('http', 'ws').concat('/ws'), ['ttai.v1']);
    this.#socket.on('open', () => this.#socket.send(JSON.stringify({ type: 'hello', ...hello })));
    this.#socket.on('message', (data) => {
      this.frames.push(JSON.parse(String(data)) as Frame);
      this.#look();
    });
    this.#socket.on('error', () => {});
  }

  get notifications() {
    return this.frames.flatMap(({ notification }) => notification ?? []);
  }

  /** Resolves with the first frame that matches, now or later. */
  frame(matches: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve) => {
      this.#look = () => {
        const found = this.frames.find(matches);
        if (found) resolve(found);
      };
      this.#look();
    });
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** Resolves when all that the server had sent before is here. */
  async flush(): Promise<void> {
    this.send({ type: 'ping', id: 'flush' });
    await this.frame(({ type }) => type === 'pong');
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.close();
    });
  }
}

let home: string;
let first: ServerProcess;
let second: ServerProcess;

const setPrice = (price: number): Promise<void> =>
  writeFile(join(home, 'market.json'), JSON.stringify({ AAPL: price }));

const start = (join = false): ServerProcess =>
  spawnServer(home, { join, env: { MARKET_DATA_SCRIPT: `${home}/market.json`, LOG_LEVEL: 'error' } });

async function callTool(
  url: string,
  name: string,
  args: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)) as never);
  try {
    const { structuredContent, isError, content } = await client.callTool({ name, arguments: args });
    if (isError) throw new Error(JSON.stringify(content));
    return structuredContent as Record<string, unknown>;
  } finally {
    await client.close();
  }
}

const setAlert = (url: string, threshold: number): Promise<Record<string, unknown>> =>
  callTool(url, 'set_alert', { symbol: 'AAPL', condition: 'above', threshold });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ttai-alert-'));
  await setPrice(100);
  first = start();
  await first.ready;
});

afterAll(async () => {
  if (second) await endServer(second);
  await endServer(first);
  await rm(home, { recursive: true, force: true });
});

test('an alert set over MCP fires once on a socket', async () => {
  const url = await first.ready;
  const listener = new Listener(url, { since: 0 });
  await listener.frame(({ type }) => type === 'welcome');
  await setAlert(url, 110);
  await setPrice(111);
  const { notification } = await listener.frame(({ type }) => type === 'notification');
  expect(notification).toMatchObject({
    seq: 1,
    type: 'price_alert_triggered',
    data: { symbol: 'AAPL', source: 'simulated', threshold: 110 },
  });
  expect(notification?.data.price).toBeGreaterThanOrEqual(110);
  await listener.flush();
  expect(listener.notifications).toHaveLength(1);
  await listener.close();
});

test('a client that was away while the server was killed gets it once, on resuming with either of two servers', async () => {
  const url = await first.ready;
  const before = new Listener(url, { since: 1 });
  const { sessionId } = await before.frame(({ type }) => type === 'welcome');
  await setAlert(url, 120);
  await before.close();
  await endServer(first, 'SIGKILL');
  await setPrice(121);
  first = start();
  const urlAgain = await first.ready;
  second = start(true);
  const otherUrl = await second.ready;

  // Whoever comes first sees it; a listener of its own tells when it is there.
  const witness = new Listener(otherUrl, { since: 1 });
  await witness.frame(({ type }) => type === 'notification');
  await witness.close();

  const back = new Listener(otherUrl, { sessionId, lastSeq: 1 });
  const { notification } = await back.frame(({ type }) => type === 'notification');
  expect(notification).toMatchObject({ seq: 2, data: { threshold: 120 } });
  back.send({ type: 'confirm', seq: 2 });
  await back.flush();
  expect(back.notifications).toHaveLength(1);
  await back.close();

  const again = new Listener(urlAgain, { sessionId, lastSeq: 2 });
  await again.frame(({ type }) => type === 'welcome');
  await again.flush();
  expect(again.notifications).toEqual([]);

  // One that fires now reaches the session on the first server, set through the second.
  await setAlert(otherUrl, 130);
  await setPrice(131);
  expect((await again.frame(({ type }) => type === 'notification')).notification).toMatchObject({ seq: 3 });
  await again.close();
}, 60_000);
