/**
 * An order: stock is reserved, payment is waited for and reminded of, then the goods leave. What can't be finished is
 * taken back: an unpaid order gives its stock back, and one that can't be shipped its money too.
 *
 * Version 2. It reminds before the payment window closes, counts money in cents, and calls the state `waiting` of
 * version 1 `payment`. Orders of version 1 are taken along, with the deadline that they had.
 */
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { type DurableMachine, effectSource, migration } from '../../src/actors/runtime/index.ts';
import { orderContextV1, orderMachineV1 } from './order-v1.ts';

export const orderInput = z.object({
  item: z.string().min(1),
  quantity: z.int().positive(),
  cents: z.int().positive(),
  paymentWindowMs: z.number().positive(),
});

interface Context extends z.infer<typeof orderInput> {
  reason: string | null;
  reminders: number;
}
type StockMove = { orderId: string; item: string; quantity: number };

const machine = setup({
  types: {
    context: {} as Context,
    input: {} as z.infer<typeof orderInput>,
    events: {} as { type: 'PAID' } | { type: 'CANCEL' },
  },
  actors: {
    reserve: effectSource<null, StockMove>(),
    release: effectSource<null, StockMove>(),
    ship: effectSource<null, { orderId: string; item: string }>(),
    refund: effectSource<null, { orderId: string; cents: number }>(),
    remind: effectSource<null, { orderId: string; cents: number }>(),
  },
  delays: {
    paymentWindow: ({ context }) => context.paymentWindowMs,
    halfTime: ({ context }) => context.paymentWindowMs / 2,
  },
}).createMachine({
  id: 'order',
  context: ({ input }) => ({ ...input, reason: null, reminders: 0 }),
  initial: 'reserving',
  states: {
    reserving: {
      invoke: {
        id: 'reserve',
        src: 'reserve',
        input: ({ context: { item, quantity }, self }) => ({ orderId: self.id, item, quantity }),
        onDone: 'payment',
        onError: { target: 'failed', actions: assign({ reason: 'out of stock' }) },
      },
    },
    payment: {
      on: { PAID: 'shipping', CANCEL: { target: 'releasing', actions: assign({ reason: 'cancelled' }) } },
      after: { paymentWindow: { target: 'releasing', actions: assign({ reason: 'not paid in time' }) } },
      initial: 'quiet',
      states: {
        quiet: { after: { halfTime: 'reminding' } },
        reminding: {
          invoke: {
            id: 'remind',
            src: 'remind',
            input: ({ context: { cents }, self }) => ({ orderId: self.id, cents }),
            onDone: {
              target: 'reminded',
              actions: assign({ reminders: ({ context }) => context.reminders + 1 }),
            },
            // An order is not lost because its reminder is.
            onError: 'reminded',
          },
        },
        reminded: {},
      },
    },
    shipping: {
      invoke: {
        id: 'ship',
        src: 'ship',
        input: ({ context: { item }, self }) => ({ orderId: self.id, item }),
        onDone: 'shipped',
        onError: { target: 'refunding', actions: assign({ reason: 'could not be shipped' }) },
      },
    },
    refunding: {
      invoke: {
        id: 'refund',
        src: 'refund',
        input: ({ context: { cents }, self }) => ({ orderId: self.id, cents }),
        onDone: 'releasing',
      },
    },
    releasing: {
      invoke: {
        id: 'release',
        src: 'release',
        input: ({ context: { item, quantity }, self }) => ({ orderId: self.id, item, quantity }),
        onDone: 'failed',
      },
    },
    shipped: { type: 'final' },
    failed: { type: 'final' },
  },
});

export const order = {
  id: 'order',
  version: '2',
  machine,
  input: orderInput,
  events: {
    PAID: z.object({ type: z.literal('PAID') }),
    CANCEL: z.object({ type: z.literal('CANCEL') }),
  },
  previous: [
    migration({
      from: { version: '1', machine: orderMachineV1, context: orderContextV1 },
      to: { version: '2', machine },
      renamed: { states: { 'order.waiting': 'order.payment' } },
      migrate: ({ value, context: { price, ...context } }) => ({
        value: value === 'waiting' ? { payment: 'quiet' as const } : value,
        context: { ...context, cents: Math.round(price * 100), reminders: 0 },
      }),
    }),
  ],
} satisfies DurableMachine;
