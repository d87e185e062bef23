/**
 * Trading days on the durable runtime, for tests that end its processes: an owner who wants all pieces, a system on a
 * clock that is turned, what the days came to, and what they should have. Not for when anything ends.
 */

import type pg from 'pg';
import { setup } from 'xstate';
import { z } from 'zod';
import { allEffects, effectRooms, startTradingDay, writeEmitted } from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  type Clock,
  createActorSystem,
  type DurableMachine,
} from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import type { TradingDayContext } from '../src/machines/trading-day.ts';
import { insertPosition } from '../src/persistence/records/positions.ts';
import { changePreferences, defaultPreferences } from '../src/persistence/records/preferences.ts';
import { saveScreener } from '../src/persistence/records/saved-screeners.ts';
import { type DayMarket, dayMarket } from './day-market.ts';
import { type Down, dueOn, expectedOf, inNewYork, sessionOn, sessions } from './exchange-days.ts';

/** Ends at once; what it would do is tested beside it. */
const screener = {
  id: 'screener',
  version: '1',
  input: z.looseObject({ savedScreenerId: z.uuid(), maxSymbols: z.int().max(50) }),
  events: {},
  machine: setup({}).createMachine({ id: 'screener', initial: 'done', states: { done: { type: 'final' } } }),
} satisfies DurableMachine;

const SCREENER_ID = '00000000-0000-4000-8000-00000000000a';
const TYPES = { briefing: 'morning_briefing', summary: 'eod_summary', report: 'daily_report' } as const;

export interface Lived {
  days: string[];
  notifications: string[];
  screeners: string[];
}

/** Keeps an owner who wants the morning's piece, holds a position and has a screener that runs by itself. */
export async function keepOwner(pool: pg.Pool): Promise<void> {
  const owner = 'anna';
  await changePreferences(pool, owner, { ...defaultPreferences, morningAlert: true });
  await insertPosition(pool, {
    id: '00000000-0000-4000-8000-000000000001',
    owner,
    portfolio: 'main',
    symbol: 'MSFT',
    legs: [{ kind: 'stock', quantity: 10, openPrice: 90 }],
    openedAt: new Date('1999-12-01T15:00:00Z'),
    source: 'manual',
    externalId: null,
    note: null,
  });
  const criteria = { strategy: 'csp' };
  await saveScreener(pool, { id: SCREENER_ID, owner, name: 'puts', criteria, maxSymbols: 80, autoRun: true });
}

/** Starts a system, and the days that are due by its clock. `before`: called before each answer of the market. */
export async function startDays(
  { pool, connectionString }: { pool: pg.Pool; connectionString: string },
  clock: Clock,
  before: DayMarket['before'] = () => {},
): Promise<ActorSystem> {
  const market = dayMarket(sessions);
  market.before = before;
  const system = await createActorSystem({
    pool,
    connectionString,
    machines: [...machines.filter(({ id }) => (id as string) !== 'screener'), screener],
    effects: allEffects(effectRooms(market, pool)),
    onEmitted: writeEmitted,
    clock,
  });
  await startTradingDay(system, new Date(clock.now()));
  return system;
}

/** What the days came to. */
export async function livedIn(pool: pg.Pool): Promise<Lived> {
  const { rows: actors } = await pool.query(
    `SELECT machine, key, snapshot->'context' AS context FROM actors WHERE machine IN ('tradingDay', 'screener') ORDER BY machine, key`,
  );
  const { rows: told } = await pool.query(
    `SELECT type || ' ' || (data->>'date') || CASE WHEN data->>'status' = 'failed' THEN ' failed'
       WHEN (data->>'late')::boolean THEN ' late' ELSE ' on time' END AS line
     FROM notifications ORDER BY seq`,
  );
  return {
    days: actors
      .filter(({ machine }) => machine === 'tradingDay')
      .flatMap(({ key, context }) => {
        const { started, skipped } = context as TradingDayContext;
        const all = [
          ...started.map(({ kind, clock: time, late }) => `${kind} ${time} ${late ? 'late' : 'on time'}`),
          ...skipped.map(
            ({ kind, clock: time, reason }) =>
              `${kind} ${time} ${reason === 'too_late' ? 'skipped' : reason}`,
          ),
        ];
        return [key as string, ...all.sort()];
      }),
    notifications: told.map(({ line }) => line as string).sort(),
    screeners: actors.filter(({ machine }) => machine === 'screener').map(({ key }) => key as string),
  };
}

/** What the days should come to where nothing runs in these times. */
export function expectedIn(dates: readonly string[], down: readonly Down[]): Lived {
  const expected: Lived = { days: [], notifications: [], screeners: [] };
  for (const date of dates) {
    const midnight = inNewYork(date, '00:05');
    const begunAt = down.find(({ from: stop, to }) => stop <= midnight && midnight < to)?.to ?? midnight;
    const found = sessionOn.get(date);
    const due = found ? dueOn(found.session, found.next) : [];
    const pieces = expectedOf(due, begunAt, down);
    expected.days.push(date, ...[...pieces].sort());
    for (const [index, { kind, time }] of due.entries()) {
      const fate = (pieces[index] as string).slice(`${kind} ${time} `.length);
      if (fate === 'skipped') continue;
      if (kind === 'scan') expected.screeners.push(`${date}T${time.slice(0, 2)}.${SCREENER_ID}`);
      else expected.notifications.push(`${TYPES[kind]} ${date} ${fate}`);
    }
  }
  expected.notifications.sort();
  return expected;
}
