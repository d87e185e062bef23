/**
 * R16 for TTAI's own machines: paths that take each of their transitions, through the durable runtime on Postgres,
 * against `createActor` in memory. Effects end, and timers fire, when the test says so.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { z } from 'zod';
import {
  type ActorEvent,
  type ActorSystem,
  type Address,
  createActorSystem,
  DoNotRetryError,
  type DurableMachine,
  effect,
  type PlainError,
} from '../src/actors/runtime/index.ts';
import { LiveActor, plain } from '../src/actors/runtime/testing/live-actor.ts';
import { analysis } from '../src/machines/analysis.ts';
import { briefing } from '../src/machines/briefing.ts';
import { delivery } from '../src/machines/delivery.ts';
import { housekeeping } from '../src/machines/housekeeping.ts';
import { machines } from '../src/machines/index.ts';
import { marketWatch } from '../src/machines/market-watch.ts';
import { portfolioMonitor } from '../src/machines/portfolio-monitor.ts';
import { positionSync } from '../src/machines/position-sync.ts';
import { priceAlert } from '../src/machines/price-alert.ts';
import { report } from '../src/machines/report.ts';
import { screener } from '../src/machines/screener.ts';
import { session } from '../src/machines/session.ts';
import { summary } from '../src/machines/summary.ts';
import { briefingModel, reportModel, summaryModel } from '../src/machines/testing/daily-piece-models.ts';
import { deliveryModel } from '../src/machines/testing/delivery-model.ts';
import { housekeepingModel } from '../src/machines/testing/housekeeping-model.ts';
import { analysisModel, marketWatchModel, priceAlertModel } from '../src/machines/testing/models.ts';
import { portfolioMonitorModel } from '../src/machines/testing/portfolio-monitor-model.ts';
import { positionSyncModel } from '../src/machines/testing/position-sync-model.ts';
import { screenerModel } from '../src/machines/testing/screener-model.ts';
import { sessionModel } from '../src/machines/testing/session-model.ts';
import { tradingDayModel } from '../src/machines/testing/trading-day-model.ts';
import { tradingDay } from '../src/machines/trading-day.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { coverage, fewestPaths, type Model, type Path, pathsOf, uncovered } from './model.ts';

const HOUR = 3_600_000;
/** Paths of each machine that are walked for their length, besides those that take each transition. */
const LONGEST = 10;
/** `ALL_PATHS=1` walks every path of every graph, which takes about five minutes. */
const isAll = process.env.ALL_PATHS === '1';
/** Steps of each machine on further paths, from all over its graph. */
const MORE_STEPS = isAll ? Number.POSITIVE_INFINITY : 500;
const TIMEOUT_MS = isAll ? 3_600_000 : 60_000;
const AT_ONCE = 50;
/** With delays so long that no timer fires but by the test's hand. */
const patient = <M extends DurableMachine>(definition: M, delays: string[]): M => ({
  ...definition,
  machine: (definition.machine as AnyStateMachine).provide({
    delays: Object.fromEntries(delays.map((name) => [name, HOUR])),
  }),
});
const cases: [DurableMachine, Model][] = [
  [analysis, analysisModel],
  [patient(priceAlert, ['untilNextWake']), priceAlertModel],
  [patient(marketWatch, ['untilNextLook']), marketWatchModel],
  [patient(portfolioMonitor, ['untilNextCheck']), portfolioMonitorModel],
  [patient(positionSync, ['untilNextReading']), positionSyncModel],
  [patient(screener, ['betweenBatches']), screenerModel],
  [patient(delivery, ['untilRetry', 'untilLoud', 'pause', 'untilNextLook']), deliveryModel],
  [patient(tradingDay, ['askAgain', 'untilNext']), tradingDayModel],
  [briefing, briefingModel],
  [summary, summaryModel],
  [report, reportModel],
  [patient(session, ['connectingLimit', 'lease', 'awayLimit']), sessionModel],
  [patient(housekeeping, ['untilNextBite']), housekeepingModel],
];
/** What no path of the graph reaches, and why. */
const leftOut: Record<string, string[]> = {
  // A batch begins with a symbol, so that the first of the five slots always has one.
  screener: [
    'screener.analyze.first.idle',
    'screener.analyze.first.deciding always -> screener.analyze.first.idle',
  ],
  // 96 failures in a row: a test beside the machine walks them.
  tradingDay: [
    'tradingDay.failed',
    'tradingDay.asking xstate.error.actor.askSession [isEnough] -> tradingDay.failed',
  ],
};

/** Attempts that wait for the test to end them, by effect id, and those who wait for an attempt to begin. */
const held = new Map<string, { resolve: (output: unknown) => void; reject: (error: Error) => void }>();
const awaited = new Map<string, () => void>();

const heldEffect = (name: string) =>
  effect(
    name,
    { input: z.unknown(), output: z.unknown(), retries: { limit: 0 }, concurrency: 10_000 },
    (_input, { idempotencyKey, signal }) =>
      new Promise((resolve, reject) => {
        held.set(idempotencyKey, { resolve, reject });
        awaited.get(idempotencyKey)?.();
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  );

let database: TestDatabase;
let system: ActorSystem;
const emitted = new Map<Address, ActorEvent[]>();

beforeAll(async () => {
  database = await createTestDatabase();
  // Machines may share an effect.
  const names = new Set(cases.flatMap(([{ machine }]) => Object.keys(machine.implementations.actors)));
  system = await createActorSystem({
    pool: database.pool,
    connectionString: database.connectionString,
    machines: cases.map(([definition]) => definition),
    effects: [...names].map(heldEffect),
    onEmitted: async (_transaction, events) => {
      for (const { address, event } of events) {
        emitted.set(address, [...(emitted.get(address) ?? []), event]);
      }
    },
  });
});
afterAll(async () => {
  for (const { reject } of held.values()) reject(new Error('the test is over'));
  await system?.drain();
  await database?.[Symbol.asyncDispose]();
});

/** Ends a running effect of an actor. */
async function endEffect(address: Address, id: string, event: ActorEvent): Promise<void> {
  const { effects } = await system.snapshot(address);
  const effectId = effects.find((running) => running.id === id)?.effectId;
  if (effectId === undefined) throw new Error(`${address} runs no effect ${id}`);
  if (!held.has(effectId)) await new Promise<void>((resolve) => awaited.set(effectId, resolve));
  const attempt = held.get(effectId);
  if ('error' in event) {
    const { code, message, name } = event.error as PlainError;
    attempt?.reject(Object.assign(new DoNotRetryError(code, message), { name }));
  } else {
    attempt?.resolve(event.output);
  }
}

/** Makes a timer due now, and tells the system as another process that had set it would. */
async function fireTimer(address: Address, type: string): Promise<void> {
  const { rows } = await database.pool.query(
    `SELECT timer.value->>'job' AS job FROM actors, jsonb_each(pending->'timers') AS timer
     WHERE address = $1 AND timer.value->'event'->>'type' = $2`,
    [address, type],
  );
  if (rows.length !== 1) throw new Error(`${address} has ${rows.length} timers for ${type}`);
  await database.pool.query('UPDATE pgboss.job SET start_after = now() WHERE id = $1', [rows[0].job]);
  const notice = { from: 'another', kind: 'commit', addresses: [], due: Date.now() };
  await database.pool.query('SELECT pg_notify($1, $2)', ['ttai_actors', JSON.stringify(notice)]);
}

/** Makes one thing happen to an actor, and waits until its step is committed. */
async function happen(address: Address, event: ActorEvent): Promise<void> {
  const { revision } = await system.snapshot(address);
  const ended = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(event.type);
  if (ended?.[1] !== undefined) await endEffect(address, ended[1], event);
  else if (event.type.startsWith('xstate.after') || event.type === 'EXPIRE') {
    await fireTimer(address, event.type);
  } else {
    await system.send(address, event);
    return;
  }
  await system.waitFor(address, (view) => view.status !== 'active' || view.revision > revision, {
    timeoutMs: 10_000,
  });
}

/** An actor as it is committed, in the shape of `LiveActor`. */
async function look(address: Address) {
  const view = await system.snapshot(address);
  const { status, value, context, output, error } = view;
  return {
    seen: plain({ status, value, context, output: output ?? null, error: error ?? null }),
    effects: view.effects.map(({ id }) => id).sort(),
    timers: view.timers.map(({ event }) => event.type).sort(),
    emitted: emitted.get(address) ?? [],
  };
}

const lookAt = (live: LiveActor) => ({
  seen: live.seen(),
  effects: Object.keys(live.effects()).sort(),
  timers: live.timers(),
  emitted: plain(live.emitted),
});

async function walk(definition: DurableMachine, key: string, { input, events }: Path): Promise<LiveActor> {
  const live = new LiveActor(definition.machine, input);
  const address = await system.spawn(definition.id, key, { input, owner: 'local' });
  expect(await look(address)).toEqual(lookAt(live));
  for (const event of events) {
    live.happen(event);
    await happen(address, event);
    expect(await look(address)).toEqual(lookAt(live));
  }
  const { revision } = await system.snapshot(address);
  const journal = await system.journal(address);
  expect(new Set(journal.map((record) => record.revision)).size).toBe(revision);
  return live;
}

/** All of them, each once: first those that take each transition and the longest, then others up to a number of steps. */
function chosen(model: Model): { paths: Path[]; of: number } {
  const all = pathsOf(model);
  const longest = all.toSorted((a, b) => b.events.length - a.events.length).slice(0, LONGEST);
  const paths = new Set([...fewestPaths(model.machine, all), ...longest]);
  // By strides, so that they come from all over the graph, and the same ones each time.
  const stride = Math.max(1, Math.floor(all.length / 97));
  const others = Array.from({ length: stride }, (_, offset) =>
    all.filter((_path, index) => index % stride === offset),
  ).flat();
  let steps = 0;
  for (const path of others) {
    if (paths.has(path)) continue;
    steps += path.events.length;
    if (steps > MORE_STEPS) break;
    paths.add(path);
  }
  return { paths: [...paths], of: all.length };
}

describe('R16: TTAI machines on the runtime do what they do under createActor', () => {
  test('each machine is walked', () => {
    expect(cases.map(([{ id }]) => id).sort()).toEqual(machines.map(({ id }) => id).sort());
  });

  test.each(cases)(
    '$id, on paths that take each of its transitions',
    async (definition, model) => {
      const { paths, of } = chosen(model);
      const walked: LiveActor[] = [];
      const waiting = paths.entries();
      const walker = async () => {
        for (const [index, path] of waiting) walked.push(await walk(definition, `path${index}`, path));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, walker));
      const machine = definition.machine as AnyStateMachine;
      const missing = uncovered(machine, walked);
      const steps = paths.flatMap(({ events }) => events).length;
      console.log(
        `${definition.id}: ${paths.length} of ${of} paths, ${steps} steps; ${coverage(machine, walked)}${missing.length === 0 ? '' : `, without ${missing.join(' and ')}`}`,
      );
      expect(missing).toEqual(leftOut[definition.id] ?? []);
    },
    TIMEOUT_MS,
  );
});
