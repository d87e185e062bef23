/** An analysis and a price alert on the real runtime, the real database and the real analysis service. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnalysisClient, allEffects, effectRooms, writeEmitted } from '../src/actors/effects/index.ts';
import { type ActorSystem, createActorSystem } from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { Notifications } from '../src/persistence/records/notifications.ts';
import { startAnalysisService, type TestAnalysisService } from './analysis-service.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

let database: TestDatabase;
let service: TestAnalysisService;
let system: ActorSystem;
let notifications: Notifications;
let folder: string;

/** Steers the simulated market. */
const setPrice = (symbol: string, price: number) =>
  writeFile(join(folder, 'market.json'), JSON.stringify({ [symbol]: price }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttai-flow-'));
  await setPrice('AAPL', 100);
  [database, service] = await Promise.all([
    createTestDatabase(),
    startAnalysisService({ MARKET_DATA_SCRIPT: join(folder, 'market.json') }),
  ]);
  const { pool, connectionString } = database;
  const client = new AnalysisClient(() => service.url);
  notifications = new Notifications({ database: pool, connectionString, onError: () => {} });
  await notifications.start();
  system = await createActorSystem({
    pool,
    connectionString,
    machines,
    effects: allEffects(effectRooms(client, pool)),
    onEmitted: writeEmitted,
  });
  await system.spawn('marketWatch', 'main', { input: {}, owner: 'system' });
});

afterAll(async () => {
  await system?.drain();
  await notifications?.stop();
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('analysis', () => {
  test('a full analysis ends with numbers from every part, is saved, and its owner is told once', async () => {
    const owner = randomUUID();
    const address = await system.spawn('analysis', randomUUID(), {
      input: { type: 'full_analysis', symbol: 'MSFT' },
      owner,
    });
    const view = await system.waitFor(address, 'done', { timeoutMs: 20_000 });
    const output = view.output as Record<string, Record<string, unknown>>;
    expect(output).toMatchObject({ symbol: 'MSFT', source: 'simulated', error: null });
    expect(output.chart).toMatchObject({
      indicators: { rsi14: expect.any(Number) },
      quality: { source: 'simulated' },
    });
    const told = await notifications.since(owner, 0, 10);
    expect(told).toMatchObject([
      { seq: 1, type: 'analysis_complete', source: address, data: { symbol: 'MSFT', source: 'simulated' } },
    ]);
    const { rows } = await database.pool.query('SELECT owner, status FROM analyses WHERE run_id = $1', [
      address.replace('/', '.'),
    ]);
    expect(rows).toEqual([{ owner, status: output.status }]);
    const journal = await system.journal(address);
    expect(journal.map(({ revision }) => revision)).toEqual(journal.map((_, index) => index + 1));
    expect(JSON.stringify(journal)).not.toContain('"bars":[');
  });

  test('an unknown symbol fails with the reason, without retries', async () => {
    const address = await system.spawn('analysis', randomUUID(), {
      input: { type: 'full_analysis', symbol: 'ZZZZZZ' },
      owner: 'local',
    });
    const view = await system.waitFor(address, 'done', { timeoutMs: 20_000 });
    expect(view).toMatchObject({
      value: 'failed',
      output: { status: 'failed', error: { code: 'symbol_not_found' } },
    });
  });
});

describe('price alert', () => {
  test('fires once when the price crosses, and is gone from what is watched', async () => {
    const owner = randomUUID();
    const alert = await system.spawn('priceAlert', randomUUID(), {
      input: { symbol: 'AAPL', condition: 'crosses', threshold: 120, note: 'look' },
      owner,
    });
    await system.waitFor(alert, (actor) => actor.context.side === 'below', { timeoutMs: 15_000 });
    expect(await notifications.latestSeq(owner)).toBe(0);
    await setPrice('AAPL', 130);
    const view = await system.waitFor(alert, 'done', { timeoutMs: 15_000 });
    expect(view).toMatchObject({
      value: 'done',
      context: { triggers: 1, lastQuote: { source: 'simulated' } },
    });
    expect(await notifications.since(owner, 0, 10)).toMatchObject([
      {
        seq: 1,
        type: 'price_alert_triggered',
        data: { symbol: 'AAPL', price: expect.any(Number), note: 'look', source: 'simulated' },
      },
    ]);
    const { rows } = await database.pool.query('SELECT 1 FROM armed_alerts WHERE address = $1', [alert]);
    expect(rows).toEqual([]);
  });

  test('one that can not be stepped does not keep the others from firing', async () => {
    const spawn = (input: object) =>
      system.spawn('priceAlert', randomUUID(), { input: { symbol: 'MSFT', ...input }, owner: 'local' });
    const stuck = await spawn({ condition: 'above', threshold: 1 });
    // Of a version that does not run here, and armed for a price that is always there.
    await database.pool.query("UPDATE actors SET version = '0', revision = revision + 1 WHERE address = $1", [
      stuck,
    ]);
    await database.pool.query('UPDATE armed_alerts SET wants_quote = true WHERE address = $1', [stuck]);
    const alert = await spawn({ condition: 'above', threshold: 1 });
    expect(await system.waitFor(alert, 'done', { timeoutMs: 15_000 })).toMatchObject({ value: 'done' });
    // And the look that told it goes on to its end.
    const looked = ({ value }: { value: unknown }) => value !== 'looking';
    const watch = await system.waitFor('marketWatch/main', looked, { timeoutMs: 15_000 });
    expect(watch.context).toMatchObject({ failures: 0, lastError: null });
    await database.pool.query('DELETE FROM armed_alerts WHERE address = $1', [stuck]);
  });

  test('expires at its time', async () => {
    const alert = await system.spawn('priceAlert', randomUUID(), {
      input: {
        symbol: 'AAPL',
        condition: 'above',
        threshold: 9_999,
        expiresAt: new Date(Date.now() + 500).toISOString(),
      },
      owner: 'local',
    });
    expect(await system.waitFor(alert, 'done', { timeoutMs: 15_000 })).toMatchObject({ value: 'expired' });
  });

  test('cancelled, it watches no more', async () => {
    const alert = await system.spawn('priceAlert', randomUUID(), {
      input: { symbol: 'AAPL', condition: 'above', threshold: 9_999 },
      owner: 'local',
    });
    await system.send(alert, { type: 'CANCEL' });
    expect(await system.snapshot(alert)).toMatchObject({
      value: 'cancelled',
      status: 'done',
      timers: [],
      effects: [],
    });
  });
});
