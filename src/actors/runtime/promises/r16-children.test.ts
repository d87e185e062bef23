/**
 * R16: what a step tells the children that it starts, leaves and replaces, case by case, as `createActor` does. Found by
 * the random machines of `r16-differential.test.ts`.
 */
import { expect, test } from 'vitest';
import {
  type AnyStateMachine,
  assign,
  emit,
  enqueueActions,
  fromPromise,
  sendParent,
  sendTo,
  setup,
} from 'xstate';
import { z } from 'zod';
import { LiveActor } from '../testing/live-actor.ts';
import { LoneActor } from '../testing/lone-actor.ts';
import { SteppedFamily } from '../testing/stepped-family.ts';
import { onTheRuntime } from '../testing/subjects.ts';
import type { DurableMachine } from '../types.ts';

/** Tells its parent of each PING, and ends at END. */
const kidMachine = setup({ types: { events: {} as { type: 'PING' | 'END' } } }).createMachine({
  id: 'kid',
  initial: 'on',
  states: {
    on: { on: { PING: { actions: sendParent({ type: 'PONG' }) }, END: 'off' } },
    off: { type: 'final' },
  },
});

const parts = setup({
  types: {
    context: {} as { pongs: number; told: number },
    events: {} as { type: 'GO' | 'NEXT' | 'PONG' },
  },
  actors: { kid: kidMachine },
  actions: {
    countPong: assign({ pongs: ({ context }) => context.pongs + 1 }),
    countTold: assign({ told: ({ context }) => context.told + 1 }),
  },
});
const context = { pongs: 0, told: 0 };
const onPong = { PONG: { actions: 'countPong' as const } };

const define = (machine: AnyStateMachine, events: readonly string[]): DurableMachine => ({
  id: machine.id,
  version: '1',
  machine,
  input: z.object({}),
  events: Object.fromEntries(events.map((type) => [type, z.object({ type: z.literal(type) })])),
});

/** Sends the same to both, and compares after each event. Returns the context that both came to. */
function both(machine: AnyStateMachine, events: readonly string[], ms = 0): unknown {
  const family: [DurableMachine, DurableMachine] = [define(machine, ['GO', 'NEXT']), define(kidMachine, [])];
  const live = new LiveActor(machine, {});
  const stepped = new SteppedFamily(family, []);
  for (const type of events) {
    live.send({ type });
    stepped.send(type, live.now);
  }
  live.passTime(ms);
  stepped.passTimeTo(live.now);
  expect(stepped.seen()).toEqual(live.seen());
  expect(stepped.children()).toEqual(live.children());
  return live.seen().context;
}

test('R16: a delayed event may be for a child that the same step starts', () => {
  const machine = parts.createMachine({
    id: 'parent',
    context,
    on: {
      ...onPong,
      GO: {
        actions: enqueueActions(({ enqueue }) => {
          enqueue.spawnChild('kid', { id: 'kid' });
          enqueue.sendTo('kid', { type: 'PING' }, { delay: 10 });
        }),
      },
    },
  });
  expect(both(machine, ['GO'], 10)).toEqual({ pongs: 1, told: 0 });
});

test('R16: what is said to a child before it is left reaches it, and what is said after does not', () => {
  const leaving = (order: 'before' | 'after') =>
    parts.createMachine({
      id: 'parent',
      context,
      initial: 'with',
      on: onPong,
      states: {
        with: {
          invoke: { id: 'kid', src: 'kid' },
          ...(order === 'before' ? { exit: sendTo('kid', { type: 'PING' }) } : {}),
          on: { NEXT: 'without' },
        },
        without: {},
      },
    });
  expect(both(leaving('before'), ['NEXT'])).toEqual({ pongs: 1, told: 0 });
  expect(both(leaving('after'), ['NEXT'])).toEqual({ pongs: 0, told: 0 });
});

test('R16: what is said to a child that the same step replaces does not reach its successor', () => {
  const machine = parts.createMachine({
    id: 'parent',
    context,
    on: {
      ...onPong,
      GO: {
        actions: enqueueActions(({ enqueue }) => {
          for (let kid = 0; kid < 3; kid++) {
            enqueue.stopChild('kid');
            enqueue.spawnChild('kid', { id: 'kid' });
            enqueue.sendTo('kid', { type: 'PING' });
          }
        }),
      },
    },
  });
  expect(both(machine, ['GO'])).toEqual({ pongs: 1, told: 0 });
});

test('R16: onSnapshot is told of what a child becomes, and not of its end', () => {
  const machine = parts.createMachine({
    id: 'parent',
    context,
    initial: 'with',
    states: {
      with: {
        invoke: { id: 'kid', src: 'kid', onSnapshot: { actions: 'countTold' } },
        on: { GO: { actions: sendTo('kid', { type: 'END' }) } },
      },
    },
  });
  expect(both(machine, ['GO'])).toEqual({ pongs: 0, told: 1 });
});

const named = setup({ actors: { named: fromPromise(onTheRuntime) } });
/** An actor that does this at GO. */
function doing(action: unknown): LoneActor {
  const machine = named.createMachine({ id: 'parent', on: { GO: { actions: action } } } as never);
  return new LoneActor(machine as unknown as AnyStateMachine);
}
/** An assign that spawns, and keeps nothing. */
function spawning(src: unknown, options?: object): unknown {
  return assign(({ spawn }) => {
    spawn(src as never, options as never);
    return {};
  });
}

test.each<[what: string, action: unknown, reason: RegExp]>([
  [
    'an inline actor that an assign spawns',
    spawning(fromPromise(onTheRuntime), { id: 'kid' }),
    /source of "kid" is inline/,
  ],
  [
    'one that enqueueActions spawns',
    enqueueActions(({ enqueue }) => enqueue.spawnChild(fromPromise(onTheRuntime), { id: 'kid' } as never)),
    /source of "kid" is inline/,
  ],
  [
    'one without a name',
    enqueueActions(({ enqueue }) => enqueue.spawnChild('named' as never)),
    /give.*an id/,
  ],
  [
    'an input that JSON would change',
    enqueueActions(({ enqueue }) =>
      enqueue.spawnChild('named' as never, { id: 'kid', input: { at: new Date(0) } } as never),
    ),
    /the input of kid\.at is a Date/,
  ],
  ['what is emitted, likewise', emit({ type: 'told', at: new Date(0) }), /the event told\.at is a Date/],
])('R16: %s fails its step, and is not waited for in vain', (_, action, reason) => {
  const actor = doing(action);
  expect(actor.send('GO')).toMatchObject({ code: 'step_failed', message: expect.stringMatching(reason) });
  expect(actor.effects).toEqual([]);
  expect(actor.work.deadLetters).toHaveLength(1);
});
