/** The machine `positionSync` alone, in memory. On the durable runtime: `test/machines-on-runtime.test.ts`. */
import { describe, expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import type { LiveActor } from '../actors/runtime/testing/live-actor.ts';
import { type PositionReading, type PositionSyncContext, positionSync } from './position-sync.ts';
import { failed } from './testing/models.ts';
import { away, monday, noon } from './testing/portfolio-monitor-model.ts';
import { failedReading, positionSyncModel, readingOf } from './testing/position-sync-model.ts';

const { machine } = positionSync;
const MINUTE = 60_000;

const found = (reading: PositionReading) => ({
  type: 'xstate.done.actor.syncPositions',
  output: reading,
});
const broken = { type: 'xstate.error.actor.syncPositions', error: failed('timeout') };
const later = { type: 'xstate.after.untilNextReading.positionSync.waiting' };

/** Each reading after the first when its time has come. */
const reader = (readings: object[]): LiveActor =>
  replay(machine, {
    input: { portfolio: 'main' },
    events: readings.flatMap((one, index) => (index === 0 ? [one] : [later, one])) as { type: string }[],
  });
const contextOf = (live: LiveActor) => live.seen().context as PositionSyncContext;
const told = (live: LiveActor) =>
  (live.emitted as { data: Record<string, unknown> }[]).map(({ data }) => data);

describe('positionSync: every path', () => {
  const paths = pathsOf(positionSyncModel);
  const ends = paths.map((path) => replay(machine, path));

  test('reach every state and take every transition', () => {
    expect(uncovered(machine, ends)).toEqual([]);
    console.log(`positionSync: ${paths.length} paths reach every state and take every transition`);
  });

  test('tell of blindness and of sight in turns, and always go on until they are stopped', () => {
    for (const live of ends) {
      const { health } = contextOf(live);
      const statuses = told(live).map(({ status }) => status);
      expect(statuses).toEqual(statuses.map((_, index) => (index % 2 === 0 ? 'blind' : 'seeing')));
      expect(health.told).toBe(statuses.at(-1) === 'blind');
      if (live.seen().status === 'active') {
        if (live.seen().value === 'reading') expect(live.effects()).toHaveProperty('syncPositions');
        else expect(live.timers()).toEqual([later.type]);
        live.send({ type: 'STOP' });
      }
      expect(live.seen()).toMatchObject({ status: 'done', value: 'stopped' });
      expect(live.effects()).toEqual({});
      expect(live.timers()).toEqual([]);
    }
  });
});

describe('positionSync', () => {
  test.each([
    ['while the exchange is open, a quarter of an hour later', readingOf(), 15 * MINUTE],
    ['towards the close, a minute after it', readingOf({ at: '2026-01-05T20:50:00.000Z' }), 11 * MINUTE],
    [
      'after the close, at the next open',
      readingOf({ at: '2026-01-05T21:01:00.000Z', market: { ...monday, open: false } }),
      1_049 * MINUTE,
    ],
    ['where one has failed, likewise', failedReading(), 15 * MINUTE],
  ])('reads again %s', (_when, reading, pauseMs) => {
    expect(contextOf(reader([found(reading)])).pauseMs).toBe(pauseMs);
  });

  test('keeps what the last successful reading changed, through failures', () => {
    const live = reader([found(readingOf()), found(failedReading('2026-01-05T17:15:00.000Z')), broken]);
    expect(contextOf(live)).toMatchObject({
      readings: 3,
      lastSync: {
        at: noon,
        added: 1,
        updated: 0,
        closed: 0,
        replaced: 0,
        unchanged: 2,
        left: 0,
        source: 'tastytrade',
      },
      health: { failures: 2, since: '2026-01-05T17:15:00.000Z', told: false },
    });
    expect(told(live)).toEqual([]);
  });

  test('says once, after three failures, that positions are not followed, and once that they are again', () => {
    const failures = ['17:00', '17:15', '17:30', '17:45'].map((time) =>
      found(failedReading(`2026-01-05T${time}:00.000Z`)),
    );
    const live = reader([...failures, broken, found(readingOf({ at: '2026-01-05T18:15:00.000Z' }))]);
    expect(told(live)).toEqual([
      {
        monitor: 'positionSync',
        status: 'blind',
        since: noon,
        reason: away,
        message: `Your positions at the broker are not followed since ${noon}: The analysis service can not be reached. Those recorded stay as they are, and it goes on trying.`,
      },
      {
        monitor: 'positionSync',
        status: 'seeing',
        since: noon,
        reason: { code: 'timeout', message: 'timeout it is' },
        message: `Your positions at the broker are followed again; they had not been since ${noon}.`,
      },
    ]);
    expect(contextOf(live).health).toEqual({ failures: 0, since: null, reason: null, told: false });
  });

  test('puts what is new into the portfolio that it was told last, from its next reading on', () => {
    const live = reader([found(readingOf())]);
    live.send({ type: 'UPDATE', portfolio: 'wheel' });
    live.send(later);
    expect(live.effects()).toMatchObject({ syncPositions: { portfolio: 'wheel' } });
  });
});
