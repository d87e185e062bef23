/** The inspector's door on a port of its own, for tests: everyone is the caller that the test names. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { type ActorSystem, type RuntimeLog, TtaiError } from '../../../actors/runtime/index.ts';
import type { Caller } from '../../auth.ts';
import { errorResponse, toErrorBody } from '../../errors.ts';
import { createInspectDoor, type InspectDoorOptions, type InspectEnv } from '../index.ts';

export interface TestDoor {
  url: string;
  /** Everything that was logged as a warning or worse. */
  warnings: string[];
  /** Who asks from now on; null for nobody known. */
  caller: Caller | null;
  stop(): Promise<void>;
}

export async function startTestDoor(
  system: ActorSystem,
  options: Partial<InspectDoorOptions> = {},
  port = 0,
): Promise<TestDoor> {
  const warnings: string[] = [];
  const log: RuntimeLog = {
    debug: () => {},
    info: () => {},
    warn: (_fields, message) => warnings.push(message),
    error: (fields, message) => warnings.push(`${message} ${JSON.stringify(fields)}`),
  };
  const refused = new TtaiError('unauthorized', 'A token is needed.');
  const door = createInspectDoor({
    system,
    log,
    authenticateUpgrade: () => running.caller ?? { status: 401, error: toErrorBody(refused).error },
    ...options,
  });
  const app = new Hono<InspectEnv>();
  app.onError((error) => errorResponse(toErrorBody(error, log)));
  app.use(async (c, next) => {
    if (running.caller === null) throw refused;
    c.set('owner', running.caller.owner);
    c.set('operator', running.caller.operator);
    await next();
  });
  app.route('/inspect', door.routes);
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  server.on('upgrade', door.handleUpgrade);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const running: TestDoor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    warnings,
    caller: { owner: 'local', operator: false },
    async stop() {
      await door.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      // A stream that has just ended leaves an idle connection behind a moment later.
      const sweep = setInterval(() => server.closeIdleConnections(), 10);
      await closed;
      clearInterval(sweep);
    },
  };
  return running;
}
