/**
 * /mcp: MCP over Streamable HTTP, for both eras of the protocol on one address. A request is told apart by its body,
 * then answered by the SDK that speaks its era. Not for who may ask; that was checked before.
 */
import { isLegacyRequest } from '@modelcontextprotocol/server';
import { Hono } from 'hono';
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { RuntimeLog } from '../../actors/runtime/types.ts';
import { readJsonBody } from '../body.ts';
import { checkInput } from '../checked-input.ts';
import { httpStatus, toErrorBody } from '../errors.ts';
import type { OpenCalls } from '../open-calls.ts';
import type { OperationRooms } from '../operations/index.ts';
import { answerLegacy } from './legacy.ts';
import { createModern } from './modern.ts';
import type { McpCall } from './tools.ts';

export interface McpOptions extends OperationRooms {
  log: RuntimeLog;
  calls: OpenCalls;
}

/** JSON-RPC's own codes. */
const parseError = -32_700;
const invalidParams = -32_602;
const serverError = -32_000;

/** Checked here because the SDK calls a wrong one an internal error. */
const toolCall = z.object({
  params: z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()).optional() }),
});

/** To be mounted at /mcp, behind authentication that sets `owner`. */
export function mcpRoutes({
  log,
  calls,
  ...rooms
}: McpOptions): Hono<{ Variables: { owner: string; operator: boolean } }> {
  const asked = new WeakMap<Request, McpCall>();
  const modern = createModern((request) => {
    const call = asked.get(request);
    if (!call) throw new Error('An MCP request was answered that nobody asked.');
    return call;
  }, log);
  const routes = new Hono<{ Variables: { owner: string; operator: boolean } }>();
  routes.post('/', async (c) => {
    const request = c.req.raw;
    const body = await readJsonBody(request).catch((error: unknown) => {
      if (error instanceof TtaiError && error.code === 'invalid_json') return rpcError(error, parseError);
      throw error;
    });
    if (body instanceof Response) return body;
    if (body === undefined) return rpcError(new TtaiError('invalid_json', 'The body is empty.'), parseError);
    if (isToolCall(body)) {
      try {
        checkInput(toolCall, body);
      } catch (error) {
        if (!(error instanceof TtaiError)) throw error;
        return rpcError(error, invalidParams, {}, body.id);
      }
    }
    const call: McpCall = {
      // What only operators need is no tool; of the tools, one reads the operator's own accounts.
      context: { ...rooms, owner: c.get('owner'), operator: c.get('operator'), source: 'mcp' },
      calls,
      signal: request.signal,
      log,
    };
    if (await isLegacyRequest(request, body)) return answerLegacy(request, body, call);
    asked.set(request, call);
    return modern.fetch(request, { parsedBody: body });
  });
  // No streams to open and no sessions to end: everything happens in the answers to POSTs.
  routes.all('/', () => {
    const error = new TtaiError(
      'method_not_allowed',
      'MCP is spoken here by POST only; there are no sessions.',
    );
    return rpcError(error, serverError, { allow: 'POST' });
  });
  return routes;
}

function isToolCall(body: unknown): body is { id: unknown } {
  return (
    typeof body === 'object' &&
    body !== null &&
    'method' in body &&
    body.method === 'tools/call' &&
    'id' in body
  );
}

/** An error as JSON-RPC shows it; `data` holds it in the shape of all doors. */
function rpcError(
  error: TtaiError,
  code: number,
  headers: Record<string, string> = {},
  id: unknown = null,
): Response {
  const body = toErrorBody(error);
  return Response.json(
    { jsonrpc: '2.0', error: { code, message: body.error.message, data: body }, id },
    { status: httpStatus(body), headers },
  );
}
