/**
 * R10: while a new version is rolled out, processes of two versions serve one database. Nothing is lost between them,
 * and none steps an actor of a version that it does not have.
 */
import { afterEach, expect, test } from 'vitest';
import { type AnyStateMachine, assign, sendParent, sendTo, setup } from 'xstate';
import { z } from 'zod';
import { type ActorSystem, type DurableMachine, migration, turnedClock } from '../index.ts';
import { orderV1, orderV2, REMIND_MS } from '../testing/orders.ts';
import {
  COMMIT,
  type Fault,
  loseAnswer,
  openWatchedPool,
  type WatchedPool,
} from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';

const NOON = Date.parse('2026-03-02T12:00:00Z');
const leaveRunning = { leaveRunning: ['work'] };
const world = useWorld();
const watched: WatchedPool[] = [];
afterEach(async () => {
  await world.rest();
  for (const { pool } of watched.splice(0)) await pool.end();
});

function watch(): WatchedPool {
  const one = openWatchedPool(world.database.connectionString);
  watched.push(one);
  return one;
}

const order = (system: ActorSystem, job = `hang-${key()}`) =>
  system.spawn('order', key(), { input: { job, amount: 10 }, owner: 'a' });
const kindsOf = async (system: ActorSystem, address: string) =>
  (await system.journal(address)).map(({ kind, revision }) => `${revision} ${kind}`);

test('R10: old and new processes at once lose no timer, and step no actor of a version that they lack', async () => {
  const clock = turnedClock(NOON);
  const before = await world.start({ machines: [orderV1], clock });
  const after = await world.start({ machines: [orderV2], clock });
  const orders = await Promise.all([order(before), order(after), order(before), order(after)]);
  const [old, fresh, migrated] = orders as [string, string, string, string];
  await after.send(migrated, { type: 'HOLD' });
  await after.send(migrated, { type: 'RESUME' });
  for (const address of [fresh, migrated]) {
    await expect(before.send(address, { type: 'PAY' })).rejects.toMatchObject({
      code: 'version_not_here',
      retryable: true,
      message: expect.stringContaining('is of version 2'),
    });
  }
  await expect(before.send(old, { type: 'HOLD' })).resolves.toMatchObject({ value: 'held' });
  await before.send(old, { type: 'RESUME' });
  await clock.advance(REMIND_MS, leaveRunning);
  for (const address of orders) {
    const view = await after.snapshot(address);
    expect(view).toMatchObject({ status: 'active', value: { open: { payment: 'reminded' } } });
    const journal = await after.journal(address);
    const reminders = journal.filter(({ event }) => event.type.startsWith(`xstate.after.${REMIND_MS}`));
    expect(reminders).toHaveLength(1);
    expect(journal.map(({ revision }) => revision)).toEqual(journal.map((_, index) => index + 1));
    // Never back.
    const versions = journal.map(({ version }) => version);
    expect(versions).toEqual([...versions].sort());
  }
});

test('R10: a timer of a version that nobody has waits for it, and costs no queries', async () => {
  const clock = turnedClock(NOON);
  const address = await order(await world.start({ machines: [orderV2], clock }));
  await world.rest();
  const one = watch();
  const before = await world.start({ machines: [orderV1], clock, pool: one.pool });
  await clock.advance(REMIND_MS, leaveRunning);
  const asked = one.statements.length;
  await clock.advance(25_000, leaveRunning);
  expect(one.statements.slice(asked).map(({ text }) => text)).toEqual([]);
  expect(await before.snapshot(address)).toMatchObject({ revision: 1, status: 'active' });
  const after = await world.start({ machines: [orderV2], clock });
  await after.waitFor(address, ({ value }) => JSON.stringify(value).includes('reminded'), {
    timeoutMs: 10_000,
  });
});

test('R10: a timer from before versions were noted is handed on once', async () => {
  const clock = turnedClock(NOON);
  const address = await order(await world.start({ machines: [orderV2], clock }));
  await world.rest();
  const update = `UPDATE pgboss.job SET data = data - 'version' WHERE data->>'address' = $1`;
  await world.database.pool.query(update, [address]);
  const one = watch();
  await world.start({ machines: [orderV1], clock, pool: one.pool });
  await clock.advance(REMIND_MS, leaveRunning);
  const asked = one.statements.length;
  await clock.advance(25_000, leaveRunning);
  expect(one.statements.slice(asked).map(({ text }) => text)).toEqual([]);
  const after = await world.start({ machines: [orderV2], clock });
  await after.waitFor(address, ({ value }) => JSON.stringify(value).includes('reminded'), {
    timeoutMs: 10_000,
  });
});

test('R10: the result of an effect that runs in an old process reaches the actor that a new one has migrated', async () => {
  const clock = turnedClock(NOON);
  const job = key();
  const first = Promise.withResolvers<{ done: string }>();
  world.work.answer(job, () => first.promise);
  const before = await world.start({ machines: [orderV1], clock });
  const address = await order(before, job);
  const { key: firstKey } = await world.work.began(job);
  const after = await world.start({ machines: [orderV2], clock });
  await after.migrate({ dryRun: false });
  first.resolve({ done: job });
  // The old process can't step it: the work is done again where it can be, under the same key.
  expect((await world.work.began(job, 2)).key).toBe(firstKey);
  await after.waitFor(address, ({ value }) => JSON.stringify(value).includes('packed'), {
    timeoutMs: 10_000,
  });
});

test('R10: two processes that migrate the same actors, while these get events, migrate each once', async () => {
  const clock = turnedClock(NOON);
  const v1 = await world.start({ machines: [orderV1], clock });
  const orders = await Promise.all(Array.from({ length: 40 }, () => order(v1)));
  await world.rest();
  const [one, two] = [
    await world.start({ machines: [orderV2], clock }),
    await world.start({ machines: [orderV2], clock }),
  ];
  await Promise.all([
    one.migrate({ dryRun: false }),
    two.migrate({ dryRun: false }),
    ...orders.flatMap((address) =>
      [one, two].map((system) => system.send(address, { type: 'PAY', by: 'ann' })),
    ),
  ]);
  for (const address of orders) {
    const kinds = (await kindsOf(one, address)).filter((kind) => !kind.endsWith('unchanged'));
    expect(kinds.slice(0, 3)).toEqual(['1 spawn', '2 migrate', '3 step']);
    expect(kinds.filter((kind) => kind.endsWith('migrate'))).toHaveLength(1);
    expect(kinds.map((kind) => Number.parseInt(kind, 10))).toEqual(kinds.map((_, index) => index + 1));
  }
});

const cut: Fault = () => Promise.reject(new Error('Connection terminated unexpectedly'));
test.each([
  ['before', cut],
  ['after', loseAnswer],
])(
  'R10: a connection that is cut %s the commit of a migration leaves it whole, and once',
  async (_when, fault) => {
    const clock = turnedClock(NOON);
    const address = await order(await world.start({ machines: [orderV1], clock }));
    await world.rest();
    const one = watch();
    const system = await world.start({ machines: [orderV2], clock, pool: one.pool });
    one.fail(COMMIT, fault);
    await expect(system.send(address, { type: 'PAY', by: 'ann' })).resolves.toMatchObject({ revision: 3 });
    expect(await kindsOf(system, address)).toEqual(['1 spawn', '2 migrate', '3 step']);
    const { rows } = await world.database.pool.query(
      'SELECT invoke_id, count(*) FROM effects WHERE address = $1 GROUP BY 1 ORDER BY 1',
      [address],
    );
    expect(rows).toEqual([
      { invoke_id: 'insure', count: '1' },
      { invoke_id: 'pack', count: '1' },
    ]);
  },
);

/** A child that counts what it hears, and a parent that tells it; of the second version the ids are others. */
function family(version: '1' | '2'): { child: DurableMachine; parent: DurableMachine } {
  const heard = z.object({ heard: z.number() });
  const childOf = (state: string) =>
    setup({
      types: { context: {} as z.infer<typeof heard>, events: {} as { type: 'HEAR' | 'END' } },
    }).createMachine({
      id: 'rollingChild',
      context: { heard: 0 },
      initial: state,
      states: {
        [state]: {
          on: {
            HEAR: {
              actions: [assign({ heard: ({ context }) => context.heard + 1 }), sendParent({ type: 'HEARD' })],
            },
            END: 'over',
          },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context,
    });
  const parentOf = (id: string, child: AnyStateMachine) =>
    setup({
      types: {
        context: {} as { heard: number; result: unknown },
        events: {} as { type: 'TELL' | 'HEARD' | 'END' },
      },
      actors: { child },
    }).createMachine({
      id: 'rollingParent',
      context: { heard: 0, result: null },
      initial: 'working',
      states: {
        working: {
          invoke: {
            id,
            src: 'child',
            onDone: { target: 'over', actions: assign({ result: ({ event }) => event.output }) },
          },
          on: {
            TELL: { actions: sendTo(id, { type: 'HEAR' }) },
            END: { actions: sendTo(id, { type: 'END' }) },
            HEARD: { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
          },
        },
        over: { type: 'final' },
      },
    });
  const [childV1, childV2] = [childOf('hearing'), childOf('listening')];
  const [parentV1, parentV2] = [parentOf('pupil', childV1), parentOf('student', childV2)];
  const events = { TELL: z.object({ type: z.literal('TELL') }), END: z.object({ type: z.literal('END') }) };
  const base = { input: z.unknown(), events };
  if (version === '1') {
    return {
      child: { ...base, id: 'rollingChild', version, machine: childV1 },
      parent: { ...base, id: 'rollingParent', version, machine: parentV1 },
    };
  }
  const childMigration = migration({
    from: { version: '1', machine: childV1, context: heard },
    to: { version: '2', machine: childV2 },
    renamed: { states: { 'rollingChild.hearing': 'rollingChild.listening' } },
    migrate: ({ context }) => ({ context }),
  });
  const parentMigration = migration({
    from: { version: '1', machine: parentV1, context: z.object({ heard: z.number(), result: z.null() }) },
    to: { version: '2', machine: parentV2 },
    renamed: { children: { pupil: 'student' } },
    migrate: ({ context }) => ({ context }),
  });
  return {
    child: { ...base, id: 'rollingChild', version, machine: childV2, previous: [childMigration] },
    parent: { ...base, id: 'rollingParent', version, machine: parentV2, previous: [parentMigration] },
  };
}

test('R10: what an old process has for an actor that a new one has migrated is taken there', async () => {
  const [v1, v2] = [family('1'), family('2')];
  const before = await world.start({ machines: [v1.parent, v1.child] });
  const after = await world.start({ machines: [v2.parent, v2.child] });
  const address = await before.spawn('rollingParent', key(), { input: {}, owner: 'a' });
  const [child] = (await before.snapshot(address)).children;
  const childAddress = child?.address ?? '';
  await expect
    .poll(
      () =>
        before.snapshot(childAddress).then(
          () => true,
          () => false,
        ),
      { interval: 5 },
    )
    .toBe(true);
  await after.migrate({ machine: 'rollingChild', dryRun: false });
  expect(await after.snapshot(childAddress)).toMatchObject({ version: '2', value: 'listening' });
  await before.send(address, { type: 'TELL' });
  // And back to the parent, which is of the first version still, and which both can take.
  await after.waitFor(address, ({ context }) => context.heard === 1, { timeoutMs: 10_000 });
});

test('R10: a child goes on under its new id, is told under it, and its end arrives', async () => {
  const [v1, v2] = [family('1'), family('2')];
  const before = await world.start({ machines: [v1.parent, v1.child] });
  const address = await before.spawn('rollingParent', key(), { input: {}, owner: 'a' });
  const [started] = (await before.snapshot(address)).children;
  await world.rest();
  const after = await world.start({ machines: [v2.parent, v2.child] });
  await after.send(address, { type: 'TELL' });
  expect((await after.snapshot(address)).children).toEqual([{ ...started, id: 'student' }]);
  await after.waitFor(address, ({ context }) => context.heard === 1, { timeoutMs: 10_000 });
  await after.send(address, { type: 'END' });
  expect(await after.waitFor(address, 'done', { timeoutMs: 10_000 })).toMatchObject({
    status: 'done',
    context: { result: { heard: 1 } },
  });
});
