/** The machines that the tests of the promises step: one that counts, one that waits, one that has work done. */
import { assign, emit, fromPromise, raise, setup } from 'xstate';
import { z } from 'zod';
import type { DurableMachine } from '../types.ts';

/** Stands in for an actor source that the runtime runs as an effect of the same name. */
export const onTheRuntime = () => Promise.reject(new Error('runs on the runtime'));

export const counter = {
  id: 'counter',
  version: '1',
  input: z.object({ start: z.number() }),
  events: { ADD: z.object({ by: z.number() }), RESET: z.object({}), THROW: z.object({}), END: z.object({}) },
  machine: setup({
    types: {
      context: {} as { count: number },
      input: {} as { start: number },
      events: {} as { type: 'ADD'; by: number } | { type: 'RESET' | 'THROW' | 'END' },
    },
  }).createMachine({
    id: 'counter',
    context: ({ input }) => ({ count: input.start }),
    initial: 'counting',
    states: {
      counting: {
        on: {
          ADD: { actions: assign({ count: ({ context, event }) => context.count + event.by }) },
          THROW: {
            actions: assign(() => {
              throw new Error('boom');
            }),
          },
          END: 'ended',
        },
      },
      ended: { type: 'final' },
    },
    output: ({ context }) => ({ count: context.count }),
  }),
} satisfies DurableMachine;

export const waiter = {
  id: 'waiter',
  version: '1',
  input: z.object({ delay: z.number() }),
  events: {
    LEAVE: z.object({}),
    BACK: z.object({}),
    NOTE: z.object({}),
    REMIND: z.object({}),
    END: z.object({}),
  },
  machine: setup({
    types: {
      context: {} as { delay: number; fired: number },
      input: {} as { delay: number },
      events: {} as { type: 'LEAVE' | 'BACK' | 'NOTE' | 'REMIND' | 'REMINDED' | 'END' },
    },
    delays: { patience: ({ context }) => context.delay },
  }).createMachine({
    id: 'waiter',
    context: ({ input }) => ({ delay: input.delay, fired: 0 }),
    initial: 'waiting',
    on: {
      END: '.ended',
      NOTE: { actions: assign({}) },
      // A delayed event that leaves no state: nothing but its coming cancels it.
      REMIND: { actions: raise({ type: 'REMINDED' }, { id: 'reminder', delay: 'patience' }) },
      REMINDED: { actions: assign({ fired: ({ context }) => context.fired + 1 }) },
    },
    states: {
      waiting: {
        after: {
          patience: { target: 'fired', actions: assign({ fired: ({ context }) => context.fired + 1 }) },
        },
        on: { LEAVE: 'away' },
      },
      away: { on: { BACK: 'waiting' } },
      fired: { tags: 'fired', on: { BACK: 'waiting' } },
      ended: { type: 'final' },
    },
  }),
} satisfies DurableMachine;

export const worker = {
  id: 'worker',
  version: '1',
  input: z.object({ job: z.string() }),
  events: { ABORT: z.object({}), PAUSE: z.object({}), RESUME: z.object({}) },
  machine: setup({
    types: {
      context: {} as { job: string; result: unknown; error: unknown },
      input: {} as { job: string },
      events: {} as { type: 'ABORT' | 'PAUSE' | 'RESUME' },
    },
    actors: { work: fromPromise<{ done: string }, { job: string }>(onTheRuntime) },
  }).createMachine({
    id: 'worker',
    context: ({ input }) => ({ job: input.job, result: null, error: null }),
    initial: 'working',
    states: {
      working: {
        invoke: {
          id: 'work',
          src: 'work',
          input: ({ context }) => ({ job: context.job }),
          onDone: { target: 'done', actions: assign({ result: ({ event }) => event.output }) },
          onError: { target: 'failed', actions: assign({ error: ({ event }) => event.error }) },
        },
        on: { ABORT: 'aborted', PAUSE: 'paused' },
      },
      paused: { on: { RESUME: 'working' } },
      done: { type: 'final', entry: emit(({ context }) => ({ type: 'worked', job: context.job })) },
      failed: { type: 'final' },
      aborted: { type: 'final' },
    },
  }),
} satisfies DurableMachine;
