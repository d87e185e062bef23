/** R3: the same idempotency key applied twice changes the state once, and answers the same both times. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../index.ts';
import { RuntimeProcess } from '../testing/fork.ts';
import { key, useWorld } from '../testing/world.ts';

const world = useWorld();
let system: ActorSystem;
beforeAll(async () => {
  system = await world.start();
});
const spawnCounter = () => system.spawn('counter', key(), { input: { start: 0 }, owner: 'a' });

describe('R3: exactly once, by key', () => {
  test('sent at once by two processes it changes the state once and answers the same', async () => {
    const second = await world.start();
    const address = await spawnCounter();
    const idempotencyKey = key();
    const sends = [system, second, system, second].map((one) =>
      one.send(address, { type: 'ADD', by: 5 }, { idempotencyKey }),
    );
    const results = await Promise.all(sends);
    for (const result of results) expect(result).toEqual(results[0]);
    expect(await system.snapshot(address)).toMatchObject({ revision: 2, context: { count: 5 } });
  });

  test('so it does when it comes again after its process was killed, and the actor has gone on', async () => {
    const dying = await RuntimeProcess.start(world.database.connectionString);
    const address = await spawnCounter();
    const keys = ['first', 'second'];
    const events = [
      { type: 'ADD', by: 1 },
      { type: 'ADD', by: 10 },
    ];
    const answers = await dying.send(address, events, keys);
    await dying.end();
    await system.send(address, { type: 'ADD', by: 100 });
    const restarted = await world.start();
    for (const [index, event] of events.entries()) {
      const idempotencyKey = keys[index] ?? '';
      expect(await restarted.send(address, event, { idempotencyKey })).toEqual(answers[index]);
    }
    expect(await system.snapshot(address)).toMatchObject({ revision: 4, context: { count: 111 } });
  });

  test('the answer that nothing changed is remembered too', async () => {
    const address = await spawnCounter();
    const first = await system.send(address, { type: 'RESET' }, { idempotencyKey: 'reset' });
    await system.send(address, { type: 'ADD', by: 1 });
    expect(first).toMatchObject({ revision: 1, changed: false });
    expect(await system.send(address, { type: 'RESET' }, { idempotencyKey: 'reset' })).toEqual(first);
  });

  test('a step that threw is one dead letter, however often it is sent, and at once too', async () => {
    const address = await spawnCounter();
    const fail = (idempotencyKey: string) =>
      system.send(address, { type: 'THROW' }, { idempotencyKey }).catch((error: unknown) => error);
    const first = await fail('throw');
    expect(first).toMatchObject({ code: 'step_failed' });
    expect(await fail('throw')).toMatchObject({ code: 'step_failed', message: (first as Error).message });
    expect((await system.deadLetters({ address })).deadLetters).toHaveLength(1);
    await Promise.all([fail('at once'), fail('at once')]);
    expect((await system.deadLetters({ address })).deadLetters).toHaveLength(2);
  });

  test('an actor that has ended answers a known key, and refuses a new one', async () => {
    const address = await spawnCounter();
    const first = await system.send(address, { type: 'END' }, { idempotencyKey: 'end' });
    expect(await system.send(address, { type: 'END' }, { idempotencyKey: 'end' })).toEqual(first);
    await expect(system.send(address, { type: 'END' }, { idempotencyKey: 'other' })).rejects.toMatchObject({
      code: 'actor_ended',
    });
  });

  test('another payload under the same key is refused; fields in another order are the same payload', async () => {
    const address = await spawnCounter();
    const options = { idempotencyKey: 'k' };
    const first = await system.send(address, { type: 'ADD', by: 5 }, options);
    await expect(system.send(address, { type: 'ADD', by: 6 }, options)).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    expect(await system.send(address, { by: 5, type: 'ADD' }, options)).toEqual(first);
  });

  test('a key belongs to one address', async () => {
    const [a, b] = [await spawnCounter(), await spawnCounter()];
    for (const address of [a, b]) {
      await system.send(address, { type: 'ADD', by: 1 }, { idempotencyKey: 'same' });
      expect(await system.snapshot(address)).toMatchObject({ context: { count: 1 } });
    }
  });

  test('spawn with the same key is the same actor, for its machine and owner', async () => {
    const second = await world.start();
    const idempotencyKey = key();
    const spawn = (one: ActorSystem, owner: string, start = 1) =>
      one.spawn('counter', key(), { input: { start }, owner, idempotencyKey });
    const spawned = await Promise.all([system, second, system, second].map((one) => spawn(one, 'a')));
    expect(new Set(spawned).size).toBe(1);
    expect(await spawn(await world.start(), 'a')).toBe(spawned[0]);
    expect(await spawn(system, 'b')).not.toBe(spawned[0]);
    await expect(spawn(system, 'a', 2)).rejects.toMatchObject({ code: 'idempotency_conflict' });
  });

  test('spawn with the same singleton is the same actor while that one is active', async () => {
    const second = await world.start();
    const spawn = (one: ActorSystem, owner: string) =>
      one.spawn('counter', key(), { input: { start: 1 }, owner, singletonKey: 's' });
    const single = await Promise.all([system, second, system, second].map((one) => spawn(one, 'a')));
    expect(new Set(single).size).toBe(1);
    expect(await spawn(system, 'b')).not.toBe(single[0]);
    await system.send(single[0] as string, { type: 'END' });
    expect(await spawn(second, 'a')).not.toBe(single[0]);
  });

  test('an address twice is the same actor, and never another owner’s', async () => {
    const mine = key();
    const spawn = (owner: string) => system.spawn('counter', mine, { input: { start: 1 }, owner });
    expect(await spawn('a')).toBe(await spawn('a'));
    await expect(spawn('b')).rejects.toMatchObject({ code: 'actor_exists' });
  });

  test('so it is for a process that has never seen the actor, and thinks it new', async () => {
    const [mine, second] = [key(), await world.start()];
    const spawn = (one: ActorSystem, owner: string) =>
      one.spawn('counter', mine, { input: { start: 1 }, owner });
    const address = await spawn(system, 'a');
    const told = [spawn(second, 'a'), second.send(address, { type: 'ADD', by: 2 })];
    expect(await Promise.all(told)).toMatchObject([address, { revision: 2, changed: true }]);
    const third = await world.start();
    await expect(spawn(third, 'b')).rejects.toMatchObject({ code: 'actor_exists' });
    expect(await system.snapshot(address)).toMatchObject({ revision: 2, context: { count: 3 } });
  });
});
