/**
 * Weeks of 2000 to 2022 by the exchange's real calendar on the durable runtime, with the time turned and the process
 * stopped and started at random moments: exactly what a simple model of the rules expects, none missing, none twice.
 * The calendar is beside the project in ../shared; without it these tests are left out, by name.
 */
import { describe, expect, test } from 'vitest';
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
import type { TradingDayContext } from '../src/machines/trading-day.ts';
import { insertPosition } from '../src/persistence/records/positions.ts';
import { changePreferences, defaultPreferences } from '../src/persistence/records/preferences.ts';
import { saveScreener } from '../src/persistence/records/saved-screeners.ts';
import { createTestDatabase } from './database.ts';
import { dayMarket } from './day-market.ts';
import {
  chance,
  DAY_MS,
  type Down,
  datesBetween,
  dueOn,
  expectedOf,
  HOUR_MS,
  inNewYork,
  isThere,
  mergedStops,
  sessionOn,
  sessions,
} from './exchange-days.ts';

/** Ends at once; what it would do is tested beside it. */
const screener = {
  id: 'screener',
  version: '1',
  input: z.looseObject({ savedScreenerId: z.uuid(), maxSymbols: z.int().max(50) }),
  events: {},
  machine: setup({}).createMachine({ id: 'screener', initial: 'done', states: { done: { type: 'final' } } }),
} satisfies DurableMachine;

/** What is special, two weeks at most each, and two weeks of four years by chance. */
const stretches: [from: string, days: number, what: string][] = [
  ['2001-09-07', 14, 'the exchange closed for four sessions'],
  ['2005-03-28', 10, 'daylight saving time begins on a Sunday of April'],
  ['2007-03-07', 8, 'daylight saving time begins in March'],
  ['2007-10-31', 8, 'daylight saving time ends in November'],
  ['2012-10-25', 10, 'a hurricane, and the end of daylight saving time'],
  ['2015-11-24', 8, 'Thanksgiving and the half day after it'],
  ['2018-12-01', 9, 'a day of mourning'],
  ['2019-12-20', 14, 'a half day before Christmas, the turn of the year'],
  ...randomStretches(4),
];

function randomStretches(count: number): [string, number, string][] {
  const random = chance(20_260_106);
  return Array.from({ length: count }, () => {
    const from = Date.parse('2000-02-01') + Math.floor(random() * 22 * 365) * DAY_MS;
    return [new Date(from).toISOString().slice(0, 10), 14, 'by chance'];
  });
}

interface Lived {
  days: string[];
  notifications: string[];
  screeners: string[];
}

const TYPES = { briefing: 'morning_briefing', summary: 'eod_summary', report: 'daily_report' } as const;

/** Lives a stretch on the durable runtime: a new process after each time down. */
async function liveStretch(
  dates: readonly string[],
  down: readonly Down[],
  clock: TurnedClock,
): Promise<Lived> {
  await using database = await createTestDatabase();
  const owner = 'anna';
  await changePreferences(database.pool, owner, { ...defaultPreferences, morningAlert: true });
  await insertPosition(database.pool, {
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
  const id = '00000000-0000-4000-8000-00000000000a';
  await saveScreener(database.pool, { id, owner, name: 'puts', criteria, maxSymbols: 80, autoRun: true });
  const market = dayMarket(sessions);
  const start = async (): Promise<ActorSystem> => {
    const system = await createActorSystem({
      pool: database.pool,
      connectionString: database.connectionString,
      machines: [...machines.filter(({ id }) => (id as string) !== 'screener'), screener],
      effects: allEffects(effectRooms(market, database.pool)),
      onEmitted: writeEmitted,
      clock,
    });
    await startTradingDay(system, new Date(clock.now()));
    return system;
  };
  let system: ActorSystem | undefined = await start();
  const moments = [
    ...dates.map((date) => ({ at: inNewYork(date, '00:05'), what: 'midnight' })),
    ...down.flatMap(({ from, to }) => [
      { at: from, what: 'stop' },
      { at: to, what: 'start' },
    ]),
  ].sort((a, b) => a.at - b.at);
  for (const { at, what } of moments) {
    await clock.advanceTo(at);
    if (what === 'stop') {
      await system?.drain({ timeoutMs: 1_000 });
      system = undefined;
    } else if (what === 'start') system = await start();
    else if (system) await startTradingDay(system, new Date(clock.now()));
  }
  await clock.advanceTo(Math.max(clock.now(), inNewYork(dates.at(-1) as string, '23:59')));
  const { rows: actors } = await database.pool.query(
    `SELECT machine, key, snapshot->'context' AS context FROM actors WHERE machine IN ('tradingDay', 'screener') ORDER BY machine, key`,
  );
  const { rows: told } = await database.pool.query(
    `SELECT type || ' ' || (data->>'date') || CASE WHEN (data->>'late')::boolean THEN ' late' ELSE ' on time' END AS line
     FROM notifications ORDER BY seq`,
  );
  await system?.drain();
  return {
    days: actors
      .filter(({ machine }) => machine === 'tradingDay')
      .flatMap(({ key, context }) => {
        const { started, skipped } = context as TradingDayContext;
        const all = [
          ...started.map(({ kind, clock: time, late }) => `${kind} ${time} ${late ? 'late' : 'on time'}`),
          ...skipped.map(({ kind, clock: time }) => `${kind} ${time} skipped`),
        ];
        return [key as string, ...all.sort()];
      }),
    notifications: told.map(({ line }) => line as string).sort(),
    screeners: actors.filter(({ machine }) => machine === 'screener').map(({ key }) => key as string),
  };
}

describe.skipIf(!isThere)('trading days on the durable runtime, with restarts (needs ../shared)', () => {
  test.each(stretches)('from %s, %i days: %s', async (from, length, _what) => {
    const dates = datesBetween(
      from,
      new Date(Date.parse(from) + (length - 1) * DAY_MS).toISOString().slice(0, 10),
    );
    const random = chance(Date.parse(from) / DAY_MS);
    const begins = inNewYork(from, '00:05');
    const down = mergedStops(
      Array.from({ length }, () => {
        const at = begins + HOUR_MS + Math.floor(random() * (length - 1) * DAY_MS);
        return { from: at, to: at + 1 + Math.floor(random() ** 3 * 40 * HOUR_MS) };
      }),
    );
    const ends = inNewYork(dates.at(-1) as string, '23:59');
    const before = down.filter(({ to }) => to < ends);
    const lived = await liveStretch(dates, before, turnedClock(begins));

    const expected: Lived = { days: [], notifications: [], screeners: [] };
    for (const date of dates) {
      const midnight = inNewYork(date, '00:05');
      const begunAt = before.find(({ from: stop, to }) => stop <= midnight && midnight < to)?.to ?? midnight;
      const found = sessionOn.get(date);
      const due = found ? dueOn(found.session, found.next) : [];
      const pieces = expectedOf(due, begunAt, before);
      expected.days.push(date, ...[...pieces].sort());
      for (const [index, { kind, time }] of due.entries()) {
        const fate = (pieces[index] as string).slice(`${kind} ${time} `.length);
        if (fate === 'skipped') continue;
        if (kind === 'scan')
          expected.screeners.push(`${date}T${time.slice(0, 2)}.00000000-0000-4000-8000-00000000000a`);
        else expected.notifications.push(`${TYPES[kind]} ${date} ${fate}`);
      }
    }
    expected.notifications.sort();
    expect(lived).toEqual(expected);
  });
});
