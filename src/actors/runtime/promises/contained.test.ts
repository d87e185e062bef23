/**
 * What is remembered, contained and refused: the trouble of one actor, or its text, harms no other. Faults of the
 * connection: `faults.test.ts`.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ODD_TEXT, start, useFaults } from '../testing/faulty-system.ts';

useFaults();

describe('R3, R8, R9: what is remembered, contained and refused', () => {
  test('a key that met a running singleton answers the same when that one has ended', async () => {
    const { system } = await start();
    const singletonKey = randomUUID();
    const options = { input: {}, owner: 'a', singletonKey };
    const first = await system.spawn('subject', randomUUID(), options);
    const idempotencyKey = randomUUID();
    expect(await system.spawn('subject', randomUUID(), { ...options, idempotencyKey })).toBe(first);
    await system.send(first, { type: 'END' });
    expect(await system.spawn('subject', randomUUID(), { ...options, idempotencyKey })).toBe(first);
  });

  test('a delay that is no number fails that step, and no other', async () => {
    const { system, spawn } = await start();
    const [a, b] = [await spawn(), await spawn()];
    const [bad, good] = await Promise.allSettled([
      system.send(a, { type: 'BREAK' }),
      system.send(b, { type: 'ADD' }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'step_failed' } });
    expect(good).toMatchObject({ status: 'fulfilled' });
    expect(await system.snapshot(a)).toMatchObject({ revision: 1, timers: [] });
  });

  test('R8: a row that Postgres refuses harms its step alone, and none of its batch', async () => {
    const { system, spawn } = await start();
    const [first, bad, last] = [await spawn(), await spawn(), await spawn()];
    const sent = await Promise.allSettled([
      system.send(first, { type: 'ADD' }),
      system.send(bad, { type: 'SPOIL' }),
      system.send(last, { type: 'ADD' }),
    ]);
    const added = { status: 'fulfilled', value: { revision: 2, changed: true } };
    const refused = { status: 'rejected', reason: { code: 'step_failed' } };
    expect(sent).toMatchObject([added, refused, added]);
    expect(await system.send(bad, { type: 'ADD' })).toMatchObject({ revision: 2, value: 'idle' });
  });

  test('R1: context comes back as the machine left it, whatever its text', async () => {
    const { system, spawn } = await start();
    const [address, neighbour] = [await spawn(), await spawn()];
    await Promise.all([system.send(address, { type: 'SAY' }), system.send(neighbour, { type: 'ADD' })]);
    const another = (await start()).system;
    await another.send(address, { type: 'ADD' });
    const context = { said: ODD_TEXT, count: 1, fired: 0, result: null };
    expect(await another.snapshot(address)).toMatchObject({ value: 'idle', context });
    const { actors } = await another.list({ machine: 'subject', limit: 2 });
    expect(actors.map(({ context: { count } }) => count)).toEqual([1, 1]);
    const journal = await another.journal(address, { from: 3 });
    expect(journal.map(({ snapshot }) => snapshot.context)).toEqual([context]);
  });

  test.each([['\0'], ['\ud800']])('text that can not be stored is refused: %j', async (note) => {
    const { system, spawn } = await start();
    const address = await spawn();
    await expect(system.send(address, { type: 'ADD', note })).rejects.toMatchObject({
      code: 'invalid_event',
    });
    expect(await system.send(address, { type: 'ADD', note: 'the words \\u0000' })).toMatchObject({
      changed: true,
    });
  });
});
