/** The operators' operations: each one tried as a stranger, as the owner and as an operator. */
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { InspectionRecord } from '../../actors/runtime/types.ts';
import { fakeRooms } from '../testing/fake-rooms.ts';
import type { FakeSystem } from '../testing/fake-system.ts';
import { type OperationContext, operations } from './index.ts';

const at = new Date('2026-03-02T15:00:00Z');
const ann = { owner: 'ann', operator: false };
const bob = { owner: 'bob', operator: false };
const operator = { owner: 'opal', operator: true };

let system: FakeSystem;
let rooms: ReturnType<typeof fakeRooms>;
/** Ann's. */
const mine = { machine: 'analysis', key: 'a' };

beforeEach(async () => {
  rooms = fakeRooms();
  system = rooms.system;
  await system.spawn('analysis', 'a', { input: { symbol: 'AAPL' }, owner: 'ann' });
  await system.spawn('marketWatch', 'main', { input: {}, owner: 'system' });
});

type Who = Pick<OperationContext, 'owner' | 'operator'>;

async function call(name: string, input: unknown, as: Who): Promise<Record<string, unknown>> {
  const operation = operations.find((candidate) => candidate.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  return (await operation.call({ ...rooms, ...as, source: 'api' }, input)).output;
}

/** What was thrown, as a caller sees it. */
async function refusal(promise: Promise<unknown>): Promise<object> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!(error instanceof TtaiError)) throw error;
  const { code, message, retryable, details } = error;
  return { code, message, retryable, details };
}

const ofOne = operations.filter(({ http }) => http.path.startsWith('/actors/{machine}/{key}'));

it('none of them is a tool of assistants', () => {
  const theirs = operations.filter(({ http }) => /^\/(actors|dead-letters)/.test(http.path));
  expect(theirs.map(({ doors }) => doors)).toEqual(theirs.map(() => ['api']));
  expect(ofOne.map(({ name }) => name)).toEqual([
    'get_actor',
    'get_actor_history',
    'get_actor_pending',
    'stop_actor',
  ]);
});

describe.each(ofOne.map(({ name }) => name))('%s', (name) => {
  it('answers its owner and an operator', async () => {
    expect(await call(name, mine, ann)).toBeTypeOf('object');
    expect(await call(name, mine, operator)).toBeTypeOf('object');
    // What serves all owners can be looked at, and not stopped.
    if (name === 'stop_actor') return;
    expect(await call(name, { machine: 'marketWatch', key: 'main' }, operator)).toBeTypeOf('object');
  });

  it('answers a stranger as if the actor did not exist, and does nothing', async () => {
    const before = [...system.actors.values()];
    const theirs = await refusal(call(name, mine, bob));
    expect(theirs).toMatchObject({ code: 'actor_not_found' });
    system.actors.delete('analysis/a');
    expect(await refusal(call(name, mine, bob))).toEqual(theirs);
    expect(await refusal(call(name, { machine: 'marketWatch', key: 'main' }, ann))).toMatchObject({
      code: 'actor_not_found',
    });
    expect([...system.actors.values()]).toEqual(before.slice(1));
  });

  it.each([
    ['a key with NUL', { machine: 'analysis', key: '\u0000' }, 'key'],
    ['a key with a slash', { machine: 'analysis', key: 'a/b' }, 'key'],
    ['no key', { machine: 'analysis' }, 'key'],
    ['a machine with a slash', { machine: 'a/b', key: 'c' }, 'machine'],
    ['a key of 1,000 characters', { machine: 'a', key: 'a'.repeat(1_000) }, 'key'],
    ['an unknown field', { ...mine, force: true }, '(whole input)'],
  ])('refuses %s', async (_, input, field) => {
    expect(await refusal(call(name, input, operator))).toMatchObject({
      code: 'invalid_input',
      details: { issues: expect.arrayContaining([expect.objectContaining({ field })]) },
    });
  });
});

describe('list_actors', () => {
  const addresses = async (input: object, as: Who) => {
    const { actors } = await call('list_actors', input, as);
    return (actors as { address: string }[]).map(({ address }) => address);
  };

  it('has the own ones, and for an operator all', async () => {
    expect(await addresses({}, ann)).toEqual(['analysis/a']);
    expect(await addresses({}, bob)).toEqual([]);
    expect(await addresses({}, operator)).toEqual(['marketWatch/main', 'analysis/a']);
  });

  it("tells nothing of another owner's to who asks for them", async () => {
    expect(await addresses({ owner: 'ann' }, ann)).toEqual(['analysis/a']);
    for (const owner of ['ann', 'system', 'nobody']) {
      expect(await call('list_actors', { owner }, bob)).toEqual({ actors: [], nextCursor: null });
    }
    expect(await addresses({ owner: 'ann' }, operator)).toEqual(['analysis/a']);
  });

  it('is filtered by machine and status, in pages', async () => {
    expect(await addresses({ machine: 'marketWatch' }, operator)).toEqual(['marketWatch/main']);
    system.move('analysis/a', { status: 'quarantined' });
    expect(await addresses({ status: 'quarantined' }, operator)).toEqual(['analysis/a']);
    const { nextCursor } = await call('list_actors', { limit: 1 }, operator);
    expect(await addresses({ limit: 1, cursor: nextCursor }, operator)).toEqual(['analysis/a']);
  });
});

it('shows an actor without what its machine keeps secret', async () => {
  system.move('analysis/a', { context: { symbol: 'AAPL', token: 'sekret' }, parent: 'analysis/p' });
  system.machines = () => [
    {
      ...{ id: 'analysis', version: '1', events: {}, input: z.unknown() },
      machine: {} as never,
      journal: { redact: ['context.token'] },
    },
  ];
  expect(await call('get_actor', mine, ann)).toMatchObject({
    actor: {
      ...{ address: 'analysis/a', owner: 'ann', status: 'active', revision: 2, parent: 'analysis/p' },
      context: { symbol: 'AAPL', token: { redacted: true } },
    },
  });
});

it('shows the last steps, or those from a revision on, without their contexts', async () => {
  const step = (revision: number): InspectionRecord => ({
    ...{ cursor: `${revision}`, address: 'analysis/a', machine: 'analysis', version: '1', owner: 'ann' },
    ...{ incarnation: 'i', revision, kind: 'step', at, event: { type: 'GO' }, source: 'mcp', microsteps: [] },
    valueBefore: 'one',
    snapshot: { status: 'active', value: 'two', context: { big: true } },
    effects: [{ type: '@xstate.cancel', id: 'timer' }],
  });
  system.journal = async (_, { from = 1, limit = 100 } = {}) =>
    [1, 2, 3].map(step).filter(({ revision }) => revision >= from && revision < from + limit);
  system.move('analysis/a', {});
  system.move('analysis/a', {});
  const revisions = async (input: object) => {
    const { steps } = await call('get_actor_history', { ...mine, ...input }, ann);
    return (steps as { revision: number }[]).map(({ revision }) => revision);
  };
  system.inspect = async () => [];
  expect(await revisions({ limit: 2 })).toEqual([2, 3]);
  expect(await revisions({ from: 1, limit: 2 })).toEqual([1, 2]);
  expect(await call('get_actor_history', { ...mine, from: 3 }, ann)).toEqual({
    steps: [
      {
        ...{ revision: 3, kind: 'step', at: at.toISOString(), event: { type: 'GO' }, from: 'mcp' },
        ...{ valueBefore: 'one', value: 'two', status: 'active', error: null },
        effects: [{ type: '@xstate.cancel', id: 'timer' }],
      },
    ],
  });
});

it('tells how late a timer is, by the time of the runtime', async () => {
  const timer = (id: string, seconds: number) => ({
    ...{ id, event: { type: id, secret: 'x' } },
    due: new Date(at.getTime() + seconds * 1_000),
  });
  system.move('analysis/a', { timers: [timer('late', -30), timer('later', 30)] });
  expect(await call('get_actor_pending', mine, ann)).toMatchObject({
    pending: {
      timers: [
        { id: 'late', lateMs: 30_000, event: 'late' },
        { id: 'later', lateMs: 0 },
      ],
    },
  });
});

it('stops an actor, once, and names the operator who stopped what is not its own', async () => {
  const sources: unknown[] = [];
  const stop = system.stop;
  system.stop = (address, options) => {
    sources.push(options?.source);
    return stop(address, options);
  };
  for (const who of [operator, ann]) {
    expect(await call('stop_actor', mine, who)).toMatchObject({ actor: { status: 'stopped' } });
  }
  expect(sources).toEqual(['api opal', 'api']);
});

it('does not stop what serves all owners, for an operator neither', async () => {
  const watch = { machine: 'marketWatch', key: 'main' };
  await expect(call('stop_actor', watch, operator)).rejects.toMatchObject({ code: 'system_actor' });
  expect(await system.snapshot('marketWatch/main')).toMatchObject({ status: 'active' });
});
