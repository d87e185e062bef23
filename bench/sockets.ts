/**
 * WebSocket clients, 5,000 of as many owners on one server for a minute: each has a quote frame every second, which is
 * not kept, and a notification every ten, which is a row first. The server is the real one as a process of its own;
 * quotes come from a stand-in for the analysis service; rows are committed by this process in the runtime's way, in
 * batches. Beside it a bare `ws` server that sends such frames from memory.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { insertNotifications } from '../src/persistence/records/notifications.ts';
import { hashToken } from '../src/server/auth.ts';
import { endServer, spawnServer } from '../test/server-process.ts';
import { undoAtExit } from '../test/undo-at-exit.ts';
import { startMarket } from './alerts-market.ts';
import { postmasterOf, processorMs, residentMb } from './load.ts';
import { type Quantiles, quantiles, ratio, round } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import type { ClientsQuestion, ClientsSettings, Counted } from './sockets-clients.ts';
import type { FloorSent } from './sockets-floor.ts';
import { notificationData, nowMs, paced } from './sockets-pace.ts';

const SYMBOLS = 100;
/** Of one client. */
const SECONDS_BETWEEN_NOTIFICATIONS = 10;
/** How long what was sent may take to arrive at all. */
const PATIENCE_MS = 30_000;

interface Measured {
  /** From just before the COMMIT (of the floor: the sending) to the client that has the frame. */
  toFrame: Quantiles;
  framesPerSecond: number;
  quotesPerSecond: number;
  notifications: number;
  lost: number;
  gaps: number;
  repeats: number;
  closed: number;
  /** Of one core, in percent. */
  serverPercent: number;
  serverMb: number;
  /** What a socket adds to the server's resident memory. */
  bytesPerSocket: number;
}

interface Size {
  sockets: number;
  seconds: number;
  processes: number;
}

export async function socketsBench({ connectionString, smoke }: BenchOptions): Promise<object> {
  const size: Size = smoke
    ? { sockets: 40, seconds: 2, processes: 2 }
    : { sockets: 5_000, seconds: 60, processes: 4 };
  const share = size.sockets / size.processes;
  const clients = Array.from({ length: size.processes }, (_, index) =>
    startProcess('sockets-clients.ts', { first: index * share, count: share } satisfies ClientsSettings),
  );
  try {
    const floor = await floorOf(clients, size);
    const ours = await oursOn(connectionString, clients, size);
    printTable(
      `${size.sockets} sockets`,
      [
        '',
        'p50 ms',
        'p99 ms',
        'max ms',
        'frames/s',
        'server % of a core',
        'Postgres %',
        'MB',
        'bytes/socket',
      ],
      [row('ttai', ours, ours.postgresPercent), row('floor: bare ws', floor, 0)],
    );
    return {
      ...size,
      notificationsPerSecond: size.sockets / SECONDS_BETWEEN_NOTIFICATIONS,
      ours,
      floor,
      processorOfFloor: ratio(ours.serverPercent, floor.serverPercent),
      notMeasured:
        'a network, TLS and proxies; the analysis service, whose place a stand-in takes; the steps of actors that emit, whose rows this process commits. Clients and Postgres run on the same cores as the server',
    };
  } finally {
    await Promise.all(clients.map((process) => process.end()));
  }
}

function row(name: string, measured: Measured, postgresPercent: number): unknown[] {
  const { toFrame, framesPerSecond, serverPercent, serverMb, bytesPerSocket } = measured;
  return [
    ...[name, toFrame.p50Ms, toFrame.p99Ms, toFrame.maxMs, framesPerSecond],
    ...[serverPercent, postgresPercent, serverMb, bytesPerSocket],
  ];
}

async function oursOn(
  connectionString: string,
  clients: readonly BenchProcess[],
  size: Size,
): Promise<Measured & { postgresPercent: number; connectedPerSecond: number }> {
  const home = await mkdtemp(join(tmpdir(), 'ttai-bench-server-'));
  const market = await startMarket(Array.from({ length: SYMBOLS }, (_, index) => `S${index}`));
  const tokens = join(home, 'tokens');
  const owners = Array.from({ length: size.sockets }, (_, index) => `owner-${index}`);
  await writeFile(tokens, owners.map((owner, index) => `${hashToken(`token-${index}`)} ${owner}`).join('\n'));
  const server = spawnServer(home, {
    env: {
      ...{ DATABASE_URL: connectionString, ANALYSIS_URL: market.url },
      ...{ AUTH_TOKENS_FILE: tokens, LOG_LEVEL: 'warn' },
    },
  });
  const forget = undoAtExit(() => server.process.kill('SIGKILL'));
  try {
    const url = `${(await server.ready).replace('http', 'ws')}/ws`;
    const postmaster = await postmasterOf(connectionString);
    const began = performance.now();
    const pid = server.process.pid ?? 0;
    const bareMb = residentMb(pid);
    await askAll(clients, { kind: 'connect', url, session: true, symbols: SYMBOLS });
    const connectedPerSecond = round((size.sockets * 1_000) / (performance.now() - began));
    let postgresMs = 0;
    const measured = await measureFrames(clients, size, pid, bareMb, async (sending) => {
      const before = processorMs(postmaster);
      const committedAt = await commitRows(connectionString, owners, sending);
      postgresMs = processorMs(postmaster) - before;
      return committedAt;
    });
    await askAll(clients, { kind: 'close' });
    return { ...measured, postgresPercent: round(postgresMs / (size.seconds * 10)), connectedPerSecond };
  } finally {
    await endServer(server);
    await market.stop();
    await rm(home, { recursive: true, force: true });
    forget();
  }
}

async function floorOf(clients: readonly BenchProcess[], size: Size): Promise<Measured> {
  const server = startProcess('sockets-floor.ts', {});
  try {
    const { port } = await server.ask<{ port: number }>({ kind: 'listen' });
    const bareMb = residentMb(server.child.pid ?? 0);
    await askAll(clients, {
      ...{ kind: 'connect', url: `ws://127.0.0.1:${port}`, session: false, symbols: SYMBOLS },
    });
    const measured = await measureFrames(clients, size, server.child.pid ?? 0, bareMb, async (sending) => {
      const { sentAt } = await server.ask<FloorSent>({ kind: 'send', ...sending });
      return sentAt;
    });
    await askAll(clients, { kind: 'close' });
    return measured;
  } finally {
    await server.end();
  }
}

/** What the clients get while `send` sends, which answers when each notification left. */
async function measureFrames(
  clients: readonly BenchProcess[],
  size: Size,
  pid: number,
  bareMb: number,
  send: (sending: { seconds: number; perSecond: number }) => Promise<number[]>,
): Promise<Measured> {
  const quotesBefore = sum((await countAll(clients)).map(({ quotes }) => quotes));
  const [began, processorBefore] = [performance.now(), processorMs(pid)];
  const perSecond = size.sockets / SECONDS_BETWEEN_NOTIFICATIONS;
  const sentAt = await send({ seconds: size.seconds, perSecond });
  const [tookMs, serverMs] = [performance.now() - began, processorMs(pid) - processorBefore];
  const serverMb = residentMb(pid);
  const quotes = sum((await countAll(clients)).map((one) => one.quotes)) - quotesBefore;
  const counts = await untilArrived(clients, sentAt.length);
  const received = counts.flatMap((one) => one.received);
  return {
    toFrame: quantiles(received.map(([number, at]) => at - (sentAt[number] ?? 0))),
    framesPerSecond: round(((quotes + sentAt.length) * 1_000) / tookMs),
    quotesPerSecond: round((quotes * 1_000) / tookMs),
    notifications: sentAt.length,
    lost: sentAt.length - new Set(received.map(([number]) => number)).size,
    gaps: sum(counts.map(({ gaps }) => gaps)),
    repeats: sum(counts.map(({ repeats }) => repeats)),
    closed: sum(counts.map(({ closed }) => closed)),
    serverPercent: round((serverMs / tookMs) * 100),
    serverMb,
    bytesPerSocket: Math.round(((serverMb - bareMb) * 2 ** 20) / size.sockets),
  };
}

/** One batch a transaction, as the runtime commits steps that emit. Answers when each COMMIT was sent. */
async function commitRows(
  connectionString: string,
  owners: readonly string[],
  sending: { seconds: number; perSecond: number },
): Promise<number[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const committedAt: number[] = [];
  await paced(sending, async (from, to) => {
    await client.query('BEGIN');
    const numbers = Array.from({ length: to - from }, (_, index) => from + index);
    await insertNotifications(
      client,
      numbers.map((number) => ({
        owner: owners[number % owners.length] ?? '',
        id: `priceAlert/bench-${number}/1/0`,
        type: 'price_alert_triggered',
        source: `priceAlert/bench-${number}`,
        at: new Date(),
        data: notificationData(number),
      })),
    );
    const at = nowMs();
    for (const _ of numbers) committedAt.push(at);
    await client.query('COMMIT');
  });
  await client.end();
  return committedAt;
}

async function untilArrived(clients: readonly BenchProcess[], expected: number): Promise<Counted[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const counts = await countAll(clients);
    const arrived = sum(counts.map(({ received }) => received.length));
    if (arrived >= expected || performance.now() > deadline) return counts;
    await delay(200);
  }
}

function countAll(clients: readonly BenchProcess[]): Promise<Counted[]> {
  return Promise.all(clients.map((process) => process.ask<Counted>({ kind: 'count' })));
}

async function askAll(clients: readonly BenchProcess[], question: ClientsQuestion): Promise<void> {
  await Promise.all(clients.map((process) => process.ask(question)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
