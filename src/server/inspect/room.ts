/** What the parts of the inspector share. Types only. */
import type { ActorSystem, RuntimeLog } from '../../actors/runtime/index.ts';
import type { Caller } from '../auth.ts';
import type { Charts } from './layout.ts';
import type { Slots } from './slots.ts';

export interface InspectRoom {
  system: ActorSystem;
  charts: Charts;
  /** Of live streams and sockets together. */
  slots: Slots;
  /** Aborts when the server stops. */
  stopping: AbortSignal;
  log: RuntimeLog;
}

/** Set by the server's authentication before a route of the inspector runs. */
export interface InspectEnv {
  Variables: Caller;
}
