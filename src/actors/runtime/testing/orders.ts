/**
 * A machine in three versions, for tests of what becomes of the actors of the old ones: an order that waits for its
 * payment and is packed meanwhile, by the effect `work`.
 *
 * 1 -> 2: a state and an effect have other names, a region is new, `reminded` waits for nothing any more.
 * 2 -> 3: another delay, cents instead of an amount.
 */
import { type AnyStateMachine, assign, fromPromise, setup } from 'xstate';
import { z } from 'zod';
import { type DurableMachine, goesOn, migration } from '../index.ts';

export const REMIND_MS = 60_000;
export const GIVE_UP_MS = 30_000;
export const OFFER_MS = 5_000;

type Events = { type: 'PAY'; by?: string } | { type: 'HOLD' | 'RESUME' | 'CLOSE' };

const work = fromPromise<{ done: string }, { job: string }>(() => Promise.reject(new Error('held')));
const input = z.object({ job: z.string(), amount: z.number() });
const events = {
  PAY: z.object({ type: z.literal('PAY') }),
  HOLD: z.object({ type: z.literal('HOLD') }),
  RESUME: z.object({ type: z.literal('RESUME') }),
  CLOSE: z.object({ type: z.literal('CLOSE') }),
};
/** The second version asks who pays. */
const eventsV2 = { ...events, PAY: z.object({ type: z.literal('PAY'), by: z.string() }) };

const contextV1 = z.object({ job: z.string(), amount: z.number() });
const contextV2 = contextV1.extend({ currency: z.string() });
type Input = z.infer<typeof input>;

export const machineV1 = setup({
  types: { context: {} as z.infer<typeof contextV1>, input: {} as Input, events: {} as Events },
  actors: { work },
}).createMachine({
  id: 'order',
  context: ({ input: { job, amount } }) => ({ job, amount }),
  initial: 'open',
  states: {
    open: {
      type: 'parallel',
      on: { HOLD: 'held', CLOSE: 'closed' },
      states: {
        payment: {
          initial: 'waiting',
          states: {
            waiting: { after: { [REMIND_MS]: 'reminded' }, on: { PAY: 'paid' } },
            reminded: { after: { [GIVE_UP_MS]: 'lost' }, on: { PAY: 'paid' } },
            lost: {},
            paid: {},
          },
        },
        packing: {
          initial: 'busy',
          states: {
            busy: {
              invoke: {
                id: 'pack',
                src: 'work',
                input: ({ context }) => ({ job: context.job }),
                onDone: 'packed',
              },
            },
            packed: {},
          },
        },
        back: { type: 'history', history: 'deep' },
      },
    },
    held: { on: { RESUME: 'open.back' } },
    closed: { type: 'final' },
  },
});

export const machineV2 = setup({
  types: {
    context: {} as z.infer<typeof contextV2> & { paidBy?: string },
    input: {} as Input,
    events: {} as Events,
  },
  actors: { work },
  delays: { offer: ({ context }) => (context.amount > 1_000 ? 10 * OFFER_MS : OFFER_MS) },
}).createMachine({
  id: 'order',
  context: ({ input: { job, amount } }) => ({ job, amount, currency: 'EUR' }),
  initial: 'open',
  states: {
    open: {
      type: 'parallel',
      on: { HOLD: 'held', CLOSE: 'closed' },
      states: {
        payment: {
          initial: 'awaitingPayment',
          on: { PAY: { target: '.paid', actions: assign({ paidBy: ({ event }) => event.by ?? '' }) } },
          states: { awaitingPayment: { after: { [REMIND_MS]: 'reminded' } }, reminded: {}, paid: {} },
        },
        packing: {
          initial: 'busy',
          states: {
            busy: {
              invoke: {
                id: 'parcel',
                src: 'work',
                input: ({ context }) => ({ job: context.job }),
                onDone: 'packed',
              },
            },
            packed: {},
          },
        },
        insurance: {
          initial: 'offered',
          states: {
            offered: {
              after: { offer: 'lapsed' },
              invoke: {
                id: 'insure',
                src: 'work',
                input: ({ context }) => ({ job: `${context.job}.insure` }),
                onDone: 'insured',
              },
            },
            insured: {},
            lapsed: {},
          },
        },
        back: { type: 'history', history: 'deep' },
      },
    },
    held: { on: { RESUME: 'open.back' } },
    closed: { type: 'final' },
  },
});

export const machineV3 = setup({
  types: {
    context: {} as { job: string; cents: number; currency: string },
    input: {} as Input,
    events: {} as Events,
  },
  actors: { work },
}).createMachine({
  id: 'order',
  context: ({ input: { job, amount } }) => ({ job, cents: 100 * amount, currency: 'EUR' }),
  initial: 'open',
  states: {
    open: {
      type: 'parallel',
      on: { HOLD: 'held', CLOSE: 'closed' },
      states: {
        payment: {
          initial: 'awaitingPayment',
          on: { PAY: '.paid' },
          states: { awaitingPayment: { after: { [2 * REMIND_MS]: 'reminded' } }, reminded: {}, paid: {} },
        },
        packing: {
          initial: 'busy',
          states: {
            busy: {
              invoke: {
                id: 'parcel',
                src: 'work',
                input: ({ context }) => ({ job: context.job }),
                onDone: 'packed',
              },
            },
            packed: {},
          },
        },
        back: { type: 'history', history: 'deep' },
      },
    },
    held: { on: { RESUME: 'open.back' } },
    closed: { type: 'final' },
  },
});

export const fromV1 = migration({
  from: { version: '1', machine: machineV1, context: contextV1 },
  to: { version: '2', machine: machineV2 },
  renamed: {
    states: {
      'order.open.payment.waiting': 'order.open.payment.awaitingPayment',
      'order.open.payment.lost': 'order.open.payment.reminded',
    },
    effects: { pack: 'parcel' },
  },
  migrate: ({ context }) => {
    if (context.amount < 0) throw new Error('an order of less than nothing');
    return { context: { ...context, currency: 'EUR' } };
  },
});

const paymentTimer = (delay: number) => `xstate.after.${delay}.order.open.payment.awaitingPayment`;

export const fromV2 = migration({
  from: { version: '2', machine: machineV2, context: contextV2 },
  to: { version: '3', machine: machineV3 },
  renamed: {
    states: { 'order.open.insurance': null },
    timers: { [paymentTimer(REMIND_MS)]: paymentTimer(2 * REMIND_MS) },
  },
  migrate: ({ context: { job, currency, amount } }) => ({ context: { job, currency, cents: 100 * amount } }),
});

const declared = (version: string, machine: AnyStateMachine) => ({ id: 'order', version, machine, input });

export const orderV1 = { ...declared('1', machineV1), events } satisfies DurableMachine;
export const orderV2 = {
  ...declared('2', machineV2),
  events: eventsV2,
  previous: [fromV1],
} satisfies DurableMachine;
export const orderV3 = {
  ...declared('3', machineV3),
  events,
  previous: [fromV2, fromV1],
} satisfies DurableMachine;
/** The second version, with the orders of the first as they were. */
export const orderV2BesideV1 = {
  ...declared('2', machineV2),
  events: eventsV2,
  previous: [goesOn({ version: '1', machine: machineV1, events })],
} satisfies DurableMachine;
