/** A machine that polls every 30 seconds while New York trades, and for how long. Not for measuring. */
import { assign, fromPromise, setup } from 'xstate';
import { z } from 'zod';
import { type DurableMachine, effect } from '../src/actors/runtime/index.ts';

const POLL_MS = 30_000;
/** Every opening is on one. */
const HALF_HOUR_MS = 1_800_000;
/** 09:30 to 16:00. */
export const POLLS_PER_DAY = 780;

const newYork = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  hourCycle: 'h23',
  weekday: 'short',
  hour: 'numeric',
  minute: 'numeric',
});

/** Whether it is a weekday between 09:30 and 16:00 in New York. Knows no holidays. */
function isTrading(ms: number): boolean {
  const parts = new Map(newYork.formatToParts(ms).map(({ type, value }) => [type, value]));
  if (['Sat', 'Sun'].includes(parts.get('weekday') ?? '')) return false;
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return minute >= 9 * 60 + 30 && minute < 16 * 60;
}

/** The first full half minute of trading after a moment, in milliseconds since 1970. */
export function nextPoll(after: number): number {
  let next = Math.floor(after / POLL_MS) * POLL_MS + POLL_MS;
  while (!isTrading(next)) next = Math.floor(next / HALF_HOUR_MS) * HALF_HOUR_MS + HALF_HOUR_MS;
  return next;
}

/** Polls so many times, each with an effect. `at`: when it starts, in milliseconds since 1970. */
export const marketPoll: DurableMachine = {
  id: 'marketPoll',
  version: '1',
  input: z.object({ at: z.number(), polls: z.number() }),
  events: {},
  machine: setup({
    types: {
      context: {} as { at: number; left: number },
      input: {} as { at: number; polls: number },
    },
    actors: { quote: fromPromise<null>(() => Promise.reject(new Error('runs on the runtime'))) },
    delays: { untilPoll: ({ context }) => nextPoll(context.at) - context.at },
    guards: { isLast: ({ context }) => context.left === 1 },
  }).createMachine({
    id: 'marketPoll',
    context: ({ input }) => ({ at: input.at, left: input.polls }),
    initial: 'waiting',
    states: {
      waiting: {
        after: {
          untilPoll: { target: 'polling', actions: assign({ at: ({ context }) => nextPoll(context.at) }) },
        },
      },
      polling: {
        invoke: {
          id: 'quote',
          src: 'quote',
          onDone: [
            { guard: 'isLast', target: 'over' },
            { target: 'waiting', actions: assign({ left: ({ context }) => context.left - 1 }) },
          ],
        },
      },
      over: { type: 'final' },
    },
  }),
};

export const quote = effect('quote', { input: z.unknown(), output: z.null() }, async () => null);
