/**
 * The machine `marketWatch`: one for all owners, it asks for the quotes that armed alerts wait for. So the cost grows
 * with the number of symbols and triggers, not of alerts.
 *
 * While something is armed and the market is open it looks every few seconds; outside its hours it waits for the open,
 * and with nothing armed it sleeps without a timer until an alert wakes it. What is armed stands in rows with indexes and
 * not here. A look that fails is noted, and followed by the next one; after several in a row the alerts are told that they
 * have no quote.
 */
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { type EffectError, effectError, effectSource } from './effect-source.ts';

/** The only key of this machine. */
export const MARKET_WATCH_KEY = 'main';
const LOOK_EVERY_MS = 5_000;
/** Looks that failed in a row before alerts are told. */
const FAILURES_BEFORE_BLIND = 3;

/** What one look found. */
export const lookResult = z.object({
  at: z.string(),
  symbols: z.number().int(),
  /** Alerts that were sent a quote. */
  told: z.number().int(),
  /** Symbols without a fresh quote, the first hundred. */
  missing: z.array(z.string()),
  /** Until the market opens; null while it is open. */
  opensInMs: z.number().nullable().default(null),
});
export type LookResult = z.infer<typeof lookResult>;

interface MarketWatchContext {
  lastLook: LookResult | null;
  lastError: EffectError | null;
  failures: number;
  /** Something was armed while it looked. */
  wanted: boolean;
}

const machine = setup({
  types: {
    context: {} as MarketWatchContext,
    input: {} as Record<string, never>,
    events: {} as { type: 'WAKE' },
  },
  actors: {
    lookAtQuotes: effectSource<LookResult, { tellBlind: boolean }>(),
  },
  delays: {
    // After a failure at the usual pace: the next look finds out whether the market is still closed.
    untilNextLook: ({ context }) =>
      context.failures > 0 ? LOOK_EVERY_MS : (context.lastLook?.opensInMs ?? LOOK_EVERY_MS),
  },
  guards: {
    isWanted: ({ context }) => context.wanted,
    hasNothingToWatch: ({ context }) => context.lastLook?.symbols === 0 && context.failures === 0,
  },
}).createMachine({
  id: 'marketWatch',
  context: { lastLook: null, lastError: null, failures: 0, wanted: false },
  initial: 'looking',
  states: {
    looking: {
      entry: assign({ wanted: false }),
      invoke: {
        id: 'lookAtQuotes',
        src: 'lookAtQuotes',
        input: ({ context }) => ({ tellBlind: context.failures >= FAILURES_BEFORE_BLIND }),
        onDone: {
          target: 'looked',
          actions: assign(({ event }) => ({ lastLook: event.output, lastError: null, failures: 0 })),
        },
        onError: {
          target: 'waiting',
          actions: assign(({ context, event }) => ({
            lastError: effectError(event),
            failures: context.failures + 1,
          })),
        },
      },
      on: { WAKE: { actions: assign({ wanted: true }) } },
    },
    looked: {
      always: [
        { guard: 'isWanted', target: 'looking' },
        { guard: 'hasNothingToWatch', target: 'asleep' },
        { target: 'waiting' },
      ],
    },
    waiting: {
      after: { untilNextLook: 'looking' },
      on: { WAKE: 'looking' },
    },
    asleep: { on: { WAKE: 'looking' } },
  },
});

/** Ready to be registered. */
export const marketWatch = {
  id: 'marketWatch',
  version: '1',
  machine,
  input: z.object({}),
  events: { WAKE: z.object({ type: z.literal('WAKE') }) },
  journal: { keepLast: 500 },
};
