/**
 * The first version of an order, as it was shipped: stock is reserved, payment is waited for, then the goods leave. What
 * can't be finished is taken back. Kept for the orders that were asleep when the second version arrived (`order.ts`).
 */
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { effectSource } from '../../src/actors/runtime/index.ts';

export const orderInputV1 = z.object({
  item: z.string().min(1),
  quantity: z.int().positive(),
  /** In euros. */
  price: z.number().positive(),
  paymentWindowMs: z.number().positive(),
});

export const orderContextV1 = orderInputV1.extend({ reason: z.string().nullable() });
type Context = z.infer<typeof orderContextV1>;
type StockMove = { orderId: string; item: string; quantity: number };

export const orderMachineV1 = setup({
  types: {
    context: {} as Context,
    input: {} as z.infer<typeof orderInputV1>,
    events: {} as { type: 'PAID' } | { type: 'CANCEL' },
  },
  actors: {
    reserve: effectSource<null, StockMove>(),
    release: effectSource<null, StockMove>(),
    ship: effectSource<null, { orderId: string; item: string }>(),
    refund: effectSource<null, { orderId: string; cents: number }>(),
  },
  delays: { paymentWindow: ({ context }) => context.paymentWindowMs },
}).createMachine({
  id: 'order',
  context: ({ input }) => ({ ...input, reason: null }),
  initial: 'reserving',
  states: {
    reserving: {
      invoke: {
        id: 'reserve',
        src: 'reserve',
        input: ({ context: { item, quantity }, self }) => ({ orderId: self.id, item, quantity }),
        onDone: 'waiting',
        onError: { target: 'failed', actions: assign({ reason: 'out of stock' }) },
      },
    },
    waiting: {
      on: { PAID: 'shipping', CANCEL: { target: 'releasing', actions: assign({ reason: 'cancelled' }) } },
      after: { paymentWindow: { target: 'releasing', actions: assign({ reason: 'not paid in time' }) } },
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
        input: ({ context: { price }, self }) => ({ orderId: self.id, cents: Math.round(price * 100) }),
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

export const orderV1 = {
  id: 'order',
  version: '1',
  machine: orderMachineV1,
  input: orderInputV1,
  events: {
    PAID: z.object({ type: z.literal('PAID') }),
    CANCEL: z.object({ type: z.literal('CANCEL') }),
  },
};
