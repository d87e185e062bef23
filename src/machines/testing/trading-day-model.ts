/** The model of `tradingDay`: a day that is closed, or a half day of two scans, each piece early, late or too late. */
import type { AnyMachineSnapshot } from 'xstate';
import type { Model } from '../../../test/model.ts';
import { type TradingDayContext, tradingDay } from '../trading-day.ts';
import { failed } from './models.ts';

const session = {
  opensAt: '2026-11-27T14:30:00.000Z',
  closesAt: '2026-11-27T17:00:00.000Z',
  halfDay: true,
  nextOpensAt: '2026-11-30T14:30:00.000Z',
};
const page = { timing: 'on_time', started: 1, refused: 0, next: null };
const pages = (now: string, late: string) => ({
  outputs: [
    { ...page, now },
    { ...page, now, next: 'b' },
    { ...page, now: late, timing: 'too_late', started: 0 },
  ],
  errors: [failed('unavailable'), failed('interrupted')],
});

export const tradingDayModel: Model = {
  machine: tradingDay.machine,
  inputs: [{ date: '2026-11-27' }],
  events: [],
  outcomes: {
    askSession: {
      outputs: [
        { now: '2026-11-27T05:05:00.000Z', session: null },
        { now: '2026-11-27T05:05:00.000Z', session },
        // Also a day that is begun late.
        { now: '2026-11-27T15:30:00.000Z', session },
      ],
      errors: [failed('provider_unavailable'), failed('interrupted')],
    },
    startBriefings: pages('2026-11-27T14:30:01.000Z', '2026-11-27T17:00:00.000Z'),
    startScans: pages('2026-11-27T15:00:01.000Z', '2026-11-27T17:00:00.000Z'),
    startSummaries: pages('2026-11-27T17:00:01.000Z', '2026-11-30T14:30:00.000Z'),
    startReports: pages('2026-11-27T18:00:01.000Z', '2026-11-30T14:30:00.000Z'),
  },
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { plan, now, page: current, skipped, failures } = context as TradingDayContext;
    return JSON.stringify([
      value,
      plan.length,
      now,
      current.after,
      skipped.length > 0,
      failures > 0,
      current.restarts,
    ]);
  },
};
