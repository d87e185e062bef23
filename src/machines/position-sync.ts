/**
 * The machine `positionSync`: keeps the positions that an owner holds at the broker as they are there, one for an owner.
 *
 * It reads them at once when it is started; then, while the exchange is open, each quarter of an hour, counted from the
 * end of a reading; once more when the close is a minute ago; and then at the next open. What was opened, changed or
 * closed at the broker meanwhile is recorded by the effect, all of it or nothing.
 *
 * A reading that fails changes no position, and the next one follows as usual, after the close for an hour. After three
 * failures in a row the owner is told once that positions are not followed any more, since when and why
 * (`monitor_health`), and once when they are again. What changed is not told: who traded knows. `UPDATE` names another
 * portfolio for what is new. `STOP` ends it, and leaves the positions as they are.
 *
 * Not for how positions are compared (the effect), nor for who may read the account (the door).
 */
import { assign, enqueueActions, setup } from 'xstate';
import { z } from 'zod';
import { type EffectError, effectError, effectSource } from './effect-source.ts';
import { failedOnce, type Health, newsOf, problem, SEEING } from './health.ts';
import { exchangeHours, pauseAfter } from './market-pauses.ts';
import { clauseOf } from './sentence.ts';

const EVERY_SECONDS = 900;

const portfolio = z.string().min(1).max(100);

export const positionSyncInput = z.object({
  /** Where new positions are put. */
  portfolio: portfolio.default('main'),
});
export type PositionSyncInput = z.infer<typeof positionSyncInput>;

export const positionSyncEvents = {
  UPDATE: z.object({ type: z.literal('UPDATE'), portfolio }),
  STOP: z.object({ type: z.literal('STOP') }),
};
type Event = z.infer<(typeof positionSyncEvents)[keyof typeof positionSyncEvents]>;

/** How many positions a reading has changed. */
const changes = z.object({
  added: z.int(),
  updated: z.int(),
  closed: z.int(),
  /** Put together otherwise; what stands in for them counts as added. */
  replaced: z.int(),
  unchanged: z.int(),
  /** Held there, and nothing that TTAI can follow. */
  left: z.int(),
});

/** What one reading came to. Times are UTC. */
export const positionReading = z.object({
  at: z.string(),
  endedAt: z.string(),
  /** At its beginning. Null: the calendar can't be had. */
  market: exchangeHours.nullable(),
  /** Null: it failed, and nothing was changed. */
  changes: changes.nullable(),
  error: problem.nullable(),
  source: z.string().nullable(),
});
export type PositionReading = z.infer<typeof positionReading>;

export interface PositionSyncContext extends PositionSyncInput {
  readings: number;
  /** The last one that has succeeded. */
  lastSync: (z.infer<typeof changes> & { at: string; source: string | null }) | null;
  /** Of its readings. */
  health: Health;
  /** Until the next reading, in milliseconds. */
  pauseMs: number;
}

/** What the owner is to be told of this health after that one; null: nothing. */
function healthNotice(before: Health, after: Health) {
  const status = newsOf(before, after);
  if (status === null) return null;
  const { since, reason } = status === 'blind' ? after : before;
  const [from, when] = since === null ? ['', ''] : [` since ${since}`, `; they had not been since ${since}`];
  return {
    type: 'notification' as const,
    notification: 'monitor_health',
    data: {
      monitor: 'positionSync',
      status,
      since,
      reason,
      message:
        status === 'blind'
          ? `Your positions at the broker are not followed${from}: ${clauseOf(reason?.message ?? 'unknown')}. Those recorded stay as they are, and it goes on trying.`
          : `Your positions at the broker are followed again${when}.`,
    },
  };
}

const machine = setup({
  types: {
    context: {} as PositionSyncContext,
    input: {} as PositionSyncInput,
    events: {} as Event,
    emitted: {} as { type: 'notification'; notification: string; data: Record<string, unknown> },
  },
  actors: { syncPositions: effectSource<PositionReading, { portfolio: string }>() },
  delays: { untilNextReading: ({ context }) => context.pauseMs },
  actions: {
    take: enqueueActions(({ context, enqueue }, reading: PositionReading) => {
      const { at, changes: made, error, source } = reading;
      const health = error ? failedOnce(context.health, error, at) : { ...SEEING };
      const notice = healthNotice(context.health, health);
      if (notice) enqueue.emit(notice);
      enqueue.assign({
        readings: context.readings + 1,
        lastSync: made ? { at, ...made, source } : context.lastSync,
        health,
        pauseMs: pauseAfter(reading, EVERY_SECONDS, error !== null),
      });
    }),
    /** The reading itself has ended without a result, so without a time. */
    fail: enqueueActions(({ context, enqueue }, { code, message }: EffectError) => {
      const health = failedOnce(context.health, { code, message }, context.lastSync?.at ?? null);
      const notice = healthNotice(context.health, health);
      if (notice) enqueue.emit(notice);
      enqueue.assign({ readings: context.readings + 1, health, pauseMs: EVERY_SECONDS * 1_000 });
    }),
  },
}).createMachine({
  id: 'positionSync',
  context: ({ input }) => ({
    ...input,
    readings: 0,
    lastSync: null,
    health: { ...SEEING },
    pauseMs: 0,
  }),
  initial: 'reading',
  on: {
    // A reading under way puts what it finds into the portfolio that it was started for.
    UPDATE: { actions: assign(({ event }) => ({ portfolio: event.portfolio })) },
    STOP: '.stopped',
  },
  states: {
    reading: {
      invoke: {
        id: 'syncPositions',
        src: 'syncPositions',
        input: ({ context }) => ({ portfolio: context.portfolio }),
        onDone: { target: 'waiting', actions: { type: 'take', params: ({ event }) => event.output } },
        onError: { target: 'waiting', actions: { type: 'fail', params: ({ event }) => effectError(event) } },
      },
    },
    waiting: { after: { untilNextReading: 'reading' } },
    stopped: { type: 'final' },
  },
});

/** Ready to be registered. */
export const positionSync = {
  id: 'positionSync',
  version: '1',
  machine,
  input: positionSyncInput,
  events: positionSyncEvents,
  // Some thirty readings a day.
  journal: { keepLast: 200 },
  keepEnded: '365 d' as const,
};
