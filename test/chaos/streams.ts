/**
 * Streams under chaos: two servers on one Postgres, of which one is killed with SIGKILL again and again and started
 * anew, and clients that come back with their session to either; then what each client saw is judged.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { startMarket } from '../../bench/alerts-market.ts';
import { insertNotifications } from '../../src/persistence/records/notifications.ts';
import { hashToken } from '../../src/server/auth.ts';
import { ChaosPostgres } from './chaos-postgres.ts';
import { Random } from './random.ts';
import { checkStreams, lastSeqOf, type StreamViolation } from './streams-checker.ts';
import { StreamClient } from './streams-client.ts';
import { STREAM_PLANTS } from './streams-plants.ts';
import { StreamServers } from './streams-servers.ts';

export interface StreamsOptions {
  seed: number;
  seconds: number;
  clients: number;
  /** A fault that is planted, by its name in `streams-plants.ts`. */
  plant?: string | undefined;
  say: (words: string) => void;
}

export interface StreamsReport {
  seed: number;
  seconds: number;
  clients: number;
  plant: { name: string; what: string; foundAfterSeconds: number | null } | null;
  kills: number;
  /** Notifications that were written, and frames with one that clients got. */
  notifications: number;
  frames: number;
  /** Connections that were greeted, beyond the first of each client. */
  reconnects: number;
  /** Errors that clients were answered, by code. */
  refusals: Record<string, number>;
  settledAfterSeconds: number | null;
  violations: (StreamViolation | { rule: 'servers live'; words: string })[];
  notMeasured: string;
}

const SERVERS = 2;
const KILL_EVERY_MS = 10_000;
/** Of one owner; so several streams come from the same rows. */
const CLIENTS_OF_OWNER = 2;
const BATCHES_PER_SECOND = 20;
const MAX_BATCH = 12;
const SETTLE_MS = 60_000;
/** Of a run with a planted fault, which may keep things from ever arriving. */
const SETTLE_PLANTED_MS = 10_000;
const LOOK_EVERY_MS = 500;
const MAX_VIOLATIONS = 50;

export async function streamsUnderChaos(options: StreamsOptions): Promise<StreamsReport> {
  const postgres = await ChaosPostgres.start({});
  const market = await startMarket(['AAPL']);
  try {
    await postgres.createMigrated('streams');
    const owners = Array.from(
      { length: Math.ceil(options.clients / CLIENTS_OF_OWNER) },
      (_, index) => `owner-${index}`,
    );
    const tokens = join(postgres.home, 'tokens');
    await writeFile(tokens, owners.map((owner) => `${hashToken(owner)} ${owner}`).join('\n'));
    const connectionString = postgres.url('streams');
    const env = { DATABASE_URL: connectionString, ANALYSIS_URL: market.url, AUTH_TOKENS_FILE: tokens };
    const settings = { env, plant: options.plant ?? null };
    const servers = await StreamServers.start(SERVERS, postgres.home, settings);
    try {
      return await runOn({ ...options, connectionString, owners, servers });
    } finally {
      await servers.end();
    }
  } finally {
    await market.stop();
    await postgres.stop();
  }
}

interface Run extends StreamsOptions {
  connectionString: string;
  owners: readonly string[];
  servers: StreamServers;
}

async function runOn(run: Run): Promise<StreamsReport> {
  const { seed, seconds, owners, servers, plant, say } = run;
  const random = new Random(seed);
  const clients = Array.from(
    { length: run.clients },
    (_, index) => new StreamClient({ index, owner: owners[index % owners.length] ?? '', servers, seed }),
  );
  try {
    await Promise.all(clients.map(({ joined }) => joined));
    say(`${SERVERS} servers, ${clients.length} clients, ${seconds} s, seed ${seed}`);
    const startedAt = performance.now();
    const since = () => Math.round((performance.now() - startedAt) / 1_000);
    const stop = new AbortController();
    const told = new Map<string, string[]>(owners.map((owner) => [owner, []]));
    const killing = killAgainAndAgain(run, random, stop.signal, (words) => say(`${since()} s: ${words}`));
    const writing = tell(run, told, stop.signal);
    // Of a fault that was planted one finding is enough.
    const isFound = () => plant !== undefined && checkStreams(clients, { told, settled: false }).length > 0;
    while (since() < seconds && !isFound()) await delay(LOOK_EVERY_MS);
    for (const client of clients) client.stay();
    stop.abort();
    const [kills] = await Promise.all([killing, writing]);
    await tellEachWhereItIs(run, clients, told);
    const settledAfterSeconds = isFound()
      ? null
      : await settle(clients, told, plant === undefined ? SETTLE_MS : SETTLE_PLANTED_MS, say);
    const violations = [
      ...checkStreams(clients, { told, settled: !isFound() }),
      ...servers.crashes.map((words) => ({ rule: 'servers live' as const, words })),
    ];
    for (const { rule, words } of violations.slice(0, 10)) say(`VIOLATION ${rule}: ${words}`);
    return {
      seed,
      seconds: since(),
      clients: clients.length,
      plant:
        plant === undefined
          ? null
          : {
              name: plant,
              what: STREAM_PLANTS[plant]?.what ?? '',
              foundAfterSeconds: violations.length > 0 ? since() : null,
            },
      kills,
      notifications: [...told.values()].reduce((sum, ids) => sum + ids.length, 0),
      ...figures(clients),
      settledAfterSeconds,
      violations: violations.slice(0, MAX_VIOLATIONS),
      notMeasured: 'proxies between client and server, clients whose clocks or memories fail, Postgres dying',
    };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

function figures(
  clients: readonly StreamClient[],
): Pick<StreamsReport, 'frames' | 'reconnects' | 'refusals'> {
  const refusals: Record<string, number> = {};
  let [frames, reconnects] = [0, 0];
  for (const client of clients) {
    frames += client.seen.filter(({ kind }) => kind === 'notification').length;
    reconnects += Math.max(0, client.visits - 1);
    for (const [code, count] of Object.entries(client.refusals)) {
      refusals[code] = (refusals[code] ?? 0) + count;
    }
  }
  return { frames, reconnects, refusals };
}

/** One of the servers, by chance; the other lives meanwhile. Resolves with how many, and when all live again. */
async function killAgainAndAgain(
  { servers, seconds }: Run,
  random: Random,
  signal: AbortSignal,
  say: (words: string) => void,
): Promise<number> {
  const everyMs = Math.min(KILL_EVERY_MS, (seconds * 1_000) / 5);
  let kills = 0;
  const slept = (ms: number) => delay(ms, undefined, { signal }).catch(() => {});
  const began = performance.now();
  for (;;) {
    // One in each such span, however long the restart before took.
    await slept(began + everyMs * (kills + random.between(0.7, 1)) - performance.now());
    if (signal.aborted) return kills;
    const index = random.below(SERVERS);
    say(`the server ${index} is killed`);
    await servers.kill(index);
    kills += 1;
    await slept(random.between(0, 1_500));
    await servers.restart(index);
  }
}

/** Notifications of owners by chance, in batches, and in `told` by the time they can be seen. */
async function tell(
  { connectionString, owners, seed }: Run,
  told: Map<string, string[]>,
  signal: AbortSignal,
) {
  const random = new Random(seed + 1);
  const client = new pg.Client({ connectionString });
  await client.connect();
  while (!signal.aborted) {
    const batch = Array.from({ length: 1 + random.below(MAX_BATCH) }, () => random.pick(owners));
    await write(client, batch, told);
    await delay(random.between(0, 2_000 / BATCHES_PER_SECOND));
  }
  await client.end();
}

/** One notification more for each owner, when all clients are there to stay: it reaches none by its coming back. */
async function tellEachWhereItIs(
  { connectionString, owners }: Run,
  clients: readonly StreamClient[],
  told: Map<string, string[]>,
): Promise<void> {
  const began = performance.now();
  while (performance.now() - began < SETTLE_MS && !clients.every(({ isGreeted }) => isGreeted)) {
    await delay(LOOK_EVERY_MS);
  }
  const client = new pg.Client({ connectionString });
  await client.connect();
  await write(client, owners, told);
  await client.end();
}

/** A batch in one transaction, a notification for each of these owners. */
async function write(
  client: pg.Client,
  owners: readonly string[],
  told: Map<string, string[]>,
): Promise<void> {
  const batch = owners.map((owner) => ({
    owner,
    id: randomUUID(),
    type: 'price_alert_triggered',
    source: 'priceAlert/chaos',
    at: new Date(),
    data: { price: 100, asOf: '2026-01-05T15:00:00Z', source: 'simulated' },
  }));
  // Before they are committed: a client may have them before this process hears of the commit.
  for (const { owner, id } of batch) told.get(owner)?.push(id);
  await client.query('BEGIN');
  await insertNotifications(client, batch);
  await client.query('COMMIT');
}

/** Until each client has all. Null when that takes too long; then the check says who lacks what. */
async function settle(
  clients: readonly StreamClient[],
  told: ReadonlyMap<string, readonly string[]>,
  withinMs: number,
  say: (words: string) => void,
): Promise<number | null> {
  const began = performance.now();
  while (performance.now() - began < withinMs) {
    const lacking = clients.filter((client) => lastSeqOf(client) !== told.get(client.owner)?.length);
    const tookSeconds = Math.round((performance.now() - began) / 1_000);
    if (lacking.length === 0) {
      say(`settled after ${tookSeconds} s`);
      return tookSeconds;
    }
    await delay(LOOK_EVERY_MS);
  }
  return null;
}
