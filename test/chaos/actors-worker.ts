/** A worker of the chaos run: serves its machines, with a planted fault where one is wanted. A program of actors.ts. */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import {
  type ActorEvent,
  createActorSystem,
  effect,
  RetryLaterError,
} from '../../src/actors/runtime/index.ts';
import { openPool } from '../../src/persistence/pool.ts';
import { helper, subject } from './actors-machines.ts';
import { wrapQueries } from './pg-wrapper.ts';
import { planter } from './plants.ts';
import { endWithParent, serveParent } from './workers.ts';

export interface ActorsSettings {
  connectionString: string;
  /** The file to which effects write that they were called. */
  ledger: string;
  plant: string | null;
}

export type ActorsQuestion =
  | { kind: 'spawn'; key: string }
  | { kind: 'send'; address: string; event: ActorEvent; source: string; idempotencyKey?: string };

/** Most effects are quick, and some last long enough to be met by a kill. */
const QUICK_MS = 30;
const SLOW_MS = 900;
const DRAIN_MS = 5_000;

endWithParent();
const { connectionString, ledger, plant } = JSON.parse(process.argv[2] ?? '{}') as ActorsSettings;
if (plant !== null) wrapQueries({ rewrite: planter(plant) });
const pool = openPool(connectionString, () => {});
// Attempts that a kill cuts off count too, and here there are many.
const policy = {
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  retries: { limit: 100, delay: '50 ms', maxDelay: '1 s' },
} as const;
const work = effect('work', policy, async ({ n }, { idempotencyKey, attempt, signal }) => {
  appendFileSync(ledger, `${idempotencyKey}\n`);
  await delay(n % 4 === 0 ? SLOW_MS : QUICK_MS, undefined, { signal });
  if (n % 3 === 0 && attempt === 1) throw new RetryLaterError('not_yet', 'fails once on purpose');
  return { n };
});
const system = await createActorSystem({
  pool,
  connectionString,
  machines: [subject, helper],
  effects: [work],
  onEmitted: async (transaction, emitted) => {
    await transaction.query(
      'INSERT INTO emitted SELECT * FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::jsonb[])',
      [
        emitted.map(({ address }) => address),
        emitted.map(({ revision }) => revision),
        emitted.map(({ index }) => index),
        emitted.map(({ event }) => JSON.stringify(event)),
      ],
    );
  },
});

serveParent<ActorsQuestion>(
  async (question) => {
    switch (question.kind) {
      case 'spawn':
        return system.spawn('subject', question.key, { input: {}, owner: 'chaos' });
      case 'send': {
        const { address, event, source, idempotencyKey } = question;
        return system.send(address, event, {
          source,
          ...(idempotencyKey !== undefined && { idempotencyKey }),
        });
      }
    }
  },
  async () => {
    await system.drain({ timeoutMs: DRAIN_MS });
    await pool.end();
  },
);
