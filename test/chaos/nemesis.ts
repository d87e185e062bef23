/** What goes wrong in the chaos run, and when: a deck of faults, shuffled by the seed, again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { ChaosPostgres } from './chaos-postgres.ts';
import type { Fleet } from './fleet.ts';
import { Random } from './random.ts';

/** A process that has not renewed its lease for 2.1 s is dead to the others. */
const LONGER_THAN_LEASE_MS = { least: 2_600, most: 4_500 };
const BETWEEN_MS = { least: 300, most: 2_000 };

export interface Battlefield {
  fleet: Fleet;
  postgres: ChaosPostgres;
  connectionString: string;
}

type Fault = (field: Battlefield, random: Random) => Promise<void>;

const FAULTS: Readonly<Record<string, Fault>> = {
  'a process killed': async ({ fleet }, random) => {
    const index = random.below(fleet.size);
    await fleet.kill(index);
    await delay(random.between(0, 1_500));
    await fleet.restart(index);
  },
  'two processes killed': async ({ fleet }, random) => {
    const [first, second] = random.shuffled(Array.from({ length: fleet.size }, (_, index) => index));
    for (const index of [first, second]) if (index !== undefined) await fleet.kill(index);
    await delay(random.between(0, 500));
    await Promise.all([first, second].map((index) => (index === undefined ? null : fleet.restart(index))));
  },
  'a process frozen': async ({ fleet }, random) => {
    const index = random.below(fleet.size);
    fleet.freeze(index);
    await delay(random.between(LONGER_THAN_LEASE_MS.least, LONGER_THAN_LEASE_MS.most));
    fleet.thaw(index);
  },
  'a process frozen for a moment': async ({ fleet }, random) => {
    const index = random.below(fleet.size);
    fleet.freeze(index);
    await delay(random.between(50, 600));
    fleet.thaw(index);
  },
  'connections cut': async ({ connectionString }, random) => {
    const share = random.pick([0.3, 1]);
    await administer(
      connectionString,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < ${share}`,
    );
  },
  'a process cut off': async ({ fleet }, random) => {
    const proxy = fleet.proxy(random.below(fleet.size));
    proxy.stall();
    await delay(random.between(LONGER_THAN_LEASE_MS.least, LONGER_THAN_LEASE_MS.most));
    if (random.next() < 0.5) proxy.drop();
    proxy.resume();
  },
  'Postgres stopped (fast)': ({ postgres }) => stopPostgres(postgres, 'SIGINT'),
  'Postgres stopped (immediate)': ({ postgres }) => stopPostgres(postgres, 'SIGQUIT'),
};

/** One of each takes about this long. */
export const DECK_SECONDS = 28;

/** Does what is in the deck until it is told to stop. Resolves with how often each was done. */
export async function nemesis(
  field: Battlefield,
  seed: number,
  stop: AbortSignal,
  say: (words: string) => void,
): Promise<Record<string, number>> {
  const random = new Random(seed);
  const done: Record<string, number> = {};
  while (!stop.aborted) {
    for (const name of random.shuffled(Object.keys(FAULTS))) {
      const fault = FAULTS[name];
      await delay(random.between(BETWEEN_MS.least, BETWEEN_MS.most), undefined, { signal: stop }).catch(
        () => undefined,
      );
      if (stop.aborted || !fault) break;
      say(name);
      await fault(field, random);
      done[name] = (done[name] ?? 0) + 1;
    }
  }
  return done;
}

/** It is started again by who watches over it. */
async function stopPostgres(postgres: ChaosPostgres, signal: NodeJS.Signals): Promise<void> {
  const before = postgres.pid;
  process.kill(before, signal);
  const patienceEnds = performance.now() + 30_000;
  while (postgres.pid === before && performance.now() < patienceEnds) await delay(50);
}

async function administer(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
