/**
 * R16: what can't be durable is refused when it is registered, with the reason. That all else does what it does under
 * `createActor` is `differential.test.ts` and `differential-system.test.ts`.
 */
import { describe, expect, test } from 'vitest';
import {
  type AnyStateMachine,
  assign,
  createMachine,
  enqueueActions,
  fromCallback,
  fromEventObservable,
  fromObservable,
  fromPromise,
  fromTransition,
  setup,
  spawnChild,
} from 'xstate';
import { z } from 'zod';
import { effect } from '../registry/effect.ts';
import { Registry } from '../registry/registry.ts';
import { child, parent } from '../testing/family.ts';
import { onTheRuntime } from '../testing/subjects.ts';
import type { DurableMachine } from '../types.ts';

const named = effect('named', { input: z.unknown(), output: z.unknown() }, async () => null);
const define = (machine: AnyStateMachine): DurableMachine => ({
  id: machine.id,
  version: '1',
  machine,
  input: z.unknown(),
  events: {},
});
/** Why a machine is refused; empty when it is not. */
function faultsOf(...machines: DurableMachine[]): string {
  try {
    new Registry(machines, [named]);
    return '';
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: object };
    expect({ code, details }).toEqual({
      code: 'registration_refused',
      details: { faults: expect.arrayContaining([expect.any(String)]) },
    });
    return message;
  }
}
const machine = (config: object): AnyStateMachine => createMachine({ id: 'm', ...config });
const base = setup({
  actors: { named: fromPromise(onTheRuntime) },
  actions: { effectful: () => {}, pure: assign({}) },
  guards: { yes: () => true },
  delays: { soon: 10 },
});
/** A machine over `base`, with names that it may not have. */
const over = (config: object): AnyStateMachine =>
  base.createMachine({ id: 'm', ...config } as never) as unknown as AnyStateMachine;

describe('R16: what can not be durable is refused when it is registered', () => {
  test.each<[what: string, refused: AnyStateMachine, reason: RegExp]>([
    ['an inline action on entry', machine({ entry: () => {} }), /inline action/],
    ['one on exit', machine({ exit: function leave() {} }), /inline action "leave"/],
    ['one of a transition', machine({ on: { GO: { actions: () => {} } } }), /inline action/],
    ['one of always', machine({ always: { guard: () => false, actions: () => {} } }), /inline action/],
    ['one of a delayed transition', machine({ after: { 10: { actions: () => {} } } }), /inline action/],
    [
      'one of the initial transition',
      machine({ initial: { target: 'a', actions: () => {} }, states: { a: {} } }),
      /inline action/,
    ],
    [
      'one deep inside',
      machine({ initial: 'a', states: { a: { initial: 'b', states: { b: { entry: () => {} } } } } }),
      /m\.a\.b: the inline action/,
    ],
    [
      'an action with side effects',
      over({ entry: 'effectful' }),
      /"effectful" is a function with side effects/,
    ],
    ['an action without implementation', over({ entry: 'missing' }), /"missing" has no implementation/],
    [
      'a guard without implementation',
      over({ on: { GO: { guard: 'missing', actions: 'pure' } } }),
      /guard "missing"/,
    ],
    ['a delay without implementation', over({ after: { missing: {} } }), /delay "missing"/],
    [
      'an inline actor',
      machine({ invoke: { id: 'i', src: fromPromise(onTheRuntime) } }),
      /source of "i" is inline/,
    ],
    ['an inline machine', machine({ invoke: { id: 'i', src: child.machine } }), /source of "i" is inline/],
    [
      'an actor source that is not there',
      over({ invoke: { id: 'i', src: 'missing' } }),
      /actor source "missing"/,
    ],
    [
      'an invoke without an id',
      over({ initial: 'a', states: { a: { invoke: { src: 'named' } } } }),
      /give its invoke an id/,
    ],
    [
      'an inline actor that an action spawns',
      over({ entry: spawnChild(fromPromise(onTheRuntime) as never, { id: 'i' } as never) }),
      /spawnChild.*inline/,
    ],
    ['a spawned actor without an id', over({ entry: spawnChild('named') }), /spawnChild.*id/],
    [
      'a spawned actor source that is not there',
      over({ entry: spawnChild('missing' as never, { id: 'i' } as never) }),
      /spawnChild.*"missing"/,
    ],
  ])('%s', (_, refused, reason) => {
    expect(faultsOf(define(refused))).toMatch(reason);
  });

  test.each([
    ['a callback', fromCallback(() => {})],
    ['an observable', fromObservable(() => ({}) as never)],
    ['an event observable', fromEventObservable(() => ({}) as never)],
    ['a reducer', fromTransition((state) => state, {})],
  ])('%s as an actor source, also where an effect has its name', (_, logic) => {
    const refused = setup({ actors: { named: logic as never } }).createMachine({ id: 'm' });
    expect(faultsOf(define(refused))).toMatch(/"named" is not a promise/);
  });

  test('an actor source without an effect of its name', () => {
    const refused = setup({ actors: { other: fromPromise(onTheRuntime) } }).createMachine({ id: 'm' });
    expect(faultsOf(define(refused))).toMatch(/no effect "other" is registered/);
  });

  test('a machine as an actor source that is not registered', () => {
    expect(faultsOf(parent)).toMatch(/the machine "child" of its actor source "child" is not registered/);
  });

  test('an id that is not the machine’s, or no part of an address', () => {
    expect(faultsOf({ ...define(machine({})), id: 'other' })).toMatch(/its XState id is "m", not "other"/);
    expect(faultsOf(define(machine({ id: 'a/b' })))).toMatch(/"\//);
  });

  test('all faults of a machine are named at once', () => {
    const refused = machine({ entry: () => {}, invoke: { src: fromPromise(onTheRuntime) } });
    expect(faultsOf(define(refused))).toMatch(/inline action.*inline.*give its invoke an id/s);
  });

  test('what is durable is not refused', () => {
    const fine = over({
      entry: [
        'pure',
        spawnChild('named', { id: 'spawned' }),
        enqueueActions(({ enqueue }) => enqueue('pure' as never)),
      ],
      invoke: { id: 'i', src: 'named' },
      always: { guard: 'yes', actions: 'pure' },
      after: { soon: { actions: 'pure' }, 20: { actions: 'pure' } },
    });
    expect(faultsOf(define(fine))).toBe('');
  });
});
