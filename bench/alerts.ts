/**
 * Armed alerts, 100,000 on 500 symbols, on one server: what they cost while nothing triggers, and how soon 1,000 that
 * trigger at once reach a connected client. The server is the real one as a process of its own; quotes come from a
 * stand-in for the analysis service. The alerts are set in the same way as through a door, but by this process; the
 * server is started anew between the setting and the measuring.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { WebSocket } from 'ws';
import { AnalysisClient, allEffects, effectRooms, writeEmitted } from '../src/actors/effects/index.ts';
import { createActorSystem } from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { endServer, type ServerProcess, spawnServer } from '../test/server-process.ts';
import { undoAtExit } from '../test/undo-at-exit.ts';
import { type BenchMarket, startMarket } from './alerts-market.ts';
import { countTransactions, postmasterOf, processorMs, residentMb, SETTLE_MS } from './load.ts';
import { type Quantiles, quantiles, round } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';

const SYMBOLS = 500;
/** Setting alerts shares commits. */
const LANES = 400;
const PRICE = 100;
/** Where those wait that are meant to trigger. */
const BURST_PRICE = 150;

interface Cost {
  alerts: number;
  seconds: number;
  /** Of one core, in percent. */
  serverPercent: number;
  postgresPercent: number;
  serverMb: number;
  transactionsPerMinute: number;
  looksPerMinute: number;
}

interface Burst {
  alerts: number;
  /** From the answer with the price that triggers them, to each frame at the client. */
  fromQuote: Quantiles;
  frames: number;
  twice: number;
  /** So many rows of notifications by plain SQL, one transaction, in milliseconds. */
  floorInsertMs: number;
}

export async function alertsBench({ connectionString, smoke }: BenchOptions): Promise<object> {
  const [armed, burst, seconds] = smoke ? [300, 20, 2] : [100_000, 1_000, 60];
  const symbols = Array.from({ length: SYMBOLS }, (_, index) => `S${index}`);
  const market = await startMarket(symbols);
  const home = await mkdtemp(join(tmpdir(), 'ttai-bench-server-'));
  const env = { DATABASE_URL: connectionString, ANALYSIS_URL: market.url, LOG_LEVEL: 'warn' };
  let server = spawnServer(home, { env });
  const forget = undoAtExit(() => server.process.kill('SIGKILL'));
  try {
    await server.ready;
    const postmaster = await postmasterOf(connectionString);
    const measured = {
      connectionString,
      server,
      market,
      postmaster,
      seconds,
      settleMs: smoke ? 0 : SETTLE_MS,
    };
    const without = await cost({ ...measured, alerts: 0 });
    const setMs = await setAlerts(connectionString, market, symbols, armed, burst);
    await settle(connectionString, market);
    const mbAfterSetting = residentMb(server.process.pid ?? 0);
    // What setting them has left in its memory says nothing of what they cost while they wait: of 541 MB resident, 386 are
    // pages that V8 kept; 47 are alive after a collection, and 42 are without alerts.
    await endServer(server);
    server = spawnServer(home, { env });
    const url = await server.ready;
    const withAll = await cost({ ...measured, server, alerts: armed });
    const triggered = await triggerBurst(url, market, connectionString, burst);
    printTable(
      'alerts',
      ['armed', 'server % of a core', 'Postgres %', 'server MB', 'transactions/min', 'looks/min'],
      [without, withAll].map((row) => [
        row.alerts,
        row.serverPercent,
        row.postgresPercent,
        row.serverMb,
        row.transactionsPerMinute,
        row.looksPerMinute,
      ]),
    );
    printTable(
      `${burst} alerts at once`,
      ['p50 ms', 'p99 ms', 'max ms', 'frames', 'twice', 'floor: rows inserted, ms'],
      [
        [
          triggered.fromQuote.p50Ms,
          triggered.fromQuote.p99Ms,
          triggered.fromQuote.maxMs,
          triggered.frames,
          triggered.twice,
          triggered.floorInsertMs,
        ],
      ],
    );
    return {
      symbols: SYMBOLS,
      setPerSecond: round((armed * 1_000) / setMs),
      mbAfterSetting,
      without,
      withAll,
      burst: triggered,
      notMeasured:
        'the analysis service, whose place a stand-in takes; the wait for the next look, up to 5 s, before a price is seen; autovacuum, which rests while transactions are counted',
    };
  } finally {
    await endServer(server);
    await market.stop();
    await rm(home, { recursive: true, force: true });
    forget();
  }
}

/** Sets them through an actor system of its own, and answers how long that took, in milliseconds. */
async function setAlerts(
  connectionString: string,
  market: BenchMarket,
  symbols: readonly string[],
  count: number,
  burst: number,
): Promise<number> {
  const pool = openPool(connectionString, () => {});
  const rooms = effectRooms(new AnalysisClient(() => market.url), pool);
  const system = await createActorSystem({
    ...{ pool, connectionString, machines },
    effects: allEffects(rooms),
    onEmitted: writeEmitted,
  });
  const began = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const below = index % 2 === 1 && index >= burst;
      const input = {
        symbol: symbols[index % symbols.length],
        condition: below ? 'below' : 'above',
        // Spread, and out of reach of the trembling; the first are those of the burst.
        threshold:
          index < burst ? BURST_PRICE : below ? 10 + (index % 4_000) / 100 : 200 + (index % 5_000) / 10,
      };
      await system.spawn('priceAlert', randomUUID(), { input, owner: 'local' });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const tookMs = performance.now() - began;
  await system.drain({ timeoutMs: 60_000 });
  await pool.end();
  return tookMs;
}

/** Until every alert has had its first quote; then what the setting has left behind is cleaned up. */
async function settle(connectionString: string, market: BenchMarket): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  for (;;) {
    const { rows } = await client.query<{ waiting: boolean }>(
      'SELECT EXISTS (SELECT FROM armed_alerts WHERE wants_quote) OR EXISTS (SELECT FROM effects WHERE src <> $1) AS waiting',
      ['lookAtQuotes'],
    );
    if (!rows[0]?.waiting) break;
    await market.nextAnswer();
  }
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  await client.end();
}

async function cost(options: {
  connectionString: string;
  server: ServerProcess;
  market: BenchMarket;
  postmaster: number;
  alerts: number;
  seconds: number;
  settleMs: number;
}): Promise<Cost> {
  const { connectionString, server, market, postmaster, alerts, seconds, settleMs } = options;
  const pid = server.process.pid ?? 0;
  let [serverMs, postgresMs, looks, tookMs] = [0, 0, 0, 0];
  const transactions = await countTransactions(connectionString, settleMs, async () => {
    const before = [
      processorMs(pid),
      processorMs(postmaster),
      market.served.answers,
      performance.now(),
    ] as const;
    await delay(seconds * 1_000);
    tookMs = performance.now() - before[3];
    serverMs = processorMs(pid) - before[0];
    postgresMs = processorMs(postmaster) - before[1];
    looks = market.served.answers - before[2];
  });
  const windowMs = tookMs + 2 * settleMs;
  return {
    alerts,
    seconds,
    serverPercent: round((serverMs / tookMs) * 100),
    postgresPercent: round((postgresMs / tookMs) * 100),
    serverMb: residentMb(pid),
    // Counted over the pauses before and after as well, in which the server goes on.
    transactionsPerMinute: Math.round(
      (transactions * 60_000) / (settleMs > 0 ? windowMs - settleMs : windowMs),
    ),
    looksPerMinute: round((looks * 60_000) / tookMs),
  };
}

async function triggerBurst(
  url: string,
  market: BenchMarket,
  connectionString: string,
  count: number,
): Promise<Burst> {
  const floorInsertMs = await insertRows(connectionString, count);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['ttai.v1']);
  const arrivedAt: number[] = [];
  const sources: string[] = [];
  const all = new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the socket')));
    socket.on('open', () => socket.send(JSON.stringify({ type: 'hello' })));
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as {
        type: string;
        notification?: { type: string; source: string };
      };
      if (frame.type !== 'notification' || frame.notification?.type !== 'price_alert_triggered') return;
      arrivedAt.push(Date.now());
      sources.push(frame.notification.source);
      if (new Set(sources).size === count) resolve();
    });
  });
  await new Promise<void>((resolve) => socket.once('message', () => resolve()));
  const seenAt = market.nextAnswer();
  for (const symbol of market.prices.keys()) market.prices.set(symbol, BURST_PRICE + 1);
  const from = await seenAt;
  await all;
  // What comes twice comes with the next look.
  await market.nextAnswer();
  for (const symbol of market.prices.keys()) market.prices.set(symbol, PRICE);
  socket.removeAllListeners('close');
  socket.close();
  return {
    alerts: count,
    fromQuote: quantiles(arrivedAt.map((at) => at - from)),
    frames: arrivedAt.length,
    twice: arrivedAt.length - new Set(sources).size,
    floorInsertMs,
  };
}

/** So many rows like those of notifications, in a table of their own. */
async function insertRows(connectionString: string, count: number): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query('CREATE TABLE floor_notifications (LIKE notifications INCLUDING ALL)');
  const began = performance.now();
  await client.query(
    `INSERT INTO floor_notifications (owner, seq, id, type, source, at, data)
     SELECT 'floor', i, 'floor' || i, 'price_alert_triggered', 'floor', now(), '{"price": 1}' FROM generate_series(1, $1::int) AS i`,
    [count],
  );
  const tookMs = round(performance.now() - began);
  await client.query('DROP TABLE floor_notifications');
  await client.end();
  return tookMs;
}
