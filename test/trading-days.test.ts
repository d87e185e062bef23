/**
 * The trading days of 2000 to 2022 by the exchange's real calendar, which is beside the project in ../shared; without
 * it these tests are left out, by name. On the machine alone: no schedule on a closed day, half days at 13:00, no day
 * missed or doubled, also with random times down. On the durable runtime: `trading-days-restarted.test.ts`.
 */
import { describe, expect, test } from 'vitest';
import { LiveActor } from '../src/actors/runtime/testing/live-actor.ts';
import { type TradingDayContext, tradingDay } from '../src/machines/trading-day.ts';
import { timingOf } from '../src/machines/trading-day-plan.ts';
import {
  chance,
  type Down,
  datesBetween,
  dueOn,
  expectedOf,
  HOUR_MS,
  inNewYork,
  isThere,
  mergedStops,
  sessionOn,
} from './exchange-days.ts';

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
      const down = mergedStops(stops);
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
