/** What a run of the crash matrix came to, in a form that is the same for the same outcome. Reads tables; pure else. */
import { readFile } from 'node:fs/promises';
import type pg from 'pg';

export interface Outcome {
  /** By address: how it ended, and the multiset of the events in its journal. */
  actors: Record<
    string,
    { revision: number; value: unknown; context: unknown; output: unknown; events: string[] }
  >;
  emitted: string[];
  deadLetters: string[];
  keys: number;
  /** The effects of which the journal has a result. */
  results: string[];
}

export interface Ended {
  outcome: Outcome;
  /** What is wrong by itself, whatever the undisturbed run came to. */
  faults: string[];
  /** Jobs of timers that nobody waits for: cancelled by a step whose process died before it swept them. */
  orphanJobs: number;
}

interface Step {
  address: string;
  revision: string;
  record: {
    kind: string;
    event: { type: string };
    source: string | null;
    effects: { type: string; effectId?: string }[];
  };
}

/** Nothing runs, nothing waits: all actors have ended, and there is neither mail nor an effect. */
export const SETTLED = `SELECT NOT EXISTS (SELECT FROM actors WHERE status = 'active')
  AND NOT EXISTS (SELECT FROM messages) AND NOT EXISTS (SELECT FROM effects) AS settled`;

export async function readOutcome(client: pg.Client, ledgerFile: string): Promise<Ended> {
  const faults: string[] = [];
  const { rows: actorRows } = await client.query(
    `SELECT address, revision, status, pending, snapshot->'value' AS value, snapshot->'context' AS context,
       snapshot->'output' AS output FROM actors ORDER BY address`,
  );
  const { rows: steps } = await client.query<Step>(
    'SELECT address, revision, record FROM journal ORDER BY seq',
  );
  const outcome: Outcome = { actors: {}, emitted: [], deadLetters: [], keys: 0, results: [] };
  const started = new Set<string>();
  for (const { address, revision, pending, value, context, output } of actorRows) {
    const own = steps.filter((step) => step.address === address);
    faults.push(...gapsOf(address, Number(revision), own));
    for (const part of ['timers', 'effects', 'children']) {
      if (Object.keys(pending[part] ?? {}).length > 0)
        faults.push(`${address} has ended and waits for ${part}`);
    }
    for (const { record } of own) {
      for (const { effectId } of record.effects) if (effectId !== undefined) started.add(effectId);
      if (/^xstate\.(done|error)\.actor\./.test(record.event.type) && record.source?.includes('#')) {
        outcome.results.push(record.source);
      }
    }
    outcome.actors[address] = { revision: Number(revision), value, context, output, events: eventsOf(own) };
  }
  for (const { address } of steps) {
    if (!outcome.actors[address]) faults.push(`the journal has steps of ${address}, which is not there`);
  }
  const { rows: emitted } = await client.query('SELECT address, revision, index, event FROM emitted');
  outcome.emitted = emitted.map((row) => JSON.stringify(row)).sort();
  const { rows: dead } = await client.query(
    `SELECT DISTINCT address, event->>'type' AS type FROM dead_letters`,
  );
  outcome.deadLetters = dead.map(({ address, type }) => `${address} ${type}`).sort();
  outcome.results.sort();
  const { rows: keys } = await client.query('SELECT count(*) FROM idempotency_keys');
  outcome.keys = Number(keys[0].count);
  faults.push(...ledgerFaults(await readLedger(ledgerFile), started, outcome.results));
  const { rows: jobs } = await client.query(
    `SELECT count(*) FROM pgboss.job WHERE name = 'actor-timers' AND state < 'completed'`,
  );
  return { outcome: withoutLives(outcome), faults, orphanJobs: Number(jobs[0].count) };
}

/** The ids of effects name the life of their actor, which is another one in each run. */
function withoutLives(outcome: Outcome): Outcome {
  return JSON.parse(JSON.stringify(outcome).replaceAll(/#[0-9a-f]{8}\./g, '#')) as Outcome;
}

/** Each commit of an actor has one revision more than the one before. What changed nothing has its revision again. */
function gapsOf(address: string, last: number, steps: readonly Step[]): string[] {
  const faults: string[] = [];
  let revision = 0;
  for (const step of steps) {
    const { kind } = step.record;
    const stays = kind === 'unchanged' || kind === 'failed';
    // What failed and was consumed, a timer or a message, goes with a revision.
    const moves = kind !== 'unchanged';
    const isNext =
      (stays && Number(step.revision) === revision) || (moves && Number(step.revision) === revision + 1);
    if (!isNext) {
      faults.push(`${address}: revision ${step.revision} (${kind}) after ${revision}`);
    }
    revision = Number(step.revision);
  }
  if (revision !== last) faults.push(`${address} is at revision ${last}, and its journal at ${revision}`);
  return faults;
}

/**
 * The events of a journal as a multiset. An event that failed counts once: a client that was not told of it repeats it,
 * and it fails again.
 */
function eventsOf(steps: readonly Step[]): string[] {
  const named = steps.map(({ record: { kind, event, source } }) => `${kind} ${event.type} from ${source}`);
  const failed = new Set(named.filter((name) => name.startsWith('failed')));
  return [...named.filter((name) => !failed.has(name)), ...failed].sort();
}

async function readLedger(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

/** Effects are called at least once where they have a result, and never where no step has started them. */
function ledgerFaults(
  ledger: readonly string[],
  started: ReadonlySet<string>,
  results: readonly string[],
): string[] {
  const called = new Set(ledger.map((line) => line.split(' ')[1] ?? ''));
  return [
    ...[...called]
      .filter((id) => !started.has(id))
      .map((id) => `the effect ${id} was called and never started`),
    ...results
      .filter((id) => !called.has(id))
      .map((id) => `the effect ${id} has a result and was not called`),
  ];
}

/** How two outcomes differ, in words; empty when they do not. */
export function differences(expected: Outcome, found: Outcome): string[] {
  const faults: string[] = [];
  const addresses = new Set([...Object.keys(expected.actors), ...Object.keys(found.actors)]);
  for (const address of addresses) {
    const [a, b] = [JSON.stringify(expected.actors[address]), JSON.stringify(found.actors[address])];
    if (a !== b) faults.push(`${address} is ${b}, and undisturbed ${a}`);
  }
  for (const part of ['emitted', 'deadLetters', 'keys', 'results'] as const) {
    const [a, b] = [JSON.stringify(expected[part]), JSON.stringify(found[part])];
    if (a !== b) faults.push(`${part}: ${b}, and undisturbed ${a}`);
  }
  return faults;
}
