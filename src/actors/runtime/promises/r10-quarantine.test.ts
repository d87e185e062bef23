/**
 * R10: what fits no version is quarantined, never guessed at: nothing that it waits for is lost, nothing spins, and a
 * migration that works releases it.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { type ActorSystem, type DurableMachine, migration, type TurnedClock, turnedClock } from '../index.ts';
import { fromV1, machineV1, machineV2, OFFER_MS, orderV1, orderV2, REMIND_MS } from '../testing/orders.ts';
import { openWatchedPool } from '../testing/watched-pool.ts';
import { key, useWorld } from '../testing/world.ts';

const NOON = Date.parse('2026-03-02T12:00:00Z');
const leaveRunning = { leaveRunning: ['work'] };
const world = useWorld();
afterEach(() => world.rest());

/** As `orderV2`, with a migration that takes every order. */
const orderV2Mended = {
  ...orderV2,
  previous: [{ ...fromV1, migrate: ({ context }) => ({ context: { ...context, currency: 'EUR' } }) }],
} satisfies DurableMachine;

async function deploy(clock: TurnedClock, machine: DurableMachine): Promise<ActorSystem> {
  await world.rest();
  return world.start({ machines: [machine], clock });
}

/** An order that `fromV1` does not take. */
const bad = (system: ActorSystem, job = `hang-${key()}`) =>
  system.spawn('order', key(), { input: { job, amount: -1 }, owner: 'a' });

/** A machine of one state, always of version 1. */
const plainOf = (id: string, state: string): DurableMachine => ({
  id,
  version: '1',
  input: z.object({}),
  events: { GO: z.object({ type: z.literal('GO') }) },
  machine: setup({ types: { context: {} as { n: number } } }).createMachine({
    id,
    context: { n: 0 },
    initial: state,
    states: {
      [state]: { on: { GO: { actions: assign({ n: ({ context: { n } }) => n + 1 }) } } },
    },
  }),
});

const rowsOf = async (sql: string, address: string) => (await world.database.pool.query(sql, [address])).rows;
const jobsOf = (address: string) =>
  rowsOf(`SELECT id FROM pgboss.job WHERE data->>'address' = $1 AND start_after < '2026-03-03'`, address);

describe('R10: quarantine', () => {
  test('an event that needs a migration that throws is refused, and the row says why', async () => {
    const clock = turnedClock(NOON);
    const address = await bad(await deploy(clock, orderV1));
    const system = await deploy(clock, orderV2);
    const pay = () => system.send(address, { type: 'PAY', by: 'ann' });
    await expect(pay()).rejects.toMatchObject({ code: 'quarantined', retryable: false });
    await expect(pay()).rejects.toMatchObject({ code: 'quarantined' });
    const view = await system.snapshot(address);
    expect(view).toMatchObject({
      status: 'quarantined',
      version: '1',
      // Once, however often it is asked.
      revision: 2,
      value: { open: { payment: 'waiting', packing: 'busy' } },
      error: { code: 'migration_failed', message: expect.stringContaining('an order of less than nothing') },
    });
    expect(view.timers.map(({ id }) => id)).toEqual(['xstate.after.60000.order.open.payment.waiting']);
    expect(view.effects.map(({ id }) => id)).toEqual(['pack']);
    const [, record] = await system.journal(address);
    expect(record).toMatchObject({
      kind: 'migrate',
      event: { type: 'xstate.migrate', from: '1', to: '2' },
      snapshot: { status: 'quarantined', error: { code: 'migration_failed' } },
    });
  });

  test('a timer that comes in quarantine is kept, without a job that comes again, and fires when it is released', async () => {
    const clock = turnedClock(NOON);
    const address = await bad(await deploy(clock, orderV1));
    const broken = await deploy(clock, orderV2);
    await clock.advance(REMIND_MS, leaveRunning);
    expect(await broken.snapshot(address)).toMatchObject({ status: 'quarantined', revision: 2 });
    expect(await jobsOf(address)).toEqual([]);
    expect((await broken.snapshot(address)).timers).toHaveLength(1);
    await clock.advance(10 * REMIND_MS, leaveRunning);
    expect(await broken.snapshot(address)).toMatchObject({ revision: 2 });
    const mended = await deploy(clock, orderV2Mended);
    // Its deadline is long over.
    await mended.waitFor(address, ({ value }) => JSON.stringify(value).includes('reminded'), {
      timeoutMs: 10_000,
    });
    expect((await mended.journal(address)).map(({ kind }) => kind)).toEqual([
      'spawn',
      'migrate',
      'migrate',
      'step',
    ]);
  });

  test('an effect that ends in quarantine is run again on release, with the same key', async () => {
    const clock = turnedClock(NOON);
    const job = key();
    const first = Promise.withResolvers<{ done: string }>();
    world.work.answer(job, () => first.promise);
    const v1 = await deploy(clock, orderV1);
    const address = await bad(v1, job);
    const { key: firstKey } = await world.work.began(job);
    const broken = await world.start({ machines: [orderV2], clock });
    const report = await broken.migrate({ dryRun: false });
    expect(report.quarantined.map((one) => one.address)).toContain(address);
    first.resolve({ done: job });
    const free = 'SELECT process FROM effects WHERE address = $1';
    await expect.poll(() => rowsOf(free, address), { interval: 5 }).toEqual([{ process: null }]);
    expect(world.work.attempts(job)).toHaveLength(1);
    const mended = await deploy(clock, orderV2Mended);
    expect((await world.work.began(job, 2)).key).toBe(firstKey);
    await mended.waitFor(address, ({ value }) => JSON.stringify(value).includes('packed'), {
      timeoutMs: 10_000,
    });
  });

  test('one in quarantine keeps its singleton key, can be waited for and can be stopped', async () => {
    const clock = turnedClock(NOON);
    const [owner, singletonKey] = [key(), 'one'];
    const spawn = (system: ActorSystem) =>
      system.spawn('order', key(), { input: { job: `hang-${key()}`, amount: -1 }, owner, singletonKey });
    const address = await spawn(await deploy(clock, orderV1));
    const system = await deploy(clock, orderV2);
    await system.migrate({ dryRun: false });
    expect(await spawn(system)).toBe(address);
    const done = system.waitFor(address, 'done', { timeoutMs: 10_000 });
    expect(await system.stop(address)).toMatchObject({ status: 'stopped', timers: [], effects: [] });
    expect(await done).toMatchObject({ status: 'stopped' });
    expect(await rowsOf('SELECT effect_id FROM effects WHERE address = $1', address)).toEqual([]);
    expect(await spawn(system)).not.toBe(address);
  });

  test('a dry run tells all and changes nothing; then it is done as it was told, and only once', async () => {
    const clock = turnedClock(NOON);
    const v1 = await deploy(clock, orderV1);
    const machine = { ...orderV2, id: 'order' };
    for (const row of await rowsOf(`SELECT address FROM actors WHERE status <> $1`, 'done'))
      await v1.stop(row.address);
    const good = await v1.spawn('order', key(), { input: { job: 'hang', amount: 1 }, owner: 'a' });
    const wrong = await bad(v1);
    const system = await deploy(clock, machine);
    const current = await system.spawn('order', key(), { input: { job: 'hang', amount: 1 }, owner: 'a' });
    const dump = async () =>
      (
        await world.database.pool.query(
          `SELECT (SELECT jsonb_agg(a ORDER BY address) FROM actors a), (SELECT count(*) FROM journal), (SELECT jsonb_agg(j ORDER BY id) FROM pgboss.job j WHERE name = 'actor-timers')`,
        )
      ).rows;
    const before = await dump();
    const told = await system.migrate({ dryRun: true });
    expect(await dump()).toEqual(before);
    expect(told).toMatchObject({
      dryRun: true,
      versions: [
        { machine: 'order', version: '1', migrated: 1, quarantined: 1, left: 0 },
        { machine: 'order', version: '2', current: 1, migrated: 0 },
      ],
      quarantined: [{ address: wrong, machine: 'order', version: '1', code: 'migration_failed' }],
    });
    expect(await system.migrate({ dryRun: false })).toEqual({ ...told, dryRun: false });
    expect(await system.snapshot(good)).toMatchObject({ version: '2', revision: 2 });
    expect(await system.snapshot(current)).toMatchObject({ revision: 1 });
    expect(await system.migrate({ dryRun: false, machine: 'order' })).toMatchObject({
      versions: [
        { version: '1', migrated: 0, quarantined: 1 },
        { version: '2', current: 2 },
      ],
    });
    expect(await system.snapshot(wrong)).toMatchObject({ revision: 2 });
    await expect(system.migrate({ dryRun: true, machine: 'nothing' })).rejects.toMatchObject({
      code: 'machine_not_found',
    });
  });

  test('a limit leaves the others for later', async () => {
    const clock = turnedClock(NOON);
    const v1 = await deploy(clock, orderV1);
    for (const row of await rowsOf(`SELECT address FROM actors WHERE status <> $1`, 'done'))
      await v1.stop(row.address);
    for (let n = 0; n < 3; n++)
      await v1.spawn('order', key(), { input: { job: 'hang', amount: 1 }, owner: 'a' });
    const system = await deploy(clock, orderV2);
    const [count] = (await system.migrate({ dryRun: false, limit: 2 })).versions;
    expect(count).toMatchObject({ version: '1', migrated: 2, left: 1 });
    await expect(system.migrate({ dryRun: false, limit: 0 })).rejects.toMatchObject({
      code: 'invalid_input',
    });
    const report = await system.migrate({ dryRun: true });
    expect(report.versions).toMatchObject([
      { version: '1', migrated: 1, left: 0 },
      { version: '2', current: 2 },
    ]);
  });

  const context = z.object({ job: z.string(), amount: z.number() });
  const into = (migrate: () => unknown, renamed = fromV1.renamed): DurableMachine => ({
    ...orderV2,
    previous: [
      migration({
        from: { version: '1', machine: machineV1, context },
        to: { version: '2', machine: machineV2 },
        renamed,
        migrate: migrate as never,
      }),
    ],
  });
  const fine = { job: 'hang', amount: 1, currency: 'EUR' };
  test.each([
    ['a state that is not there', into(() => ({ value: 'nowhere', context: fine })), /nowhere/],
    ['a part of a state', into(() => ({ value: { open: { payment: 'x' } }, context: fine })), /'x'/],
    ['two states at once', into(() => ({ value: { open: {}, held: {} }, context: fine })), /not a state/],
    ['a final state', into(() => ({ value: 'closed', context: fine })), /final/],
    ['a date', into(() => ({ context: { ...fine, at: new Date(0) } })), /context.at is a Date/],
    ['not a number', into(() => ({ context: { ...fine, amount: Number.NaN } })), /context.amount is NaN/],
    ['no context', into(() => ({})), /no context/],
    [
      'an unknown history',
      into(() => ({ context: fine, history: { 'order.open.back': ['order.x'] } })),
      /order\.x/,
    ],
    ['a state that is not renamed', into(() => ({ context: fine }), {}), /order.open.payment.waiting/],
    [
      'another context',
      { ...orderV2, previous: [{ ...fromV1, context: context.extend({ paid: z.boolean() }) }] },
      /context is not one of version 1: paid/,
    ],
  ])('a migration to %s is one that fails', async (_what, machine, message) => {
    const clock = turnedClock(NOON);
    const v1 = await deploy(clock, orderV1);
    const address = await v1.spawn('order', key(), { input: { job: 'hang', amount: 1 }, owner: 'a' });
    const system = await deploy(clock, machine);
    await expect(system.send(address, { type: 'HOLD' })).rejects.toMatchObject({ code: 'quarantined' });
    const { status, version, error } = await system.snapshot(address);
    expect({ status, version, code: error?.code }).toEqual({
      status: 'quarantined',
      version: '1',
      code: 'migration_failed',
    });
    expect(error?.message).toMatch(message);
  });

  test('a snapshot that its own version does not fit any more is quarantined, and released when it does', async () => {
    const clock = turnedClock(NOON);
    const id = `plain${randomUUID().slice(0, 8)}`;
    const plain = (state: string) => plainOf(id, state);
    const address = await (await deploy(clock, plain('a'))).spawn(id, key(), { input: {}, owner: 'a' });
    const renamed = await deploy(clock, plain('b'));
    await expect(renamed.send(address, { type: 'GO' })).rejects.toMatchObject({ code: 'quarantined' });
    expect(await renamed.snapshot(address)).toMatchObject({
      status: 'quarantined',
      revision: 2,
      error: { code: 'snapshot_misfit' },
    });
    expect((await renamed.migrate({ dryRun: false, machine: id })).versions).toMatchObject([
      { quarantined: 1 },
    ]);
    // It is freed by the start of a process that it fits, without anybody's doing.
    const back = await deploy(clock, plain('a'));
    const isFree = async () => (await back.snapshot(address)).status;
    await expect.poll(isFree, { interval: 5, timeout: 10_000 }).toBe('active');
    await back.send(address, { type: 'GO' });
    expect(await back.snapshot(address)).toMatchObject({ status: 'active', context: { n: 1 }, revision: 4 });
  });

  test('one that another process has put into quarantine is freed by the next event at one that it fits', async () => {
    const clock = turnedClock(NOON);
    const id = `plain${randomUUID().slice(0, 8)}`;
    const fits = await deploy(clock, plainOf(id, 'a'));
    const address = await fits.spawn(id, key(), { input: {}, owner: 'a' });
    const other = await world.start({ machines: [plainOf(id, 'b')], clock });
    await expect(other.send(address, { type: 'GO' })).rejects.toMatchObject({ code: 'quarantined' });
    await expect(other.send(address, { type: 'GO' })).rejects.toMatchObject({ code: 'quarantined' });
    // However often it is tried there, once; and not tried again by itself.
    expect(await fits.snapshot(address)).toMatchObject({ status: 'quarantined', revision: 2 });
    await fits.send(address, { type: 'GO' });
    expect(await fits.snapshot(address)).toMatchObject({ status: 'active', context: { n: 1 }, revision: 4 });
  });

  test('one that a newer version could not take on goes on in the old one when the newer has gone', async () => {
    const clock = turnedClock(NOON);
    const old = await deploy(clock, orderV1);
    const address = await bad(old);
    const newer = await world.start({ machines: [orderV2], clock });
    await expect(newer.send(address, { type: 'PAY', by: 'ann' })).rejects.toMatchObject({
      code: 'quarantined',
    });
    // While it is there, its word counts.
    await expect(old.send(address, { type: 'PAY', by: 'ann' })).rejects.toMatchObject({
      code: 'quarantined',
    });
    await newer.drain();
    await old.waitFor(address, ({ status }) => status === 'active', { timeoutMs: 10_000 });
    await old.send(address, { type: 'PAY', by: 'ann' });
    expect(await old.snapshot(address)).toMatchObject({ status: 'active', version: '1', revision: 4 });
  });

  test('it does not spin: no queries for one in quarantine', async () => {
    const clock = turnedClock(NOON);
    await bad(await deploy(clock, orderV1));
    await deploy(clock, orderV2);
    await clock.advance(REMIND_MS + OFFER_MS, leaveRunning);
    await world.rest();
    const watched = openWatchedPool(world.database.connectionString);
    await world.start({ machines: [orderV2], clock, pool: watched.pool });
    await clock.settle(leaveRunning);
    const asked = watched.statements.length;
    await clock.advance(4_000, leaveRunning);
    // A look for the nearest timer at most, and no step.
    expect(watched.statements.slice(asked).filter(({ text }) => /^WITH me AS/.test(text))).toEqual([]);
    await world.rest();
    await watched.pool.end();
  });
});
