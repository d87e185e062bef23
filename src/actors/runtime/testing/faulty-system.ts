/**
 * For tests of faults: an actor that works, waits, tells, and can do what Postgres refuses, and a system whose queries
 * can be made to fail. Not for which faults there are.
 */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { assign, emit, fromPromise, raise, setup } from 'xstate';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../../../test/database.ts';
import { openPool } from '../../../persistence/pool.ts';
import {
  type ActorSystem,
  createActorSystem,
  type DurableMachine,
  effect,
  type Transaction,
} from '../index.ts';

const type = <T extends string>(name: T) => z.object({ type: z.literal(name) });

/** What a machine may come to by itself: Postgres's text can't hold it as it is, and JSON text can, escaped. */
export const ODD_TEXT = 'a NUL \0, half of a pair \ud800, and separators \u001e \u001f';

const machine = setup({
  types: {
    context: {} as { count: number; result: unknown; fired: number; said?: string },
    events: {} as
      | { type: 'ADD'; note?: string }
      | { type: 'WORK' | 'WAIT' | 'TELL' | 'BREAK' | 'SPOIL' | 'SAY' | 'END' },
  },
  actors: { work: fromPromise<string>(() => Promise.reject(new Error('runs on the runtime'))) },
}).createMachine({
  id: 'subject',
  context: { count: 0, result: null, fired: 0 },
  initial: 'idle',
  on: {
    ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) },
  },
  states: {
    idle: {
      on: {
        WORK: 'working',
        WAIT: 'waiting',
        TELL: { actions: emit({ type: 'told' }) },
        BREAK: { actions: raise({ type: 'ADD' }, { delay: Number.NaN }) },
        SPOIL: 'spoilt',
        SAY: { actions: assign({ said: () => ODD_TEXT }) },
        END: 'done',
      },
    },
    working: {
      invoke: {
        id: 'work',
        src: 'work',
        onDone: { target: 'idle', actions: assign({ result: ({ event }) => event.output }) },
      },
    },
    waiting: {
      after: { 100: { target: 'idle', actions: assign({ fired: ({ context }) => context.fired + 1 }) } },
    },
    // A column of type text can't hold it.
    spoilt: { tags: ['\0'] },
    done: { type: 'final' },
  },
});

const subject: DurableMachine = {
  id: 'subject',
  version: '1',
  machine: machine as DurableMachine['machine'],
  input: z.object({}),
  events: {
    ADD: z.object({ type: z.literal('ADD'), note: z.string().optional() }),
    ...Object.fromEntries(
      ['WORK', 'WAIT', 'TELL', 'BREAK', 'SPOIL', 'SAY', 'END'].map((name) => [name, type(name)]),
    ),
  },
};

/** What a query does instead of, or around, asking the server. */
export type Fault = (ask: () => Promise<unknown>) => Promise<unknown>;

export let database: TestDatabase;
let doWork = worked;
const systems: { system: ActorSystem; pool: pg.Pool }[] = [];

async function worked(): Promise<string> {
  return 'worked';
}

/** What the effect does until the test ends. */
export function letWork(work: () => Promise<string>): void {
  doWork = work;
}

/** A database for the tests of a file; what a test starts ends with it. */
export function useFaults(): void {
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    doWork = worked;
    for (const { system, pool } of systems.splice(0)) {
      await system.drain({ timeoutMs: 1 });
      await pool.end();
    }
  });
  afterAll(() => database?.[Symbol.asyncDispose]());
}

/** A system whose queries can be made to fail: `fail(text, fault)` for the next one whose text matches. */
export async function start(options: { onEmitted?: (transaction: Transaction) => Promise<void> } = {}) {
  const { connectionString } = database;
  const pool = openPool(connectionString, () => {});
  const faults: { text: RegExp; fault: Fault }[] = [];
  const query = pool.query.bind(pool) as unknown as (...args: unknown[]) => Promise<unknown>;
  pool.query = ((...args: unknown[]) => {
    const [statement] = args as [string | { text: string }];
    const text = typeof statement === 'string' ? statement : statement.text;
    const index = faults.findIndex((one) => one.text.test(text));
    const [found] = index < 0 ? [] : faults.splice(index, 1);
    return found ? found.fault(() => query(...args)) : query(...args);
  }) as typeof pool.query;
  const retries = { limit: 1, delay: '5 ms', maxDelay: '5 ms' } as const;
  const work = effect('work', { input: z.unknown(), output: z.string(), retries }, () => doWork());
  const { onEmitted } = options;
  const system = await createActorSystem({
    pool,
    connectionString,
    machines: [subject],
    effects: [work],
    ...(onEmitted && { onEmitted }),
  });
  systems.push({ system, pool });
  const fail = (text: RegExp, fault: Fault) => faults.push({ text, fault });
  const spawn = () => system.spawn('subject', randomUUID(), { input: {}, owner: 'a' });
  return { system, pool, fail, spawn };
}
