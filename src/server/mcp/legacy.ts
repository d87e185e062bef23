/**
 * MCP for hosts of the 2025 revisions, stateless: each POST gets a server of its own, so any process of several can
 * answer it and a restart loses nothing. Not for the 2026 revision; modern.ts serves that.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { callTool, instructions, type McpCall, serverInfo, tools } from './tools.ts';

/** Answers one POST of a 2025-era client. */
export async function answerLegacy(request: Request, parsedBody: unknown, call: McpCall): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({});
  const server = legacyServer(call);
  transport.onerror = (error) => call.log.debug({ err: error }, 'an MCP request was refused');
  // The SDK's own transport types don't fit its own interface under exactOptionalPropertyTypes.
  await server.connect(transport as Parameters<Server['connect']>[0]);
  return transport.handleRequest(request, { parsedBody });
}

function legacyServer(call: McpCall): Server {
  const server = new Server(serverInfo, { capabilities: { tools: {} }, instructions });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...tools] }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal, sendNotification }) =>
    callTool(
      {
        name: params.name,
        input: params.arguments ?? {},
        signal,
        progressToken: params._meta?.progressToken,
        notify: sendNotification,
      },
      call,
    ),
  );
  return server;
}
