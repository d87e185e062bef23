/** R8 on a real Postgres: what harms one actor harms no other, and its event is kept for a person to treat. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assign, fromPromise, raise, sendParent, sendTo, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../../test/database.ts';
import { openPool } from '../../../persistence/pool.ts';
import { type ActorSystem, createActorSystem, type DurableMachine, effect } from '../index.ts';

/** Machines whose steps throw while this is set: the world that an operator mends before the retry. */
let broken = false;
function brittle(): void {
  if (broken) throw new Error('broken');
}

/** Text that what an actor waits for can't hold. */
const UNSTORABLE = '\0';
const note = { id: 'note', delay: 3_600_000 };

const fragile = setup({
  types: {
    context: {} as { count: number; text: string; results: unknown[] },
    events: {} as
      | { type: 'ADD'; by: number; secret?: string }
      | { type: 'WORK' | 'WAIT' | 'LOOP' | 'CHASE' | 'END' | 'IGNORED' }
      | { type: 'GROW'; chars: number }
      | { type: 'NOTE'; text: string },
  },
  actors: { work: fromPromise<unknown>(() => Promise.reject(new Error('runs on the runtime'))) },
}).createMachine({
  id: 'fragile',
  context: { count: 0, text: '', results: [] },
  initial: 'idle',
  on: {
    ADD: {
      actions: assign(({ context, event }) => {
        brittle();
        return { count: context.count + event.by };
      }),
    },
    GROW: { actions: assign({ text: ({ event }) => 'x'.repeat(event.chars) }) },
    END: '.ended',
  },
  states: {
    idle: { on: { WORK: 'working', WAIT: 'waiting', LOOP: 'looping', CHASE: 'chasing' } },
    working: {
      invoke: {
        id: 'work',
        src: 'work',
        onDone: {
          target: 'idle',
          actions: [
            assign(({ context, event }) => {
              brittle();
              return { results: [...context.results, event.output] };
            }),
            raise(({ event }) => ({ type: 'NOTE', text: event.output === 'bad' ? UNSTORABLE : '' }), note),
          ],
        },
      },
    },
    waiting: {
      after: {
        1: {
          target: 'idle',
          actions: assign(({ context }) => {
            brittle();
            return { results: [...context.results, 'waited'] };
          }),
        },
      },
      on: { WORK: 'working' },
    },
    looping: { always: 'loopingOn' },
    loopingOn: { always: 'looping' },
    chasing: {
      entry: sendTo(({ self }) => self, { type: 'WORK' }),
      on: { WORK: { target: 'chasing', reenter: true } },
    },
    ended: { type: 'final' },
  },
});

const teller = setup({}).createMachine({
  id: 'teller',
  entry: [1, 2, 3].map((n) => sendParent({ type: 'TOLD', n })),
});

/** Can't be stored after the second number. */
const listening = setup({
  types: {
    context: {} as { heard: number[] },
    events: {} as { type: 'TOLD'; n: number } | { type: 'NOTE'; text: string },
  },
  actors: { teller },
});
const hear = listening.assign({
  heard: ({ context, event }) => (event.type === 'TOLD' ? [...context.heard, event.n] : context.heard),
});
const listener = listening.createMachine({
  id: 'listener',
  context: { heard: [] },
  invoke: { id: 'teller', src: 'teller' },
  on: {
    TOLD: [
      {
        guard: ({ event }) => event.n === 2,
        actions: [hear, raise({ type: 'NOTE', text: UNSTORABLE }, note)],
      },
      { actions: hear },
    ],
  },
});

const word = (name: string) => z.object({ type: z.literal(name) });
const machine: DurableMachine = {
  id: 'fragile',
  version: '1',
  machine: fragile as DurableMachine['machine'],
  input: z.object({}),
  events: {
    ADD: z.object({ type: z.literal('ADD'), by: z.number(), secret: z.string().optional() }),
    GROW: z.object({ type: z.literal('GROW'), chars: z.number() }),
    ...Object.fromEntries(
      ['WORK', 'WAIT', 'LOOP', 'CHASE', 'END', 'IGNORED'].map((name) => [name, word(name)]),
    ),
  },
  journal: { redact: ['event.secret'] },
};

const machines = [
  machine,
  ...Object.entries({ teller, listener }).map(
    ([id, logic]): DurableMachine => ({
      ...{ id, version: '1', input: z.object({}), events: {} },
      machine: logic as unknown as DurableMachine['machine'],
    }),
  ),
];

/** What the effect answers; tests change it. */
let doWork = async (): Promise<unknown> => 'worked';
const work = effect('work', { input: z.unknown(), output: z.unknown(), retries: { limit: 0 } }, () =>
  doWork(),
);

let database: TestDatabase;
let system: ActorSystem;
let second: ActorSystem;
const pools: pg.Pool[] = [];

async function start(): Promise<ActorSystem> {
  const { connectionString } = database;
  const pool = openPool(connectionString, () => {});
  pools.push(pool);
  return createActorSystem({ pool, connectionString, machines, effects: [work] });
}

beforeAll(async () => {
  database = await createTestDatabase();
  system = await start();
  second = await start();
});
afterAll(async () => {
  await Promise.all([system?.drain(), second?.drain()]);
  for (const pool of pools) await pool.end();
  await database?.[Symbol.asyncDispose]();
});

const spawn = (owner = 'a') => system.spawn('fragile', randomUUID(), { input: {}, owner });

/** Lets the actor's next step throw, and then mends the machine. Answers the letter. */
async function fail(address: string, cause: () => Promise<unknown>) {
  broken = true;
  try {
    await Promise.allSettled([cause()]);
    await expect.poll(() => lettersOf(address), { timeout: 5_000 }).toHaveLength(1);
  } finally {
    broken = false;
  }
  const [letter] = await lettersOf(address);
  if (!letter) throw new Error('there is no letter');
  return letter;
}
const lettersOf = async (address: string) => (await system.deadLetters({ address })).deadLetters;
const add = { type: 'ADD', by: 2 };

describe('R8: a dead letter is kept, and told', () => {
  test('with its error, and where the actor was; its event without what is redacted', async () => {
    const address = await spawn('owner of one');
    const letter = await fail(address, () =>
      system.send(address, { ...add, secret: 'hush' }, { source: 'mcp' }),
    );
    const view = await system.snapshot(address);
    expect(letter).toEqual({
      id: expect.any(String),
      address,
      machine: 'fragile',
      owner: 'owner of one',
      incarnation: expect.any(String),
      revision: 1,
      event: { type: 'ADD', by: 2, secret: { redacted: true } },
      source: 'mcp',
      error: {
        name: 'RuntimeError',
        message: 'the step threw: broken',
        code: 'step_failed',
        retryable: false,
      },
      at: expect.any(Date),
    });
    expect(view).toMatchObject({ status: 'active', revision: 1 });
    expect(await system.deadLetter(letter.id)).toEqual(letter);
    expect(JSON.stringify(await system.journal(address))).not.toContain('hush');
  });

  test('listed newest first, by owner, by machine, page by page', async () => {
    const owner = randomUUID();
    const address = await spawn(owner);
    broken = true;
    for (let i = 0; i < 3; i++) await system.send(address, { ...add, by: i }).catch(() => {});
    broken = false;
    const first = await system.deadLetters({ owner, limit: 2 });
    expect(first.deadLetters.map(({ event }) => event.by)).toEqual([2, 1]);
    const rest = await system.deadLetters({ owner, limit: 2, ...(first.next && { cursor: first.next }) });
    expect(rest).toMatchObject({ deadLetters: [{ event: { by: 0 } }], next: null });
    expect((await system.deadLetters({ owner, machine: 'fragile' })).deadLetters).toHaveLength(3);
    expect((await system.deadLetters({ owner, machine: 'frag' })).deadLetters).toEqual([]);
    expect((await system.deadLetters({ owner: 'another' })).deadLetters).toEqual([]);
    await expect(system.deadLetters({ cursor: '1; x' })).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

describe('R8: a dead letter is retried once', () => {
  test('on the actor as it is now, also when it has moved on', async () => {
    const address = await spawn();
    const { id } = await fail(address, () => system.send(address, { ...add, secret: 'hush' }));
    await system.send(address, { type: 'ADD', by: 40 });
    expect(await system.retryDeadLetter(id, { source: 'operator' })).toMatchObject({
      revision: 3,
      changed: true,
    });
    expect((await system.snapshot(address)).context).toMatchObject({ count: 42 });
    expect((await system.journal(address)).at(-1)).toMatchObject({ kind: 'step', source: 'operator' });
    await expect(system.retryDeadLetter(id)).rejects.toMatchObject({ code: 'dead_letter_not_found' });
  });

  test('not by a process without its machine, which says so and keeps the letter', async () => {
    const address = await spawn();
    const { id } = await fail(address, () => system.send(address, add));
    const pool = openPool(database.connectionString, () => {});
    pools.push(pool);
    const { connectionString } = database;
    const without = await createActorSystem({ pool, connectionString, machines: [], effects: [] });
    const retried = without.retryDeadLetter(id);
    await expect(retried).rejects.toMatchObject({ code: 'version_not_here', retryable: true });
    await without.drain({ timeoutMs: 1 });
    expect(await system.retryDeadLetter(id)).toMatchObject({ changed: true });
  });

  test('by two processes at once: the others hear that it is gone', async () => {
    for (let round = 0; round < 10; round++) {
      const address = await spawn();
      const { id } = await fail(address, () => system.send(address, add));
      const tries = [system, second, system, second].map((one) => one.retryDeadLetter(id));
      const outcomes = await Promise.allSettled(tries);
      const refused = outcomes.filter(({ status }) => status === 'rejected');
      expect(refused).toEqual(
        Array(3).fill(
          expect.objectContaining({ reason: expect.objectContaining({ code: 'dead_letter_not_found' }) }),
        ),
      );
      expect((await system.snapshot(address)).context).toMatchObject({ count: 2 });
    }
  });

  test('while another discards it: it is the one or the other', async () => {
    for (let round = 0; round < 10; round++) {
      const address = await spawn();
      const { id } = await fail(address, () => system.send(address, add));
      const [retried, discarded] = await Promise.allSettled([
        system.retryDeadLetter(id),
        second.discardDeadLetter(id),
      ]);
      expect([retried.status, discarded.status].sort()).toEqual(['fulfilled', 'rejected']);
      const { count } = (await system.snapshot(address)).context;
      expect(count).toBe(retried.status === 'fulfilled' ? 2 : 0);
    }
  });

  test.each([
    ['before', 'changes', true],
    ['after', 'changes', true],
    ['after', 'is wanted by no state', false],
  ])('when the connection breaks %s its commit, and the event %s', async (moment, _what, changed) => {
    const address = await spawn();
    const { id } = await fail(address, () => system.send(address, add));
    if (!changed)
      await database.pool.query(`UPDATE dead_letters SET event = '{"type": "IGNORED"}' WHERE id = $1`, [id]);
    const [pool] = pools as [pg.Pool];
    const connect = pool.connect.bind(pool) as (...args: unknown[]) => Promise<pg.PoolClient>;
    let broke = 0;
    pool.connect = (async (...args: unknown[]) => {
      // With a callback: a lone statement of the pool's.
      if (args.length > 0) return connect(...args);
      const client = await connect();
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
      client.query = (async (...args: unknown[]) => {
        if (args[0] !== 'COMMIT' || broke++ > 0) return query(...args);
        await query(moment === 'after' ? 'COMMIT' : 'ROLLBACK');
        throw new Error('Connection terminated unexpectedly');
      }) as typeof client.query;
      return client;
    }) as typeof pool.connect;
    try {
      expect(await system.retryDeadLetter(id)).toMatchObject({ changed, revision: changed ? 2 : 1 });
    } finally {
      pool.connect = connect as typeof pool.connect;
    }
    expect(broke).toBeGreaterThan(0);
    expect((await system.snapshot(address)).context).toMatchObject({ count: changed ? 2 : 0 });
    expect(await lettersOf(address)).toEqual([]);
  });

  test('when the step throws again, the letter stays as it was', async () => {
    const address = await spawn();
    const letter = await fail(address, () => system.send(address, add));
    broken = true;
    const retried = await Promise.allSettled([system.retryDeadLetter(letter.id)]);
    broken = false;
    expect(retried).toMatchObject([{ status: 'rejected', reason: { code: 'step_failed' } }]);
    expect(await lettersOf(address)).toEqual([letter]);
    expect(await system.snapshot(address)).toMatchObject({ revision: 1 });
  });

  test('when no state wants the event any more, it is consumed', async () => {
    const address = await spawn();
    const { id } = await fail(address, () => system.send(address, add));
    await database.pool.query(`UPDATE dead_letters SET event = '{"type": "IGNORED"}' WHERE id = $1`, [id]);
    expect(await system.retryDeadLetter(id)).toMatchObject({ changed: false, revision: 1 });
    expect(await lettersOf(address)).toEqual([]);
  });

  test('an event that its schema does not take any more is refused, and the letter stays', async () => {
    const address = await spawn();
    const { id } = await fail(address, () => system.send(address, add));
    await database.pool.query(`UPDATE dead_letters SET event = '{"type": "ADD"}' WHERE id = $1`, [id]);
    await expect(system.retryDeadLetter(id)).rejects.toMatchObject({ code: 'invalid_event' });
    expect(await lettersOf(address)).toHaveLength(1);
  });

  test('an actor that has ended takes it no more, and the letter stays', async () => {
    const address = await spawn();
    const { id } = await fail(address, () => system.send(address, add));
    await second.send(address, { type: 'END' });
    await expect(system.retryDeadLetter(id)).rejects.toMatchObject({ code: 'actor_ended' });
    expect(await lettersOf(address)).toHaveLength(1);
  });

  test.each(['0', '-1', 'x', '99999999999999999999', '9999999999'])('there is none of id %s', async (id) => {
    const asks = [system.deadLetter(id), system.retryDeadLetter(id), system.discardDeadLetter(id)];
    const reason = expect.objectContaining({ code: 'dead_letter_not_found' });
    expect(await Promise.allSettled(asks)).toEqual(Array(3).fill({ status: 'rejected', reason }));
  });

  test('discarded, it is gone, and the actor is as it was', async () => {
    const address = await spawn();
    const letter = await fail(address, () => system.send(address, add));
    expect(await system.discardDeadLetter(letter.id)).toEqual(letter);
    expect(await lettersOf(address)).toEqual([]);
    expect(await system.snapshot(address)).toMatchObject({ revision: 1 });
  });
});

describe("R8: a dead letter of the system's own", () => {
  test.each([
    ['a timer', { type: 'WAIT' }, 'waited'],
    ['a result', { type: 'WORK' }, 'worked'],
  ])('%s is retried where the actor still is', async (_name, event, result) => {
    const address = await spawn();
    const { id, revision } = await fail(address, () => system.send(address, event));
    expect(await system.snapshot(address)).toMatchObject({ revision, timers: [], effects: [] });
    await system.retryDeadLetter(id);
    expect(await system.snapshot(address)).toMatchObject({ value: 'idle', context: { results: [result] } });
  });

  test('but not where the actor has moved on: it would be taken for one of the later visit', async () => {
    const address = await spawn();
    const { id } = await fail(address, () => system.send(address, { type: 'WAIT' }));
    await second.send(address, { type: 'ADD', by: 1 });
    await expect(system.retryDeadLetter(id)).rejects.toMatchObject({
      code: 'dead_letter_late',
      message: expect.stringContaining('discard'),
    });
    expect(await system.snapshot(address)).toMatchObject({ value: 'waiting', context: { results: [] } });
    expect(await lettersOf(address)).toHaveLength(1);
  });
});

describe('R8: a step that can not be stored', () => {
  test('of an effect: its result is kept, as the event that it was', async () => {
    const address = await spawn();
    doWork = async () => 'bad';
    await system.send(address, { type: 'WORK' });
    await expect.poll(() => lettersOf(address)).toHaveLength(1);
    doWork = async () => 'worked';
    const [letter] = await lettersOf(address);
    expect(letter).toMatchObject({
      event: { type: 'xstate.done.actor.work', output: 'bad' },
      error: { code: 'step_failed' },
    });
    expect(await system.snapshot(address)).toMatchObject({ value: 'working', effects: [] });
  });

  test('of a message: that message is a dead letter, and no other', async () => {
    const address = await system.spawn('listener', randomUUID(), { input: {}, owner: 'a' });
    const view = await system.waitFor(address, ({ context }) => (context.heard as unknown[]).length === 2, {
      timeoutMs: 5_000,
    });
    expect(view.context.heard).toEqual([1, 3]);
    const [letter, ...others] = await lettersOf(address);
    expect(letter).toMatchObject({ event: { type: 'TOLD', n: 2 }, source: expect.stringMatching(/^teller/) });
    expect(others).toEqual([]);
  });
});

describe('R8: what has no end, or no bounds', () => {
  test.each([
    ['an endless always loop', 'LOOP', /infinite loop/i],
    ['events to itself without end', 'CHASE', /more than 100 events/],
  ])('%s fails that step, and leaves nothing of it', async (_name, type, message) => {
    const [address, neighbour] = [await spawn(), await spawn()];
    const [bad, good] = await Promise.allSettled([
      system.send(address, { type }),
      system.send(neighbour, { type: 'ADD', by: 1 }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'step_failed' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { changed: true } });
    expect(await system.snapshot(address)).toMatchObject({ revision: 1, value: 'idle', status: 'active' });
    expect(await lettersOf(address)).toMatchObject([
      { event: { type }, error: { message: expect.stringMatching(message) } },
    ]);
  });

  test('an actor may be a million characters of JSON, and no more', async () => {
    const address = await spawn();
    await system.send(address, { type: 'GROW', chars: 999_000 });
    const before = await system.snapshot(address);
    await expect(system.send(address, { type: 'GROW', chars: 1_000_000 })).rejects.toMatchObject({
      code: 'step_failed',
      details: { chars: expect.any(Number), limit: 1_000_000 },
      message: expect.stringContaining('1000000'),
    });
    expect(await system.snapshot(address)).toEqual(before);
    expect(await lettersOf(address)).toMatchObject([{ error: { details: { limit: 1_000_000 } } }]);
    expect(await system.send(address, { type: 'GROW', chars: 1 })).toMatchObject({ revision: 3 });
  });
});

describe('R8: a machine that fails by itself', () => {
  test('an error that no state takes marks its actor as failed, and it waits for nothing', async () => {
    const address = await spawn();
    doWork = () => Promise.reject(new Error('no luck'));
    await system.send(address, { type: 'WORK' });
    const view = await system.waitFor(address, 'done', { timeoutMs: 5_000 });
    doWork = async () => 'worked';
    expect(view).toMatchObject({ status: 'error', error: { message: 'no luck' }, timers: [], effects: [] });
    await expect(system.send(address, { type: 'ADD', by: 1 })).rejects.toMatchObject({ code: 'actor_ended' });
  });
});
