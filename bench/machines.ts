/** The machines that the benches run, and their effect. Not for measuring. */
import { assign, fromPromise, setup } from 'xstate';
import { z } from 'zod';
import type { DurableMachine } from '../src/actors/runtime/index.ts';

export const KILOBYTE = 'x'.repeat(1_000);
export const PIPELINE_STEPS = 5;

const work = fromPromise<string>(() => Promise.reject(new Error('runs on the runtime')));

const step = (id: string, target: string) => ({
  invoke: { id, src: 'work' as const, onDone: { target, actions: 'keep' as const } },
});

/** Five effects one after the other; the context holds the last one's result. */
export const pipeline: DurableMachine = {
  id: 'pipeline',
  version: '1',
  input: z.object({}),
  events: {},
  machine: setup({
    types: { context: {} as { result: unknown } },
    actions: {
      keep: assign({ result: ({ event }) => (event as unknown as { output: string }).output }),
    },
    actors: { work },
  }).createMachine({
    id: 'pipeline',
    context: { result: null },
    initial: 'one',
    states: {
      one: step('one', 'two'),
      two: step('two', 'three'),
      three: step('three', 'four'),
      four: step('four', 'five'),
      five: step('five', 'done'),
      done: { type: 'final' },
    },
  }),
};

/** Counts what it is sent, beside a kilobyte that it carries along. */
export const counter: DurableMachine = {
  id: 'counter',
  version: '1',
  input: z.object({}),
  events: { ADD: z.object({ type: z.literal('ADD'), by: z.number() }) },
  machine: setup({
    types: {
      context: {} as { count: number; carried: string },
      events: {} as { type: 'ADD'; by: number },
    },
  }).createMachine({
    id: 'counter',
    context: { count: 0, carried: KILOBYTE },
    initial: 'counting',
    states: {
      counting: {
        on: { ADD: { actions: assign({ count: ({ context, event }) => context.count + event.by }) } },
      },
    },
  }),
};

/** Sets a timer for each of its delays, one after the other. */
export const ticker: DurableMachine = {
  id: 'ticker',
  version: '1',
  input: z.object({ delaysMs: z.array(z.number()) }),
  events: {},
  machine: setup({
    types: {
      context: {} as { delaysMs: number[] },
      input: {} as { delaysMs: number[] },
    },
    delays: { next: ({ context }) => context.delaysMs[0] ?? 0 },
    guards: { isLast: ({ context }) => context.delaysMs.length === 1 },
  }).createMachine({
    id: 'ticker',
    context: ({ input }) => ({ delaysMs: input.delaysMs }),
    initial: 'waiting',
    states: {
      waiting: {
        after: {
          next: [
            { guard: 'isLast', target: 'done' },
            {
              target: 'waiting',
              reenter: true,
              actions: assign({ delaysMs: ({ context }) => context.delaysMs.slice(1) }),
            },
          ],
        },
      },
      done: { type: 'final' },
    },
  }),
};

/** Waits to be woken; with a delay it would wake by itself. */
export const sleeper: DurableMachine = {
  id: 'sleeper',
  version: '1',
  input: z.object({ delayMs: z.number().nullable() }),
  events: { WAKE: z.object({ type: z.literal('WAKE') }) },
  machine: setup({
    types: {
      context: {} as { delayMs: number | null; woken: number },
      input: {} as { delayMs: number | null },
    },
    delays: { delay: ({ context }) => context.delayMs ?? 0 },
    guards: { hasDelay: ({ context }) => context.delayMs !== null },
  }).createMachine({
    id: 'sleeper',
    context: ({ input }) => ({ delayMs: input.delayMs, woken: 0 }),
    initial: 'deciding',
    on: { WAKE: { actions: assign({ woken: ({ context }) => context.woken + 1 }) } },
    states: {
      deciding: { always: [{ guard: 'hasDelay', target: 'untilThen' }, { target: 'untilAsked' }] },
      untilThen: { after: { delay: 'awake' } },
      untilAsked: {},
      awake: { type: 'final' },
    },
  }),
};
