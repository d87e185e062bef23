/**
 * What whoever runs TTAI can do about actors: over HTTP and the command line, on the real runtime and database. Each
 * operation is tried as a stranger, as the owner and as an operator.
 */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { assign, fromPromise, setup } from 'xstate';
import { z } from 'zod';
import {
  type ActorSystem,
  createActorSystem,
  type DurableMachine,
  effect,
} from '../src/actors/runtime/index.ts';
import { runCli } from '../src/cli/main.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import { hashToken } from '../src/server/auth.ts';
import { type RunningServer, startServer } from '../src/server/index.ts';
import { fakeAnalysis, fakeNotifications, fakeRecords, fakeRooms } from '../src/server/testing/fake-rooms.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** While this is set, the machine's steps on `ADD` throw: what an operator mends before a retry. */
let broken = false;

const child = setup({}).createMachine({ id: 'parcel', initial: 'packed', states: { packed: {} } });
const parcel = {
  ...{ id: 'parcel', version: '1', input: z.object({}), events: {}, machine: child },
} satisfies DurableMachine;

/** A time that an actor keeps. */
const since = '2026-11-28T03:17:10Z';

const order = {
  id: 'order',
  version: '1',
  input: z.object({}),
  events: { ADD: z.object({ count: z.number(), token: z.string() }), SHIP: z.object({}) },
  journal: { redact: ['context.token', 'event.token'] },
  machine: setup({
    types: {
      context: {} as { count: number; token: string | null; since: string },
      events: {} as { type: 'ADD'; count: number; token: string } | { type: 'SHIP' },
    },
    actors: { charge: fromPromise<unknown>(async () => null), parcel: child },
  }).createMachine({
    id: 'order',
    context: { count: 0, token: null, since },
    initial: 'open',
    states: {
      open: {
        on: {
          ADD: {
            actions: assign(({ event }) => {
              if (broken) throw new Error('\u001b[2Jthe shelf is broken');
              return { count: event.count, token: event.token };
            }),
          },
          SHIP: 'shipping',
        },
      },
      shipping: {
        after: { 86400000: 'open' },
        invoke: [
          { id: 'charge', src: 'charge' },
          { id: 'parcel', src: 'parcel' },
        ],
      },
    },
  }),
} satisfies DurableMachine;

const held = effect(
  'charge',
  { input: z.unknown(), output: z.unknown(), timeout: '1 h' },
  (_, { signal }) => {
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  },
);

let database: TestDatabase;
let system: ActorSystem;
let server: RunningServer;
let folder: string;

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const tokens = { stranger: 'token-of-bob', owner: 'token-of-ann', operator: 'token-of-opal' } as const;
type Who = keyof typeof tokens;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttai-operators-'));
  const tokensFile = join(folder, 'tokens');
  const { stranger, owner, operator } = tokens;
  await writeFile(
    tokensFile,
    `${hashToken(stranger)} bob\n${hashToken(owner)} ann\noperator ${hashToken(operator)} opal\n`,
  );
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  system = await createActorSystem({
    ...{ pool, connectionString, machines: [order, parcel], effects: [held] },
  });
  server = await startServer({
    config: { host: '127.0.0.1', port: 0, marketData: 'simulated', authTokensFile: tokensFile },
    ...{ ...fakeRooms(), system, records: recordsOf(pool) },
    ...{ system, notifications: fakeNotifications, analysis: fakeAnalysis, records: fakeRecords },
    ...{ health: {}, serverId: 'test', log: quiet },
  });
});
afterAll(async () => {
  await server?.stop();
  await system?.drain({ timeoutMs: 100 });
  await database?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  broken = false;
});

/** An order of Ann's, and the id of a dead letter of it. */
async function brokenOrder(): Promise<{ address: string; letter: string }> {
  const address = await system.spawn('order', randomUUID(), { input: {}, owner: 'ann' });
  broken = true;
  const add = { type: 'ADD', count: 1, token: 'sekret' };
  await expect(system.send(address, add, { source: 'test' })).rejects.toMatchObject({ code: 'step_failed' });
  broken = false;
  const { deadLetters } = await system.deadLetters({ address });
  return { address, letter: deadLetters[0]?.id ?? '' };
}

async function ask(
  who: Who,
  method: string,
  path: string,
  body: object = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${server.url}/api${path}`, {
    method,
    headers: { authorization: `Bearer ${tokens[who]}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

interface Ran {
  code: number;
  out: string;
  notes: string;
}

async function ttai(who: Who, ...args: string[]): Promise<Ran> {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await runCli(['actors', ...args], {
    env: { TTAI_URL: server.url, TTAI_HOME: folder, TTAI_TOKEN: tokens[who] },
    terminal: {
      out: (line) => out.push(...line.split('\n')),
      note: (line) => notes.push(line),
      status: undefined,
      style: (_, text) => text,
    },
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}

describe('who may do what', () => {
  const missing = { address: 'order/none', letter: '999999999' };
  const operations: [what: string, method: string, path: (of: typeof missing) => string, code: string][] = [
    ['show', 'GET', ({ address }) => `/actors/${address}`, 'actor_not_found'],
    ['history', 'GET', ({ address }) => `/actors/${address}/history`, 'actor_not_found'],
    ['pending', 'GET', ({ address }) => `/actors/${address}/pending`, 'actor_not_found'],
    ['stop', 'POST', ({ address }) => `/actors/${address}/stop`, 'actor_not_found'],
    ['one dead letter', 'GET', ({ letter }) => `/dead-letters/${letter}`, 'dead_letter_not_found'],
    ['retry', 'POST', ({ letter }) => `/dead-letters/${letter}/retry`, 'dead_letter_not_found'],
    ['discard', 'POST', ({ letter }) => `/dead-letters/${letter}/discard`, 'dead_letter_not_found'],
  ];

  test.each(operations)('%s: the owner and an operator; to a stranger it does not exist', async (...of) => {
    const [, method, path, code] = of;
    const ours = await brokenOrder();
    const { revision } = await system.snapshot(ours.address);
    const theirs = await ask('stranger', method, path(ours));
    const unknown = await ask('stranger', method, path(missing));
    expect([theirs.status, JSON.parse(theirs.text)]).toMatchObject([404, { error: { code } }]);
    expect(
      theirs.text
        .replace(ours.address, missing.address)
        .replace(`letter ${ours.letter}.`, `letter ${missing.letter}.`),
    ).toBe(unknown.text);
    expect(await system.snapshot(ours.address)).toMatchObject({ revision, status: 'active' });
    expect(await system.deadLetter(ours.letter)).toMatchObject({ address: ours.address });
    for (const who of ['owner', 'operator'] as const) {
      const { status, text } = await ask(who, method, path(await brokenOrder()));
      expect([who, status, text]).toEqual([who, 200, expect.not.stringContaining('sekret')]);
    }
  });

  test('lists: the own ones, and for an operator those of all', async () => {
    const { address, letter } = await brokenOrder();
    const common = await system.spawn('order', randomUUID(), { input: {}, owner: 'system' });
    const listed = async (who: Who, path: string) => (await ask(who, 'GET', path)).text;
    for (const path of ['/actors', '/actors?owner=ann', '/actors?owner=nobody', '/actors?owner=system']) {
      expect(await listed('stranger', path)).toBe('{"actors":[],"nextCursor":null}');
    }
    for (const path of [
      '/dead-letters',
      '/dead-letters?owner=ann',
      `/dead-letters?machine=order&key=${address.slice(6)}`,
    ]) {
      expect(await listed('stranger', path)).toBe('{"deadLetters":[],"nextCursor":null}');
    }
    expect(await listed('owner', '/actors')).toContain(address);
    expect(await listed('owner', '/actors')).not.toContain(common);
    expect(await listed('owner', '/dead-letters')).toContain(`"id":"${letter}"`);
    expect(await listed('operator', '/actors')).toContain(common);
    expect(await listed('operator', '/actors?owner=ann')).not.toContain(common);
    expect(await listed('operator', '/dead-letters?owner=ann')).toContain(`"id":"${letter}"`);
    expect(await listed('operator', '/dead-letters?owner=bob')).not.toContain(`"id":"${letter}"`);
  });

  test('migrate: an operator only', async () => {
    for (const who of ['stranger', 'owner'] as const) {
      const { status, text } = await ask(who, 'POST', '/actors/migrate', { dryRun: true });
      expect([status, JSON.parse(text)]).toMatchObject([403, { error: { code: 'operators_only' } }]);
      expect(await ttai(who, 'migrate')).toMatchObject({
        code: 1,
        notes: expect.stringContaining('--operator'),
      });
    }
    expect((await ask('operator', 'POST', '/actors/migrate', { dryRun: false })).status).toBe(200);
  });

  test('migrate: not by accident, but only with a body that says whether it is meant', async () => {
    for (const [path, body] of [
      ['/actors/migrate', {}],
      ['/actors/migrate?dryRun=true', {}],
      ['/actors/migrate', { machine: 'order' }],
    ] as const) {
      const { status, text } = await ask('operator', 'POST', path, body);
      expect([status, JSON.parse(text)]).toMatchObject([400, { error: { code: 'invalid_input' } }]);
      expect(text).toContain('dryRun');
    }
    const { text } = await ask('operator', 'POST', '/actors/migrate');
    expect((JSON.parse(text) as { error: { message: string } }).error.message).toContain('{"dryRun": true}');
  });

  test('a POST with fields where they would not be read does nothing', async () => {
    const { address } = await brokenOrder();
    const key = address.slice('order/'.length);
    expect((await ask('owner', 'POST', `/actors/${address}/stop?dryRun=true`)).status).toBe(400);
    expect((await ask('owner', 'POST', `/actors/order/${key}/stop`, { key: 'another' })).status).toBe(400);
    expect((await system.snapshot(address)).status).toBe('active');
  });
});

describe('the command line', () => {
  const isNarrow = (text: string) => Math.max(...text.split('\n').map((line) => line.length)) <= 80;

  test('lists actors in 80 columns, with addresses to copy; alone, it lists', async () => {
    const { address } = await brokenOrder();
    await system.spawn('order', 'of-all', { input: {}, owner: 'system' });
    const { code, out } = await ttai('operator', '--limit', '100');
    expect(code).toBe(0);
    expect(out).toMatch(/^STATUS +STATE +AGO +OWNER +ADDRESS$/m);
    expect(out).toMatch(new RegExp(`^active +open +.* ann +${address}$`, 'm'));
    expect(isNarrow(out)).toBe(true);
    expect((await ttai('owner', 'list')).out).not.toContain('OWNER');
    const { actors } = JSON.parse((await ttai('owner', '--json')).out) as { actors: { address: string }[] };
    expect(actors.map((actor) => actor.address)).toContain(address);
    expect((await ttai('operator', '--status', 'quarantined')).out).toBe('No such actors.');
  });

  test('tells why an actor does not move: timer, effect, child, and who runs it', async () => {
    const { address } = await brokenOrder();
    await system.send(address, { type: 'SHIP' }, { source: 'test' });
    const { out } = await ttai('owner', 'pending', address);
    expect(out).toMatch(/xstate\.after\.86400000\.order\.shipping\n.* due .*, in 23 h$/m);
    expect(out).toMatch(
      /charge \(charge\)\n +running.*; has not failed\n.*\n +run by process [0-9a-f-]{36}$/m,
    );
    expect(out).toMatch(new RegExp(`parcel: (active|not there yet)\\n +parcel/${address.slice(6)}:`));
    expect(out).toContain(`actors dead-letters --address ${address}`);
    const shown = await ttai('owner', 'show', address);
    expect(shown.out).toMatch(/^ +State +shipping$/m);
    // What it holds is shown as it is kept, not by the clock of the reader.
    expect(shown.out).toContain(`"since": "${since}"`);
    expect(shown.out).toContain(`parcel/${address.slice(6)}:`);
    await system.stop(address);
    expect((await ttai('owner', 'pending', address)).out).toContain('It has ended');
  });

  test('tells what happened, without secrets', async () => {
    const { address } = await brokenOrder();
    await system.send(address, { type: 'ADD', count: 2, token: 'sekret' }, { source: 'test' });
    await system.send(address, { type: 'SHIP' }, { source: 'test' });
    const { out } = await ttai('owner', 'history', address);
    expect(out).toMatch(
      /ADD {2}\(failed\)\n +open -> open\n +from test\n.*the shelf.*\n +keeps ADD as a dead letter/,
    );
    expect(out).toMatch(/SHIP\n +open -> shipping\n +from test\n(.*\n)* +starts charge \(charge\)/);
    const { steps } = JSON.parse(
      (await ttai('owner', 'history', address, '--from', '2', '--limit', '1', '--json')).out,
    ) as {
      steps: { revision: number }[];
    };
    expect(steps.map(({ revision }) => revision)).toEqual([2]);
    for (const command of ['show', 'history', 'pending']) {
      const ran = await ttai('owner', command, address, '--json');
      expect([command, ran.code, ran.out]).toEqual([command, 0, expect.not.stringContaining('sekret')]);
    }
  });

  test('retries a dead letter, once, when its cause is mended; the journal names the operator', async () => {
    const { address, letter } = await brokenOrder();
    const listed = await ttai('owner', 'dead-letters', '--address', address);
    expect(listed.out).toMatch(new RegExp(`^ *${letter} +.* ADD +.* +${address}$`, 'm'));
    expect(isNarrow(listed.out)).toBe(true);
    // What would steer the terminal is shown, not obeyed.
    expect((await ttai('owner', 'dead-letters', letter)).out).toContain('\\x1b[2Jthe shelf is broken');
    broken = true;
    expect(await ttai('operator', 'retry', letter)).toMatchObject({
      code: 1,
      notes: expect.stringContaining('(step_failed)'),
    });
    broken = false;
    expect((await ttai('operator', 'retry', letter)).out).toBe(
      `The event was taken. ${address}: active, in open`,
    );
    expect((await system.snapshot(address)).context).toMatchObject({ count: 1, token: 'sekret' });
    expect(await ttai('operator', 'retry', letter)).toMatchObject({
      code: 1,
      notes: expect.stringContaining('(dead_letter_not_found)'),
    });
    expect((await system.journal(address)).at(-1)).toMatchObject({ source: 'api opal' });
  });

  test('discards a dead letter, and stops an actor for good', async () => {
    const { address, letter } = await brokenOrder();
    expect((await ttai('owner', 'discard', letter)).out).toBe(`Discarded ADD, for ${address}.`);
    expect((await ttai('owner', 'dead-letters', '--address', address)).out).toBe('No dead letters.');
    expect((await ttai('owner', 'stop', address)).out).toBe(`${address}: stopped, in open`);
    expect((await ttai('owner', 'stop', address)).code).toBe(0);
    expect((await system.journal(address)).at(-1)).toMatchObject({ kind: 'stop', source: 'api' });
  });

  test('says what a migration would do', async () => {
    const dry = await ttai('operator', 'migrate', '--machine', 'order', '--dry-run');
    expect(dry).toMatchObject({ code: 0, out: expect.stringContaining('A dry run') });
    expect(dry.out).toMatch(/^order +1 +\d+ +0 +0 +0 +0 +0$/m);
    expect(isNarrow(dry.out)).toBe(true);
    const address = await system.spawn('order', randomUUID(), { input: {}, owner: 'ann' });
    await database.pool.query(`UPDATE actors SET version = '0' WHERE address = $1`, [address]);
    const report = JSON.parse((await ttai('operator', 'migrate', '--dry-run', '--json')).out) as object;
    expect(report).toMatchObject({
      dryRun: true,
      versions: expect.arrayContaining([
        expect.objectContaining({ machine: 'order', version: '0', current: 0 }),
      ]),
    });
  });

  test.each([
    ['an unknown command', ['dance'], 2, /no command "dance".*--help/],
    ['an address that is none', ['show', 'order'], 2, /"order" is not the address of an actor/],
    ['an unknown actor', ['show', 'order/none'], 1, /actor_not_found/],
    ['a key with a space', ['show', 'order/a b'], 2, /key: is not the key of an actor/],
    ['an unknown status', ['--status', 'tired'], 2, /Allowed choices are active/],
    ['a count that is no number', ['history', 'order/a', '--limit', 'all'], 2, /"all" is not a number/],
    ['a revision of a fraction', ['history', 'order/a', '--from', '1.5'], 2, /from: /],
    ['an unknown dead letter', ['retry', '999999999'], 1, /dead_letter_not_found/],
    ['a dead letter that can be none', ['discard', 'x'], 1, /dead_letter_not_found/],
    ['an unknown machine', ['migrate', '--machine', 'none'], 1, /machine_not_found/],
    ['a cursor of another list', ['--cursor', 'x'], 2, /^This is no cursor of this list: take the one/],
    [
      'one of dead letters',
      ['dead-letters', '--cursor', 'x'],
      2,
      /^This is no cursor of this list: take the one/,
    ],
  ])('%s', async (_, args, code, words) => {
    const ran = await ttai('operator', ...args);
    expect(ran).toMatchObject({ code, out: '', notes: expect.stringMatching(words) });
  });

  test('help has examples', async () => {
    expect(await ttai('owner', '--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('actors pending marketWatch/main'),
    });
  });
});
