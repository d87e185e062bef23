/** R8: whatever a step throws, and whatever its event holds, the dead letter is kept, and says what was thrown. */
import { beforeAll, describe, expect, test } from 'vitest';
import { assign, raise, sendTo, setup } from 'xstate';
import { z } from 'zod';
import type { ActorSystem, DurableMachine } from '../index.ts';
import { key, useWorld } from '../testing/world.ts';

const unreadable = Object.create(null) as object;
const ODD = 'a NUL \0, half a pair \ud800';
const KEPT = 'a NUL , half a pair \ufffd';
const thrown: Record<string, unknown> = {
  odd: new Error(ODD),
  huge: new Error('x'.repeat(20_000_000)),
  unreadable,
  nothing: undefined,
};

const brittle: DurableMachine = {
  id: 'brittle',
  version: '1',
  input: z.object({}),
  events: {
    THROW: z.object({ what: z.string() }),
    WAIT: z.object({ what: z.string() }),
    LOOP: z.object({}),
    ADD: z.object({}),
  },
  machine: setup({
    types: {
      context: {} as { count: number },
      events: {} as
        | { type: 'THROW' | 'WAIT'; what: string }
        | { type: 'LATER'; what: string }
        | { type: 'ADD' | 'LOOP' },
    },
    actions: {
      throws: assign((_, { what }: { what: string }) => {
        throw thrown[what];
      }),
    },
  }).createMachine({
    id: 'brittle',
    context: { count: 0 },
    on: {
      ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) },
      THROW: { actions: { type: 'throws', params: ({ event }) => ({ what: event.what }) } },
      LATER: { actions: { type: 'throws', params: ({ event }) => ({ what: event.what }) } },
      WAIT: { actions: raise(({ event }) => ({ type: 'LATER', what: event.what }), { delay: 1 }) },
      LOOP: { actions: raise({ type: 'LOOP' }) },
    },
  }) as unknown as DurableMachine['machine'],
};

/** Tells its child what the child can't take, in text that only JSON can hold. */
const told = setup({ types: { events: {} as { type: 'HEAR'; text: string } } }).createMachine({
  id: 'told',
  on: {
    HEAR: {
      actions: assign(() => {
        throw new Error('not this');
      }),
    },
  },
});
const telling = setup({ actors: { told }, types: { events: {} as { type: 'TELL' } } }).createMachine({
  id: 'telling',
  invoke: { id: 'child', src: 'told' },
  on: { TELL: { actions: sendTo('child', { type: 'HEAR', text: ODD, [ODD]: 1 }) } },
});
const family = Object.entries({ told, telling }).map(
  ([id, machine]): DurableMachine => ({
    ...{ id, version: '1', input: z.object({}), events: id === 'telling' ? { TELL: z.object({}) } : {} },
    machine: machine as unknown as DurableMachine['machine'],
  }),
);

const world = useWorld();
let system: ActorSystem;
beforeAll(async () => {
  system = await world.start({ machines: [brittle, ...family], effects: [] });
});
const spawn = (machine = 'brittle') => system.spawn(machine, key(), { input: {}, owner: 'a' });
const lettersOf = async (address: string) => (await system.deadLetters({ address })).deadLetters;

describe('R8: what can hardly be told is told', () => {
  const messages: [what: string, message: unknown][] = [
    ['odd', `the step threw: ${KEPT}`],
    ['huge', expect.stringMatching(/^the step threw: x{9000,10000}… \(200000/)],
    ['unreadable', 'the step threw: what was thrown can not be read'],
    ['nothing', 'the step threw: undefined'],
  ];

  test.each(messages)('by an event whose step throws: %s', async (what, message) => {
    const [address, neighbour] = [await spawn(), await spawn()];
    const [bad, good] = await Promise.allSettled([
      system.send(address, { type: 'THROW', what }),
      system.send(neighbour, { type: 'ADD' }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'step_failed' } });
    expect(good).toMatchObject({ status: 'fulfilled' });
    const error = { name: 'RuntimeError', message, code: 'step_failed', retryable: false };
    expect(await lettersOf(address)).toMatchObject([{ event: { type: 'THROW', what }, error }]);
  });

  test.each(messages)('by a timer whose step throws: %s', async (what, message) => {
    const address = await spawn();
    await system.send(address, { type: 'WAIT', what });
    await expect.poll(() => lettersOf(address), { timeout: 10_000 }).toHaveLength(1);
    expect(await lettersOf(address)).toMatchObject([{ event: { type: 'LATER', what }, error: { message } }]);
  });

  test('by a message in text that Postgres can not hold: the letter says what the step threw', async () => {
    const address = await spawn('telling');
    await system.send(address, { type: 'TELL' });
    const children = async () => (await system.list({ machine: 'told' })).actors;
    await expect.poll(children, { timeout: 10_000 }).toHaveLength(1);
    const child = (await children())[0]?.address ?? '';
    await expect.poll(() => lettersOf(child), { timeout: 10_000 }).toHaveLength(1);
    expect(await lettersOf(child)).toMatchObject([
      { event: { type: 'HEAR', text: KEPT, [KEPT]: 1 }, error: { message: 'the step threw: not this' } },
    ]);
  });
});

describe('R8: what has no end', () => {
  test('an event that raises itself fails', async () => {
    const address = await spawn();
    await expect(system.send(address, { type: 'LOOP' })).rejects.toMatchObject({ code: 'step_failed' });
    expect(await lettersOf(address)).toHaveLength(1);
    expect(await system.send(address, { type: 'ADD' })).toMatchObject({ changed: true });
  });
});
