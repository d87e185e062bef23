/**
 * The trading days of 2000 to 2022 by the exchange's real calendar, which is beside the project in ../shared; without
 * it these tests are left out, by name. No schedule on a closed day, half days at 13:00, no day missed or doubled, with
 * random times down in between. All days on the machine alone, and some weeks on the durable runtime.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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
import { LiveActor } from '../src/actors/runtime/testing/live-actor.ts';
import { machines } from '../src/machines/index.ts';
import { type TradingDayContext, tradingDay } from '../src/machines/trading-day.ts';
import { timingOf } from '../src/machines/trading-day-plan.ts';
import { insertPosition } from '../src/persistence/records/positions.ts';
import { defaultPreferences, savePreferences } from '../src/persistence/records/preferences.ts';
import { saveScreener } from '../src/persistence/records/saved-screeners.ts';
import { createTestDatabase } from './database.ts';
import { dayMarket, type Session } from './day-market.ts';

const FILE = fileURLToPath(new URL('../../shared/data/reference/xnys_sessions_2000_on.csv', import.meta.url));
const isThere = existsSync(FILE);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NEW_YORK = 'America/New_York';

function readSessions(): Session[] {
  const [, ...lines] = readFileSync(FILE, 'utf8').trim().split(/\r?\n/);
  return lines.map((line) => {
    const [date, opensAt, closesAt, closesInNewYork] = line.split(',') as [string, string, string, string];
    return {
      date,
      opensAt: opensAt.replace('Z', ':00Z'),
      closesAt: closesAt.replace('Z', ':00Z'),
      halfDay: closesInNewYork !== '16:00',
    };
  });
}

/** Chance that is the same in each run. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const wallClock = new Intl.DateTimeFormat('sv-SE', {
  timeZone: NEW_YORK,
  dateStyle: 'short',
  timeStyle: 'short',
});

/** By date and whether it is before the hour at which clocks are changed; asking costs most of a test. */
const offsets = new Map<string, number>();

/** The moment of a wall clock in New York, found by trying: it is four or five hours behind UTC. */
function inNewYork(date: string, time: string): number {
  const utc = Date.parse(`${date}T${time}:00Z`);
  const part = `${date} ${time < '01:00'}`;
  const offset =
    offsets.get(part) ??
    [4, 5].find((hours) => wallClock.format(utc + hours * HOUR_MS) === `${date} ${time}`);
  if (offset === undefined) throw new Error(`there is no ${time} on ${date} in New York`);
  offsets.set(part, offset);
  return utc + offset * HOUR_MS;
}

interface Due {
  kind: 'briefing' | 'scan' | 'summary' | 'report';
  time: string;
  at: number;
  until: number;
}

/** What a day brings, by the wall clock of New York alone: written beside the machine's own plan, to test it. */
function dueOn({ date, halfDay }: Session, next: Session | undefined): Due[] {
  const closes = halfDay ? 13 : 16;
  const at = (time: string) => inNewYork(date, time);
  const nextOpen = next ? inNewYork(next.date, '09:30') : Number.POSITIVE_INFINITY;
  const scans = Array.from({ length: closes - 10 }, (_, index): Due => {
    const hour = 10 + index;
    return { kind: 'scan', time: `${hour}:00`, at: at(`${hour}:00`), until: at(`${hour + 1}:00`) };
  });
  return [
    { kind: 'briefing', time: '09:30', at: at('09:30'), until: at(`${closes}:00`) },
    ...scans,
    { kind: 'summary', time: `${closes}:00`, at: at(`${closes}:00`), until: nextOpen },
    { kind: 'report', time: `${closes + 1}:00`, at: at(`${closes + 1}:00`), until: nextOpen },
  ];
}

interface Down {
  from: number;
  to: number;
}

/** What becomes of a day that is begun at `begunAt`, where nothing runs in the times down. */
function expectedOf(due: readonly Due[], begunAt: number, down: readonly Down[]) {
  return due.map(({ kind, time, at, until }) => {
    const wanted = Math.max(at, begunAt);
    const now = down.find(({ from, to }) => from <= wanted && wanted < to)?.to ?? wanted;
    const fate = now >= until ? 'skipped' : now > at + 5 * MINUTE_MS ? 'late' : 'on time';
    return `${kind} ${time} ${fate}`;
  });
}

function datesBetween(from: string, to: string): string[] {
  const dates: string[] = [];
  for (let day = Date.parse(from); day <= Date.parse(to); day += DAY_MS) {
    dates.push(new Date(day).toISOString().slice(0, 10));
  }
  return dates;
}

const sessions = isThere ? readSessions() : [];
const sessionOn = new Map(
  sessions.map((session, index) => [session.date, { session, next: sessions[index + 1] }]),
);

/** Lives a day in memory. Answers what became of its pieces, in the order in which they were begun. */
function live(date: string, begunAt: number, down: readonly Down[]) {
  const actor = new LiveActor(tradingDay.machine, { date });
  // The time that passes while nothing runs does not pass for the actor.
  let ahead = begunAt;
  const now = () => {
    const moment = ahead + actor.now;
    const stop = down.find(({ from, to }) => from <= moment && moment < to);
    if (stop) ahead += stop.to - moment;
    return new Date(ahead + actor.now).toISOString();
  };
  const found = sessionOn.get(date);
  const session = found && { ...found.session, nextOpensAt: found.next?.opensAt ?? '9999-01-01T00:00:00Z' };
  actor.happen({ type: 'xstate.done.actor.askSession', output: { now: now(), session: session ?? null } });
  const begun: string[] = [];
  while (actor.seen().status === 'active') {
    const [running] = Object.entries(actor.effects());
    if (running) {
      const [id, input] = running as [
        string,
        { piece: { kind: string; clock: string; at: string; until: string } },
      ];
      const at = now();
      const timing = timingOf(input.piece, at);
      const fate = { on_time: 'on time', late: 'late', too_late: 'skipped' }[timing];
      begun.push(`${input.piece.kind} ${input.piece.clock} ${fate}`);
      const output = { now: at, timing, started: 1, refused: 0, next: null };
      actor.happen({ type: `xstate.done.actor.${id}`, output });
      continue;
    }
    const context = actor.seen().context as TradingDayContext;
    const wait = Date.parse(context.plan[0]?.at ?? '') - Date.parse(context.now ?? '');
    actor.passTime(wait - 1);
    if (Object.keys(actor.effects()).length > 0) throw new Error(`${date}: a piece is early`);
    actor.passTime(1);
  }
  const { value, context } = actor.seen() as { value: string; context: TradingDayContext };
  return {
    value,
    begun,
    recorded: context.started.length + context.skipped.length,
    skipped: context.skipped.length,
  };
}

describe.skipIf(!isThere)('trading days of 2000 to 2022 (needs ../shared)', () => {
  const dates = datesBetween('2000-01-01', '2022-12-31');

  test('every day, on the machine', () => {
    const counts = { days: 0, sessions: 0, halfDays: 0, pieces: 0 };
    for (const date of dates) {
      const found = sessionOn.get(date);
      const begunAt = inNewYork(date, '00:05');
      const { value, begun, recorded, skipped } = live(date, begunAt, []);
      const expected = found ? expectedOf(dueOn(found.session, found.next), begunAt, []) : [];
      expect([date, value, begun]).toEqual([date, found ? 'done' : 'closed', expected]);
      expect([recorded, skipped]).toEqual([expected.length, 0]);
      counts.days++;
      counts.sessions += found ? 1 : 0;
      counts.halfDays += found?.session.halfDay ? 1 : 0;
      counts.pieces += begun.length;
    }
    console.log(`trading days: ${JSON.stringify(counts)}`);
    expect(counts).toMatchObject({ days: 8_401, sessions: 5_787 });
  });

  test('every day, on the machine, with random times down', () => {
    const random = chance(20_260_105);
    const fates = new Map<string, number>();
    for (const date of dates) {
      const found = sessionOn.get(date);
      const midnight = inNewYork(date, '00:05');
      // Two in a day, of seconds to a day and a half; one may begin before the day, and so delay it.
      const stops = [random(), random()].map((at) => {
        const from = midnight - 2 * HOUR_MS + Math.floor(at * 22 * HOUR_MS);
        return { from, to: from + Math.floor(random() ** 4 * 36 * HOUR_MS) };
      });
      const down = merge(stops);
      const begunAt = down.find(({ from, to }) => from <= midnight && midnight < to)?.to ?? midnight;
      const { begun } = live(date, begunAt, down);
      const expected = found ? expectedOf(dueOn(found.session, found.next), begunAt, down) : [];
      expect([date, begun]).toEqual([date, expected]);
      for (const one of begun) {
        const fate = one.split(' ').slice(2).join(' ');
        fates.set(fate, (fates.get(fate) ?? 0) + 1);
      }
    }
    console.log(`trading days with times down: ${JSON.stringify(Object.fromEntries(fates))}`);
    for (const fate of ['on time', 'late', 'skipped']) expect(fates.get(fate)).toBeGreaterThan(500);
  });
});

/** Times down that touch are one. */
function merge(stops: readonly Down[]): Down[] {
  const merged: Down[] = [];
  for (const stop of stops.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && stop.from <= last.to) last.to = Math.max(last.to, stop.to);
    else merged.push({ ...stop });
  }
  return merged;
}

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
  await savePreferences(database.pool, owner, { ...defaultPreferences, morningAlert: true });
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
    const down = merge(
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
