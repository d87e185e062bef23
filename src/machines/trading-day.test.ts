/** The machine `tradingDay` alone, in memory. On the durable runtime: `test/trading-days.test.ts`. */
import { describe, expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import { failed } from './testing/models.ts';
import { tradingDayModel } from './testing/trading-day-model.ts';
import { MAX_RESTARTS, tradingDay } from './trading-day.ts';
import { exchangeDateOf, planOf, timingOf } from './trading-day-plan.ts';

const { machine } = tradingDay;
const date = '2026-11-27';
const halfDay = {
  opensAt: '2026-11-27T14:30:00Z',
  closesAt: '2026-11-27T18:00:00Z',
  halfDay: true,
  nextOpensAt: '2026-11-30T14:30:00Z',
};
const day = {
  opensAt: '2026-06-05T13:30:00Z',
  closesAt: '2026-06-05T20:00:00Z',
  halfDay: false,
  nextOpensAt: '2026-06-08T13:30:00Z',
};
const done = (id: string, output: object) => ({ type: `xstate.done.actor.${id}`, output });
const error = (id: string) => ({ type: `xstate.error.actor.${id}`, error: failed('unavailable') });
const page = (now: string, more: object = {}) => ({
  now,
  timing: 'on_time',
  started: 2,
  refused: 0,
  next: null,
  ...more,
});
const begun = (now: string) =>
  replay(machine, { input: { date }, events: [done('askSession', { now, session: halfDay })] });

describe('tradingDay: every path', () => {
  const paths = pathsOf(tradingDayModel);
  const replayed = paths.map((path) => replay(machine, path));

  test('reaches every state and takes every transition', () => {
    // 96 failures in a row are walked by a test of their own.
    expect(uncovered(machine, replayed)).toEqual([
      'tradingDay.failed',
      'tradingDay.asking xstate.error.actor.askSession [isEnough] -> tradingDay.failed',
    ]);
    console.log(
      `tradingDay: ${paths.length} paths reach every state but failed, and take every transition but to it`,
    );
  });

  test('each piece of a session is started, or skipped, or still to come', () => {
    for (const live of replayed) {
      const { session, plan, started, skipped } = live.seen().context as Record<string, unknown[]>;
      const pieces = [...(started ?? []), ...(skipped ?? []), ...(plan ?? [])] as { clock: string }[];
      expect(pieces.length).toBe(session ? 5 : 0);
      expect(new Set(pieces.map(({ clock }) => clock)).size).toBe(pieces.length);
    }
  });
});

describe('tradingDay: the plan', () => {
  test('of a half day and of a whole one, by New York', () => {
    const words = (session: typeof day) => planOf(session).map(({ kind, clock }) => `${kind} ${clock}`);
    expect(words(halfDay)).toEqual([
      ...['briefing 09:30', 'scan 10:00', 'scan 11:00', 'scan 12:00', 'summary 13:00', 'report 14:00'],
    ]);
    expect(words(day)).toEqual([
      ...[
        'briefing 09:30',
        'scan 10:00',
        'scan 11:00',
        'scan 12:00',
        'scan 13:00',
        'scan 14:00',
        'scan 15:00',
      ],
      ...['summary 16:00', 'report 17:00'],
    ]);
  });

  test.each([
    ['briefing', 0, '14:34:59', 'on_time'],
    ['briefing', 0, '14:35:01', 'late'],
    ['briefing', 0, '17:59:59', 'late'],
    ['briefing', 0, '18:00:00', 'too_late'],
    ['scan', 1, '15:59:59', 'late'],
    ['scan', 1, '16:00:00', 'too_late'],
    ['the last scan', 3, '17:59:59', 'late'],
    ['the last scan', 3, '18:00:00', 'too_late'],
  ])('%s at %s: %s', (_what, index, clock, expected) => {
    const piece = planOf(halfDay)[index as number] as ReturnType<typeof planOf>[number];
    expect(timingOf(piece, `2026-11-27T${clock}Z`)).toBe(expected);
  });

  test('summary and report are of use until the next open', () => {
    for (const piece of planOf(halfDay).slice(-2)) {
      expect(timingOf(piece, '2026-11-30T14:29:59Z')).toBe('late');
      expect(timingOf(piece, '2026-11-30T14:30:00Z')).toBe('too_late');
    }
  });

  test.each([
    ['2026-03-08T04:59:59Z', '2026-03-07'],
    ['2026-03-08T05:00:00Z', '2026-03-08'],
    ['2026-03-09T03:59:59Z', '2026-03-08'],
    ['2026-03-09T04:00:00Z', '2026-03-09'],
    ['2026-11-02T04:59:59Z', '2026-11-01'],
    ['2026-11-02T05:00:00Z', '2026-11-02'],
  ])('%s is on %s in New York', (moment, expected) => {
    expect(exchangeDateOf(new Date(moment))).toBe(expected);
  });
});

describe('tradingDay', () => {
  test('lives a half day at its hours', () => {
    const live = begun('2026-11-27T05:05:00Z');
    const asked: string[] = [];
    for (let step = 0; step < 20 && live.seen().status === 'active'; step++) {
      const [running] = Object.entries(live.effects());
      if (!running) {
        live.passTime(60_000);
        step--;
        continue;
      }
      const [id, input] = running as [string, { piece: { clock: string; at: string } }];
      asked.push(`${id} ${input.piece.clock}`);
      expect(live.now).toBe(Date.parse(input.piece.at) - Date.parse('2026-11-27T05:05:00Z'));
      live.happen(done(id, page(input.piece.at)));
    }
    expect(asked).toEqual([
      ...['startBriefings 09:30', 'startScans 10:00', 'startScans 11:00', 'startScans 12:00'],
      ...['startSummaries 13:00', 'startReports 14:00'],
    ]);
    expect(live.seen()).toMatchObject({ value: 'done', output: { date, skipped: [] } });
  });

  test('goes through the pages, and adds up', () => {
    const live = begun('2026-11-27T14:31:00Z');
    live.happen(done('startBriefings', page('2026-11-27T14:31:01Z', { next: 'b' })));
    expect(live.effects()).toMatchObject({ startBriefings: { after: 'b' } });
    live.happen(done('startBriefings', page('2026-11-27T14:36:00Z', { timing: 'late', refused: 1 })));
    expect(live.seen()).toMatchObject({
      value: 'session',
      context: {
        page: { after: null, started: 0 },
        started: [{ kind: 'briefing', started: 4, refused: 1, late: true, at: '2026-11-27T14:36:00Z' }],
      },
    });
  });

  test('what is of no use any more is skipped and recorded, and what could not be started', () => {
    const live = begun('2026-11-27T17:20:00Z');
    const late = { timing: 'too_late', started: 0 };
    live.happen(done('startBriefings', page('2026-11-27T17:20:00Z', { timing: 'late' })));
    live.happen(done('startScans', page('2026-11-27T17:20:01Z', late)));
    live.happen(done('startScans', page('2026-11-27T17:20:02Z', late)));
    live.happen(error('startScans'));
    expect(live.seen()).toMatchObject({
      value: 'session',
      context: {
        started: [{ kind: 'briefing', late: true }],
        skipped: [
          { kind: 'scan', clock: '10:00', reason: 'too_late' },
          { kind: 'scan', clock: '11:00', reason: 'too_late' },
          { kind: 'scan', clock: '12:00', reason: 'failed', error: { code: 'unavailable' } },
        ],
      },
    });
  });

  test('what was cut off with its process is begun anew and judged by then, but not for ever', () => {
    const cutOff = (id: string) => ({ ...error(id), error: failed('interrupted') });
    const live = replay(machine, { input: { date }, events: [cutOff('askSession')] });
    expect(live.seen().value).toBe('asking');
    live.happen(done('askSession', { now: '2026-11-27T18:30:00Z', session: halfDay }));
    const late = { timing: 'too_late', started: 0 };
    live.happen(done('startBriefings', page('2026-11-27T18:30:00Z', late)));
    for (let scan = 0; scan < 3; scan++) live.happen(done('startScans', page('2026-11-27T18:30:00Z', late)));
    live.happen(done('startSummaries', page('2026-11-27T18:30:00Z', { timing: 'late', next: 'm' })));
    live.happen(cutOff('startSummaries'));
    expect(live.effects()).toMatchObject({ startSummaries: { after: 'm', piece: { kind: 'summary' } } });
    live.happen(done('startSummaries', page('2026-11-27T22:00:00Z', { timing: 'late' })));
    for (let time = 0; time < MAX_RESTARTS; time++) {
      expect(live.seen().value).toBe('reporting');
      live.happen(cutOff('startReports'));
    }
    expect(live.seen().value).toBe('reporting');
    live.happen(cutOff('startReports'));
    expect(live.seen()).toMatchObject({
      value: 'done',
      context: {
        started: [{ kind: 'summary', started: 4, late: true }],
        skipped: expect.arrayContaining([
          expect.objectContaining({ kind: 'report', reason: 'failed', error: failed('interrupted') }),
        ]),
      },
    });
  });

  test('waits a day long for a calendar that can not be had, and then fails', () => {
    const live = replay(machine, { input: { date }, events: [] });
    for (let failure = 1; failure < 96; failure++) {
      live.happen(error('askSession'));
      expect(live.seen().value).toBe('unknown');
      live.passTime(900_000);
    }
    live.happen(error('askSession'));
    expect(live.seen().value).toBe('failed');
  });
});
