/**
 * The checker under chaos: three processes on one Postgres, clients that send numbered events, and a nemesis that kills,
 * freezes and cuts; then everything is healed, has its time to settle, and its history is judged.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Clients, type Patient, untilAnswered } from './actors-clients.ts';
import { AT_REST } from './actors-machines.ts';
import type { ActorsQuestion, ActorsSettings } from './actors-worker.ts';
import { ChaosPostgres } from './chaos-postgres.ts';
import { check, type Violation } from './checker.ts';
import { Fleet } from './fleet.ts';
import { type History, readHistory } from './history.ts';
import { nemesis } from './nemesis.ts';
import { PLANTS } from './plants.ts';
import { Random } from './random.ts';

export interface ActorsOptions {
  seed: number;
  seconds: number;
  /** A fault of the runtime's own that is planted, by its name in `plants.ts`. */
  plant?: string | undefined;
  say: (words: string) => void;
}

export interface ActorsReport {
  seed: number;
  seconds: number;
  plant: { name: string; what: string; foundAfterSeconds: number | null } | null;
  faults: Record<string, number>;
  sent: number;
  acknowledged: number;
  steps: number;
  timersFired: number;
  effectResults: number;
  childrenEnded: number;
  settledAfterSeconds: number | null;
  /** Cancelled timers whose jobs wait for their deadline, at which they do nothing. */
  orphanJobs: number;
  violations: Violation[];
  /** Where the whole history was left, for whoever looks for the cause; null without a violation that was not planted. */
  historyFile: string | null;
  notMeasured: string;
}

const PROCESSES = 3;
const ACTORS = 24;
const CLIENTS_OF_EACH_KIND = 10;
const SETTLE_MS = 60_000;
const LOOK_EVERY_MS = 3_000;
/** As many as a person reads. */
const MAX_VIOLATIONS = 50;

interface Run {
  fleet: Fleet;
  clients: Clients;
  connectionString: string;
  ledger: string;
}

export async function actorsUnderChaos(options: ActorsOptions): Promise<ActorsReport> {
  const postgres = await ChaosPostgres.start({});
  try {
    await postgres.createMigrated('chaos');
    return await runOn(postgres, options);
  } finally {
    await postgres.stop();
  }
}

async function runOn(postgres: ChaosPostgres, options: ActorsOptions): Promise<ActorsReport> {
  const { seed, seconds, plant, say } = options;
  const connectionString = postgres.url('chaos');
  const ledger = join(postgres.home, 'ledger');
  const settings: ActorsSettings = { connectionString, ledger, plant: plant ?? null };
  const giveUp = new AbortController();
  const fleet = await Fleet.start(PROCESSES, postgres.home, settings);
  try {
    const random = new Random(seed);
    const patient: Patient = { fleet, random, giveUp: giveUp.signal };
    const actors = await spawnActors(patient);
    const clients = new Clients({ fleet, actors, seed, each: CLIENTS_OF_EACH_KIND, giveUp: giveUp.signal });
    const run: Run = { fleet, clients, connectionString, ledger };
    say(`${PROCESSES} processes, ${actors.length} actors, ${seconds} s, seed ${seed}`);
    const stop = new AbortController();
    const startedAt = performance.now();
    const since = () => Math.round((performance.now() - startedAt) / 1_000);
    const mischief = nemesis({ fleet, postgres, connectionString }, seed, stop.signal, (words) =>
      say(`${since()} s: ${words}`),
    );
    const early = plant === undefined ? null : await lookUntilFound(run, seconds, since);
    if (plant === undefined) await delay(seconds * 1_000);
    stop.abort();
    const faults = await mischief;
    const { history, settledAfterSeconds } = early ?? (await settledHistory(run, actors, patient, say));
    const violations = check(history);
    // Of a fault that was planted the cause is known.
    const isRiddle = plant === undefined && violations.length > 0;
    const historyFile = isRiddle ? await keepHistory(history, seed) : null;
    for (const { rule, words } of violations.slice(0, 10)) say(`VIOLATION ${rule}: ${words}`);
    const foundAfterSeconds = early?.afterSeconds ?? (violations.length > 0 ? since() : null);
    return {
      seed,
      seconds: since(),
      plant: plant === undefined ? null : { name: plant, what: PLANTS[plant]?.what ?? '', foundAfterSeconds },
      faults,
      ...figures(history),
      settledAfterSeconds,
      violations: violations.slice(0, MAX_VIOLATIONS),
      historyFile,
      notMeasured: 'a machine that loses power, clocks that differ, Postgres failing over to another server',
    };
  } finally {
    giveUp.abort();
    await fleet.close();
  }
}

interface Read {
  history: History;
  settledAfterSeconds: number | null;
}

/** Heals everything, gives it time, and reads what it came to. */
async function settledHistory(
  { fleet, clients, connectionString, ledger }: Run,
  actors: readonly string[],
  patient: Patient,
  say: (words: string) => void,
): Promise<Read> {
  say('healing');
  await fleet.heal();
  await clients.stop();
  const settledAfterSeconds = await settle(patient, connectionString, actors);
  say(settledAfterSeconds === null ? 'it does not settle' : `settled after ${settledAfterSeconds} s`);
  await fleet.end();
  const known = { sent: clients.sent, crashes: fleet.crashes, settled: true };
  return { history: await readHistory(connectionString, ledger, known), settledAfterSeconds };
}

async function spawnActors(patient: Patient): Promise<string[]> {
  const keys = Array.from({ length: ACTORS }, (_, index) => String(index));
  await Promise.all(
    keys.map((key) => untilAnswered(patient, { kind: 'spawn', key } satisfies ActorsQuestion, () => {})),
  );
  return keys.map((key) => `subject/${key}`);
}

/** With a fault planted: looks again and again whether it is seen already. Null when it was not. */
async function lookUntilFound(
  run: Run,
  seconds: number,
  since: () => number,
): Promise<(Read & { afterSeconds: number }) | null> {
  while (since() < seconds) {
    await delay(LOOK_EVERY_MS);
    // What is known before the tables are read must be in them.
    const known = { sent: structuredClone(run.clients.sent), crashes: [], settled: false };
    const history = await readHistory(run.connectionString, run.ledger, known).catch(() => null);
    if (history && check(history).length > 0) {
      return { history, settledAfterSeconds: null, afterSeconds: since() };
    }
  }
  return null;
}

/** Sends all to rest, and waits until nothing is under way. Answers after how many seconds; null when it never is. */
async function settle(
  patient: Patient,
  connectionString: string,
  actors: readonly string[],
): Promise<number | null> {
  const startedAt = performance.now();
  const patienceEnds = startedAt + SETTLE_MS;
  const asked = actors.map((address) => {
    const question: ActorsQuestion = {
      kind: 'send',
      address,
      event: { type: 'REST' },
      source: 'settle',
      idempotencyKey: 'rest',
    };
    return untilAnswered(patient, question, () => {});
  });
  await Promise.race([Promise.all(asked), delay(SETTLE_MS, undefined, { ref: false })]);
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    while (performance.now() < patienceEnds) {
      const { rows } = await client.query<{ settled: boolean }>(
        `SELECT NOT EXISTS (SELECT FROM messages) AND NOT EXISTS (SELECT FROM effects) AND NOT EXISTS (
           SELECT FROM actors WHERE status = 'active' AND (machine = 'helper' OR (snapshot->'value')::jsonb <> $1)
         ) AS settled`,
        [AT_REST],
      );
      if (rows[0]?.settled) return Math.round((performance.now() - startedAt) / 1_000);
      await delay(100);
    }
    return null;
  } finally {
    await client.end();
  }
}

async function keepHistory(history: History, seed: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `ttai-chaos-history-${seed}-`));
  const file = join(folder, 'history.json');
  await writeFile(file, JSON.stringify({ ...history, called: [...history.called] }));
  return file;
}

function figures(history: History) {
  const { sent, steps, jobs } = history;
  const count = (kind: RegExp) => steps.filter(({ event }) => kind.test(event.type)).length;
  return {
    sent: sent.length,
    acknowledged: sent.filter(({ answer }) => answer !== undefined).length,
    steps: steps.length,
    timersFired: count(/^xstate\.after\./),
    effectResults: count(/^xstate\.(done|error)\.actor\.work$/),
    childrenEnded: count(/^xstate\.done\.actor\.helper$/),
    orphanJobs: jobs.length,
  };
}
