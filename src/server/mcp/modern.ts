/**
 * MCP for hosts of revision 2026-07-28, which has no sessions at all. Not for the 2025 revisions; legacy.ts serves
 * those with the SDK that speaks them.
 */
import { createMcpHandler, type McpHttpHandler, Server } from '@modelcontextprotocol/server';
import type { RuntimeLog } from '../../actors/runtime/types.ts';
import { callTool, instructions, type McpCall, serverInfo, tools } from './tools.ts';

/** `callOf` tells what the request may use: the handler only passes the request on. */
export function createModern(callOf: (request: Request) => McpCall, log: RuntimeLog): McpHttpHandler {
  return createMcpHandler(
    ({ requestInfo }) => {
      if (!requestInfo) throw new Error('An MCP request over HTTP came without its request.');
      return modernServer(callOf(requestInfo));
    },
    { legacy: 'reject', onerror: (error) => log.debug({ err: error }, 'an MCP request was refused') },
  );
}

function modernServer(call: McpCall): Server {
  const server = new Server(serverInfo, { capabilities: { tools: {} }, instructions });
  server.setRequestHandler('tools/list', () => ({ tools: [...tools] }));
  server.setRequestHandler('tools/call', ({ params }, { mcpReq }) =>
    callTool(
      {
        name: params.name,
        input: params.arguments ?? {},
        signal: mcpReq.signal,
        progressToken: mcpReq._meta?.progressToken,
        notify: mcpReq.notify,
      },
      call,
    ),
  );
  return server;
}
