/** R9: only known events come in. All others are refused with a typed error, and nothing happens. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ActorEvent, ActorSystem } from '../index.ts';
import { counter } from '../testing/subjects.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
let system: ActorSystem;
beforeAll(async () => {
  system = await world.start();
});
const spawn = () => system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });

describe('R9: only known events come in', () => {
  test.each<[what: string, event: unknown, details: object]>([
    ['an end of an effect', { type: 'xstate.done.actor.work', output: 1 }, { field: 'type' }],
    ['an error of an effect', { type: 'xstate.error.actor.work', error: 1 }, { field: 'type' }],
    ['a timer', { type: 'xstate.after.patience.waiter.waiting' }, { field: 'type' }],
    ['XState’s own start', { type: 'xstate.init', input: { start: 9 } }, { field: 'type' }],
    ['XState’s own stop', { type: 'xstate.stop' }, { field: 'type' }],
    ['a snapshot of a child', { type: 'xstate.snapshot.child' }, { field: 'type' }],
    ['a wildcard', { type: '*' }, { field: 'type' }],
    ['a partial wildcard', { type: 'ADD.*' }, { field: 'type' }],
    ['one that the machine does not have', { type: 'SUBTRACT' }, { field: 'type' }],
    ['one in other letters', { type: 'add', by: 1 }, { field: 'type' }],
    ['a property of every object', { type: 'constructor' }, { field: 'type' }],
    ['the prototype', { type: '__proto__' }, { field: 'type' }],
    ['an empty type', { type: '' }, { field: 'type' }],
    ['a type that is no text', { type: 1 }, { field: 'type' }],
    ['a type that is a list', { type: ['ADD'], by: 1 }, { field: 'type' }],
    ['no type', { by: 1 }, { field: 'type' }],
    ['null', null, { field: 'type' }],
    ['words', 'ADD', { field: 'type' }],
    ['a list', [{ type: 'ADD', by: 1 }], { field: 'type' }],
    ['a field of another type', { type: 'ADD', by: 'one' }, { issues: [{ path: ['by'] }] }],
    ['a field that is missing', { type: 'ADD' }, { issues: [{ path: ['by'] }] }],
    ['a number that is none', { type: 'ADD', by: Number.NaN }, { issues: [{ path: ['by'] }] }],
    ['a number without end', { type: 'ADD', by: Number.POSITIVE_INFINITY }, { issues: [{ path: ['by'] }] }],
  ])('%s is refused', async (_, event, details) => {
    const address = await spawn();
    await expect(system.send(address, event as ActorEvent)).rejects.toMatchObject({
      code: 'invalid_event',
      retryable: false,
      details,
    });
    expect(await system.journal(address)).toHaveLength(1);
  });

  test('fields that the schema does not know do not come in', async () => {
    const address = await spawn();
    await system.send(address, { type: 'ADD', by: 1, owner: 'b', __proto__: { admin: true } });
    expect((await system.journal(address))[1]?.event).toEqual({ type: 'ADD', by: 1 });
  });

  test('a schema can not change the type of an event', async () => {
    const { z } = await import('zod');
    const sly = z.object({}).transform(() => ({ type: 'xstate.stop' }));
    const other = await world.start({ machines: [{ ...counter, events: { RESET: sly } }] });
    const address = await spawn();
    expect(await other.send(address, { type: 'RESET' })).toMatchObject({ changed: false, status: 'active' });
    await other.drain();
  });

  test.each(['xstate.done.actor.work', 'xstate.stop', '*'])('%s can not be declared', async (type) => {
    const machine = { ...counter, events: { ...counter.events, [type]: counter.events.RESET } };
    await expect(world.start({ machines: [machine] })).rejects.toMatchObject({
      code: 'registration_refused',
      message: expect.stringContaining(type),
    });
  });

  test('what send answers', async () => {
    const address = await spawn();
    const unchanged = { revision: 1, value: 'counting', status: 'active', changed: false };
    expect(await system.send(address, { type: 'RESET' })).toEqual(unchanged);
    await system.send(address, { type: 'END' });
    await expect(system.send(address, { type: 'END' })).rejects.toMatchObject({ code: 'actor_ended' });
  });

  test.each(['counter/none', 'none/none', 'counter', '', '/', 'counter/', 'counter/../x'])(
    'there is no actor at "%s"',
    async (address) => {
      await expect(system.send(address, { type: 'END' })).rejects.toMatchObject({ code: 'actor_not_found' });
    },
  );

  test.each([
    ['an input of another shape', 'x', { start: 'x' }, 'invalid_input'],
    ['no input', 'x', undefined, 'invalid_input'],
    ['an empty key', '', { start: 1 }, 'invalid_input'],
    ['a key with a slash', 'a/b', { start: 1 }, 'invalid_input'],
    ['a key with a NUL', 'a\0', { start: 1 }, 'invalid_input'],
    ['a key that is too long', 'x'.repeat(201), { start: 1 }, 'invalid_input'],
  ])('no actor is made with %s', async (_, name, input, code) => {
    await expect(system.spawn('counter', name, { input, owner: 'a' })).rejects.toMatchObject({ code });
  });

  test.each(['', 'x'.repeat(201), 'a\0'])(
    'an idempotency key is 1 to 200 characters',
    async (idempotencyKey) => {
      const address = await spawn();
      await expect(system.send(address, { type: 'RESET' }, { idempotencyKey })).rejects.toMatchObject({
        code: 'invalid_input',
        details: { field: 'idempotencyKey' },
      });
    },
  );
});
