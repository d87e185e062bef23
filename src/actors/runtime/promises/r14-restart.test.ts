/** R14: Postgres restarting under load loses nothing. On a cluster of this test's own, stopped and crashed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningPostgres, startPostgres } from '../../../launch/postgres.ts';
import { migrate } from '../../../persistence/migrate.ts';
import { openPool } from '../../../persistence/pool.ts';
import { type ActorSystem, createActorSystem } from '../index.ts';
import { HeldWork } from '../testing/held-work.ts';
import { counter, waiter, worker } from '../testing/subjects.ts';
import { key } from '../testing/world.ts';

const COUNTERS = 12;

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
let home: string;
let postgres: RunningPostgres;
const systems: ActorSystem[] = [];
const pools: Pool[] = [];
const work = new HeldWork();

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ttai-restart-'));
  postgres = await startPostgres({ home, log: quiet });
  await migrate(postgres.connectionString);
  for (let index = 0; index < 2; index++) {
    const pool = openPool(postgres.connectionString, () => {});
    pools.push(pool);
    systems.push(
      await createActorSystem({
        pool,
        connectionString: postgres.connectionString,
        machines: [counter, waiter, worker],
        effects: [work.effect()],
      }),
    );
  }
});
afterAll(async () => {
  for (const system of systems) await system.drain({ timeoutMs: 1 });
  for (const pool of pools) await pool.end();
  await postgres?.stop();
  if (home) await rm(home, { recursive: true, force: true });
});

/** Calls until it is answered; what may be tried again is. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if ((error as { retryable?: boolean }).retryable !== true) throw error;
    }
  }
}

test.each<NodeJS.Signals>(['SIGINT', 'SIGQUIT'])(
  'R14: Postgres that is ended by %s under load, and comes back, loses nothing and doubles nothing',
  async (signal) => {
    const [first, second] = systems as [ActorSystem, ActorSystem];
    const spawn = (machine: string, input: object) => first.spawn(machine, key(), { input, owner: 'a' });
    const jobs = Array.from({ length: COUNTERS }, () => key());
    const end = Promise.withResolvers<void>();
    for (const job of jobs) work.answer(job, () => end.promise.then(() => ({ done: job })));
    const workers = await Promise.all(jobs.map((job) => spawn('worker', { job })));
    await Promise.all(jobs.map((job) => work.began(job)));
    const waiters = await Promise.all(jobs.map((_, index) => spawn('waiter', { delay: 100 * index })));
    const counters = await Promise.all(jobs.map(() => spawn('counter', { start: 0 })));

    const { pid } = postgres;
    let down = false;
    /** One source: each event when the one before is acknowledged, until some were acknowledged after the restart. */
    const source = async (address: string, system: ActorSystem): Promise<number> => {
      let by = 0;
      for (let after = 0; after < 5; ) {
        by++;
        await insist(() => system.send(address, { type: 'ADD', by }, { idempotencyKey: String(by) }));
        if (by === 5 && !down) {
          down = true;
          process.kill(pid, signal);
          end.resolve();
        }
        if (postgres.pid !== pid) after++;
      }
      return by;
    };
    const sent = await Promise.all(
      counters.map((address, index) => source(address, index % 2 ? first : second)),
    );

    expect(postgres.pid).not.toBe(pid);
    for (const [index, address] of counters.entries()) {
      const numbers = Array.from({ length: sent[index] ?? 0 }, (_, at) => at + 1);
      const steps = (await insist(() => first.journal(address))).slice(1);
      expect(steps.map(({ event }) => event.by)).toEqual(numbers);
      expect(steps.map(({ revision }) => revision)).toEqual(numbers.map((n) => n + 1));
    }
    for (const [index, address] of workers.entries()) {
      const view = await insist(() => second.waitFor(address, 'done', { timeoutMs: 30_000 }));
      expect(view).toMatchObject({ revision: 2, context: { result: { done: jobs[index] } } });
    }
    for (const address of waiters) {
      const view = await insist(() => second.waitFor(address, { tag: 'fired' }, { timeoutMs: 30_000 }));
      expect(view).toMatchObject({ revision: 2, context: { fired: 1 } });
    }
    // They hear of each other's commits again.
    const [counted = ''] = counters;
    const heard = second.waitFor(counted, ({ status }) => status === 'done', { timeoutMs: 30_000 });
    await first.send(counted, { type: 'END' });
    await heard;
  },
  120_000,
);
