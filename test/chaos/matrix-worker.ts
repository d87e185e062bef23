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
import { serveParent } from './workers.ts';

export interface MatrixSettings {
  connectionString: string;
  /** The file to which effects write that they were called. */
  ledger: string;
  fault: FaultPoint | null;
}

export type MatrixQuestion =
  | { kind: 'spawn'; machine: string; key: string; idempotencyKey: string }
  | { kind: 'send'; address: string; event: ActorEvent; idempotencyKey: string }
  | { kind: 'stop'; address: string }
  | { kind: 'reach'; address: string; until: 'done' | { tag: string } }
  /** Ends the system as at a shutdown; answers what was met until then. */
  | { kind: 'drain' };

const PATIENCE_MS = 20_000;
const OWNER = 'matrix';

const settings = JSON.parse(process.argv[2] ?? '{}') as MatrixSettings;
const { connectionString, ledger, fault } = settings;
const points = new FaultPoints(fault);
const pool = openPool(connectionString, () => {});
const called = (name: string, idempotencyKey: string) => {
  points.pass(`effect ${name}`, 'before');
  appendFileSync(ledger, `${name} ${idempotencyKey}\n`);
  points.pass(`effect ${name}`, 'after');
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

serveParent<MatrixQuestion>(
  async (question) => {
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
      case 'stop':
        return (await system.stop(question.address, { source: 'client' })).status;
      case 'reach':
        return (await system.waitFor(question.address, question.until, { timeoutMs: PATIENCE_MS })).status;
      case 'drain':
        await system.drain();
        return points.occurrences();
    }
  },
  async () => {
    await system.drain({ timeoutMs: 1_000 });
    await pool.end();
  },
);
