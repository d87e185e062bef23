/**
 * The commit of a batch of steps: one statement, so that one round trip and one flush carry the steps of many actors.
 *
 * An actor's part takes effect only when its revision is still the expected one (R2), and the effects of which it takes
 * the results are still this process's (R7); the parts of the others do.
 * Timers are pg-boss's jobs, and are set by the same statement.
 */
import type { Database, NamedStatement } from '../database.ts';
import { json, RowSet } from './row-sets.ts';
import type { ActorRow, DeadLetterRow, EffectRow, IdempotencyRow, JournalRow, NewMessage } from './rows.ts';
import { insertTimers, type TimerJob, timerRows } from './timers.ts';

export interface ActorWrite {
  /** As it is to be. Its revision equals `expected` when only rows beside it are written. */
  row: ActorRow;
  /** The revision it must have now; 0 for a new one. */
  expected: number;
  /** The effects of which it takes the results: not if another process has taken one of them over. */
  outcomes: readonly string[];
}

export interface StepBatch {
  /** The process that runs the effects started here; after it, the ids by which it ran those of before. */
  processes: readonly string[];
  actors: readonly ActorWrite[];
  journal: readonly JournalRow[];
  effectsStarted: readonly EffectRow[];
  effectsEnded: readonly { address: string; effectId: string }[];
  timersSet: readonly TimerJob[];
  keys: readonly IdempotencyRow[];
  deadLetters: readonly DeadLetterRow[];
  /** `exists`: whether there is an actor, whose revision then decides. */
  messages: readonly (NewMessage & { exists: boolean })[];
  messagesTaken: readonly { id: string; address: string; exists: boolean }[];
}

const actors = new RowSet<ActorWrite>({
  address: ['text', ({ row }) => row.address],
  expected: ['bigint', ({ expected }) => expected],
  revision: ['bigint', ({ row }) => row.revision],
  machine: ['text', ({ row }) => row.machine],
  key: ['text', ({ row }) => row.key],
  version: ['text', ({ row }) => row.version],
  owner: ['text', ({ row }) => row.owner],
  incarnation: ['uuid', ({ row }) => row.incarnation],
  status: ['text', ({ row }) => row.status],
  // An array of arrays would have to be rectangular; no tag holds the separator.
  tags: ['text', ({ row }) => row.tags.join('\u001f')],
  outcomes: ['text', ({ outcomes }) => outcomes.join('\u001f')],
  snapshot: ['json', ({ row }) => row.snapshot],
  pending: ['jsonb', ({ row }) => json(row.pending)],
  error: ['jsonb', ({ row }) => row.error && json(row.error)],
  singleton_key: ['text', ({ row }) => row.singletonKey],
  parent: ['jsonb', ({ row }) => row.parent && json(row.parent)],
  created_at: ['timestamptz', ({ row }) => row.createdAt],
  updated_at: ['timestamptz', ({ row }) => row.updatedAt],
});

const journal = new RowSet<JournalRow>({
  address: ['text', (row) => row.address],
  revision: ['bigint', (row) => row.revision],
  owner: ['text', (row) => row.owner],
  step_id: ['uuid', (row) => row.stepId],
  at: ['timestamptz', (row) => row.at],
  record: ['json', (row) => row.record],
});

const effectsStarted = new RowSet<EffectRow>({
  effect_id: ['text', (row) => row.effectId],
  address: ['text', (row) => row.address],
  invoke_id: ['text', (row) => row.invokeId],
  src: ['text', (row) => row.src],
  owner: ['text', (row) => row.owner],
  input: ['json', (row) => json(row.input)],
  due_at: ['timestamptz', (row) => row.dueAt],
  deadline_at: ['timestamptz', (row) => row.deadlineAt],
  trace: ['text', (row) => row.trace],
});

const effectsEnded = new RowSet<StepBatch['effectsEnded'][number]>({
  effect_id: ['text', ({ effectId }) => effectId],
  address: ['text', ({ address }) => address],
});

const keys = new RowSet<IdempotencyRow>({
  address: ['text', (row) => row.address],
  scope: ['text', (row) => row.scope],
  key: ['text', (row) => row.key],
  payload_hash: ['text', (row) => row.payloadHash],
  answer: ['jsonb', (row) => json(row.answer)],
  created_at: ['timestamptz', (row) => row.createdAt],
});

const deadLetters = new RowSet<DeadLetterRow>({
  address: ['text', (row) => row.address],
  owner: ['text', (row) => row.owner],
  incarnation: ['uuid', (row) => row.incarnation],
  revision: ['bigint', (row) => row.revision],
  event: ['jsonb', (row) => json(row.event)],
  outside: ['boolean', (row) => row.outside],
  source: ['text', (row) => row.source],
  error: ['jsonb', (row) => json(row.error)],
  at: ['timestamptz', (row) => row.at],
});

const messages = new RowSet<StepBatch['messages'][number]>({
  to_address: ['text', ({ to }) => to],
  address: ['text', ({ from }) => from],
  kind: ['text', ({ kind }) => kind],
  body: ['json', ({ body }) => json(body)],
  trace: ['text', ({ trace }) => trace],
  exists: ['boolean', ({ exists }) => exists],
});

const messagesTaken = new RowSet<StepBatch['messagesTaken'][number]>({
  id: ['bigint', ({ id }) => id],
  address: ['text', ({ address }) => address],
  exists: ['boolean', ({ exists }) => exists],
});

// An effect is found as the first of an order that only the index has: while the planner believes that there are none,
// it would read them all for each result. Rows are locked in the order of their addresses, so that two processes with
// the same actors can't deadlock.
const actorParts = (first: number): string => `
input AS MATERIALIZED (SELECT * FROM ${actors.from('i', first)}),
fenced AS MATERIALIZED (
  SELECT i.address FROM input i
  CROSS JOIN LATERAL unnest(string_to_array(i.outcomes, chr(31))) AS outcome(effect_id)
  CROSS JOIN LATERAL (
    SELECT process FROM effects WHERE effects.effect_id BETWEEN outcome.effect_id AND outcome.effect_id
    ORDER BY effects.effect_id LIMIT 1
  ) AS e
  WHERE i.outcomes <> '' AND (e.process = ANY($1::uuid[])) IS NOT TRUE
),
locked AS MATERIALIZED (
  SELECT i.* FROM input i
  JOIN actors a ON a.address = i.address AND a.revision = i.expected AND a.incarnation = i.incarnation
  WHERE i.expected > 0 AND (i.address IN (SELECT fenced.address FROM fenced)) IS NOT TRUE
  ORDER BY i.address FOR UPDATE OF a
),
updated AS (
  UPDATE actors a SET version = i.version, status = i.status, revision = i.revision,
    tags = string_to_array(i.tags, chr(31)), snapshot = i.snapshot, pending = i.pending, error = i.error,
    updated_at = i.updated_at
  FROM locked i WHERE a.address = i.address AND i.revision > i.expected
),
inserted AS (
  INSERT INTO actors (address, machine, key, version, owner, incarnation, status, revision, tags, snapshot, pending,
                      error, singleton_key, parent, created_at, updated_at)
  SELECT address, machine, key, version, owner, incarnation, status, revision, string_to_array(tags, chr(31)),
         snapshot, pending, error, singleton_key, parent, created_at, updated_at
  FROM input WHERE expected = 0 ORDER BY address
  ON CONFLICT DO NOTHING RETURNING address
),
won AS MATERIALIZED (SELECT address FROM locked UNION ALL SELECT address FROM inserted)`;

/**
 * A hashed look into `won`. As a join, the plan that a prepared statement keeps compares every row with every other,
 * since Postgres expects ten of each; `IS TRUE` keeps it from making a join of this.
 */
const WON = (alias: string): string => `(${alias}.address IN (SELECT won.address FROM won)) IS TRUE`;

interface Part {
  /** Parameters of this part. */
  values: (batch: StepBatch) => (unknown[] | string)[];
  width: number;
  /** The part, with its parameters from `first` on. */
  sql: (first: number) => string;
}

/** What stands beside the actors; a part is left out where a batch has no rows for it. */
const PARTS: readonly Part[] = [
  {
    values: (batch) => journal.values(batch.journal),
    width: journal.width,
    sql: (first) => `
journalled AS (
  INSERT INTO journal (${journal.names})
  SELECT j.address, j.revision, j.owner, j.step_id, j.at, j.record
  FROM ${journal.from('j', first)} WHERE ${WON('j')} ORDER BY j.position
)`,
  },
  {
    values: (batch) => effectsStarted.values(batch.effectsStarted),
    width: effectsStarted.width,
    sql: (first) => `
started AS (
  INSERT INTO effects (effect_id, address, invoke_id, src, owner, input, due_at, deadline_at, trace, process)
  SELECT e.effect_id, e.address, e.invoke_id, e.src, e.owner, e.input, e.due_at, e.deadline_at, e.trace, ($1::uuid[])[1]
  FROM ${effectsStarted.from('e', first)} WHERE ${WON('e')}
)`,
  },
  {
    values: (batch) => effectsEnded.values(batch.effectsEnded),
    width: effectsEnded.width,
    sql: (first) => `
ended AS (
  DELETE FROM effects USING ${effectsEnded.from('e', first)}
  WHERE effects.effect_id = e.effect_id AND ${WON('e')}
)`,
  },
  {
    values: (batch) => timerRows.values(batch.timersSet),
    width: timerRows.width,
    sql: (first) => `
timers AS (${insertTimers(first, WON('t'))}
)`,
  },
  {
    values: (batch) => keys.values(batch.keys),
    width: keys.width,
    sql: (first) => `
remembered AS (
  INSERT INTO idempotency_keys (scope, key, payload_hash, answer, created_at)
  SELECT k.scope, k.key, k.payload_hash, k.answer, k.created_at
  FROM ${keys.from('k', first)} WHERE ${WON('k')}
)`,
  },
  {
    values: (batch) => deadLetters.values(batch.deadLetters),
    width: deadLetters.width,
    sql: (first) => `
dead AS (
  INSERT INTO dead_letters (${deadLetters.names})
  SELECT d.address, d.owner, d.incarnation, d.revision, d.event, d.outside, d.source, d.error, d.at
  FROM ${deadLetters.from('d', first)} WHERE ${WON('d')}
)`,
  },
  {
    values: (batch) => messages.values(batch.messages),
    width: messages.width,
    sql: (first) => `
sent AS (
  INSERT INTO messages (to_address, from_address, kind, body, trace)
  SELECT m.to_address, m.address, m.kind, m.body, m.trace
  FROM ${messages.from('m', first)}
  WHERE NOT m.exists OR m.address IN (SELECT won.address FROM won) ORDER BY m.position
)`,
  },
  {
    values: (batch) => messagesTaken.values(batch.messagesTaken),
    width: messagesTaken.width,
    sql: (first) => `
taken AS (
  DELETE FROM messages USING ${messagesTaken.from('m', first)}
  WHERE messages.id = m.id AND (NOT m.exists OR m.address IN (SELECT won.address FROM won))
)`,
  },
];

/** Statements by which parts they have. */
const statements = new Map<string, string>();

function statementFor(present: readonly boolean[]): Pick<NamedStatement, 'name' | 'text'> {
  const name = `commit_${present.map(Number).join('')}`;
  const known = statements.get(name);
  if (known !== undefined) return { name, text: known };
  let next = 2 + actors.width;
  const parts = PARTS.filter((_, index) => present[index]).map(({ width, sql }) => {
    const part = sql(next);
    next += width;
    return part;
  });
  // The processes are always the first parameter, so that the numbering does not depend on the parts.
  const text = `WITH me AS (SELECT $1::uuid[]),${[actorParts(2), ...parts].join(',')}\nSELECT address FROM won`;
  statements.set(name, text);
  return { name, text };
}

/** Commits the batch. Returns the addresses whose steps took effect; the others lost to another writer. */
export async function commitSteps(database: Database, batch: StepBatch): Promise<Set<string>> {
  const all = PARTS.map(({ values }) => values(batch));
  const present = all.map(([column]) => (column?.length ?? 0) > 0);
  const beside = all.filter((_, index) => present[index]).flat();
  const { rows } = await database.query({
    ...statementFor(present),
    values: [batch.processes, ...actors.values(batch.actors), ...beside],
  });
  return new Set(rows.map((row) => row.address as string));
}
