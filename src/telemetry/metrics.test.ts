/** The metrics of a real system on a real Postgres, read as Prometheus reads them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../test/database.ts';
import { type ActorSystem, createActorSystem, DoNotRetryError, effect } from '../actors/runtime/index.ts';
import { createTelemetry } from './index.ts';
import { courier, parcel } from './testing/parcel.ts';

const OWNER = 'an-owner-who-is-no-label';

let database: TestDatabase;
let system: ActorSystem;
const telemetry = createTelemetry();
let weigh: (attempt: number, signal: AbortSignal) => Promise<unknown>;

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool, connectionString } = database;
  const any = { input: z.unknown(), output: z.unknown() };
  const retries = { limit: 1, delay: 1 };
  const effects = [
    effect('weigh', { ...any, retries, timeout: 50 }, (_input, { attempt, signal }) =>
      weigh(attempt, signal),
    ),
    effect('drive', any, async () => null),
  ];
  const machines = [parcel, courier];
  system = await createActorSystem({
    pool,
    connectionString,
    machines,
    effects,
    telemetry: telemetry.runtime,
  });
  telemetry.watch({ pool, system, effects: ['weigh', 'drive'], sessions: () => 3 });
});
afterAll(async () => {
  await system?.drain();
  await database?.[Symbol.asyncDispose]();
});

/** The samples by name and labels, as they stand in the text. */
async function scrape(): Promise<Map<string, number>> {
  const { text } = await telemetry.requests.metrics();
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function send(secret = 'hush'): Promise<string> {
  const address = await system.spawn('parcel', randomUUID(), { input: {}, owner: OWNER });
  await system.send(address, { type: 'SEND', secret });
  return address;
}

describe('metrics', () => {
  test('count steps, ends, timers, effects and commits of a run', async () => {
    weigh = async () => 1;
    await system.waitFor(await send(), 'done', { timeoutMs: 10_000 });
    const samples = await scrape();
    const ended = [...samples.keys()].filter((name) => name.startsWith('ttai_actors_ended_total'));
    expect(ended).toHaveLength(2);
    expect(
      Object.fromEntries(
        [...samples].filter(([name]) => name.startsWith('ttai_') && !/_(bucket|sum)/.test(name)),
      ),
    ).toMatchObject({
      'ttai_steps_total{machine="parcel",kind="spawn"}': 1,
      'ttai_steps_total{machine="courier",kind="spawn"}': 1,
      'ttai_steps_total{machine="parcel",kind="step"}': 4,
      'ttai_steps_total{machine="courier",kind="step"}': 1,
      'ttai_actors_ended_total{machine="parcel",status="done"}': 1,
      'ttai_actors_ended_total{machine="courier",status="done"}': 1,
      'ttai_timers_total{what="set"}': 1,
      'ttai_timers_total{what="fired"}': 1,
      ttai_timer_lateness_seconds_count: 1,
      'ttai_effect_attempt_duration_seconds_count{effect="weigh",outcome="done"}': 1,
      'ttai_effect_attempt_duration_seconds_count{effect="drive",outcome="done"}': 1,
      'ttai_commit_duration_seconds_count{by="timers"}': 1,
      'ttai_commit_actors_count{by="timers"}': 1,
      ttai_commit_conflicts_total: 0,
      ttai_sessions_open: 3,
      ttai_dead_letters: 0,
      ttai_pool_waiting: 0,
      'ttai_effects{effect="weigh",state="running"}': 0,
    });
  });

  test('tell outcomes of attempts apart', async () => {
    const attempts = async (outcome: string): Promise<number> =>
      (await scrape()).get(
        `ttai_effect_attempt_duration_seconds_count{effect="weigh",outcome="${outcome}"}`,
      ) ?? 0;
    weigh = async (attempt) => {
      if (attempt === 1) throw new Error('once');
      return 1;
    };
    await system.waitFor(await send(), 'done', { timeoutMs: 10_000 });
    expect(await attempts('retried')).toBe(1);

    weigh = async () => {
      throw new DoNotRetryError('too_heavy', 'no');
    };
    await system.waitFor(await send(), 'done', { timeoutMs: 10_000 });
    expect(await attempts('failed')).toBe(1);
    expect((await scrape()).get('ttai_effects_failed_total{effect="weigh"}')).toBe(1);

    weigh = () => new Promise(() => {});
    await system.waitFor(await send(), 'done', { timeoutMs: 10_000 });
    expect(await attempts('timed_out')).toBe(2);
    expect((await scrape()).get('ttai_effects_failed_total{effect="weigh"}')).toBe(2);

    const began = Promise.withResolvers<void>();
    weigh = (_attempt, signal) => {
      began.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const address = await send();
    await began.promise;
    await system.send(address, { type: 'LOSE' });
    await expect.poll(() => attempts('cancelled')).toBe(1);
  });

  test('show dead letters, those that came and those that are there', async () => {
    const other = createTelemetry();
    const { pool } = database;
    other.watch({ pool, system, effects: [], sessions: () => 0 });
    const address = await system.spawn('parcel', randomUUID(), { input: {}, owner: OWNER });
    await expect(system.send(address, { type: 'BREAK' })).rejects.toThrow();
    expect((await scrape()).get('ttai_dead_letters_total{machine="parcel"}')).toBe(1);
    expect((await other.requests.metrics()).text).toContain('\nttai_dead_letters 1\n');
  });

  test('have no label that grows with use, and say what they are', async () => {
    const { text } = await telemetry.requests.metrics();
    expect(text).not.toContain(OWNER);
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/);
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(names).toContain('process_resident_memory_bytes');
    expect(names).toContain('process_cpu_seconds_total');
    expect(names).toContain('nodejs_eventloop_lag_p99_seconds');
    for (const name of names) expect(text).toMatch(new RegExp(`^# HELP ${name} \\S+`, 'm'));
  });

  test('do no harm when they fail', async () => {
    const fail = () => {
      throw new Error('a metric that throws');
    };
    const { pool, connectionString } = database;
    const machines = [parcel, courier];
    const effects = ['weigh', 'drive'].map((name) =>
      effect(name, { input: z.unknown(), output: z.unknown() }, async () => null),
    );
    const metrics = { committed: fail, attempted: () => {} };
    const failing = await createActorSystem({
      pool,
      connectionString,
      machines,
      effects,
      telemetry: { metrics },
    });
    try {
      const address = await failing.spawn('parcel', randomUUID(), { input: {}, owner: OWNER });
      expect(await failing.send(address, { type: 'LOSE' })).toMatchObject({ revision: 2, status: 'done' });
    } finally {
      await failing.drain();
    }
  });

  test('outlive a database that is away', async () => {
    const away = createTelemetry();
    away.watch({
      pool: database.pool,
      system: { load: system.load.bind(system), countDeadLetters: () => Promise.reject(new Error('away')) },
      effects: [],
      sessions: () => 0,
    });
    const { text } = await away.requests.metrics();
    expect(text).toContain('ttai_queued_items 0');
    expect(text).not.toMatch(/^ttai_dead_letters /m);
  });
});
