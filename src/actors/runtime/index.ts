/** The durable actor runtime: XState machines whose life is a row in Postgres. This is its only door. */

export { systemClock } from './clock.ts';
export { createActorSystem } from './create-system.ts';
export { effect, toMs } from './effect.ts';
export { effectSource } from './effect-source.ts';
export * from './errors.ts';
export type * from './telemetry.ts';
export { type TurnedClock, type TurnOptions, turnedClock } from './turned-clock.ts';
export type * from './types.ts';
export {
  type GoesOn,
  goesOn,
  type HistoryIds,
  type Migration,
  migration,
  type NewState,
  type OldState,
  type PreviousVersion,
  type Renamed,
} from './versions.ts';
