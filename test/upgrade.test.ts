/**
 * A database of the version before the records of `0009` moves to this one, with the actors that live in it: none is
 * lost or quarantined, each goes on where it was, and tells its owner once. The machines that have changed since are in
 * `fixtures/machines-before-records` as they were; the others are the same.
 */
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { allEffects, effectRooms, type MarketService, writeEmitted } from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  createActorSystem,
  type Effect,
  effect,
  turnedClock,
} from '../src/actors/runtime/index.ts';
import { createDatabase } from '../src/launch/postgres.ts';
import { machines } from '../src/machines/index.ts';
import { priceAlert } from '../src/machines/price-alert.ts';
import { session } from '../src/machines/session.ts';
import { chart, marketData, options, research } from '../src/machines/testing/models.ts';
import { migrate } from '../src/persistence/migrate.ts';
import { runOf } from '../src/server/operations/run-view.ts';
import { databaseUrl } from './database-url.ts';
import { analysis as analysisBefore } from './fixtures/machines-before-records/analysis.ts';
import { marketWatch as marketWatchBefore } from './fixtures/machines-before-records/market-watch.ts';

const MIGRATIONS_BEFORE = 8;
const OWNER = 'ann';
const WATCH = 'marketWatch/main';
const ALERT = 'priceAlert/armed';
const SESSION = 'session/connecting';
const name = `test_upgrade_${process.pid}`;
const clock = turnedClock('2026-06-10T15:00:00Z');
const now = (): string => new Date(clock.now()).toISOString();

const news = research('negative', ['negative_news'], ['fraud']);
/** What an effect of the analyses answers. The real ones ask the analysis service for the same. */
const answers = {
  fetchMarketData: marketData,
  analyzeChart: chart('bullish'),
  analyzeOptions: options('select'),
  analyzeResearch: news,
  saveAnalysis: null,
};
type Step = keyof typeof answers;

/** The old version's effects: that of an analysis which is named here never ends. */
const stuckAt = new Map<string, Step>();
const effectsBefore: Effect[] = [
  ...Object.entries(answers).map(([step, answer]) =>
    effect(step, { input: z.unknown(), output: z.unknown() }, (_input, { address, signal }) => {
      if (stuckAt.get(address) !== step) return Promise.resolve(answer);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    }),
  ),
  effect('lookAtQuotes', { input: z.unknown(), output: z.unknown() }, async () => ({
    at: now(),
    symbols: 1,
    told: 0,
    missing: [],
  })),
  effect('wakeWatcher', { input: z.unknown(), output: z.unknown() }, async () => ({ now: now() })),
];

const market = {
  marketData: async () => marketData,
  chart: async () => chart('bullish'),
  options: async () => options('select'),
  research: async () => news,
  quotes: async () => ({ MSFT: { price: 412, asOf: now(), source: 'simulated', stale: false } }),
  calendar: async ({ from }: { from: string }) => ({
    timezone: 'America/New_York',
    sessions: ['06-09', '06-10', '06-11'].map((day) => {
      const date = `${from.slice(0, 4)}-${day}`;
      return { date, opensAt: `${date}T13:30:00Z`, closesAt: `${date}T20:00:00Z`, halfDay: false };
    }),
  }),
} as unknown as MarketService;

let connectionString: string;
let pool: pg.Pool;
let system: ActorSystem | undefined;

beforeAll(async () => {
  const admin = inject('adminDatabaseUrl');
  await createDatabase(admin, name);
  connectionString = databaseUrl(admin, name);
  await runner({
    databaseUrl: connectionString,
    dir: fileURLToPath(new URL('../migrations', import.meta.url)),
    direction: 'up',
    migrationsTable: 'migrations',
    count: MIGRATIONS_BEFORE,
    log: () => {},
  });
  pool = new pg.Pool({ connectionString, max: 10 });
  pool.on('error', () => {});
});
afterAll(async () => {
  await system?.drain();
  await pool?.end();
  const client = new pg.Client({ connectionString: inject('adminDatabaseUrl') });
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await client.end();
});

const told = async (): Promise<Record<string, unknown>[]> =>
  (await pool.query('SELECT source, type, data FROM notifications ORDER BY source')).rows;

/** Runs the old version until its actors are where they are to be found by the new one. */
async function liveBefore(): Promise<void> {
  const before = await createActorSystem({
    pool,
    connectionString,
    machines: [analysisBefore, marketWatchBefore, priceAlert, session],
    effects: effectsBefore,
    onEmitted: writeEmitted,
    clock,
  });
  for (const step of Object.keys(answers) as Step[]) stuckAt.set(`analysis/${step}`, step);
  for (const key of [...Object.keys(answers), 'done']) {
    await before.spawn('analysis', key, { input: { type: 'full_analysis', symbol: 'MSFT' }, owner: OWNER });
  }
  await before.spawn('marketWatch', 'main', { input: {}, owner: 'system' });
  await before.spawn('session', 'connecting', { input: { confirmed: 0 }, owner: OWNER });
  const alert = { symbol: 'MSFT', condition: 'above', threshold: 410 };
  await before.spawn('priceAlert', 'armed', { input: alert, owner: OWNER });
  await before.send(ALERT, { type: 'QUOTE', price: 400, asOf: now(), source: 'simulated' });

  const isWith = (effects: Step[]) => (view: { effects: { src: string }[] }) =>
    view.effects.map(({ src }) => src).join() === effects.join();
  for (const [address, step] of stuckAt) await before.waitFor(address, isWith([step]), { timeoutMs: 10_000 });
  await before.waitFor('analysis/done', ({ status }) => status === 'done', { timeoutMs: 10_000 });
  await before.waitFor(WATCH, ({ value }) => value === 'waiting', { timeoutMs: 10_000 });
  await before.waitFor(ALERT, ({ timers, effects }) => effects.length + timers.length === 0, {
    timeoutMs: 10_000,
  });
  expect((await before.snapshot(WATCH)).context).not.toHaveProperty('lastLook.opensInMs');
  expect((await before.snapshot('analysis/saveAnalysis')).context).not.toHaveProperty('result.cautions');
  await before.drain({ timeoutMs: 1 });
}

test('actors of the version before go on in this one', async () => {
  await liveBefore();
  expect(await migrate(connectionString)).toEqual([
    '0009_records',
    '0010_records_access',
    '0011_ended_of_owner',
  ]);
  system = await createActorSystem({
    pool,
    connectionString,
    machines,
    effects: allEffects(effectRooms(market, pool)),
    onEmitted: writeEmitted,
    clock,
  });
  // Past the retries of what was cut off, and the watcher's next look.
  await clock.advance('1 min');

  for (const key of [...Object.keys(answers), 'done']) {
    const run = runOf(await system.snapshot(`analysis/${key}`));
    expect({ key, ...run }).toMatchObject({
      key,
      status: 'completed',
      recommendation: 'select',
      error: null,
      result: { chart: {}, options: {}, research: {} },
    });
  }
  expect((await pool.query('SELECT run_id FROM analyses ORDER BY 1')).rows).toHaveLength(5);
  expect((await told()).map(({ source, type }) => `${source} ${type}`)).toEqual(
    [
      ...[...Object.keys(answers), 'done'].map((key) => `analysis/${key} analysis_complete`),
      `${ALERT} price_alert_triggered`,
    ].sort(),
  );
  const cautioned = (await told()).filter(({ data }) => (data as { cautions?: string[] }).cautions?.length);
  // Those that were put together before know of none.
  expect(cautioned.map(({ source }) => source)).toEqual(
    ['analyzeChart', 'analyzeOptions', 'analyzeResearch', 'fetchMarketData'].map((key) => `analysis/${key}`),
  );
  expect(await system.snapshot(ALERT)).toMatchObject({ status: 'done', value: 'done' });
  expect(await system.snapshot(SESSION)).toMatchObject({ status: 'done', value: 'closed' });
  expect(await system.snapshot(WATCH)).toMatchObject({ value: 'asleep', context: { failures: 0 } });
  const { rows } = await pool.query(`SELECT address FROM actors WHERE status NOT IN ('active', 'done')`);
  expect(rows).toEqual([]);
});
