/**
 * For tests of metrics and traces: a machine that does each thing that crosses a commit. A parcel is weighed (an
 * effect), carried (a child, with an effect of its own, which tells its parent), rests (a timer) and is delivered.
 */
import { assign, fromPromise, sendParent, sendTo, setup } from 'xstate';
import { z } from 'zod';
import type { DurableMachine } from '../../actors/runtime/index.ts';

const ask = fromPromise<unknown, unknown>(() => Promise.reject(new Error('runs on the runtime')));

const courierMachine = setup({
  types: { events: {} as { type: 'NOTHING' } },
  actors: { drive: ask },
}).createMachine({
  id: 'courier',
  initial: 'driving',
  states: {
    driving: { invoke: { id: 'drive', src: 'drive', onDone: 'there' } },
    there: { type: 'final', entry: sendParent({ type: 'ARRIVED' }) },
  },
});

const parcelMachine = setup({
  types: {
    context: {} as { secret: string },
    events: {} as
      | { type: 'SEND'; secret: string }
      | { type: 'ARRIVED' }
      | { type: 'BREAK' }
      | { type: 'LOSE' }
      | { type: 'NUDGE' },
  },
  actors: { weigh: ask, courier: courierMachine },
  delays: { rest: 5 },
}).createMachine({
  id: 'parcel',
  context: { secret: '' },
  initial: 'waiting',
  on: {
    BREAK: {
      actions: assign(() => {
        throw new Error('broken');
      }),
    },
    LOSE: '.lost',
    NUDGE: { actions: sendTo(({ self }) => self, { type: 'LOSE' }) },
  },
  states: {
    waiting: {
      on: { SEND: { target: 'weighing', actions: assign({ secret: ({ event }) => event.secret }) } },
    },
    weighing: { invoke: { id: 'weigh', src: 'weigh', onDone: 'carried', onError: 'lost' } },
    carried: { invoke: { id: 'courier', src: 'courier' }, on: { ARRIVED: 'resting' } },
    resting: { after: { rest: 'delivered' } },
    lost: { type: 'final' },
    delivered: { type: 'final' },
  },
});

const word = (name: string) => z.object({ type: z.literal(name) });

export const courier: DurableMachine = {
  id: 'courier',
  version: '1',
  machine: courierMachine as DurableMachine['machine'],
  input: z.object({}),
  events: {},
};

export const parcel: DurableMachine = {
  id: 'parcel',
  version: '1',
  machine: parcelMachine as DurableMachine['machine'],
  input: z.object({}),
  events: {
    SEND: z.object({ type: z.literal('SEND'), secret: z.string() }),
    BREAK: word('BREAK'),
    LOSE: word('LOSE'),
    NUDGE: word('NUDGE'),
  },
};
