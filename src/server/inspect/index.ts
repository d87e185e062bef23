/**
 * The inspector's door: the page, its JSON and live stream, and Stately's protocol. It reads what is committed and
 * changes nothing. An owner sees its own actors; an operator any, and lists those of `system`, which serve all.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Hono } from 'hono';
import type { ActorSystem, RuntimeLog } from '../../actors/runtime/index.ts';
import { inspectApi } from './api.ts';
import { createCharts } from './layout.ts';
import { inspectPages } from './pages.ts';
import type { InspectEnv, InspectRoom } from './room.ts';
import { type SlotLimits, Slots } from './slots.ts';
import { createInspectSocket, type InspectSocketOptions } from './socket.ts';

export type { InspectEnv } from './room.ts';

const hostedInspector = 'https://stately.ai/inspect';

export interface InspectDoorOptions extends InspectSocketOptions {
  system: ActorSystem;
  log: RuntimeLog;
  /** Where the Stately bridge sends an actor, when a person asks it to. Stately's hosted inspector unless said. */
  statelyUrl?: string;
  /** Open streams and sockets. */
  limits?: SlotLimits;
}

export interface InspectDoor {
  /** To be mounted at /inspect, behind authentication that sets `owner` and `operator`; throws `TtaiError`s to the handler above. */
  routes: Hono<InspectEnv>;
  /** For upgrades to /inspect/ws. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends all streams and sockets. */
  stop(): Promise<void>;
}

export function createInspectDoor(options: InspectDoorOptions): InspectDoor {
  const { system, log } = options;
  const stopping = new AbortController();
  const room: InspectRoom = {
    system,
    log,
    charts: createCharts(() => system.machines()),
    slots: new Slots(options.limits ?? { total: 200, perOwner: 20 }),
    stopping: stopping.signal,
  };
  const socket = createInspectSocket(room, options);
  const routes = new Hono<InspectEnv>();
  routes.route('/', inspectPages({ statelyUrl: new URL(options.statelyUrl ?? hostedInspector) }));
  routes.route('/api', inspectApi(room));
  return {
    routes,
    handleUpgrade: socket.handleUpgrade,
    async stop() {
      stopping.abort();
      await socket.stop();
    },
  };
}
