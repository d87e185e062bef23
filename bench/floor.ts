/**
 * The floor: the same rows written by plain SQL, without machines, checks or effects. One transaction for each step,
 * or the steps that wait at the same moment in one transaction through unnest, two of these at a time.
 */
import pg, { type Pool } from 'pg';

const SPAWN = `
WITH actor AS (
  INSERT INTO actors (address, machine, key, version, owner, incarnation, status, revision, tags, snapshot, pending,
                      created_at, updated_at)
  SELECT a, 'floor', a, '1', 'bench', gen_random_uuid(), 'active', 1, '{}', $2, '{}', now(), now()
  FROM unnest($1::text[]) AS i(a)
), record AS (
  INSERT INTO journal (address, revision, owner, step_id, at, record)
  SELECT a, 1, 'bench', gen_random_uuid(), now(), $3 FROM unnest($1::text[]) AS i(a)
)
INSERT INTO effects (effect_id, address, invoke_id, src, owner, input, due_at, deadline_at)
SELECT a || '#1', a, 'work', 'work', 'bench', '{}', now(), now() FROM unnest($1::text[]) AS i(a) WHERE $4`;

const EVENT = `
WITH actor AS (
  UPDATE actors SET revision = i.r, snapshot = i.s, updated_at = now()
  FROM unnest($1::text[], $2::bigint[], $3::json[]) AS i(a, r, s) WHERE address = i.a AND revision = i.r - 1
)
INSERT INTO journal (address, revision, owner, step_id, at, record)
SELECT a, r, 'bench', gen_random_uuid(), now(), j FROM unnest($1::text[], $2::bigint[], $4::json[]) AS i(a, r, j)`;

const EFFECT = `
WITH actor AS (
  UPDATE actors SET revision = i.r, snapshot = i.s, updated_at = now()
  FROM unnest($1::text[], $2::bigint[], $3::json[]) AS i(a, r, s) WHERE address = i.a AND revision = i.r - 1
), record AS (
  INSERT INTO journal (address, revision, owner, step_id, at, record)
  SELECT a, r, 'bench', gen_random_uuid(), now(), j FROM unnest($1::text[], $2::bigint[], $4::json[]) AS i(a, r, j)
), ended AS (
  DELETE FROM effects USING unnest($1::text[], $2::bigint[]) AS i(a, r) WHERE effect_id = i.a || '#' || (i.r - 1)
)
INSERT INTO effects (effect_id, address, invoke_id, src, owner, input, due_at, deadline_at)
SELECT a || '#' || r, a, 'work', 'work', 'bench', '{}', now(), now()
FROM unnest($1::text[], $2::bigint[]) AS i(a, r) WHERE r <= $5`;

/** What the runtime wrote for one step, as JSON text: the floor writes the same. */
export interface SampleRows {
  snapshot: string;
  record: string;
}

/** One step of one actor. Revision 1 is its spawn. */
interface Step {
  address: string;
  revision: number;
}

/** Writes steps in one transaction. */
type WriteBatch = (steps: readonly Step[]) => Promise<void>;
/** Writes the rows of one step; resolves when they are committed. */
export type WriteStep = (step: Step) => Promise<void>;

/** Connections of the floor's own, as many as it can use. */
export function openFloorPool(connectionString: string): Pool {
  const pool = new pg.Pool({ connectionString, max: 20 });
  // Some are still closing when the bench's Postgres stops.
  pool.on('error', () => {});
  return pool;
}

/** The rows of an actor's step as the runtime has written it. */
export async function sampleRows(pool: Pool, address: string, revision: number): Promise<SampleRows> {
  const { rows } = await pool.query<SampleRows>(
    `SELECT actors.snapshot::text AS snapshot, journal.record::text AS record
     FROM actors JOIN journal USING (address) WHERE address = $1 AND journal.revision = $2`,
    [address, revision],
  );
  if (!rows[0]) throw new Error(`${address} has no step ${revision} to take as a sample`);
  return rows[0];
}

/** Steps that change an actor and write the journal; with `effects`, the first so many start an effect each too. */
export function writer(pool: Pool, { snapshot, record }: SampleRows, effects = 0): WriteBatch {
  return async (steps) => {
    const spawns = steps.filter(({ revision }) => revision === 1);
    const moves = steps.filter(({ revision }) => revision > 1);
    if (spawns.length > 0) {
      const values = [spawns.map(({ address }) => address), snapshot, record, effects > 0];
      await pool.query({ name: 'floor-spawn', text: SPAWN, values });
    }
    if (moves.length === 0) return;
    const values = [
      moves.map(({ address }) => address),
      moves.map(({ revision }) => revision),
      moves.map(() => snapshot),
      moves.map(() => record),
    ];
    await (effects > 0
      ? pool.query({ name: 'floor-effect', text: EFFECT, values: [...values, effects] })
      : pool.query({ name: 'floor-event', text: EVENT, values }));
  };
}

/** A transaction of its own for each step. */
export function oneByOne(write: WriteBatch): WriteStep {
  return (step) => write([step]);
}

/** What waits at the same moment shares a transaction. */
export function batched(write: WriteBatch): WriteStep {
  let waiting: { step: Step; done: () => void; failed: (error: unknown) => void }[] = [];
  let flushes = 0;
  const flush = async (): Promise<void> => {
    if (flushes === 2 || waiting.length === 0) return;
    const batch = waiting.slice(0, 512);
    waiting = waiting.slice(512);
    flushes++;
    try {
      await write(batch.map(({ step }) => step));
      for (const { done } of batch) done();
    } catch (error) {
      for (const { failed } of batch) failed(error);
    } finally {
      flushes--;
      queueMicrotask(flush);
    }
  };
  return (step) =>
    new Promise((done, failed) => {
      waiting.push({ step, done, failed });
      queueMicrotask(flush);
    });
}
