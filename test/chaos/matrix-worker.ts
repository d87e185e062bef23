/**
 * A worker of the crash matrix: serves the matrix's machines, and kills itself at the point that it is told. A program
 * of crash-matrix.ts.
 */
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import {
  type ActorEvent,
  createActorSystem,
  effect,
  RetryLaterError,
} from '../../src/actors/runtime/index.ts';
import { openPool } from '../../src/persistence/pool.ts';
import { type FaultPoint, FaultPoints } from './fault-points.ts';
import { matrixMachines } from './matrix-machines.ts';
import { wrapQueries } from './pg-wrapper.ts';
import { planter } from './plants.ts';
import { clockThat, Turns } from './turns.ts';
import { endWithParent, serveParent } from './workers.ts';

export interface MatrixSettings {
  connectionString: string;
  /** The file to which effects write that they were called. */
  ledger: string;
  /** The name of a fault of the runtime's own, in all workers. */
  plant: string | null;
  /** The one that may die; or one that goes on, from the start on `beside` that one or as its `successor`. */
  part: 'victim' | 'beside' | 'successor';
  /** Of the victim: where it dies, if it does; and whether another one lives beside it. */
  fault: FaultPoint | null;
  isAccompanied: boolean;
}

export type KeyedQuestion =
  | { kind: 'spawn'; machine: string; key: string; idempotencyKey: string }
  | { kind: 'send'; address: string; event: ActorEvent; idempotencyKey: string };

export type MatrixQuestion =
  | KeyedQuestion
  /** At the same moment, so that they share what can be shared; answers all of them. */
  | { kind: 'together'; questions: KeyedQuestion[] }
  | { kind: 'stop'; address: string }
  | { kind: 'reach'; address: string; until: 'done' | { tag: string } }
  /** Waits until the victim has renewed its lease. */
  | { kind: 'lease' }
  /** The one beside it is told that the victim is gone. */
  | { kind: 'alone' }
  /** Ends the system as at a shutdown; answers what was met until then. */
  | { kind: 'drain' };

const PATIENCE_MS = 20_000;
const OWNER = 'matrix';

endWithParent();
const settings = JSON.parse(process.argv[2] ?? '{}') as MatrixSettings;
const { connectionString, ledger, part, plant, fault } = settings;
const alone = Promise.withResolvers<void>();
const greeted = Promise.withResolvers<void>();
const turns = part === 'victim' ? new Turns() : null;
const points = turns && new FaultPoints({ fault, plant, turns, notified });
if (!points && plant !== null) wrapQueries({ rewrite: planter(plant) });
const pool = openPool(connectionString, () => {});
const called = (name: string, idempotencyKey: string) => {
  points?.pass(`effect ${name}`, 'before');
  appendFileSync(ledger, `${name} ${idempotencyKey}\n`);
  points?.pass(`effect ${name}`, 'after');
};
const policy = {
  input: z.unknown(),
  output: z.string(),
  retries: { limit: 3, delay: '5 ms', backoff: 'fixed' },
} as const;
const charge = effect('charge', policy, async (_input, { idempotencyKey, attempt }) => {
  called('charge', idempotencyKey);
  if (attempt === 1) throw new RetryLaterError('declined', 'declined once on purpose');
  return `charged ${idempotencyKey}`;
});
const hold = effect('hold', policy, async (_input, { idempotencyKey, signal }) => {
  called('hold', idempotencyKey);
  await once(signal, 'abort');
  throw signal.reason;
});
const system = await createActorSystem({
  pool,
  connectionString,
  machines: matrixMachines,
  effects: [charge, hold],
  ...clockOfPart(),
  onEmitted: async (transaction, emitted) => {
    await transaction.query(
      'INSERT INTO emitted SELECT * FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::jsonb[])',
      [
        emitted.map(({ address }) => address),
        emitted.map(({ revision }) => revision),
        emitted.map(({ index }) => index),
        emitted.map((one) => JSON.stringify(one.event)),
      ],
    );
  },
});

// From here on it is the same each time, and nothing comes unasked.
if (settings.isAccompanied) await greeted.promise;
await turns?.still();

function notified(payload: string): void {
  if ((JSON.parse(payload) as { kind: string }).kind === 'greeting') greeted.resolve();
}

/** While the victim lives it fires the timers; which of two is quicker would not be the same each time. */
function clockOfPart() {
  if (turns) return { clock: turns.clock() };
  return part === 'beside' ? { clock: clockThat((begin) => void alone.promise.then(begin)) } : {};
}

async function answer(question: MatrixQuestion): Promise<unknown> {
  switch (question.kind) {
    case 'spawn': {
      const { machine, key, idempotencyKey } = question;
      return system.spawn(machine, key, { input: {}, owner: OWNER, idempotencyKey });
    }
    case 'send':
      return system.send(question.address, question.event, {
        idempotencyKey: question.idempotencyKey,
        source: 'client',
      });
    case 'together':
      return Promise.all(question.questions.map(answer));
    case 'stop':
      return (await system.stop(question.address, { source: 'client' })).status;
    case 'reach':
      return (await system.waitFor(question.address, question.until, { timeoutMs: PATIENCE_MS })).status;
    case 'lease':
      return points?.leased();
    case 'alone':
      return alone.resolve();
    case 'drain':
      await system.drain();
      return points?.occurrences();
  }
}

serveParent<MatrixQuestion>(
  async (question) => {
    await turns?.still();
    const answered = await answer(question);
    await turns?.still();
    return answered;
  },
  async () => {
    await system.drain({ timeoutMs: 1_000 });
    await pool.end();
  },
);
