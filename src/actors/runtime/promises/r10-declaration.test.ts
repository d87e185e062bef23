/**
 * R10: what a machine's file says of its old versions: refused at registration where it can't be so, and tried on every
 * state of the old versions. In memory.
 */
import { describe, expect, test } from 'vitest';
import { assign, fromPromise, setup } from 'xstate';
import { z } from 'zod';
import { type DurableMachine, effect, goesOn, type Migration, type PreviousVersion } from '../index.ts';
import { Registry } from '../registry/registry.ts';
import {
  fromV1,
  fromV2,
  machineV1,
  machineV2,
  orderV1,
  orderV2,
  orderV2BesideV1,
  orderV3,
} from '../testing/orders.ts';
import { checkMigrations } from '../testing/walk-versions.ts';

const anything = z.unknown();
const work = effect('work', { input: anything, output: anything }, async () => null);
const register = (previous: PreviousVersion[], effects = [work]) =>
  new Registry([{ ...orderV2, previous }], effects);
const { events } = orderV1;
const old = goesOn({ version: '1', machine: machineV1, events });
const renaming = (renamed: Migration['renamed']): Migration => ({ ...fromV1, renamed });
const tellWorld = { entry: () => {} };

describe('R10: registration', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['a version twice', () => register([old, fromV1]), /version 1 is declared twice/],
    [
      'the current version as an old one',
      () => register([{ ...old, version: '2' }]),
      /version 2 is declared twice/,
    ],
    [
      'a migration to a version that is not declared',
      () => register([{ ...fromV1, to: { version: '7', machine: machineV2 } }]),
      /version 1 migrates to 7, which is not declared/,
    ],
    [
      'a migration to another machine than the one of its version',
      () => register([{ ...fromV1, to: { version: '2', machine: machineV1 } }]),
      /version 1 migrates to a machine that is not the one of 2/,
    ],
    [
      'migrations in a circle',
      () =>
        register([
          { ...fromV1, version: '0', to: { version: '1', machine: machineV1 } },
          { ...fromV1, to: { version: '0', machine: machineV1 } },
        ]),
      /the migrations from version 0 go round in a circle/,
    ],
    [
      'a renamed state that the old version lacks',
      () => register([renaming({ states: { 'order.nothing': 'order.held' } })]),
      /renames the state "order.nothing"/,
    ],
    [
      'a renamed state that the new version lacks',
      () => register([renaming({ states: { 'order.held': 'order.nothing' } })]),
      /renames a state to "order.nothing"/,
    ],
    [
      'two effects of one name',
      () => register([renaming({ effects: { pack: 'parcel', wrap: 'parcel' } })]),
      /renames two effects to one/,
    ],
    [
      'an old machine that could not be registered today',
      () =>
        register([
          {
            ...old,
            machine: setup({}).createMachine({ id: 'order', initial: 'a', states: { a: tellWorld } }),
          },
        ]),
      /version 1: .*inline action/,
    ],
    [
      'an old version that goes on without its effects',
      () => register([old], []),
      /version 1: no effect "work" is registered/,
    ],
    [
      'an event of an old version that can not come from outside',
      () => register([{ ...old, events: { 'xstate.done': anything } as never }]),
      /version 1: the event "xstate.done"/,
    ],
  ])('%s is refused', (_what, refused, message) => {
    expect(refused).toThrow(
      expect.objectContaining({ code: 'registration_refused', message: expect.stringMatching(message) }),
    );
  });

  test('an old version that migrates needs none of the effects that only it had', () => {
    const before = setup({
      actors: { fax: fromPromise(() => Promise.reject(new Error('gone'))) },
    }).createMachine({ id: 'order', initial: 'a', states: { a: { invoke: { id: 'fax', src: 'fax' } } } });
    expect(() => register([{ ...fromV1, machine: before, renamed: {} }])).not.toThrow();
  });
});

describe('R10: each state of the old versions is tried', () => {
  const walk = {
    inputs: [{ job: 'a', amount: 1 }],
    events: [{ type: 'PAY' }, { type: 'HOLD' }, { type: 'RESUME' }, { type: 'CLOSE' }],
  };

  test('nothing is said of migrations that work, also in a chain, and of versions that go on', () => {
    expect(checkMigrations(orderV2, { '1': walk })).toEqual({});
    expect(checkMigrations(orderV3, { '1': walk, '2': walk })).toEqual({});
    expect(checkMigrations(orderV2BesideV1, {})).toEqual({});
  });

  test('the states whose migration fails are named, with the reason, the same each time', () => {
    const forgetful = { ...orderV2, previous: [renaming({ effects: { pack: 'parcel' } })] };
    const faults = checkMigrations(forgetful, { '1': walk });
    expect(faults['1']?.failed?.map(({ value }) => value)).toContainEqual({
      open: { payment: 'lost', packing: 'packed' },
    });
    // Held, an order remembers where it was.
    expect(faults['1']?.failed).toContainEqual({
      value: 'held',
      context: { job: 'a', amount: 1 },
      reason: expect.stringContaining('order.open.payment.waiting'),
    });
    expect(checkMigrations(forgetful, { '1': walk })).toEqual(faults);
  });

  test('states that the walk does not reach are named', () => {
    const short = { ...walk, events: [{ type: 'HOLD' }] };
    expect(checkMigrations(orderV2, { '1': short })).toEqual({
      '1': { unreached: ['order.open.payment.paid', 'order.closed'] },
    });
  });

  test('what of the context matters is walked where it is said, and the ends of effects can be told', () => {
    const counting = setup({
      types: { context: {} as { failures: number } },
      actors: { work: fromPromise(() => Promise.reject(new Error('held'))) },
    }).createMachine({
      id: 'order',
      context: { failures: 0 },
      initial: 'trying',
      states: {
        trying: {
          invoke: {
            id: 'try',
            src: 'work',
            onDone: 'over',
            onError: {
              target: 'trying',
              reenter: true,
              actions: assign({ failures: ({ context: { failures } }) => Math.min(failures + 1, 3) }),
            },
          },
        },
        over: {},
      },
    });
    const next: DurableMachine = {
      ...orderV2,
      machine: counting,
      previous: [
        {
          ...{
            kind: 'migration',
            version: '1',
            machine: counting,
            context: z.object({ failures: z.number().max(2) }),
          },
          ...{
            to: { version: '2', machine: counting },
            renamed: {},
            migrate: ({ context }) => ({ context }),
          },
        },
      ],
    };
    const tries = { inputs: [{}], events: [], outcomes: { try: { errors: [{ code: 'no' }] } } };
    expect(checkMigrations(next, { '1': { ...tries, outcomes: {} } })).toEqual({});
    const serialize = ({ value, context }: { value: unknown; context: unknown }) =>
      JSON.stringify([value, context]);
    const faults = checkMigrations(next, { '1': { ...tries, serialize } });
    expect(faults['1']?.failed?.map(({ value, context }) => [value, context])).toEqual([
      ['trying', { failures: 3 }],
      ['over', { failures: 3 }],
    ]);
  });

  test('a version without a walk is an error', () => {
    expect(() => checkMigrations({ ...orderV3, previous: [fromV2, fromV1] }, { '2': walk })).toThrow(
      /version 1/,
    );
  });
});
