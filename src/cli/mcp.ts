/**
 * `mcp`: MCP over stdio, for hosts that start a process. A bridge and no more: each message goes to the running
 * server's /mcp, and what comes back goes to the host. The server may restart meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  isInitializeRequest,
  isJSONRPCRequest,
  type JSONRPCMessage,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { TtaiError } from '../actors/runtime/errors.ts';
import { unreachable } from './client.ts';
import type { ServerAddress } from './server-address.ts';

/** JSON-RPC's codes. */
const methodNotFound = -32_601;
const serverError = -32_000;

/** What was asked before the host closed its end is answered for so long: it may be about to end us. */
const lastAnswersMs = 2_000;

/**
 * Resolves when the host has closed its end, and what it asked before is answered. Throws `server_unreachable` when it
 * speaks and no server runs.
 */
export async function bridge(address: ServerAddress): Promise<void> {
  const { url, token } = address;
  const host = new StdioServerTransport();
  const server = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } },
  });
  const waiting = new Waiting();
  let initializeId: RequestId | undefined;
  const pass = (message: JSONRPCMessage): void => {
    // The 2026 revision names its methods in HTTP headers, which this way has none of. Hosts then ask the older way.
    if (isJSONRPCRequest(message) && message.method === 'server/discover') {
      void host.send(errorFor(message.id, methodNotFound, 'Over stdio, start with initialize.'));
      return;
    }
    if (isJSONRPCRequest(message)) waiting.add(message.id);
    if (isInitializeRequest(message) && isJSONRPCRequest(message)) initializeId = message.id;
    server.send(message).catch((cause: unknown) => {
      if (!isJSONRPCRequest(message)) return;
      void host.send(failure(message.id, address, cause));
      waiting.delete(message.id);
    });
  };
  server.onmessage = (message) => {
    const version = protocolVersionIn(message, initializeId);
    if (version !== undefined) server.setProtocolVersion(version);
    void host.send(message);
    if ('id' in message && !('method' in message)) waiting.delete(message.id);
  };
  const serverIsThere = Promise.withResolvers<void>();
  host.onmessage = (message) => void serverIsThere.promise.then(() => pass(message));
  const closed = endOf(process.stdin);
  const spoken = new Promise<true>((resolve) => process.stdin.once('data', () => resolve(true)));
  try {
    await host.start();
    // A host speaks first. One that has closed its end wants nothing, not even to hear that no server runs.
    if (!process.stdin.isTTY && !(await Promise.race([spoken, closed]))) return;
    await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) }).catch((cause: unknown) => {
      throw unreachable(address, cause);
    });
    await server.start();
    serverIsThere.resolve();
    await closed;
    await Promise.race([waiting.none(), delay(lastAnswersMs, undefined, { ref: false })]);
  } finally {
    await Promise.all([server.close(), host.close()]);
  }
}

function endOf(stream: NodeJS.ReadableStream): Promise<false> {
  return new Promise((resolve) => {
    for (const event of ['end', 'close']) stream.once(event, () => resolve(false));
  });
}

/** Requests that wait for their answer. */
class Waiting {
  readonly #ids = new Set<RequestId>();
  #onNone = (): void => {};

  add(id: RequestId): void {
    this.#ids.add(id);
  }

  delete(id: RequestId | undefined): void {
    if (id !== undefined) this.#ids.delete(id);
    if (this.#ids.size === 0) this.#onNone();
  }

  /** Resolves when none waits. */
  none(): Promise<void> {
    return new Promise((resolve) => {
      this.#onNone = resolve;
      if (this.#ids.size === 0) resolve();
    });
  }
}

/** The revision that the server agreed to, which later requests must name. */
function protocolVersionIn(message: JSONRPCMessage, initializeId: RequestId | undefined): string | undefined {
  if (initializeId === undefined || !('result' in message) || message.id !== initializeId) return undefined;
  const version = message.result.protocolVersion;
  return typeof version === 'string' ? version : undefined;
}

/** Why a message did not reach the server, for the host to show. */
function failure(id: RequestId, address: ServerAddress, cause: unknown): JSONRPCMessage {
  const isRefused =
    cause instanceof Error && /\b(401|unauthorized)\b/i.test(`${cause.name} ${cause.message}`);
  const error = isRefused
    ? new TtaiError(
        'unauthorized',
        'The server wants a token: set TTAI_TOKEN where the host starts this process.',
      )
    : unreachable(address);
  const data = { error: { code: error.code, message: error.message, retryable: !isRefused } };
  return errorFor(id, serverError, error.message, data);
}

function errorFor(id: RequestId, code: number, message: string, data?: object): JSONRPCMessage {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } };
}
