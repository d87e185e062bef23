/** R15: tests turn time, over the real database. Each test has a clock and systems of its own. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { assign, fromPromise, sendParent, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../../test/database.ts';
import { type ActorSystem, createActorSystem, type DurableMachine, effect, turnedClock } from '../index.ts';
import type { Clock, EffectContext } from '../types.ts';

const START = '2026-01-05T14:00:00.000Z';
const HOUR_MS = 3_600_000;

/** Waits, works on an effect, and waits again, a few rounds; gives up an effect that takes a minute. */
const poll = {
  id: 'poll',
  version: '1',
  input: z.object({ rounds: z.number(), waitMs: z.number() }),
  events: {},
  machine: setup({
    types: {
      context: {} as { left: number; waitMs: number; results: unknown[] },
      input: {} as { rounds: number; waitMs: number },
    },
    actors: { look: fromPromise<string>(() => Promise.reject(new Error('runs on the runtime'))) },
    delays: { wait: ({ context }) => context.waitMs },
    guards: { isOver: ({ context }) => context.left === 0 },
  }).createMachine({
    id: 'poll',
    context: ({ input }) => ({ left: input.rounds, waitMs: input.waitMs, results: [] }),
    initial: 'waiting',
    states: {
      waiting: { always: { guard: 'isOver', target: 'over' }, after: { wait: 'looking' } },
      looking: {
        invoke: {
          id: 'look',
          src: 'look',
          onDone: {
            target: 'waiting',
            actions: assign({
              left: ({ context }) => context.left - 1,
              results: ({ context, event }) => [...context.results, event.output],
            }),
          },
          onError: 'failed',
        },
        after: { 60000: 'tooLate' },
      },
      over: { type: 'final' },
      failed: { type: 'final' },
      tooLate: { type: 'final' },
    },
  }),
} satisfies DurableMachine;

const echo = setup({}).createMachine({
  id: 'echo',
  initial: 'waiting',
  states: {
    waiting: { after: { 1000: 'told' } },
    told: { entry: sendParent({ type: 'TOLD' }), type: 'final' },
  },
});
const echoes = { id: 'echo', version: '1', input: z.object({}), events: {}, machine: echo } as DurableMachine;

/** Has one child after the other, each of which takes a second. */
const asker = {
  id: 'asker',
  version: '1',
  input: z.object({}),
  events: {},
  machine: setup({
    types: { context: {} as { told: number } },
    actors: { echo },
    guards: { isEnough: ({ context }) => context.told === 3 },
  }).createMachine({
    id: 'asker',
    context: { told: 0 },
    initial: 'asking',
    on: { TOLD: { actions: assign({ told: ({ context }) => context.told + 1 }) } },
    states: {
      asking: {
        invoke: {
          id: 'echo',
          src: 'echo',
          onDone: [
            { guard: 'isEnough', target: 'over' },
            { target: 'asking', reenter: true },
          ],
        },
      },
      over: { type: 'final' },
    },
  }),
} satisfies DurableMachine;

let database: TestDatabase;
const systems: ActorSystem[] = [];
let answer: (signal: AbortSignal, context: EffectContext) => Promise<string> = async () => 'seen';

const look = effect(
  'look',
  { input: z.unknown(), output: z.string(), retries: { limit: 2, delay: '10 s', backoff: 'fixed' } },
  (_input, context) => answer(context.signal, context),
);

async function start(clock: Clock): Promise<ActorSystem> {
  const { pool, connectionString } = database;
  const machines = [poll, asker, echoes];
  const system = await createActorSystem({ pool, connectionString, machines, effects: [look], clock });
  systems.push(system);
  return system;
}

/** When each step was taken, in milliseconds after the start, and by which event. */
async function stepsOf(system: ActorSystem, address: string): Promise<[number, string][]> {
  const journal = await system.journal(address);
  return journal.map(({ at, event }) => [at.getTime() - Date.parse(START), event.type]);
}

/** What is left over would be due on the next test's clock. */
async function removeAll(): Promise<void> {
  for (const system of systems.splice(0)) await system.drain({ timeoutMs: 1 });
  await database.pool.query('TRUNCATE actors, effects, messages, journal');
  await database.pool.query(`DELETE FROM pgboss.job WHERE name = 'actor-timers'`);
}

/** Until the signal aborts. */
const hanging = (signal: AbortSignal) =>
  new Promise<string>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
  );

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  answer = async () => 'seen';
  await removeAll();
});
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
});

test('R15: each due moment is visited at its own time, also those that arise on the way', async () => {
  const clock = turnedClock(START);
  const system = await start(clock);
  const slow = await system.spawn('poll', randomUUID(), { input: { rounds: 2, waitMs: 20_000 }, owner: 'a' });
  const fast = await system.spawn('poll', randomUUID(), { input: { rounds: 3, waitMs: 7_000 }, owner: 'a' });
  const seen: [string, number][] = [];
  system.onCommit(({ addresses }) => {
    for (const address of addresses ?? []) seen.push([address, clock.now() - Date.parse(START)]);
  });
  await clock.advance('1 h');
  expect(clock.now()).toBe(Date.parse(START) + HOUR_MS);
  // Twice at each moment: the timer, and the result of the effect that it has started.
  const moments = [
    [fast, 7_000],
    [fast, 14_000],
    [slow, 20_000],
    [fast, 21_000],
    [slow, 40_000],
  ];
  expect(seen).toEqual(moments.flatMap((moment) => [moment, moment]));
  expect(await stepsOf(system, slow)).toEqual([
    [0, 'xstate.init'],
    [20_000, 'xstate.after.wait.poll.waiting'],
    [20_000, 'xstate.done.actor.look'],
    [40_000, 'xstate.after.wait.poll.waiting'],
    [40_000, 'xstate.done.actor.look'],
  ]);
  expect(await system.snapshot(slow)).toMatchObject({
    status: 'done',
    context: { results: ['seen', 'seen'] },
  });
});

test('R15: what lies between two deadlines costs nothing', async () => {
  const clock = turnedClock(START);
  const system = await start(clock);
  const waitMs = 300 * 24 * HOUR_MS;
  const address = await system.spawn('poll', randomUUID(), { input: { rounds: 1, waitMs }, owner: 'a' });
  await clock.settle();
  let acquired = 0;
  const count = () => acquired++;
  database.pool.on('acquire', count);
  await clock.advance(waitMs - 1);
  expect(acquired).toBe(0);
  await clock.advance(1);
  database.pool.off('acquire', count);
  expect(acquired).toBeLessThan(10);
  expect(await system.snapshot(address)).toMatchObject({ status: 'done' });
});

test('R15: messages and children are part of the moment in which they arise', async () => {
  const clock = turnedClock(START);
  const system = await start(clock);
  const address = await system.spawn('asker', randomUUID(), { input: {}, owner: 'a' });
  await clock.advance('2999 ms');
  expect(await system.snapshot(address)).toMatchObject({ status: 'active', context: { told: 2 } });
  await clock.advance(1);
  expect(await system.snapshot(address)).toMatchObject({ status: 'done', context: { told: 3 } });
  expect((await stepsOf(system, address)).map(([at]) => at)).toEqual([0, 1e3, 1e3, 2e3, 2e3, 3e3, 3e3]);
});

test('R15: delays between attempts are on the clock', async () => {
  const clock = turnedClock(START);
  const system = await start(clock);
  const attempts: number[] = [];
  answer = async () => {
    attempts.push(clock.now() - Date.parse(START));
    throw new Error('no luck');
  };
  const address = await system.spawn('poll', randomUUID(), {
    input: { rounds: 1, waitMs: 1_000 },
    owner: 'a',
  });
  await clock.advance('1 min');
  expect(attempts).toEqual([1_000, 11_000, 21_000]);
  expect((await stepsOf(system, address)).at(-1)).toEqual([21_000, 'xstate.error.actor.look']);
});

test('R15: an effect is told the clock, and what it starts begins at that moment', async () => {
  const clock = turnedClock(START);
  const system = await start(clock);
  const key = randomUUID();
  answer = async (_signal, { now, spawn }) => {
    await spawn('poll', key, { input: { rounds: 0, waitMs: 1_000 }, owner: 'b' });
    return now().toISOString();
  };
  const address = await system.spawn('poll', randomUUID(), {
    input: { rounds: 1, waitMs: 20_000 },
    owner: 'a',
  });
  await clock.advance('1 h');
  expect(await system.snapshot(address)).toMatchObject({
    context: { results: ['2026-01-05T14:00:20.000Z'] },
  });
  expect(await stepsOf(system, `poll/${key}`)).toEqual([[20_000, 'xstate.init']]);
});

test('R15: several systems share a clock, and what one leaves another goes on with', async () => {
  const clock = turnedClock(START);
  const [first, second] = [await start(clock), await start(clock)];
  const addresses = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? first : second).spawn('poll', randomUUID(), {
        input: { rounds: 3, waitMs: 1_000 + index },
        owner: 'a',
      }),
    ),
  );
  await clock.advance('1500 ms');
  await first.drain();
  await clock.advance('10 s');
  for (const [index, address] of addresses.entries()) {
    const at = (round: number) => round * (1_000 + index);
    expect((await stepsOf(second, address)).map(([ms]) => ms)).toEqual(
      [0, 1, 1, 2, 2, 3, 3].map((round) => at(round)),
    );
  }
});

test('R15: when a system leaves the clock, the others look what it has left', async () => {
  const clock = turnedClock(START);
  const [first, second] = [await start(clock), await start(clock)];
  const input = { rounds: 1, waitMs: HOUR_MS };
  const address = await first.spawn('poll', randomUUID(), { input, owner: 'a' });
  await clock.settle();
  // Nobody has been told of this deadline.
  await database.pool.query(`UPDATE pgboss.job SET start_after = $2 WHERE data->>'address' = $1`, [
    address,
    new Date(Date.parse(START) + 500),
  ]);
  await first.drain();
  await clock.advance('1 s');
  expect((await stepsOf(second, address)).map(([at]) => at)).toEqual([0, 500, 500]);
});

test('R15: the journal is that of a clock that is turned second by second', async () => {
  const journals: unknown[] = [];
  for (const turnMs of [120_000, 1_000]) {
    const clock = turnedClock(START);
    const system = await start(clock);
    // Every third attempt fails, so that there are delays between attempts too.
    let attempt = 0;
    answer = async () => {
      if (++attempt % 3 === 0) throw new Error('no luck');
      return `seen at ${clock.now()}`;
    };
    const addresses = await Promise.all([
      system.spawn('poll', 'quick', { input: { rounds: 5, waitMs: 7_300 }, owner: 'a' }),
      system.spawn('poll', 'slow', { input: { rounds: 2, waitMs: 31_000 }, owner: 'a' }),
      system.spawn('asker', 'asks', { input: {}, owner: 'a' }),
    ]);
    while (clock.now() < Date.parse(START) + 120_000) await clock.advance(turnMs);
    const records = (await Promise.all(addresses.map((address) => system.journal(address)))).flat();
    const plain = records.map(({ cursor: _position, incarnation: _random, ...record }) => record);
    // The ids of effects name the incarnation too.
    journals.push(JSON.parse(JSON.stringify(plain).replaceAll(/#[0-9a-f]{8}\./g, '#')));
    await removeAll();
  }
  expect(journals[0]).toHaveLength(23);
  expect(journals[1]).toEqual(journals[0]);
});

test('R15: an effect that the test holds open need not be waited for', async () => {
  const clock = turnedClock(START);
  const system = await start(clock);
  let aborted: unknown;
  answer = (signal) => {
    signal.addEventListener('abort', () => {
      aborted = signal.reason;
    });
    return hanging(signal);
  };
  const address = await system.spawn('poll', randomUUID(), {
    input: { rounds: 1, waitMs: 1_000 },
    owner: 'a',
  });
  await clock.advance('61 s', { leaveRunning: ['look'] });
  expect(await system.snapshot(address)).toMatchObject({ value: 'tooLate', effects: [] });
  expect(aborted).toMatchObject({ code: 'cancelled' });
});

test('R15: time that can not go on says what it waits for', async () => {
  const clock = turnedClock(START, { patienceMs: 10 });
  const system = await start(clock);
  let isRunning = false;
  answer = (signal) => {
    isRunning = true;
    return hanging(signal);
  };
  const address = await system.spawn('poll', randomUUID(), {
    input: { rounds: 1, waitMs: 1_000 },
    owner: 'a',
  });
  // The database may take longer than this patience; what was begun goes on.
  while (!isRunning) {
    await clock.advanceTo(Date.parse(START) + 1_000).catch(() => {});
    await system.snapshot(address);
  }
  await expect(clock.settle()).rejects.toMatchObject({
    code: 'clock_not_settled',
    message: expect.stringContaining(`the effect look of ${address} runs`),
  });
});

test('R15: turning time while it is turned is refused', async () => {
  const clock = turnedClock(START);
  const system = await start(clock);
  const refused: unknown[] = [];
  answer = async () => {
    await clock.advance('1 s').catch((error: unknown) => refused.push(error));
    return 'turned';
  };
  const address = await system.spawn('poll', randomUUID(), {
    input: { rounds: 1, waitMs: 1_000 },
    owner: 'a',
  });
  const turning = clock.advance('10 s');
  await expect(clock.settle()).rejects.toMatchObject({ code: 'clock_is_turning' });
  await turning;
  expect(refused).toMatchObject([{ code: 'clock_is_turning' }]);
  expect(await system.snapshot(address)).toMatchObject({ status: 'done', context: { results: ['turned'] } });
  await expect(clock.advance(-1)).rejects.toThrow('time does not go back');
});
