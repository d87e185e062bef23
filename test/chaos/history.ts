/**
 * The history of a chaos run: what clients were told, and what the tables hold. Reading it from Postgres; judging it is
 * `checker.ts`.
 */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { ActorEvent, EffectDescriptor } from '../../src/actors/runtime/index.ts';

/** An event as a client sent it. */
export interface Sent {
  address: string;
  source: string;
  /** Counts what a source sends to an actor, from 1 on. */
  n: number;
  /** Undefined: never answered, so it may have been applied or not. */
  answer?: Answer;
  /** Said for certain: it was not applied, and will not be. */
  notApplied?: true;
  /** What else was answered to the same key. */
  again?: Answer[];
}

export type Answer = { revision: number; changed: boolean } | { refused: string };

export interface Step {
  address: string;
  revision: number;
  /** Milliseconds since 1970. */
  at: number;
  kind: 'spawn' | 'step' | 'unchanged' | 'failed' | 'stop';
  event: ActorEvent;
  source: string | null;
  status: string;
  context: Record<string, unknown>;
  effects: EffectDescriptor[];
}

export interface ActorAtEnd {
  address: string;
  machine: string;
  status: string;
  revision: number;
  value: unknown;
  context: Record<string, unknown>;
  pending: {
    timers: Record<string, { job: string; due: string }>;
    effects: Record<string, { effectId: string }>;
    children: Record<string, { address: string }>;
  };
}

export interface History {
  sent: readonly Sent[];
  /** In the order in which they were committed. */
  steps: readonly Step[];
  actors: readonly ActorAtEnd[];
  emitted: readonly { address: string; revision: number; index: number }[];
  /** Jobs of timers that have not fired. `due` in milliseconds since 1970. */
  jobs: readonly { id: string; address: string; due: number }[];
  /** Messages that nobody has taken. */
  messages: readonly { from: string; to: string; kind: string }[];
  /** Effects that are to run. */
  effects: readonly { effectId: string; address: string }[];
  /** The effects that were called, each at least once. */
  called: ReadonlySet<string>;
  /** Processes that ended without being killed. */
  crashes: readonly string[];
  /** When it was read, in milliseconds since 1970. */
  readAt: number;
  /** Whether everything was healed and has had its time: then nothing may be under way. */
  settled: boolean;
}

/** Reads the tables, all as of one moment. */
export async function readHistory(
  connectionString: string,
  ledgerFile: string,
  known: Pick<History, 'sent' | 'crashes' | 'settled'>,
): Promise<History> {
  const client = new pg.Client({ connectionString });
  // Postgres may be stopped meanwhile: the query that is under way says so.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const read = async <Row>(text: string): Promise<Row[]> => (await client.query(text)).rows as Row[];
    const steps = await read<Step>(
      `SELECT address, revision::float8 AS revision, extract(epoch FROM at)::float8 * 1000 AS at,
         record->>'kind' AS kind, record->'event' AS event, record->>'source' AS source,
         record->'snapshot'->>'status' AS status, record->'snapshot'->'context' AS context,
         record->'effects' AS effects
       FROM journal ORDER BY seq`,
    );
    const actors = await read<ActorAtEnd>(
      `SELECT address, machine, status, revision::float8 AS revision, snapshot->'value' AS value,
         snapshot->'context' AS context, pending FROM actors`,
    );
    const emitted = await read<History['emitted'][number]>(
      'SELECT address, revision::float8 AS revision, index FROM emitted',
    );
    const jobs = await read<History['jobs'][number]>(
      `SELECT id, data->>'address' AS address, extract(epoch FROM start_after)::float8 * 1000 AS due
       FROM pgboss.job WHERE name = 'actor-timers' AND state < 'completed'`,
    );
    const messages = await read<History['messages'][number]>(
      'SELECT from_address AS "from", to_address AS "to", kind FROM messages ORDER BY id',
    );
    const effects = await read<History['effects'][number]>(
      'SELECT effect_id AS "effectId", address FROM effects',
    );
    const called = new Set((await readFile(ledgerFile, 'utf8').catch(() => '')).split('\n').filter(Boolean));
    return { ...known, steps, actors, emitted, jobs, messages, effects, called, readAt: Date.now() };
  } finally {
    await client.end();
  }
}
