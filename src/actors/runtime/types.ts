/**
 * The public shape of the durable actor runtime: what is registered, what can be called, what is answered.
 * Types only. How it is done stands in the files beside this one; the promises stand in the tests named R1 to R16.
 */
export type * from './types/actor.ts';
export type * from './types/effect.ts';
export type * from './types/machine.ts';
export type * from './types/migrating.ts';
export type * from './types/records.ts';
export type * from './types/system.ts';
