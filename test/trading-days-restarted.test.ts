/**
 * Weeks of 2000 to 2022 by the exchange's real calendar on the durable runtime, with the time turned and the process
 * stopped and started at random moments: exactly what a simple model of the rules expects, none missing, none twice.
 * The calendar is beside the project in ../shared; without it these tests are left out, by name.
 */
import { describe, expect, test } from 'vitest';
import { startTradingDay } from '../src/actors/effects/index.ts';
import { type ActorSystem, type TurnedClock, turnedClock } from '../src/actors/runtime/index.ts';
import { createTestDatabase } from './database.ts';
import {
  chance,
  DAY_MS,
  type Down,
  datesBetween,
  HOUR_MS,
  inNewYork,
  isThere,
  mergedStops,
} from './exchange-days.ts';
import { expectedIn, keepOwner, type Lived, livedIn, startDays } from './lived-days.ts';

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

/** Lives a stretch on the durable runtime: a new process after each time down. */
async function liveStretch(
  dates: readonly string[],
  down: readonly Down[],
  clock: TurnedClock,
): Promise<Lived> {
  await using database = await createTestDatabase();
  await keepOwner(database.pool);
  const start = (): Promise<ActorSystem> => startDays(database, clock);
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
  const lived = await livedIn(database.pool);
  await system?.drain();
  return lived;
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
    expect(lived).toEqual(expectedIn(dates, before));
  });
});
