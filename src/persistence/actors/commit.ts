/**
 * The commit of a batch of steps: one statement, so that one round trip and one flush carry the steps of many actors.
 *
 * An actor's part takes effect only when its revision is still the expected one (R2); the parts of the others do.
 * Timers are not here: they are pg-boss's jobs, inserted beside this in the same transaction.
 */
import type { Database } from '../database.ts';
import type { ActorRow, DeadLetterRow, EffectRow, IdempotencyRow, JournalRow } from './rows.ts';

export interface ActorWrite {
  /** As it is to be. Its revision equals `expected` when only the journal is written. */
  row: ActorRow;
  /** The revision it must have now; 0 for a new one. */
  expected: number;
}

export interface StepBatch {
  /** The process that runs the effects started here. */
  process: string;
  actors: readonly ActorWrite[];
  journal: readonly JournalRow[];
  effectsStarted: readonly EffectRow[];
  effectsEnded: readonly { address: string; effectId: string }[];
  keys: readonly IdempotencyRow[];
  deadLetters: readonly DeadLetterRow[];
}

// Rows are locked in the order of their addresses, so that two processes with the same actors can't deadlock.
const COMMIT_STEPS = `
WITH input AS (
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
                       $8::uuid[], $9::text[], $10::text[], $11::jsonb[], $12::jsonb[], $13::jsonb[], $14::text[],
                       $15::timestamptz[], $16::timestamptz[])
    AS i(address, expected, revision, machine, key, version, owner, incarnation, status, tags, snapshot, pending,
         error, singleton_key, created_at, updated_at)
), locked AS MATERIALIZED (
  SELECT a.address FROM actors a JOIN input i ON a.address = i.address
  WHERE i.expected > 0 AND a.revision = i.expected
  ORDER BY a.address FOR UPDATE OF a
), updated AS (
  UPDATE actors a SET version = i.version, status = i.status, revision = i.revision,
    tags = string_to_array(i.tags, chr(31)), snapshot = i.snapshot, pending = i.pending, error = i.error,
    updated_at = i.updated_at
  FROM input i JOIN locked l USING (address)
  WHERE a.address = i.address AND i.revision > i.expected
), inserted AS (
  INSERT INTO actors (address, machine, key, version, owner, incarnation, status, revision, tags, snapshot, pending,
                      error, singleton_key, created_at, updated_at)
  SELECT address, machine, key, version, owner, incarnation, status, revision, string_to_array(tags, chr(31)),
         snapshot, pending, error, singleton_key, created_at, updated_at
  FROM input WHERE expected = 0 ORDER BY address
  ON CONFLICT DO NOTHING RETURNING address
), won AS (
  SELECT address FROM locked UNION ALL SELECT address FROM inserted
), journalled AS (
  INSERT INTO journal (address, revision, owner, step_id, at, record)
  SELECT j.address, j.revision, j.owner, j.step_id, j.at, j.record
  FROM unnest($17::text[], $18::bigint[], $19::text[], $20::uuid[], $21::timestamptz[], $22::jsonb[])
    WITH ORDINALITY AS j(address, revision, owner, step_id, at, record, position)
  JOIN won USING (address) ORDER BY j.position
), started AS (
  INSERT INTO effects (effect_id, address, invoke_id, src, owner, input, due_at, deadline_at, process)
  SELECT e.effect_id, e.address, e.invoke_id, e.src, e.owner, e.input, e.due_at, e.deadline_at, $23::uuid
  FROM unnest($24::text[], $25::text[], $26::text[], $27::text[], $28::text[], $29::jsonb[], $30::timestamptz[],
              $31::timestamptz[]) AS e(effect_id, address, invoke_id, src, owner, input, due_at, deadline_at)
  JOIN won USING (address)
), ended AS (
  DELETE FROM effects USING unnest($32::text[], $33::text[]) AS e(effect_id, address) JOIN won USING (address)
  WHERE effects.effect_id = e.effect_id
), remembered AS (
  INSERT INTO idempotency_keys (scope, key, payload_hash, answer, created_at)
  SELECT k.scope, k.key, k.payload_hash, k.answer, now()
  FROM unnest($34::text[], $35::text[], $36::text[], $37::text[], $38::jsonb[])
    AS k(address, scope, key, payload_hash, answer)
  JOIN won USING (address)
), dead AS (
  INSERT INTO dead_letters (address, owner, revision, event, source, error, at)
  SELECT d.address, d.owner, d.revision, d.event, d.source, d.error, d.at
  FROM unnest($39::text[], $40::text[], $41::bigint[], $42::jsonb[], $43::text[], $44::jsonb[], $45::timestamptz[])
    AS d(address, owner, revision, event, source, error, at)
  JOIN won USING (address)
)
SELECT address FROM won`;

const json = (value: unknown) => JSON.stringify(value);

/** Commits the batch. Returns the addresses whose steps took effect; the others lost to another writer. */
export async function commitSteps(database: Database, batch: StepBatch): Promise<Set<string>> {
  const { actors, journal, effectsStarted, effectsEnded, keys, deadLetters } = batch;
  const actor = <T>(pick: (row: ActorRow) => T): T[] => actors.map(({ row }) => pick(row));
  const { rows } = await database.query(COMMIT_STEPS, [
    actor((row) => row.address),
    actors.map(({ expected }) => expected),
    actor((row) => row.revision),
    actor((row) => row.machine),
    actor((row) => row.key),
    actor((row) => row.version),
    actor((row) => row.owner),
    actor((row) => row.incarnation),
    actor((row) => row.status),
    actor((row) => row.tags.join('\u001f')),
    actor((row) => row.snapshot),
    actor((row) => json(row.pending)),
    actor((row) => (row.error === null ? null : json(row.error))),
    actor((row) => row.singletonKey),
    actor((row) => row.createdAt),
    actor((row) => row.updatedAt),
    journal.map((row) => row.address),
    journal.map((row) => row.revision),
    journal.map((row) => row.owner),
    journal.map((row) => row.stepId),
    journal.map((row) => row.at),
    journal.map((row) => row.record),
    batch.process,
    effectsStarted.map((row) => row.effectId),
    effectsStarted.map((row) => row.address),
    effectsStarted.map((row) => row.invokeId),
    effectsStarted.map((row) => row.src),
    effectsStarted.map((row) => row.owner),
    effectsStarted.map((row) => json(row.input ?? null)),
    effectsStarted.map((row) => row.dueAt),
    effectsStarted.map((row) => row.deadlineAt),
    effectsEnded.map((row) => row.effectId),
    effectsEnded.map((row) => row.address),
    keys.map((row) => row.address),
    keys.map((row) => row.scope),
    keys.map((row) => row.key),
    keys.map((row) => row.payloadHash),
    keys.map((row) => json(row.answer)),
    deadLetters.map((row) => row.address),
    deadLetters.map((row) => row.owner),
    deadLetters.map((row) => row.revision),
    deadLetters.map((row) => json(row.event)),
    deadLetters.map((row) => row.source),
    deadLetters.map((row) => json(row.error)),
    deadLetters.map((row) => row.at),
  ]);
  return new Set(rows.map((row) => row.address as string));
}
