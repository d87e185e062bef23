/** /api: one route for each operation of the table, and the documents that describe the doors. Nothing is decided here. */
import { type Context, Hono } from 'hono';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { version } from '../../version.ts';
import type { Caller } from '../auth.ts';
import { readJsonBody } from '../body.ts';
import type { OpenCalls } from '../open-calls.ts';
import { type Operation, type OperationRooms, operations as table } from '../operations/index.ts';
import { asyncApiDocument } from '../sessions/asyncapi.ts';
import { openApi } from './openapi.ts';
import { readQuery } from './query.ts';

export interface ApiOptions extends OperationRooms {
  calls: OpenCalls;
}

type ApiEnv = { Variables: Caller };

/** To be mounted at /api, behind authentication that sets `owner` and `operator`. Throws `TtaiError`s to the handler above. */
export function apiRoutes({ calls, ...rooms }: ApiOptions): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  const operations = table.filter(({ doors }) => doors.includes('api'));
  const document = openApi(operations);
  routes.get('/openapi.json', (c) => c.json(document));
  routes.get('/asyncapi.json', (c) => c.json(asyncApiDocument({ host: new URL(c.req.url).host, version })));
  for (const operation of operations) {
    const path = operation.http.path.replaceAll(/\{(\w+)\}/g, ':$1');
    routes.on(operation.http.method, path, async (c) => {
      const input = await readInput(c, operation);
      const context = { ...rooms, owner: c.get('owner'), operator: c.get('operator'), source: 'api' };
      const { output } = await calls.run([c.req.raw.signal], (signal) =>
        operation.call({ ...context, signal }, input),
      );
      return c.json(output);
    });
    routes.all(path, (c, next) => {
      const allowed = operations.filter(({ http }) => http.path === operation.http.path);
      const methods = allowed.map(({ http }) => http.method.toUpperCase());
      if (methods.includes(c.req.method)) return next();
      throw new TtaiError('method_not_allowed', `Use ${methods.join(' or ')} here.`, {
        details: { methods },
      });
    });
  }
  return routes;
}

async function readInput(c: Context<ApiEnv>, operation: Operation): Promise<unknown> {
  const inPath = c.req.param() as Record<string, string>;
  const query = c.req.queries();
  if (operation.http.method !== 'post') return { ...readQuery(operation, query), ...inPath };
  // What is said where nobody reads it may be what keeps a call from doing harm: ?dryRun=true.
  refuseFields(Object.keys(query), 'the query; a POST takes its fields in the body, as JSON');
  const sent = (await readJsonBody(c.req.raw)) ?? {};
  if (!isObject(sent)) return sent;
  refuseFields(
    Object.keys(inPath).filter((field) => Object.hasOwn(sent, field)),
    'the body, while the path says it already',
  );
  return { ...sent, ...inPath };
}

function refuseFields([field]: readonly string[], where: string): void {
  if (field === undefined) return;
  const name = field.slice(0, 100);
  throw new TtaiError('invalid_input', `The input does not fit. ${name} stands in ${where}.`, {
    details: { issues: [{ field: name, message: `stands in ${where}` }] },
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
