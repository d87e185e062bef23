/** Traces of real systems on a real Postgres: who caused what, across commits, actors and processes. */
import { randomUUID } from 'node:crypto';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../test/database.ts';
import { type ActorSystem, createActorSystem, type EffectContext, effect } from '../actors/runtime/index.ts';
import { courier, parcel } from './testing/parcel.ts';
import { type SeenSpan, treeOf } from './testing/span-tree.ts';
import { parseTraceparent, toTraceparent } from './trace-context.ts';
import { type Tracing, traceInto } from './tracing.ts';

const SERVER = 1;
const SECRET = 'hush-hush';
const env = { OTEL_BSP_SCHEDULE_DELAY: '5' };

const exported: ReadableSpan[] = [];
const exporter: SpanExporter = {
  export: (spans, done) => {
    exported.push(...spans);
    done({ code: 0 });
  },
  shutdown: async () => {},
};
const seen = (): SeenSpan[] =>
  exported.map((span) => ({
    name: span.name,
    ...span.spanContext(),
    parentId: span.parentSpanContext?.spanId,
    links: span.links.map(({ context }) => context.spanId),
  }));

let database: TestDatabase;
let tracing: Tracing;
let weigh: (context: EffectContext) => Promise<unknown>;
const running = new Set<ActorSystem>();

async function start(telemetry = { tracer: tracing.tracer }): Promise<ActorSystem> {
  const { pool, connectionString } = database;
  const any = { input: z.unknown(), output: z.unknown(), retries: { limit: 1, delay: 1 } };
  const effects = [
    effect('weigh', any, (_input, context) => weigh(context)),
    effect('drive', any, async () => null),
  ];
  const system = await createActorSystem({
    pool,
    connectionString,
    machines: [parcel, courier],
    effects,
    telemetry,
  });
  running.add(system);
  return system;
}

async function stop(system: ActorSystem, timeoutMs = 5_000): Promise<void> {
  running.delete(system);
  await system.drain({ timeoutMs });
}

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  exported.length = 0;
  weigh = async () => 1;
  tracing = await traceInto(exporter, { env, onError: () => {} });
  return async () => {
    for (const system of running) await stop(system);
    await tracing.stop();
  };
});
afterAll(() => database[Symbol.asyncDispose]());

/** A caller's span, and the run that it starts. */
async function call(system: ActorSystem): Promise<{ traceId: string; address: string }> {
  const caller = tracing.tracer.begin('caller', SERVER, undefined, {});
  const address = await caller.run(async () => {
    const spawned = await system.spawn('parcel', randomUUID(), { input: {}, owner: 'ann' });
    await system.send(spawned, { type: 'SEND', secret: SECRET });
    return spawned;
  });
  caller.end({ attributes: {} });
  return { traceId: parseTraceparent(caller.trace)?.traceId ?? '', address };
}

const delivered = ['parcel xstate.after.rest.parcel.resting'];
const carried = [
  '        parcel xstate.done.actor.weigh',
  '          courier xstate.init',
  '            effect drive',
  '              courier xstate.done.actor.drive',
  '                parcel ARRIVED',
];

describe('one trace', () => {
  test('holds the caller, the steps, the attempts, the child and what it tells its parent', async () => {
    const system = await start();
    const { traceId, address } = await call(system);
    await system.waitFor(address, 'done', { timeoutMs: 10_000 });
    await expect
      .poll(() => treeOf(seen(), traceId))
      .toEqual([
        'caller',
        '  parcel SEND',
        '    effect weigh',
        ...carried.map((line) => line.slice(2)),
        '  parcel xstate.init',
      ]);
  });

  test('ends at a timer, whose step begins another that links to the step that set it', async () => {
    const system = await start();
    const { address } = await call(system);
    await system.waitFor(address, 'done', { timeoutMs: 10_000 });
    await expect.poll(() => seen().map(({ name }) => name)).toContain(delivered[0]);
    const timer = seen().find(({ name }) => name === delivered[0]);
    const setter = seen().find(({ name }) => name === 'parcel ARRIVED');
    expect(timer).toMatchObject({ parentId: undefined, links: [setter?.spanId] });
    expect(treeOf(seen(), timer?.traceId ?? '')).toEqual(delivered);
  });

  test('has an event that an actor sends to itself under the step that sent it', async () => {
    const system = await start();
    const address = await system.spawn('parcel', randomUUID(), { input: {}, owner: 'ann' });
    await system.send(address, { type: 'NUDGE' });
    await expect.poll(() => seen().map(({ name }) => name)).toContain('parcel LOSE');
    const nudge = seen().find(({ name }) => name === 'parcel NUDGE');
    expect(treeOf(seen(), nudge?.traceId ?? '')).toEqual(['parcel NUDGE', '  parcel LOSE']);
  });

  test('goes on in another process that takes an effect over', async () => {
    const first = await start();
    const began = Promise.withResolvers<void>();
    weigh = () => {
      began.resolve();
      return new Promise(() => {});
    };
    const { traceId, address } = await call(first);
    await began.promise;
    weigh = async () => 1;
    const second = await start();
    await stop(first, 1);
    await second.waitFor(address, 'done', { timeoutMs: 10_000 });
    await expect
      .poll(() => treeOf(seen(), traceId))
      .toEqual([
        'caller',
        '  parcel SEND',
        '    effect weigh',
        '    effect weigh',
        ...carried.map((line) => line.slice(2)),
        '  parcel xstate.init',
      ]);
    const attempts = exported.filter(({ name }) => name === 'effect weigh');
    expect(attempts.map(({ attributes }) => attributes['ttai.effect.outcome']).sort()).toEqual([
      'cancelled',
      'done',
    ]);
  });

  test('is each caller’s own, however many share a commit; what follows a commit is in none', async () => {
    const system = await start();
    const atCommit = new Set<string | undefined>();
    const stopListening = system.onCommit(() => atCommit.add(tracing.tracer.active()));
    const runs = await Promise.all(Array.from({ length: 20 }, () => call(system)));
    await Promise.all(runs.map(({ address }) => system.waitFor(address, 'done', { timeoutMs: 20_000 })));
    stopListening();
    expect([...atCommit]).toEqual([undefined]);
    for (const { traceId, address } of runs) {
      await expect.poll(() => treeOf(seen(), traceId).length).toBe(9);
      const addresses = exported
        .filter((span) => span.spanContext().traceId === traceId)
        .flatMap(({ attributes }) => attributes['ttai.actor.address'] ?? []);
      expect(new Set(addresses.filter((one) => String(one).startsWith('parcel/')))).toEqual(
        new Set([address]),
      );
    }
  });

  test('tells states and failures, and no contexts', async () => {
    const system = await start();
    const { address } = await call(system);
    await system.waitFor(address, 'done', { timeoutMs: 10_000 });
    const broken = await system.spawn('parcel', randomUUID(), { input: {}, owner: 'ann' });
    await expect(system.send(broken, { type: 'BREAK' })).rejects.toThrow();
    await expect.poll(() => seen().map(({ name }) => name)).toContain('parcel BREAK');
    const attributesOf = (wanted: string) => exported.find(({ name }) => name === wanted)?.attributes;
    expect(attributesOf('parcel SEND')).toMatchObject({
      'ttai.actor.address': address,
      'ttai.step.kind': 'step',
      'ttai.step.revision': 2,
      'ttai.state.before': 'waiting',
      'ttai.state.after': 'weighing',
    });
    expect(attributesOf('parcel BREAK')).toMatchObject({
      'error.type': 'step_failed',
      'ttai.step.kind': 'failed',
    });
    expect(JSON.stringify(exported.map(({ attributes, events }) => ({ attributes, events })))).not.toContain(
      SECRET,
    );
  });
});

test('nothing is kept of causes while traces are off', async () => {
  const began = Promise.withResolvers<void>();
  weigh = () => {
    began.resolve();
    return new Promise(() => {});
  };
  const [off, on] = [await start({} as { tracer: Tracing['tracer'] }), await start()];
  await call(off);
  await began.promise;
  const { rows } = await database.pool.query('SELECT trace FROM effects');
  expect(rows).toEqual([{ trace: null }]);
  await call(on);
  await expect
    .poll(async () => (await database.pool.query('SELECT FROM effects WHERE trace IS NOT NULL')).rowCount)
    .toBe(1);
  await Promise.all([stop(off, 1), stop(on, 1)]);
  await database.pool.query('DELETE FROM effects');
});

test('a traceparent is read as the standard says', () => {
  const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  const text = `00-${traceId}-${spanId}-01`;
  expect(parseTraceparent(text)).toEqual({ traceId, spanId, traceFlags: 1, isRemote: true });
  expect(toTraceparent({ traceId, spanId, traceFlags: 1 })).toBe(text);
  expect(parseTraceparent(`cc-${traceId}-${spanId}-00-later`)).toMatchObject({ spanId, traceFlags: 0 });
  for (const wrong of [
    undefined,
    '',
    'nonsense',
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
  ]) {
    expect(parseTraceparent(wrong), String(wrong)).toBeUndefined();
  }
});

test('an unknown sampler is refused in words, and none means none', async () => {
  const tracesWith = (name: string, argument = '') =>
    traceInto(exporter, {
      env: { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument },
      onError: () => {},
    });
  await expect(tracesWith('sometimes')).rejects.toThrow(/"sometimes".*parentbased_/);
  await expect(tracesWith('traceidratio', '2')).rejects.toThrow(/from 0 to 1/);
  const { tracer } = await tracesWith('parentbased_traceidratio', '0');
  expect(parseTraceparent(tracer.step({}).trace)?.traceFlags).toBe(0);
});

test('a collector that is away is told of once, until it is back', async () => {
  const told: string[] = [];
  let isAway = true;
  const sent: number[] = [];
  const shaky: SpanExporter = {
    export(spans, done) {
      sent.push(spans.length);
      done(isAway ? { code: 1, error: new Error('nobody there') } : { code: 0 });
    },
    shutdown: async () => {},
  };
  const { tracer, stop: stopTracing } = await traceInto(shaky, {
    env,
    onError: ({ message }) => told.push(message),
    onRecovered: () => told.push('back'),
  });
  for (const away of [true, true, false, false, true]) {
    isAway = away;
    const before = sent.length;
    tracer.begin('span', SERVER, undefined, {}).end({ attributes: {} });
    await expect.poll(() => sent.length).toBe(before + 1);
  }
  await stopTracing();
  expect(told).toEqual(['nobody there', 'back', 'nobody there']);
});
