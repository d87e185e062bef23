/**
 * The floor: the rows of a pipeline written by plain SQL, without machines, checks or effects. One transaction for
 * each step, or the steps that wait at the same moment in one transaction through unnest, two of these at a time.
 */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';

const SPAWN = `
WITH actor AS (
  INSERT INTO actors (address, machine, key, version, owner, incarnation, status, revision, tags, snapshot, pending,
                      created_at, updated_at)
  SELECT a, 'floor', a, '1', 'bench', gen_random_uuid(), 'active', 1, '{}', s, '{}', now(), now()
  FROM unnest($1::text[], $2::jsonb[]) AS i(a, s)
), record AS (
  INSERT INTO journal (address, revision, owner, step_id, at, record)
  SELECT a, 1, 'bench', gen_random_uuid(), now(), s FROM unnest($1::text[], $2::jsonb[]) AS i(a, s)
)
INSERT INTO effects (effect_id, address, invoke_id, src, owner, input, due_at, deadline_at)
SELECT a || '#1', a, 'work', 'work', 'bench', '{}', now(), now() FROM unnest($1::text[]) AS i(a)`;

const STEP = `
WITH actor AS (
  UPDATE actors SET revision = i.r, snapshot = i.s, updated_at = now()
  FROM unnest($1::text[], $2::bigint[], $3::jsonb[]) AS i(a, r, s) WHERE address = i.a AND revision = i.r - 1
), record AS (
  INSERT INTO journal (address, revision, owner, step_id, at, record)
  SELECT a, r, 'bench', gen_random_uuid(), now(), s FROM unnest($1::text[], $2::bigint[], $3::jsonb[]) AS i(a, r, s)
), ended AS (
  DELETE FROM effects USING unnest($1::text[], $2::bigint[]) AS i(a, r) WHERE effect_id = i.a || '#' || (i.r - 1)
)
INSERT INTO effects (effect_id, address, invoke_id, src, owner, input, due_at, deadline_at)
SELECT a || '#' || r, a, 'work', 'work', 'bench', '{}', now(), now()
FROM unnest($1::text[], $2::bigint[]) AS i(a, r) WHERE r <= $4`;

/** Writes the rows of one step of one actor; resolves when they are committed. */
type WriteStep = (address: string, revision: number) => Promise<void>;

/** One pipeline on the floor: a spawn and its steps, one after the other. */
export async function floorPipeline(write: WriteStep, steps: number): Promise<void> {
  const address = `floor/${randomUUID()}`;
  for (let revision = 1; revision <= steps + 1; revision++) await write(address, revision);
}

/** A transaction of its own for each step. */
export function oneByOne(pool: Pool, snapshot: string, steps: number): WriteStep {
  return async (address, revision) => {
    if (revision === 1) await pool.query(SPAWN, [[address], [snapshot]]);
    else await pool.query(STEP, [[address], [revision], [snapshot], steps]);
  };
}

/** What waits at the same moment shares a transaction. */
export function batched(pool: Pool, snapshot: string, steps: number): WriteStep {
  let waiting: { address: string; revision: number; done: () => void; failed: (error: unknown) => void }[] =
    [];
  let flushes = 0;
  const flush = async (): Promise<void> => {
    if (flushes === 2 || waiting.length === 0) return;
    const batch = waiting.slice(0, 512);
    waiting = waiting.slice(512);
    flushes++;
    try {
      const spawns = batch.filter(({ revision }) => revision === 1);
      const moves = batch.filter(({ revision }) => revision > 1);
      const text = (rows: typeof batch): string[] => rows.map(() => snapshot);
      if (spawns.length > 0) await pool.query(SPAWN, [spawns.map(({ address }) => address), text(spawns)]);
      if (moves.length > 0) {
        const [addresses, revisions] = [
          moves.map(({ address }) => address),
          moves.map(({ revision }) => revision),
        ];
        await pool.query(STEP, [addresses, revisions, text(moves), steps]);
      }
      for (const { done } of batch) done();
    } catch (error) {
      for (const { failed } of batch) failed(error);
    } finally {
      flushes--;
      queueMicrotask(flush);
    }
  };
  return (address, revision) =>
    new Promise((done, failed) => {
      waiting.push({ address, revision, done, failed });
      queueMicrotask(flush);
    });
}
