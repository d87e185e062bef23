/**
 * The machines of the crash matrix: between them they touch each durable boundary once or twice, and whatever the order
 * of what happens at once, they end the same.
 */
import { assign, emit, fromPromise, sendParent, sendTo, setup } from 'xstate';
import { z } from 'zod';
import type { DurableMachine } from '../../src/actors/runtime/index.ts';

const HOUR_MS = 3_600_000;
const PINGS = 2;
const event = <T extends string>(type: T) => z.object({ type: z.literal(type) });
const onRuntime = <T>() => fromPromise<T>(() => Promise.reject(new Error('runs on the runtime')));

/** Answers each PING to its parent until it is told to finish. */
const helperMachine = setup({
  types: { context: {} as { pings: number }, events: {} as { type: 'PING' | 'FINISH' } },
}).createMachine({
  id: 'helper',
  context: { pings: 0 },
  entry: sendParent({ type: 'HELLO' }),
  initial: 'helping',
  states: {
    helping: {
      on: {
        PING: {
          actions: [assign({ pings: ({ context }) => context.pings + 1 }), sendParent({ type: 'PONG' })],
        },
        FINISH: 'finished',
      },
    },
    finished: { type: 'final' },
  },
  output: ({ context }) => ({ pings: context.pings }),
});

const orderMachine = setup({
  types: {
    context: {} as { charged: string; fired: number; pongs: number; helped: number; count: number },
    events: {} as
      | { type: 'ADD'; by: number }
      | { type: 'START' | 'HOLD' | 'LEAVE' | 'BREAK' | 'CLOSE' | 'HELLO' | 'PONG' },
    emitted: {} as { type: 'opened'; charged: string },
  },
  actors: { charge: onRuntime<string>(), hold: onRuntime<string>(), helper: helperMachine },
  actions: {
    count: assign({
      count: ({ context, event: added }) => context.count + ('by' in added ? added.by : 0),
    }),
  },
  guards: { wasLast: ({ context }) => context.pongs + 1 === PINGS },
}).createMachine({
  id: 'order',
  context: { charged: '', fired: 0, pongs: 0, helped: 0, count: 0 },
  initial: 'idle',
  states: {
    idle: { on: { START: 'charging' } },
    charging: {
      invoke: {
        id: 'charge',
        src: 'charge',
        onDone: { target: 'waiting', actions: assign({ charged: ({ event: done }) => done.output }) },
      },
    },
    waiting: {
      after: { 40: { target: 'asking', actions: assign({ fired: ({ context }) => context.fired + 1 }) } },
    },
    asking: {
      invoke: {
        id: 'helper',
        src: 'helper',
        onDone: {
          target: 'open',
          actions: [
            assign({ helped: ({ event: done }) => (done.output as { pings: number }).pings }),
            emit(({ context }) => ({ type: 'opened' as const, charged: context.charged })),
          ],
        },
      },
      on: {
        HELLO: { actions: sendTo('helper', { type: 'PING' }) },
        PONG: [
          {
            guard: 'wasLast',
            actions: [
              assign({ pongs: ({ context }) => context.pongs + 1 }),
              sendTo('helper', { type: 'FINISH' }),
            ],
          },
          {
            actions: [
              assign({ pongs: ({ context }) => context.pongs + 1 }),
              sendTo('helper', { type: 'PING' }),
            ],
          },
        ],
      },
    },
    open: {
      tags: 'open',
      on: {
        ADD: { actions: 'count' },
        HOLD: 'holding',
        CLOSE: 'closed',
        BREAK: {
          actions: assign(() => {
            throw new Error('broken on purpose');
          }),
        },
      },
    },
    holding: {
      invoke: { id: 'hold', src: 'hold' },
      after: { [HOUR_MS]: 'open' },
      on: { LEAVE: 'open' },
    },
    closed: { type: 'final' },
  },
  output: ({ context }) => ({ count: context.count, charged: context.charged }),
});

/** Waits for a child, a timer and an effect at once, until it is stopped. */
const busyMachine = setup({
  types: { context: {} as { hellos: number }, events: {} as { type: 'HELLO' } },
  actors: { hold: onRuntime<string>(), helper: helperMachine },
}).createMachine({
  id: 'busy',
  context: { hellos: 0 },
  invoke: [
    { id: 'hold', src: 'hold' },
    { id: 'helper', src: 'helper' },
  ],
  after: { [HOUR_MS]: {} },
  initial: 'alone',
  states: {
    alone: {
      on: {
        HELLO: { target: 'greeted', actions: assign({ hellos: ({ context }) => context.hellos + 1 }) },
      },
    },
    greeted: { tags: 'greeted' },
  },
});

const define = (machine: unknown, events: DurableMachine['events']): DurableMachine => ({
  id: (machine as { id: string }).id,
  version: '1',
  machine: machine as DurableMachine['machine'],
  input: z.object({}),
  events,
});

export const matrixMachines: readonly DurableMachine[] = [
  define(helperMachine, {}),
  define(orderMachine, {
    ADD: z.object({ type: z.literal('ADD'), by: z.number() }),
    ...Object.fromEntries(
      ['START', 'HOLD', 'LEAVE', 'BREAK', 'CLOSE'].map((type) => [type, event(type)] as const),
    ),
  }),
  define(busyMachine, {}),
];
