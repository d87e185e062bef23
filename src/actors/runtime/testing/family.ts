/** A parent and its child: what they tell each other, and when one of them ends. The child's effect is never done. */
import { assign, fromPromise, sendParent, sendTo, setup, stopChild } from 'xstate';
import { z } from 'zod';
import type { DurableMachine } from '../types.ts';
import { onTheRuntime } from './subjects.ts';

const type = <T extends string>(name: T) => z.object({ type: z.literal(name) });

/** What a child at this address works on. */
export const hangingJob = (address: string): string => `hang ${address}`;

/** Counts to its limit, tells each number to its parent, and ends with the sum; meanwhile it works for ever. */
const childMachine = setup({
  types: {
    context: {} as { limit: number; count: number; heard: number[] },
    input: {} as { limit: number },
    events: {} as { type: 'COUNT' } | { type: 'HEAR'; n: number } | { type: 'FAIL' },
  },
  actors: { work: fromPromise<unknown, { job: string }>(onTheRuntime) },
  guards: { isFull: ({ context }) => context.count >= context.limit },
}).createMachine({
  id: 'child',
  context: ({ input }) => ({ limit: input.limit, count: 0, heard: [] }),
  initial: 'counting',
  states: {
    counting: {
      // The actor's own name: its address on the runtime.
      invoke: { id: 'hang', src: 'work', input: ({ self }) => ({ job: hangingJob(self.id) }) },
      always: { guard: 'isFull', target: 'full' },
      on: {
        COUNT: {
          actions: [
            assign({ count: ({ context }) => context.count + 1 }),
            sendParent(({ context }) => ({ type: 'COUNTED', n: context.count })),
          ],
        },
        HEAR: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) },
      },
    },
    full: { type: 'final' },
  },
  output: ({ context }) => ({ sum: context.heard.reduce((a, b) => a + b, 0), heard: context.heard }),
});

const parentMachine = setup({
  types: {
    context: {} as { counted: number[]; result: unknown; seen: number; error: unknown },
    input: {} as { limit: number },
    events: {} as
      | { type: 'TELL'; n: number }
      | { type: 'TELL_LATER'; n: number }
      | { type: 'COUNTED'; n: number }
      | { type: 'GO' | 'LEAVE' | 'BACK' | 'DISMISS' },
  },
  actors: { child: childMachine },
}).createMachine({
  id: 'parent',
  context: { counted: [], result: null, seen: 0, error: null },
  initial: 'working',
  states: {
    working: {
      invoke: {
        id: 'worker',
        src: 'child',
        input: ({ event }) => ({
          limit: (event as unknown as { input?: { limit: number } }).input?.limit ?? 3,
        }),
        onDone: { target: 'done', actions: assign({ result: ({ event }) => event.output }) },
        onError: { target: 'failed', actions: assign({ error: ({ event }) => event.error }) },
        onSnapshot: { actions: assign({ seen: ({ context }) => context.seen + 1 }) },
      },
      on: {
        TELL: { actions: sendTo('worker', ({ event }) => ({ type: 'HEAR', n: event.n })) },
        TELL_LATER: {
          actions: sendTo('worker', ({ event }) => ({ type: 'HEAR', n: event.n }), { delay: 20 }),
        },
        GO: { actions: sendTo('worker', { type: 'COUNT' }) },
        COUNTED: { actions: assign({ counted: ({ context, event }) => [...context.counted, event.n] }) },
        LEAVE: 'away',
        DISMISS: { actions: stopChild('worker') },
      },
    },
    away: { on: { BACK: 'working' } },
    done: { type: 'final' },
    failed: {},
  },
});

export const child = {
  id: 'child',
  version: '1',
  machine: childMachine,
  input: z.object({ limit: z.number().positive() }),
  events: { COUNT: type('COUNT') },
} satisfies DurableMachine;

export const parent = {
  id: 'parent',
  version: '1',
  machine: parentMachine,
  input: z.object({ limit: z.number() }),
  events: {
    TELL: z.object({ type: z.literal('TELL'), n: z.number() }),
    TELL_LATER: z.object({ type: z.literal('TELL_LATER'), n: z.number() }),
    GO: type('GO'),
    LEAVE: type('LEAVE'),
    BACK: type('BACK'),
    DISMISS: type('DISMISS'),
  },
} satisfies DurableMachine;
