/** R8: a step that throws, or that can't be stored, harms that one actor at most. */
import { beforeAll, describe, expect, test } from 'vitest';
import { emit, setup } from 'xstate';
import { z } from 'zod';
import type { ActorSystem, DurableMachine } from '../index.ts';
import { key, useWorld } from '../testing/world.ts';
import { turnedClock } from '../timers/turned-clock.ts';

/** Tells somebody when its timer fires. */
const teller: DurableMachine = {
  id: 'teller',
  version: '1',
  input: z.object({ text: z.string() }),
  events: {},
  machine: setup({
    types: { context: {} as { text: string }, input: {} as { text: string } },
  }).createMachine({
    id: 'teller',
    context: ({ input }) => ({ text: input.text }),
    initial: 'waiting',
    states: {
      waiting: { after: { 1000: 'told' } },
      told: { entry: emit(({ context }) => ({ type: 'told', text: context.text })) },
    },
  }) as unknown as DurableMachine['machine'],
};

const world = useWorld();
let system: ActorSystem;
beforeAll(async () => {
  system = await world.start();
});

describe('R8: poison is contained', () => {
  test('a step that throws leaves the actor as it was, and its batch neighbours are committed', async () => {
    const a = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const b = await system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });
    const [bad, good] = await Promise.allSettled([
      system.send(a, { type: 'THROW' }),
      system.send(b, { type: 'ADD', by: 1 }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'step_failed' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { changed: true } });
    expect(await system.send(a, { type: 'ADD', by: 1 })).toMatchObject({ changed: true, revision: 2 });
    const letters = 'SELECT event FROM dead_letters WHERE address = $1';
    const { rows } = await world.database.pool.query(letters, [a]);
    expect(rows).toEqual([{ event: { type: 'THROW' } }]);
  });

  test('a timer whose step is refused is tried again later, and holds up no other', async () => {
    const clock = turnedClock();
    let isRefused = true;
    const turned = await world.start({
      clock,
      machines: [teller],
      effects: [],
      onEmitted: async (transaction, emitted) => {
        const isBad = emitted.some(({ event }) => event.text === 'bad');
        if (isBad && isRefused) await transaction.query('INSERT INTO no_such_table VALUES (1)');
      },
    });
    const spawn = (text: string) => turned.spawn('teller', key(), { input: { text }, owner: 'a' });
    const [first, bad, last] = [await spawn('good'), await spawn('bad'), await spawn('good')];
    await clock.advance('2 s');
    expect(await turned.snapshot(first)).toMatchObject({ value: 'told' });
    expect(await turned.snapshot(last)).toMatchObject({ value: 'told' });
    expect(await turned.snapshot(bad)).toMatchObject({ value: 'waiting', revision: 1 });
    isRefused = false;
    await clock.advance('10 s');
    expect(await turned.snapshot(bad)).toMatchObject({ value: 'told', revision: 2 });
  });
});
