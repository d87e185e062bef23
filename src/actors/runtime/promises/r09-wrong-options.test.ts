/** R9: what a caller gives beside the event is checked at the call, and refused with an error that names the field. */
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ActorSystem, DurableMachine, SendOptions, SpawnOptions } from '../index.ts';
import { counter } from '../testing/subjects.ts';
import { key, useWorld } from '../testing/world.ts';

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
let deep: unknown = 1;
for (let level = 0; level < 100_000; level++) deep = [deep];

/** Takes whatever JSON can hold. */
const taker: DurableMachine = {
  ...counter,
  input: z.looseObject({ start: z.number() }),
  events: {
    RESET: z.looseObject({}),
    THROW: z.object({ text: z.string().transform((text) => new URL(text).href) }),
    ADD: z.object({ by: z.number().refine(async () => true) }),
  },
};

const world = useWorld();
let system: ActorSystem;
beforeAll(async () => {
  system = await world.start({ machines: [taker], effects: [] });
});
const usual = { input: { start: 0 }, owner: 'a' };
const spawn = () => system.spawn('counter', key(), usual);

describe('R9: wrong options of a call', () => {
  test.each<[what: string, options: unknown, field: string]>([
    ['no options', undefined, 'options'],
    ['no owner', { input: { start: 0 } }, 'owner'],
    ['an empty owner', { ...usual, owner: '' }, 'owner'],
    ['an owner with a NUL', { ...usual, owner: 'a\0' }, 'owner'],
    ['an owner that is a number', { ...usual, owner: 7 }, 'owner'],
    ['a singletonKey that is null', { ...usual, singletonKey: null }, 'singletonKey'],
    ['a singletonKey with a NUL', { ...usual, singletonKey: '\0' }, 'singletonKey'],
    ['an idempotencyKey that is a number', { ...usual, idempotencyKey: 1 }, 'idempotencyKey'],
    ['an idempotencyKey with half a character', { ...usual, idempotencyKey: '\ud800' }, 'idempotencyKey'],
  ])('spawn with %s', async (_, options, field) => {
    const asked = system.spawn('counter', key(), options as SpawnOptions);
    await expect(asked).rejects.toMatchObject({
      code: 'invalid_input',
      retryable: false,
      details: { field },
    });
  });

  test.each<[key: unknown]>([[undefined], [null], [12], [['a']]])('spawn with the key %s', async (wrong) => {
    const asked = system.spawn('counter', wrong as string, usual);
    await expect(asked).rejects.toMatchObject({ code: 'invalid_input', details: { field: 'key' } });
  });

  test.each<[what: string, options: unknown, field: string]>([
    ['options that are null', null, 'options'],
    ['a source with a NUL', { source: 'a\0' }, 'source'],
    ['a source that is an object', { source: {} }, 'source'],
    ['an idempotencyKey that is null', { idempotencyKey: null }, 'idempotencyKey'],
  ])('send with %s', async (_, options, field) => {
    const sent = system.send(await spawn(), { type: 'RESET' }, options as SendOptions);
    await expect(sent).rejects.toMatchObject({ code: 'invalid_input', details: { field } });
  });

  const calls: [what: string, call: (address: string) => Promise<unknown>][] = [
    ['send', (address) => system.send(address, { type: 'RESET' })],
    ['snapshot', (address) => system.snapshot(address)],
    ['pending', (address) => system.pending(address)],
    ['journal', (address) => system.journal(address)],
    ['stop', (address) => system.stop(address)],
    ['waitFor', (address) => system.waitFor(address, 'done', { timeoutMs: 1_000 })],
  ];
  test.each(calls)('%s of an address that is none', async (_, call) => {
    const details = { field: 'address' };
    for (const wrong of [undefined, null, 7])
      await expect(call(wrong as unknown as string)).rejects.toMatchObject({
        code: 'invalid_input',
        details,
      });
    await expect(call('counter/a\0')).rejects.toMatchObject({ code: 'actor_not_found' });
  });

  test.each<[what: string, call: () => Promise<unknown>, field: string]>([
    ['a limit', () => system.list({ limit: Number.NaN }), 'limit'],
    ['a limit', () => system.deadLetters({ limit: -1 }), 'limit'],
    ['a limit', () => system.inspect({ limit: 1.5 }), 'limit'],
    ['a limit', () => system.journal('counter/1', { limit: -1 }), 'limit'],
    ['a dry run', () => system.migrate({} as { dryRun: boolean }), 'dryRun'],
    ['a dry run', () => system.migrate({ dryRun: 'no' } as unknown as { dryRun: boolean }), 'dryRun'],
    ['a dry run', () => system.migrate(undefined as unknown as { dryRun: boolean }), 'dryRun'],
    ['a revision', () => system.journal('counter/1', { from: Number.NaN }), 'from'],
    ['a time', async () => system.waitFor(await spawn(), 'done', { timeoutMs: Number.NaN }), 'timeoutMs'],
    ['a time', async () => system.waitFor(await spawn(), 'done', {} as { timeoutMs: number }), 'timeoutMs'],
    ['an end', async () => system.waitFor(await spawn(), 'gone' as 'done', { timeoutMs: 1 }), 'until'],
  ])('%s that is none', async (_, call, field) => {
    await expect(call()).rejects.toMatchObject({ code: 'invalid_input', details: { field } });
  });

  test('a wait of longer than Node’s timers take is one, and not none', async () => {
    const address = await spawn();
    const stop = new AbortController();
    const waiting = system.waitFor(address, 'done', { timeoutMs: 1e12, signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 20);
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('R9: values that can not be stored', () => {
  test.each<[what: string, value: unknown, place: RegExp]>([
    ['a BigInt', 1n, /value is a bigint/],
    ['a cycle', cycle, /value\.self.*contains itself/],
    ['what is too deep', deep, /value\.0.*deeper than 500/],
    ['a function', () => 1, /value is a function/],
    ['a Date', new Date(0), /value is a Date/],
    ['NaN', Number.NaN, /value is NaN/],
    ['a NUL', 'a\0', /value holds a NUL/],
    ['half a character', ['\ud800'], /value\.0 holds/],
    ['a key with a NUL', { 'a\0': 1 }, /value\.a holds/],
  ])('%s in an event, and in an input', async (_, value, place) => {
    const message = expect.stringMatching(place);
    const address = await spawn();
    const sent = system.send(address, { type: 'RESET', value });
    await expect(sent).rejects.toMatchObject({ code: 'invalid_event', message });
    const input = { start: 0, value };
    const spawned = system.spawn('counter', key(), { input, owner: 'a' });
    await expect(spawned).rejects.toMatchObject({ code: 'invalid_input', message });
  });

  test('a schema that throws has something against the event', async () => {
    const sent = system.send(await spawn(), { type: 'THROW', text: 'no address' });
    await expect(sent).rejects.toMatchObject({
      code: 'invalid_event',
      message: expect.stringMatching(/THROW.*Invalid URL/),
    });
    const later = system.send(await spawn(), { type: 'ADD', by: 1 });
    await expect(later).rejects.toMatchObject({
      code: 'invalid_event',
      message: expect.stringMatching(/its schema throws/),
    });
  });
});
