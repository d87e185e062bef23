/** A half day of the exchange for tests of the daily pieces: a runtime with the time turned, and what owners have. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach } from 'vitest';
import { setup } from 'xstate';
import { z } from 'zod';
import { allEffects, effectRooms, startTradingDay, writeEmitted } from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  createActorSystem,
  type DurableMachine,
  type TurnedClock,
  turnedClock,
} from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { closePosition, insertPosition } from '../src/persistence/records/positions.ts';
import { changePreferences, defaultPreferences } from '../src/persistence/records/preferences.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { type DayMarket, dayMarket } from './day-market.ts';

export const session = (date: string, closesAt = `${date}T21:00:00Z`, halfDay = false) => ({
  date,
  opensAt: `${date}T14:30:00Z`,
  closesAt,
  halfDay,
});
const sessions = [
  session('2026-11-24'),
  session('2026-11-25'),
  session('2026-11-27', '2026-11-27T18:00:00Z', true),
  session('2026-11-30'),
  session('2026-12-01'),
];
export const at = (time: string) => new Date(`2026-11-27T${time}Z`);

/** Takes what is asked of the real one, and ends at once. */
const screener = {
  id: 'screener',
  version: '1',
  input: z.strictObject({
    criteria: z.object({ strategy: z.string() }),
    maxSymbols: z.int().max(50),
    savedScreenerId: z.uuid(),
    name: z.string(),
  }),
  events: {},
  machine: setup({}).createMachine({
    id: 'screener',
    context: ({ input }) => ({ input }),
    initial: 'done',
    states: { done: { type: 'final' } },
  }),
} satisfies DurableMachine;

export let database: TestDatabase;
export let market: DayMarket;
export let clock: TurnedClock;
export let system: ActorSystem;

/** A new database, market and system for each test of a file; it is five past midnight of the half day. */
export function useDay(): void {
  beforeEach(async () => {
    database = await createTestDatabase();
    market = dayMarket(sessions);
    clock = turnedClock(at('05:05:00'));
    system = await createActorSystem({
      pool: database.pool,
      connectionString: database.connectionString,
      machines: [...machines.filter(({ id }) => (id as string) !== 'screener'), screener],
      effects: allEffects(effectRooms(market, database.pool)),
      onEmitted: writeEmitted,
      clock,
    });
  });
  afterEach(async () => {
    await system?.drain();
    await database?.[Symbol.asyncDispose]();
  });
}

export const begin = () => startTradingDay(system, new Date(clock.now()));

export async function hold(
  owner: string,
  symbol: string,
  openedAt = '2026-11-02T15:00:00Z',
): Promise<string> {
  const id = randomUUID();
  await insertPosition(database.pool, {
    id,
    owner,
    portfolio: 'main',
    symbol,
    legs: [
      { kind: 'option', right: 'put', strike: 90, expiration: '2026-12-18', quantity: -1, openPrice: 1.5 },
    ],
    openedAt: new Date(openedAt),
    source: 'manual',
    externalId: null,
    note: null,
  });
  return id;
}

export const close = (owner: string, id: string, closedAt: string, realizedPnl: string | null) =>
  closePosition(database.pool, owner, id, { closedAt: new Date(closedAt), realizedPnl });

export const wantMorning = (owner: string, timeZone = 'America/New_York') =>
  changePreferences(database.pool, owner, { ...defaultPreferences, timeZone, morningAlert: true });

/** Until an actor, which may not be there yet, has ended. */
export async function ended(address: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const look = (): void => {
      system.snapshot(address).then(
        ({ status }) => {
          if (status === 'active') return;
          leave();
          resolve();
        },
        () => {},
      );
    };
    const leave = system.onCommit(look);
    look();
  });
}

export interface Told {
  owner: string;
  type: string;
  at: Date;
  source: string;
  data: Record<string, unknown> & { text: string };
}

export async function told(type?: string): Promise<Told[]> {
  const { rows } = await database.pool.query(
    'SELECT owner, type, at, source, data FROM notifications WHERE $1::text IS NULL OR type = $1 ORDER BY at, owner',
    [type ?? null],
  );
  return rows as Told[];
}
