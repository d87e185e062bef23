/** The WebSocket door, as the rest of the server sees it. */
export { asyncApiDocument } from './asyncapi.ts';
export type { NotificationRows } from './delivery.ts';
export { createSessionsDoor, type SessionsDoor, type SessionsDoorOptions } from './door.ts';
export {
  type ClientFrame,
  clientFrame,
  closeCodes,
  type ServerFrame,
  type SessionLimits,
  serverFrames,
} from './protocol.ts';
