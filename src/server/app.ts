/**
 * The HTTP doors put together: who asks is found out first, then the request goes to its room, and whatever goes
 * wrong on the way is answered in one shape. Not for sockets; index.ts hands upgrades on.
 */
import { Hono } from 'hono';
import { TtaiError } from '../actors/runtime/errors.ts';
import type { RuntimeLog } from '../actors/runtime/types.ts';
import { apiRoutes } from './api/routes.ts';
import type { Auth, Caller, Credentials } from './auth.ts';
import { type ErrorBody, errorResponse, toErrorBody } from './errors.ts';
import { type HealthChecks, readiness } from './health.ts';
import { homePage } from './home-page.ts';
import type { InspectDoor } from './inspect/index.ts';
import { mcpRoutes } from './mcp/http.ts';
import { observeRequests, type RequestObserver } from './observed-requests.ts';
import type { OpenCalls } from './open-calls.ts';
import type { OperationRooms } from './operations/index.ts';

export interface AppOptions extends OperationRooms {
  auth: Auth;
  health: HealthChecks;
  inspect: Pick<InspectDoor, 'routes'>;
  /** Where prices come from, for the front page. */
  marketSource: () => Promise<string>;
  log: RuntimeLog;
  calls: OpenCalls;
  /** Who measures and traces requests; nobody unless said. */
  requests?: RequestObserver | undefined;
}

type AppEnv = { Variables: Caller };

export function createApp(options: AppOptions): Hono<AppEnv> {
  const { auth, health, inspect, marketSource, log, calls, requests, ...rooms } = options;
  const app = new Hono<AppEnv>();

  app.onError((error, c) => {
    const body = toErrorBody(error, log);
    return errorResponse(body, headersOf(body, c.req.raw));
  });
  app.notFound((c) => {
    const message = `There is nothing at ${c.req.path.slice(0, 200)}.`;
    return errorResponse(toErrorBody(new TtaiError('not_found', message)));
  });

  if (requests) app.use(observeRequests(requests));
  app.use(async (c, next) => {
    await next();
    c.res.headers.set('x-content-type-options', 'nosniff');
    c.res.headers.set('referrer-policy', 'no-referrer');
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store');
  });
  // These two tell a stranger nothing but that a process lives, or is ready.
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    const state = await readiness(health);
    const answer = isKnown(auth, c.req.raw) ? state : { ready: state.ready };
    return c.json(answer, state.ready ? 200 : 503, state.ready ? {} : { 'retry-after': '2' });
  });
  app.use(async (c, next) => {
    const { owner, operator } = auth.authenticate(credentialsOf(c.req.raw));
    c.set('owner', owner);
    c.set('operator', operator);
    await next();
  });
  app.get('/', async (c) => {
    const { origin } = new URL(c.req.url);
    return homePage({ origin, tokensRequired: auth.tokensRequired, marketData: await marketSource() });
  });
  app.get('/metrics', async (c) => {
    if (!c.get('operator')) {
      throw new TtaiError('operators_only', 'The metrics of all owners: a token of an operator is needed.');
    }
    if (!requests) return c.notFound();
    const { contentType, text } = await requests.metrics();
    return c.text(text, 200, { 'content-type': contentType });
  });
  app.route('/mcp', mcpRoutes({ ...rooms, log, calls }));
  app.route('/api', apiRoutes({ ...rooms, calls }));
  // What asks for an upgrade does not come here; index.ts hands it to the doors of sockets.
  app.on('GET', ['/ws', '/inspect/ws'], () => {
    throw new TtaiError('upgrade_required', 'A WebSocket is spoken here. Ask for an upgrade to "websocket".');
  });
  app.route('/inspect', inspect.routes);
  return app;
}

function credentialsOf({ method, headers }: Request): Credentials {
  return {
    method,
    authorization: headers.get('authorization') ?? undefined,
    host: headers.get('host') ?? undefined,
    origin: headers.get('origin') ?? undefined,
    protocols: undefined,
  };
}

function isKnown(auth: Auth, request: Request): boolean {
  try {
    auth.authenticate(credentialsOf(request));
    return true;
  } catch {
    return false;
  }
}

/** What the standard demands beside a status. */
function headersOf({ error }: ErrorBody, request: Request): Record<string, string> {
  if (error.code === 'unauthorized') return challenge(request);
  return error.code === 'upgrade_required' ? { connection: 'Upgrade', upgrade: 'websocket' } : {};
}

/** A browser that opens a page asks its user for the token, as a password; everyone else is told of bearer tokens. */
function challenge({ headers }: Request): Record<string, string> {
  const isPage = headers.get('accept')?.includes('text/html');
  return { 'www-authenticate': isPage ? 'Basic realm="TTAI (the token is the password)"' : 'Bearer' };
}
