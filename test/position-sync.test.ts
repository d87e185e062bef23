/**
 * Positions from the broker's accounts: recorded on Postgres, asked for at the door, and kept in line by an actor on a
 * clock that is turned. The comparison: `broker-positions.test.ts`.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  allEffects,
  effectRooms,
  type MarketService,
  syncPositions as readAndSync,
  type SyncReport,
  writeEmitted,
} from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  type Clock,
  createActorSystem,
  DoNotRetryError,
  turnedClock,
} from '../src/actors/runtime/index.ts';
import type { BrokerPositions } from '../src/machines/market.ts';
import { positionSync } from '../src/machines/position-sync.ts';
import { openPositions, type Position } from '../src/persistence/records/positions.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import type { OperationContext } from '../src/server/operations/operation.ts';
import { syncInWords, syncPositions } from '../src/server/operations/sync-positions.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

type Leg = BrokerPositions['accounts'][number]['legs'][number];

const now = '2026-11-24T15:00:00.000Z';
const MINUTE = 60_000;
const owner = 'ann';
const sessions = ['23', '24', '25'].map((day) => ({
  date: `2026-11-${day}`,
  opensAt: `2026-11-${day}T14:30:00Z`,
  closesAt: `2026-11-${day}T21:00:00Z`,
  halfDay: false,
}));

const put = (strike: number, more: Partial<Leg> = {}): Leg => ({
  ...{ symbol: 'AAPL', kind: 'option', right: 'put', strike, expiration: '2027-01-15' },
  ...{ quantity: -1, openPrice: 2.35, openedAt: '2026-11-02T15:30:00.000Z' },
  ...more,
});
const call = put(160, { right: 'call' });
const shares = put(0, { kind: 'stock', right: null, strike: null, expiration: null, quantity: 100 });

/** A broker that a test fills. */
class Broker {
  accounts: BrokerPositions['accounts'] = [];
  /** Thrown instead of an answer. */
  failure: Error | undefined;
  /** Happens while it is read. */
  meanwhile = async (): Promise<void> => {};
  readings = 0;

  readonly service = {
    calendar: async () => ({ timezone: 'America/New_York', sessions }),
    brokerPositions: async (): Promise<BrokerPositions> => {
      this.readings += 1;
      const { accounts } = this;
      await this.meanwhile();
      if (this.failure) throw this.failure;
      return { asOf: now, source: 'tastytrade', accounts };
    },
  } as unknown as MarketService;

  holds(...legs: Leg[]): void {
    this.accounts = [{ number: '5WT1', name: 'Wheel', legs, left: [] }];
  }
}

let database: TestDatabase;
let broker: Broker;
let clock: ReturnType<typeof turnedClock>;
const systems: ActorSystem[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  broker = new Broker();
});
afterEach(async () => {
  const ended = systems.splice(0);
  for (const system of ended) await system.drain({ timeoutMs: 1 });
  await database.pool.query(
    'TRUNCATE actors, effects, messages, journal, positions, notifications, notification_counters',
  );
  if (ended.length > 0) await database.pool.query(`DELETE FROM pgboss.job WHERE name = 'actor-timers'`);
});
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
});

const records = () => recordsOf(database.pool);
const sync = (
  more: { owner?: string; portfolio?: string; dryRun?: boolean } = {},
  options?: { signal: AbortSignal },
): Promise<SyncReport> =>
  readAndSync(
    { analysis: broker.service, records: records() },
    { owner, portfolio: 'main', ...more },
    options,
  );
const changed = ({ changes }: SyncReport) => changes.map(({ change }) => change).sort();
const open = (who = owner): Promise<Position[]> => openPositions(database.pool, who);
const all = async () => records().positions(owner, { limit: 100 });
const refused = new DoNotRetryError('auth_error', 'tastytrade does not accept our access');

describe('a reading', () => {
  test('records what is held as trades, and again changes nothing', async () => {
    broker.holds(put(150), put(140, { quantity: 1, openPrice: 1.1 }), shares, call);
    expect(changed(await sync())).toEqual(['added', 'added']);
    const before = await open();
    expect(
      before.map(({ symbol, legs, source, portfolio }) => [symbol, legs.length, source, portfolio]),
    ).toEqual([
      ['AAPL', 2, 'tastytrade', 'main'],
      ['AAPL', 2, 'tastytrade', 'main'],
    ]);
    expect(before.every(({ openedAt }) => openedAt.toISOString() === '2026-11-02T15:30:00.000Z')).toBe(true);
    expect(await sync()).toMatchObject({ changes: [], unchanged: 2 });
    expect(await open()).toEqual(before);
  });

  test('updates, closes and replaces, all of it or nothing', async () => {
    broker.holds(put(150), put(155), shares);
    await sync();
    const before = await open();
    broker.holds(put(150, { quantity: -3 }), shares, call);
    expect(changed(await sync({ dryRun: true }))).toEqual(['added', 'closed', 'replaced', 'updated']);
    expect(await open()).toEqual(before);
    broker.failure = refused;
    await expect(sync()).rejects.toThrow(refused);
    expect(await open()).toEqual(before);

    broker.failure = undefined;
    expect(changed(await sync())).toEqual(['added', 'closed', 'replaced', 'updated']);
    const after = await all();
    expect(
      after.map(({ status, legs, closedAt, realizedPnl }) => [
        status,
        legs.length,
        closedAt?.toISOString(),
        realizedPnl,
      ]),
    ).toEqual(
      expect.arrayContaining([
        ['open', 1, undefined, null],
        ['closed', 1, now, null],
        ['open', 2, undefined, null],
      ]),
    );
    expect(after).toHaveLength(3);
    expect(after.find(({ legs }) => legs[0]?.quantity === -3)?.id).toBe(
      before.find(({ legs }) => legs[0]?.strike === 150)?.id,
    );
  });

  test('opens again what was closed here and is held all the same', async () => {
    broker.holds(put(150));
    await sync();
    const [{ id } = { id: '' }] = await open();
    await records().closePosition(owner, id, { closedAt: new Date(now), realizedPnl: null });
    expect(changed(await sync())).toEqual(['added']);
    expect(await open()).toMatchObject([{ id, status: 'open', closedAt: null, realizedPnl: null }]);
  });

  test('leaves closed what was closed here with an amount, held or not', async () => {
    broker.holds(put(150));
    await sync();
    const [{ id } = { id: '' }] = await open();
    await records().closePosition(owner, id, { closedAt: new Date(now), realizedPnl: '120.00' });
    expect(await sync()).toMatchObject({ changes: [], unchanged: 1 });
    broker.holds();
    expect(await sync()).toMatchObject({ changes: [], unchanged: 0 });
    expect(await records().position(owner, id)).toMatchObject({ status: 'closed', realizedPnl: '120.00' });
  });

  test('does not reopen what was closed with an amount while the accounts were read', async () => {
    broker.holds(put(150));
    await sync();
    const [{ id } = { id: '' }] = await open();
    await records().closePosition(owner, id, { closedAt: new Date(now), realizedPnl: null });
    broker.meanwhile = async () => {
      await records().closePosition(owner, id, { closedAt: new Date(now), realizedPnl: '120.00' });
    };
    await sync();
    expect(await records().position(owner, id)).toMatchObject({ status: 'closed', realizedPnl: '120.00' });
  });

  test('changes nothing any more once it was stopped', async () => {
    const stop = new AbortController();
    broker.holds(put(150));
    broker.meanwhile = async () => stop.abort();
    await expect(sync({}, { signal: stop.signal })).rejects.toThrow();
    expect(await open()).toEqual([]);
  });

  test('leaves alone what is of another owner, another account, or by hand, and names what may be there twice', async () => {
    const byHand = {
      ...{ id: randomUUID(), portfolio: 'main', symbol: 'AAPL', openedAt: new Date(now) },
      legs: [
        {
          kind: 'option' as const,
          right: 'put' as const,
          strike: 150,
          expiration: '2027-01-15',
          quantity: -2,
          openPrice: 1,
        },
      ],
      ...{ source: 'manual' as const, externalId: null, note: null },
    };
    await records().addPosition({ ...byHand, owner });
    await records().addPosition({ ...byHand, id: randomUUID(), owner: 'bob' });
    broker.holds(put(150));
    await sync();
    await sync({ owner: 'bob' });
    const bobs = await open('bob');
    broker.accounts = [{ number: '5WT2', name: 'Other', legs: [], left: [] }];
    expect(await sync()).toMatchObject({ changes: [], unchanged: 0 });
    broker.holds();
    expect(changed(await sync())).toEqual(['closed']);
    expect(await open()).toMatchObject([{ id: byHand.id }]);
    expect(await open('bob')).toEqual(bobs);
    broker.holds(put(150));
    expect((await sync()).alsoRecorded).toEqual([byHand.id]);
  });

  test('what stands in for another stays in its portfolio', async () => {
    broker.holds(shares);
    await sync({ portfolio: 'wheel' });
    broker.holds(shares, call);
    expect(changed(await sync())).toEqual(['added', 'replaced']);
    expect((await open()).map(({ portfolio }) => portfolio)).toEqual(['wheel']);
  });

  test('an answer that comes late closes nothing that a later one has added', async () => {
    broker.holds();
    const late = broker.service.brokerPositions();
    broker.holds(put(150));
    const slow = { brokerPositions: async () => sync().then(() => late) };
    expect(
      changed(await readAndSync({ analysis: slow, records: records() }, { owner, portfolio: 'main' })),
    ).toEqual([]);
    expect(await open()).toHaveLength(1);
  });

  test('for how much a position was closed can be said later', async () => {
    broker.holds(put(150));
    await sync();
    broker.holds();
    await sync();
    const [{ id } = { id: '' }] = await all();
    const said = { closedAt: null, realizedPnl: '120.00' };
    expect(await records().closePosition(owner, id, said)).toMatchObject({
      ...{ status: 'closed', closedAt: new Date(now), realizedPnl: '120.00' },
    });
    expect(await records().closePosition(owner, id, said)).toBeNull();
    expect(changed(await sync())).toEqual([]);
  });

  test('many at once are as one', async () => {
    broker.holds(put(150), put(155));
    await Promise.all(Array.from({ length: 10 }, () => sync()));
    expect(await all()).toHaveLength(2);
    broker.holds(put(150, { quantity: -2 }));
    await Promise.all(Array.from({ length: 10 }, () => sync()));
    expect((await all()).map(({ status, legs }) => [status, legs[0]?.quantity])).toEqual(
      expect.arrayContaining([
        ['open', -2],
        ['closed', -1],
      ]),
    );
  });
});

async function newSystem(): Promise<ActorSystem> {
  clock = turnedClock(Date.parse(now));
  const { pool, connectionString } = database;
  const system = await createActorSystem({
    ...{ pool, connectionString, clock: clock as Clock, onEmitted: writeEmitted },
    machines: [positionSync],
    effects: allEffects(effectRooms(broker.service, pool)),
  });
  systems.push(system);
  return system;
}

/** The door, for an operator unless said. */
async function ask(system: ActorSystem, input: object, more: Partial<OperationContext> = {}) {
  const context = {
    ...{ system, owner, operator: true, source: 'test', analysis: broker.service, records: records() },
    ...more,
  } as unknown as OperationContext;
  return (await syncPositions.call(context, input)).output;
}

const told = async () => {
  const { rows } = await database.pool.query('SELECT type, data FROM notifications ORDER BY seq');
  return rows.map(({ type, data }) => [type, (data as { status: string }).status]);
};

describe('kept in line', () => {
  test('positions follow the broker each quarter of an hour while the exchange is open, until that is ended', async () => {
    const system = await newSystem();
    broker.holds(put(150));
    expect(await ask(system, { keep: true, portfolio: 'wheel' })).toMatchObject({ added: 1 });
    await clock.advance(1 * MINUTE);
    expect(broker.readings).toBe(2);
    broker.holds(put(150), put(155));
    await clock.advance(15 * MINUTE);
    expect(broker.readings).toBe(3);
    expect((await open()).map(({ portfolio }) => portfolio)).toEqual(['wheel', 'wheel']);
    // To a minute after the close, six hours after the first.
    await clock.advance(6 * 60 * MINUTE);
    const readings = broker.readings;
    expect(readings).toBeGreaterThan(24);
    await clock.advance(12 * 60 * MINUTE);
    expect(broker.readings).toBe(readings);
    expect(await ask(system, {})).toMatchObject({
      ...{
        unchanged: 2,
        keeping: { portfolio: 'wheel', nextSyncAt: '2026-11-25T14:30:00.000Z', failures: 0 },
      },
    });

    broker.failure = refused;
    expect(await ask(system, { keep: false })).toMatchObject({ keeping: null, asOf: null });
    await clock.advance(24 * 60 * MINUTE);
    expect(broker.readings).toBe(readings + 1);
    expect(await open()).toHaveLength(2);
  });

  test('once for an owner, and new ones go to the portfolio that was named last', async () => {
    const system = await newSystem();
    broker.holds();
    await ask(system, { keep: true });
    await ask(system, { keep: true, portfolio: 'wheel' });
    expect(await ask(system, { keep: true })).toMatchObject({ keeping: { portfolio: 'wheel' } });
    expect((await system.list({ owner, machine: 'positionSync' })).actors).toHaveLength(1);
    broker.holds(put(150));
    await clock.advance(16 * MINUTE);
    expect((await open()).map(({ portfolio }) => portfolio)).toEqual(['wheel']);
  });

  test('what is put together otherwise counts as replaced, beside what was changed', async () => {
    const system = await newSystem();
    broker.holds(shares, put(150));
    await ask(system, { keep: true });
    await clock.advance(1 * MINUTE);
    broker.holds(shares, call, put(150, { quantity: -2 }));
    await clock.advance(15 * MINUTE);
    const [{ address } = { address: '' }] = (await system.list({ owner, machine: 'positionSync' })).actors;
    expect((await system.snapshot(address)).context).toMatchObject({
      lastSync: { added: 1, updated: 1, closed: 0, replaced: 1, unchanged: 0 },
    });
  });

  test('the owner is told once when the broker can not be read, and once when it can', async () => {
    const system = await newSystem();
    broker.holds(put(150));
    await ask(system, { keep: true });
    await clock.advance(1 * MINUTE);
    broker.failure = refused;
    await clock.advance(120 * MINUTE);
    expect(await told()).toEqual([['monitor_health', 'blind']]);
    expect(await open()).toHaveLength(1);
    broker.failure = undefined;
    await clock.advance(60 * MINUTE);
    expect(await told()).toEqual([
      ['monitor_health', 'blind'],
      ['monitor_health', 'seeing'],
    ]);
  });
});

describe('in quarantine', () => {
  test('a keeper is shown as one that keeps nothing in line, and can be ended', async () => {
    const system = await newSystem();
    broker.holds(put(150));
    await ask(system, { keep: true });
    await clock.advance(1 * MINUTE);
    const [{ address } = { address: '' }] = (await system.list({ owner, machine: 'positionSync' })).actors;
    await database.pool.query(
      `UPDATE actors SET status = 'quarantined', revision = revision + 1,
              error = '{"code": "snapshot_misfit", "message": "it fits no state"}'
        WHERE address = $1`,
      [address],
    );
    const answer = await ask(system, {});
    expect(answer.keeping).toMatchObject({ isQuarantined: true, reason: 'it fits no state' });
    expect(syncInWords(syncPositions.output.parse(answer)).at(-1)).toBe(
      'Not kept in line at present: what keeps it is in quarantine (it fits no state), until a release that it fits.',
    );
    expect(await ask(system, { keep: true, portfolio: 'wheel' })).toMatchObject({
      keeping: { isQuarantined: true },
    });
    expect(await ask(system, { keep: false })).toMatchObject({ keeping: null });
    expect(await system.snapshot(address)).toMatchObject({ status: 'stopped' });
    expect(await ask(system, { keep: true })).toMatchObject({ keeping: { isQuarantined: false } });
  });
});

describe('the door', () => {
  test('refuses who is no operator, before anything is read', async () => {
    const system = await newSystem();
    for (const input of [{}, { keep: true }, { keep: false }, { dryRun: true }]) {
      await expect(ask(system, input, { operator: false })).rejects.toMatchObject({ code: 'operators_only' });
    }
    expect(broker.readings).toBe(0);
  });

  test('passes on what the broker refuses, and keeps nothing in line then', async () => {
    const system = await newSystem();
    broker.failure = refused;
    await expect(ask(system, { keep: true })).rejects.toMatchObject({ code: 'auth_error' });
    expect((await system.list({ machine: 'positionSync' })).actors).toEqual([]);
  });

  test('shows a hundred changes and counts all', async () => {
    const system = await newSystem();
    broker.holds(...Array.from({ length: 120 }, (_, n) => put(n + 1)));
    const answer = await ask(system, { dryRun: true });
    expect(answer).toMatchObject({ added: 120, dryRun: true, keeping: null });
    expect(answer.changes).toHaveLength(100);
    expect(await open()).toEqual([]);
  });

  test('refuses dryRun with keep', async () => {
    const system = await newSystem();
    await expect(ask(system, { dryRun: true, keep: true })).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('refuses a portfolio with keep=false, which adds nothing to it', async () => {
    const system = await newSystem();
    await ask(system, { keep: true });
    await expect(ask(system, { keep: false, portfolio: 'wheel' })).rejects.toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ field: 'portfolio' }] },
    });
    expect((await system.list({ machine: 'positionSync', status: 'active' })).actors).toHaveLength(1);
  });
});
