/**
 * R10: machines change. The second version of an order arrives while orders of the first sleep: what they wait for
 * moves along. Not for what fails (`r10-quarantine.test.ts`), nor for processes of two versions at once
 * (`r10-rolling.test.ts`).
 */
import { afterEach, expect, test } from 'vitest';
import { assign, fromPromise, setup } from 'xstate';
import { z } from 'zod';
import {
  type ActorSystem,
  type ActorView,
  type DurableMachine,
  migration,
  type TurnedClock,
  turnedClock,
} from '../index.ts';
import {
  GIVE_UP_MS,
  OFFER_MS,
  orderV1,
  orderV2,
  orderV2BesideV1,
  orderV3,
  REMIND_MS,
} from '../testing/orders.ts';
import { key, useWorld } from '../testing/world.ts';

const NOON = Date.parse('2026-03-02T12:00:00Z');
const leaveRunning = { leaveRunning: ['work'] };
const world = useWorld();
afterEach(() => world.rest());

/** The version that is deployed from now on; the one before is drained. */
async function deploy(clock: TurnedClock, machine: DurableMachine): Promise<ActorSystem> {
  await world.rest();
  return world.start({ machines: [machine], clock });
}

async function order(system: ActorSystem, { job = `hang-${key()}`, amount = 10 } = {}): Promise<string> {
  return system.spawn('order', key(), { input: { job, amount }, owner: 'a' });
}

const timersOf = ({ timers }: ActorView) =>
  Object.fromEntries(timers.map(({ id, due }) => [id.replace('order.open.', ''), due.getTime() - NOON]));
const effectsOf = ({ effects }: ActorView) =>
  Object.fromEntries(effects.map(({ id, effectId }) => [id, effectId]));
const kindsOf = async (system: ActorSystem, address: string) =>
  (await system.journal(address)).map(({ kind, revision }) => `${revision} ${kind}`);
const jobsOf = async (address: string) => {
  const { rows } = await world.database.pool.query(
    `SELECT data->>'timerId' AS id, data->>'version' AS version FROM pgboss.job WHERE data->>'address' = $1`,
    [address],
  );
  return rows;
};

test('R10: a renamed state keeps its timer, with its deadline, and fires in the new version', async () => {
  const clock = turnedClock(NOON);
  const address = await order(await deploy(clock, orderV1));
  await clock.advance(20_000, leaveRunning);
  const system = await deploy(clock, orderV2);
  expect((await system.snapshot(address)).version).toBe('1');
  await clock.advance(REMIND_MS - 20_001, leaveRunning);
  expect((await system.snapshot(address)).version).toBe('1');
  await clock.advance(1, leaveRunning);
  const reminded = await system.snapshot(address);
  expect(reminded).toMatchObject({ version: '2', value: { open: { payment: 'reminded' } } });
  expect(await kindsOf(system, address)).toEqual(['1 spawn', '2 migrate', '3 step']);
  const [, , step] = await system.journal(address);
  expect(step?.event.type).toBe('xstate.after.60000.order.open.payment.awaitingPayment');
});

test('R10: what the new states wait for is armed from now, and the journal says what became of everything', async () => {
  const clock = turnedClock(NOON);
  const address = await order(await deploy(clock, orderV1), { amount: 2_000 });
  const before = await world.start({ machines: [orderV1], clock }).then((system) => system.snapshot(address));
  await clock.advance(20_000, leaveRunning);
  const system = await deploy(clock, orderV2);
  await system.migrate({ dryRun: false });
  const after = await system.snapshot(address);
  expect(after.value).toEqual({
    open: { payment: 'awaitingPayment', packing: 'busy', insurance: 'offered' },
  });
  expect(after.context).toMatchObject({ amount: 2_000, currency: 'EUR' });
  // The delay is an expression, evaluated on the new context.
  expect(timersOf(after)).toEqual({
    'xstate.after.60000.payment.awaitingPayment': REMIND_MS,
    'xstate.after.offer.insurance.offered': 20_000 + 10 * OFFER_MS,
  });
  expect(effectsOf(after)).toEqual({
    parcel: effectsOf(before).pack,
    insure: expect.stringMatching(/#[0-9a-f]{8}\.2\.0$/),
  });
  const [, record] = await system.journal(address);
  expect(record).toMatchObject({
    kind: 'migrate',
    revision: 2,
    version: '2',
    event: { type: 'xstate.migrate', from: '1', to: '2' },
    valueBefore: { open: { payment: 'waiting', packing: 'busy' } },
    snapshot: { status: 'active', value: after.value },
    effects: [
      { type: '@xstate.start', id: 'insure', src: 'work' },
      { type: '@xstate.raise', id: 'xstate.after.offer.order.open.insurance.offered', delay: 10 * OFFER_MS },
    ],
  });
});

test('R10: a running effect goes on under its new name, and its result arrives in the new version', async () => {
  const clock = turnedClock(NOON);
  const job = `hang-${key()}`;
  const address = await order(await deploy(clock, orderV1), { job });
  const first = await world.work.began(job);
  const packed = Promise.withResolvers<{ done: string }>();
  world.work.answer(job, () => packed.promise);
  const system = await deploy(clock, orderV2);
  const second = await world.work.began(job, 2);
  expect(second.key).toBe(first.key);
  packed.resolve({ done: job });
  await system.waitFor(address, ({ value }) => JSON.stringify(value).includes('packed'), {
    timeoutMs: 10_000,
  });
  const [, , step] = await system.journal(address);
  expect(step).toMatchObject({ kind: 'step', event: { type: 'xstate.done.actor.parcel' } });
});

test('R10: what the new states do not wait for is cancelled', async () => {
  const clock = turnedClock(NOON);
  const address = await order(await deploy(clock, orderV1));
  await clock.advance(REMIND_MS, leaveRunning);
  const system = await deploy(clock, orderV2);
  expect(timersOf(await system.snapshot(address))).toEqual({
    'xstate.after.30000.payment.reminded': REMIND_MS + GIVE_UP_MS,
  });
  await system.migrate({ dryRun: false });
  const after = await system.snapshot(address);
  expect(Object.keys(timersOf(after))).toEqual(['xstate.after.offer.insurance.offered']);
  const [, , record] = await system.journal(address);
  expect(record?.effects).toContainEqual({
    type: '@xstate.cancel',
    id: 'xstate.after.30000.order.open.payment.reminded',
  });
  await expect
    .poll(() => jobsOf(address), { interval: 5 })
    .toEqual([{ id: 'xstate.after.offer.order.open.insurance.offered', version: '2' }]);
});

test('R10: history survives, with the states renamed', async () => {
  const clock = turnedClock(NOON);
  const v1 = await deploy(clock, orderV1);
  const address = await order(v1);
  await v1.send(address, { type: 'HOLD' });
  const system = await deploy(clock, orderV2);
  const { value, revision } = await system.send(address, { type: 'RESUME' });
  expect(value).toEqual({ open: { payment: 'awaitingPayment', packing: 'busy', insurance: 'offered' } });
  expect(revision).toBe(4);
});

test('R10: a chain of two migrations is one revision, and a timer with another delay keeps its deadline', async () => {
  const clock = turnedClock(NOON);
  const v1 = await deploy(clock, orderV1);
  const held = await order(v1);
  await v1.send(held, { type: 'HOLD' });
  const address = await order(v1);
  await clock.advance(20_000, leaveRunning);
  const system = await deploy(clock, orderV3);
  await system.migrate({ dryRun: false });
  const after = await system.snapshot(address);
  expect(after).toMatchObject({
    version: '3',
    revision: 2,
    value: { open: { payment: 'awaitingPayment', packing: 'busy' } },
    context: { cents: 1_000, currency: 'EUR' },
  });
  expect(timersOf(after)).toEqual({ 'xstate.after.120000.payment.awaitingPayment': REMIND_MS });
  // The effect of a region that only the version between them has was never started.
  expect(Object.keys(effectsOf(after))).toEqual(['parcel']);
  await clock.advance(REMIND_MS - 20_000, leaveRunning);
  expect(await system.snapshot(address)).toMatchObject({ value: { open: { payment: 'reminded' } } });
  const resumed = await system.send(held, { type: 'RESUME' });
  expect(resumed.value).toEqual({ open: { payment: 'awaitingPayment', packing: 'busy' } });
});

test('R10: where the old version goes on, its actors step in it, with its events; new ones are of the current', async () => {
  const clock = turnedClock(NOON);
  const old = await order(await deploy(clock, orderV1));
  const system = await deploy(clock, orderV2BesideV1);
  const fresh = await order(system);
  await expect(system.send(fresh, { type: 'PAY' })).rejects.toMatchObject({ code: 'invalid_event' });
  await expect(system.send(old, { type: 'PAY', by: 5 })).resolves.toMatchObject({ changed: true });
  await system.send(fresh, { type: 'PAY', by: 'ann' });
  expect(await system.snapshot(old)).toMatchObject({
    version: '1',
    value: { open: { payment: 'paid', packing: 'busy' } },
  });
  expect(await system.snapshot(fresh)).toMatchObject({ version: '2', context: { paidBy: 'ann' } });
  const third = await order(system);
  await clock.advance(REMIND_MS, leaveRunning);
  expect(await system.snapshot(third)).toMatchObject({ value: { open: { payment: 'reminded' } } });
  expect((await system.migrate({ dryRun: false })).versions).toContainEqual(
    expect.objectContaining({ version: '1', migrated: 0, left: 0 }),
  );
});

test('R10: a timer of the old version that goes on fires', async () => {
  const clock = turnedClock(NOON);
  const old = await order(await deploy(clock, orderV1));
  const system = await deploy(clock, orderV2BesideV1);
  await clock.advance(REMIND_MS + GIVE_UP_MS, leaveRunning);
  expect(await system.snapshot(old)).toMatchObject({ version: '1', value: { open: { payment: 'lost' } } });
});

test('R10: a stop needs no migration, and an ended actor gets none', async () => {
  const clock = turnedClock(NOON);
  const v1 = await deploy(clock, orderV1);
  const [stopped, ended] = [await order(v1, { amount: -1 }), await order(v1)];
  await v1.send(ended, { type: 'CLOSE' });
  const system = await deploy(clock, orderV2);
  expect(await system.stop(stopped)).toMatchObject({
    version: '1',
    status: 'stopped',
    timers: [],
    effects: [],
  });
  await system.migrate({ dryRun: false });
  expect(await system.snapshot(ended)).toMatchObject({ version: '1', status: 'done', revision: 2 });
});

test('R10: what a state has waited for already is not armed again by a migration', async () => {
  const clock = turnedClock(NOON);
  const machine = setup({
    types: { context: {} as { ticks: number; done: unknown } },
    actors: { work: fromPromise<{ done: string }, { job: string }>(() => Promise.reject(new Error('held'))) },
  }).createMachine({
    id: 'once',
    context: { ticks: 0, done: null },
    // Neither the timer nor the effect leaves the state.
    invoke: {
      id: 'work',
      src: 'work',
      input: { job: 'once' },
      onDone: { actions: assign({ done: ({ event }) => event.output }) },
    },
    after: { 1000: { actions: assign({ ticks: ({ context }) => context.ticks + 1 }) } },
  });
  const input = z.object({});
  const v1: DurableMachine = { id: 'once', version: '1', machine, input, events: {} };
  const previous = [
    migration({
      from: { version: '1', machine, context: z.object({ ticks: z.number(), done: z.unknown() }) },
      to: { version: '2', machine },
      migrate: ({ context }) => ({ context: { ticks: context.ticks, done: context.done } }),
    }),
  ];
  const address = await (await deploy(clock, v1)).spawn('once', key(), { input: {}, owner: 'a' });
  await clock.advance(1000);
  const system = await deploy(clock, { ...v1, version: '2', previous });
  await system.migrate({ machine: 'once', dryRun: false });
  await clock.advance(5000);
  expect(await system.snapshot(address)).toMatchObject({
    ...{ version: '2', context: { ticks: 1, done: { done: 'once' } }, timers: [], effects: [] },
  });
  expect(world.work.attempts('once')).toHaveLength(1);
});

test('R10: the machines that a system names are those of all versions, the current one first', async () => {
  const system = await deploy(turnedClock(NOON), orderV3);
  expect(system.machines().map(({ id, version }) => `${id} ${version}`)).toEqual([
    'order 3',
    'order 2',
    'order 1',
  ]);
});
