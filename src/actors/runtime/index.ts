/** The durable actor runtime: XState machines whose life is a row in Postgres. This is its only door. */

export { createActorSystem } from './create-system.ts';
export * from './errors.ts';
export { effect, toMs } from './registry/effect.ts';
export { effectSource } from './registry/effect-source.ts';
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
} from './registry/versions.ts';
export type * from './telemetry.ts';
export { systemClock } from './timers/clock.ts';
export { type TurnedClock, type TurnOptions, turnedClock } from './timers/turned-clock.ts';
export type * from './types.ts';
