/** R9: what a caller gives beside the event is checked at the call, and refused with an error that names the field. */
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type ActorSystem,
  type ActorSystemOptions,
  createActorSystem,
  type DurableMachine,
  effect,
  goesOn,
  migration,
  type SendOptions,
  type SpawnOptions,
} from '../index.ts';
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

/** What TypeScript would not let through. */
const wrong = <T>(value: unknown): T => value as T;

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
    ['a misspelt name', { ...usual, singletonkey: 'a' }, 'singletonkey'],
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
    ['a misspelt name', { idempotencykey: 'a' }, 'idempotencykey'],
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
    for (const none of [undefined, null, 7])
      await expect(call(none as unknown as string)).rejects.toMatchObject({
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
    ['a limit', () => system.journal('counter/1', { limit: 1_000 }), 'limit'],
    ['a limit', () => system.list({ limit: 501 }), 'limit'],
    ['a limit', () => system.migrate({ dryRun: true, limit: 1.5 }), 'limit'],
    ['a revision', () => system.journal('counter/1', { from: -1 }), 'from'],
    ['a status', () => system.list({ status: 'x' as 'active' }), 'status'],
    ['an owner', () => system.list(wrong({ owner: 3 })), 'owner'],
    ['an owner', () => system.list({ owner: 'a\0' }), 'owner'],
    ['an owner', () => system.inspect({ owner: 'a\0' }), 'owner'],
    ['an owner', () => system.deadLetters({ owner: 'a\0' }), 'owner'],
    ['a machine', () => system.list({ machine: ['a', 'a\0'] }), 'machine'],
    ['a machine', () => system.list(wrong({ machine: 3 })), 'machine'],
    ['a cursor', () => system.list(wrong({ cursor: 3 })), 'cursor'],
    ['no owner', () => system.listEnded(wrong({ machine: 'a', since: new Date() })), 'owner'],
    ['no machine', () => system.listEnded(wrong({ owner: 'a', since: new Date() })), 'machine'],
    ['no time', () => system.listEnded(wrong({ owner: 'a', machine: 'a', since: 'x' })), 'since'],
    ['an address', () => system.inspect({ address: 'a\0' }), 'address'],
    ['an address', () => system.deadLetters({ address: 'a\0' }), 'address'],
    ['a time', () => system.drain({ timeoutMs: -1 }), 'timeoutMs'],
    ['a time', () => system.drain(wrong({ timeoutMs: 'x' })), 'timeoutMs'],
    ['a time', () => system.drain({ timeoutMs: Number.POSITIVE_INFINITY }), 'timeoutMs'],
    ['an id', () => system.retryDeadLetter(wrong(undefined)), 'id'],
    ['an id', () => system.discardDeadLetter(wrong(7)), 'id'],
    ['an id', () => system.deadLetter(wrong(null)), 'id'],
    ['a source', () => system.retryDeadLetter('1', { source: 'a\0' }), 'source'],
    ['a source', () => system.discardDeadLetter('1', wrong({ source: 3 })), 'source'],
    ['a source', () => system.stop('counter/1', wrong({ source: 3 })), 'source'],
    ['an end', async () => system.waitFor(await spawn(), 'gone' as 'done', { timeoutMs: 1 }), 'until'],
  ])('%s that is none', async (_, call, field) => {
    await expect(call()).rejects.toMatchObject({ code: 'invalid_input', details: { field } });
  });

  const misspelt: [call: string, name: string, call: () => Promise<unknown>][] = [
    ['list', 'state', () => system.list(wrong({ state: 'active' }))],
    ['journal', 'form', () => system.journal('counter/1', wrong({ form: 1 }))],
    ['inspect', 'before', () => system.inspect(wrong({ before: '0.0' }))],
    ['deadLetters', 'adress', () => system.deadLetters(wrong({ adress: 'a' }))],
    ['migrate', 'dryrun', () => system.migrate(wrong({ dryrun: true }))],
    ['migrate', 'machines', () => system.migrate(wrong({ dryRun: false, machines: 'a' }))],
    ['stop', 'by', () => system.stop('counter/1', wrong({ by: 'a' }))],
    ['retryDeadLetter', 'by', () => system.retryDeadLetter('1', wrong({ by: 'a' }))],
    ['waitFor', 'timeout', () => system.waitFor('counter/1', 'done', wrong({ timeout: 1 }))],
    ['drain', 'timeout', () => system.drain(wrong({ timeout: 1 }))],
  ];
  test.each(misspelt)('%s with the option %s, which it does not have', async (_, field, call) => {
    await expect(call()).rejects.toMatchObject({ code: 'invalid_input', details: { field } });
  });

  test('none of these has stopped anything', async () => {
    expect((await system.send(await spawn(), { type: 'RESET' })).status).toBe('active');
  });

  test.each<[what: string, options: (parts: object) => unknown, field: string]>([
    ['null', () => null, 'options'],
    ['a misspelt name', (parts) => ({ ...parts, leese: 3 }), 'leese'],
    ['a misspelt meter', (parts) => ({ ...parts, telemetry: { metric: {} } }), 'metric'],
    ['no database', () => ({ machines: [], effects: [] }), 'database'],
    ['an undefined database', () => ({ database: undefined, machines: [], effects: [] }), 'database'],
    ['a pool alone', (parts) => ({ ...parts, connectionString: undefined }), 'connectionString'],
  ])('a system with %s', async (_, options, field) => {
    const { pool, connectionString } = world.database;
    const given = options({ pool, connectionString, machines: [], effects: [] });
    await expect(createActorSystem(given as ActorSystemOptions)).rejects.toMatchObject({
      code: 'invalid_input',
      retryable: false,
      details: { field },
    });
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

describe('R9: names that a declaration does not have', () => {
  test.each<[name: string, declared: object]>([
    ['evnts', { evnts: {} }],
    ['journal.keeplast', { journal: { keeplast: 3 } }],
    ['event', { previous: [goesOn(wrong({ version: '0', machine: taker.machine, events: {}, event: {} }))] }],
  ])('a machine with %s', async (name, declared) => {
    const started = world.start({ machines: [{ ...taker, ...declared }], effects: [] });
    await expect(started).rejects.toMatchObject({
      code: 'registration_refused',
      message: expect.stringContaining(`it has no ${name}:`),
    });
  });

  test.each<[name: string, policy: object]>([
    ['timeuot', { timeuot: '1 s' }],
    ['retries.limt', { retries: { limt: 1 } }],
  ])('an effect with %s', (name, policy) => {
    const declare = () => effect('look', { input: z.any(), output: z.any(), ...policy }, async () => 1);
    expect(declare).toThrow(
      expect.objectContaining({
        code: 'registration_refused',
        message: expect.stringContaining(`it has no ${name}:`),
      }),
    );
  });

  test('an effect without a policy', () => {
    expect(() => effect('look', undefined as never, async () => 1)).toThrow(/its input is not a zod schema/);
  });

  test('a migration whose renaming would be lost', () => {
    const version = { version: '1', machine: taker.machine, context: z.any() };
    const declared = { from: version, to: version, rename: { states: {} }, migrate: () => ({ context: {} }) };
    expect(() => migration(declared as never)).toThrow(/it has no rename:/);
  });
});
