/**
 * Two weeks of trading days whose processes are killed with SIGKILL while a day or one of its pieces begins, and started
 * again minutes or hours later by the days' own clock: no day and no piece is missed or doubled, and each is on time,
 * late or skipped as it should be. The calendar is beside the project in ../shared; without it this is left out, by name.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { Random } from './chaos/random.ts';
import { createTestDatabase } from './database.ts';
import {
  DAY_MS,
  type Down,
  datesBetween,
  dueOn,
  HOUR_MS,
  inNewYork,
  isThere,
  sessionOn,
} from './exchange-days.ts';
import type { Heard, Turn } from './fixtures/trading-days-process.ts';
import { expectedIn, keepOwner, type Lived, livedIn } from './lived-days.ts';

const PROGRAM = fileURLToPath(new URL('fixtures/trading-days-process.ts', import.meta.url));
const SEED = Number(process.env.SEED ?? 20_260_107);
const MINUTE_MS = 60_000;
/** Tried for; those that would strike while nothing runs are left out. */
const KILLS = 16;
/** A piece that begins comes to about so many commits and questions; a kill strikes at one of them, or behind the last. */
const SEEN_OF_A_PIECE = 8;

const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** A process that stands at this moment, and has done what was due then. */
async function startAt(connectionString: string, moment: number): Promise<ChildProcess> {
  const child = fork(PROGRAM, [connectionString, String(moment)], {
    execArgv: [],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  await heard(child, 'done');
  return child;
}

/** Resolves when it tells that it is done, or when it has told of so many things. */
function heard(child: ChildProcess, what: 'done' | number): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    const onMessage = (message: Heard): void => {
      if (message !== 'done' && ++seen !== what) return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve();
    };
    const onExit = (code: number | null): void =>
      reject(new Error(`the process ended by itself, with ${code}`));
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}

/** Kills it when it has told of so many things on its way. Nothing of it is under way on the server any more then. */
async function killOnTheWay(child: ChildProcess, turn: Turn, seen: number, pool: pg.Pool): Promise<void> {
  child.send(turn);
  await heard(child, seen);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  for (let others = 1; others > 0; ) {
    const { rows } = await pool.query(
      `SELECT count(*)::int AS others FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    others = rows[0].others;
  }
}

/** Begins of days and pieces at which a process is killed, and when the next one starts. Half of them within minutes. */
function killsOn(dates: readonly string[], random: Random): (Down & { begins: boolean })[] {
  const moments = dates.flatMap((date) => {
    const found = sessionOn.get(date);
    const pieces = found ? dueOn(found.session, found.next) : [];
    return [
      { from: inNewYork(date, '00:05'), begins: true },
      ...pieces.map(({ at }) => ({ from: at, begins: false })),
    ];
  });
  const ends = inNewYork(dates.at(-1) as string, '23:59');
  const chosen = random
    .shuffled(moments.slice(1))
    .slice(0, KILLS)
    .toSorted((one, other) => one.from - other.from);
  const kills: (Down & { begins: boolean })[] = [];
  for (const [index, { from, begins }] of chosen.entries()) {
    const forMs =
      index % 2 === 0 ? random.between(1, 4 * MINUTE_MS) : 6 * MINUTE_MS + random.next() ** 2 * 40 * HOUR_MS;
    const to = Math.floor(from + forMs);
    if (from - MINUTE_MS > (kills.at(-1)?.to ?? 0) && to < ends) kills.push({ from, to, begins });
  }
  return kills;
}

async function live(
  dates: readonly string[],
  kills: readonly (Down & { begins: boolean })[],
  random: Random,
) {
  await using database = await createTestDatabase();
  const { pool, connectionString } = database;
  await keepOwner(pool);
  let child = await startAt(connectionString, inNewYork(dates[0] as string, '00:05'));
  const turnTo = async (to: number, begins: boolean): Promise<void> => {
    child.send({ to, begins } satisfies Turn);
    await heard(child, 'done');
  };
  const midnights = dates.slice(1).map((date) => inNewYork(date, '00:05'));
  let now = 0;
  const turnOverDaysTo = async (to: number): Promise<void> => {
    for (const midnight of midnights.filter((one) => one > now && one <= to)) await turnTo(midnight, true);
    await turnTo(to, false);
    now = to;
  };
  for (const { from, to, begins } of kills) {
    await turnOverDaysTo(from - MINUTE_MS);
    await killOnTheWay(child, { to: from, begins }, 1 + random.below(SEEN_OF_A_PIECE), pool);
    child = await startAt(connectionString, to);
    now = to;
  }
  await turnOverDaysTo(inNewYork(dates.at(-1) as string, '23:59'));
  const lived = await livedIn(pool);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return lived;
}

/** A line without its last words, which say on time, late or skipped. */
const nameOf = (line: string): string => line.replace(/ (on time|late|skipped|failed)$/, '');

/**
 * What may have become of a piece at whose begin a process was killed: what becomes of one that begins before that, or
 * of one that begins when the next process has started. All others are the same in both.
 */
function expectOneOf(lived: Lived, before: Lived, after: Lived): void {
  expect(lived.days.map(nameOf)).toEqual(before.days.map(nameOf));
  for (const [index, line] of lived.days.entries())
    expect([before.days[index], after.days[index]]).toContain(line);
  for (const told of ['notifications', 'screeners'] as const) {
    const names = lived[told].map(nameOf);
    expect(names, told).toEqual([...new Set(names)]);
    for (const line of lived[told]) expect([...before[told], ...after[told]]).toContain(line);
    const certain = before[told].map(nameOf).filter((name) => after[told].map(nameOf).includes(name));
    expect(names, told).toEqual(expect.arrayContaining(certain));
  }
}

describe.skipIf(!isThere)('trading days, killed (needs ../shared)', () => {
  test.each([
    ['2019-12-20', 14, 'a half day before Christmas, the turn of the year'],
    ['2007-03-05', 12, 'daylight saving time begins'],
  ])(
    'from %s, %i days: %s',
    async (from, length, _what) => {
      const dates = datesBetween(
        from,
        new Date(Date.parse(from) + (length - 1) * DAY_MS).toISOString().slice(0, 10),
      );
      const random = new Random(SEED);
      const kills = killsOn(dates, random);
      const lived = await live(dates, kills, random);
      console.log(
        `trading days: seed ${SEED}; killed at ${kills.map(({ from: at, to }) => `${new Date(at).toISOString().slice(0, 16)}Z for ${Math.round((to - at) / MINUTE_MS)} min`).join(', ')}`,
      );
      expectOneOf(
        lived,
        expectedIn(
          dates,
          kills.map(({ from: at, to }) => ({ from: at + 1, to })),
        ),
        expectedIn(dates, kills),
      );
    },
    120_000,
  );
});
