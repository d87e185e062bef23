/**
 * `mcp`: MCP over stdio, for hosts that start a process. A bridge and no more: each message goes to the running
 * server's /mcp, and what comes back goes to the host. The server may restart meanwhile.
 */
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

/** Resolves when the host has closed its end. Throws `server_unreachable` when no server runs to begin with. */
export async function bridge({ url, token }: ServerAddress): Promise<void> {
  await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) }).catch((cause: unknown) => {
    throw unreachable(url, cause);
  });
  const host = new StdioServerTransport();
  const server = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } },
  });
  let initializeId: RequestId | undefined;
  host.onmessage = (message) => {
    // The 2026 revision names its methods in HTTP headers, which this way has none of. Hosts then ask the older way.
    if (isJSONRPCRequest(message) && message.method === 'server/discover') {
      void host.send(errorFor(message.id, methodNotFound, 'Over stdio, start with initialize.'));
      return;
    }
    if (isInitializeRequest(message) && isJSONRPCRequest(message)) initializeId = message.id;
    server.send(message).catch((cause: unknown) => {
      if (isJSONRPCRequest(message)) void host.send(failure(message.id, url, cause));
    });
  };
  server.onmessage = (message) => {
    const version = protocolVersionIn(message, initializeId);
    if (version !== undefined) server.setProtocolVersion(version);
    void host.send(message);
  };
  const closed = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
  });
  await server.start();
  await host.start();
  await closed;
  await Promise.all([server.close(), host.close()]);
}

/** The revision that the server agreed to, which later requests must name. */
function protocolVersionIn(message: JSONRPCMessage, initializeId: RequestId | undefined): string | undefined {
  if (initializeId === undefined || !('result' in message) || message.id !== initializeId) return undefined;
  const version = message.result.protocolVersion;
  return typeof version === 'string' ? version : undefined;
}

/** Why a message did not reach the server, for the host to show. */
function failure(id: RequestId, url: string, cause: unknown): JSONRPCMessage {
  const isRefused =
    cause instanceof Error && /\b(401|unauthorized)\b/i.test(`${cause.name} ${cause.message}`);
  const error = isRefused
    ? new TtaiError(
        'unauthorized',
        'The server wants a token: set TTAI_TOKEN where the host starts this process.',
      )
    : unreachable(url);
  const data = { error: { code: error.code, message: error.message, retryable: !isRefused } };
  return errorFor(id, serverError, error.message, data);
}

function errorFor(id: RequestId, code: number, message: string, data?: object): JSONRPCMessage {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } };
}
