/**
 * The machine `priceAlert`: waits for a price and tells its owner, exactly once for each trigger.
 *
 * `above` is met at the threshold or higher, `below` at the threshold or lower, and a condition that holds when the
 * alert is set triggers at the first quote. `crosses` is met when the price reaches the threshold from the side on
 * which it was first seen. `once` ends with its trigger. `every_cross` goes on, and a price that trembles at the
 * threshold does not ring all day: an `above` or `below` triggers again only after the price has gone back behind the
 * threshold by a small margin, a `crosses` when it has gone back by that margin. An `UPDATE` of condition or threshold
 * begins anew; one of anything else does not.
 *
 * It does not poll. It says by `alert.armed` which prices it waits for, which is stored as a row with the step, and
 * the watcher (`market-watch.ts`) sends a `QUOTE` when one of them comes. A missing or stale quote is not a price: the
 * alert is told by `QUOTE_LOST`, waits for a quote, and says so in its state. Waking the watcher also brings the time,
 * from which the expiry is set, so it is tried until it succeeds, whatever quotes come meanwhile.
 */
import { assign, cancel, emit, enqueueActions, raise, setup } from 'xstate';
import { z } from 'zod';
import { effectSource } from './effect-source.ts';

/** How far behind the threshold the price must go before an alert that has triggered may do so again. */
const REARM_MARGIN = 0.0005;
/** When a watcher that could not be reached, after the effect's own retries, is tried again. */
const WAKE_AGAIN_MS = 30_000;

const condition = z.enum(['above', 'below', 'crosses']);
const threshold = z.number().positive().max(10_000_000);
const repeat = z.enum(['once', 'every_cross']);
const expiresAt = z.iso
  .datetime({ offset: true })
  // The end of a timer has to fit a timestamp of the database.
  .refine((time) => Date.parse(time) < Date.UTC(2101, 0), 'must be before the year 2101')
  .nullable();
const note = z.string().max(500).nullable();

export const priceAlertInput = z.object({
  symbol: z.string().min(1).max(10),
  condition,
  threshold,
  repeat: repeat.default('once'),
  expiresAt: expiresAt.default(null),
  note: note.default(null),
});
export type PriceAlertInput = z.infer<typeof priceAlertInput>;

export const priceAlertEvents = {
  UPDATE: z.object({
    type: z.literal('UPDATE'),
    condition: condition.optional(),
    threshold: threshold.optional(),
    repeat: repeat.optional(),
    expiresAt: expiresAt.optional(),
    note: note.optional(),
  }),
  CANCEL: z.object({ type: z.literal('CANCEL') }),
  /** A fresh price, from the watcher. */
  QUOTE: z.object({
    type: z.literal('QUOTE'),
    price: z.number().positive(),
    asOf: z.string(),
    source: z.string(),
  }),
  /** There is no fresh price now, from the watcher. */
  QUOTE_LOST: z.object({ type: z.literal('QUOTE_LOST'), reason: z.string().max(200) }),
};

type PriceAlertEvent = z.infer<(typeof priceAlertEvents)[keyof typeof priceAlertEvents]> | { type: 'EXPIRE' };
type QuoteEvent = z.infer<typeof priceAlertEvents.QUOTE>;

export interface PriceAlertContext extends PriceAlertInput {
  lastQuote: { price: number; asOf: string; source: string; stale: boolean } | null;
  triggers: number;
  /** The time of the quote that triggered last. */
  lastTriggeredAt: string | null;
  waitingFor: 'price' | 'quote';
  /** Why there is no quote, when there is none. */
  blindBecause: string | null;
  /** Where the price was last known to be, where that matters: `crosses`, and after a trigger. */
  side: 'above' | 'below' | null;
  /** It has triggered since condition and threshold were set: the way back must be more than a tremble. */
  rearmed: boolean;
}

/** The prices that are waited for: met at `upper` or above, at `lower` or below. */
export function pricesToWatch(alert: PriceAlertContext): { upper: number | null; lower: number | null } {
  const { condition: kind, side, threshold: level, rearmed } = alert;
  const margin = rearmed ? REARM_MARGIN : 0;
  if (side === 'above') return { upper: null, lower: level * (1 - margin) };
  if (side === 'below') return { upper: level * (1 + margin), lower: null };
  if (kind === 'above') return { upper: level, lower: null };
  if (kind === 'below') return { upper: null, lower: level };
  return { upper: null, lower: null };
}

/** Whether the price is one that is waited for. */
function isWatched(alert: PriceAlertContext, price: number): boolean {
  const { upper, lower } = pricesToWatch(alert);
  return (upper !== null && price >= upper) || (lower !== null && price <= lower);
}

/** Whether a watched price is the trigger, and not only the way back to where the alert may trigger again. */
function isTrigger({ condition: kind, side }: PriceAlertContext): boolean {
  return kind === 'crosses' || side === null;
}

/** The side that the alert keeps in mind after a quote that did not trigger. */
function sideAfter(alert: PriceAlertContext, price: number): PriceAlertContext['side'] {
  if (alert.condition !== 'crosses') return isWatched(alert, price) ? null : alert.side;
  if (alert.side !== null || price === alert.threshold) return alert.side;
  return price > alert.threshold ? 'above' : 'below';
}

/** The side after a trigger: where the price has arrived. */
function sideAfterTrigger(alert: PriceAlertContext): 'above' | 'below' {
  if (alert.condition !== 'crosses') return alert.condition;
  return alert.side === 'above' ? 'below' : 'above';
}

const machine = setup({
  types: {
    context: {} as PriceAlertContext,
    input: {} as PriceAlertInput,
    events: {} as PriceAlertEvent,
    emitted: {} as
      | {
          type: 'alert.armed';
          symbol: string;
          upper: number | null;
          lower: number | null;
          wantsQuote: boolean;
          blind: boolean;
        }
      | { type: 'alert.disarmed' }
      | { type: 'notification'; notification: string; data: Record<string, unknown> },
  },
  actors: {
    /** Tells the watcher that a quote is wanted, and what time it is. */
    wakeWatcher: effectSource<{ now: string }, Record<string, never>>(),
  },
  delays: { untilNextWake: WAKE_AGAIN_MS },
  guards: {
    triggers: ({ context }, { price }: QuoteEvent) => isWatched(context, price) && isTrigger(context),
    isOnce: ({ context }) => context.repeat === 'once',
  },
  actions: {
    arm: emit(({ context }) => ({
      type: 'alert.armed' as const,
      symbol: context.symbol,
      ...pricesToWatch(context),
      wantsQuote:
        context.waitingFor === 'quote' || (context.condition === 'crosses' && context.side === null),
      blind: context.blindBecause !== null,
    })),
    disarm: emit({ type: 'alert.disarmed' as const }),
    see: assign(({ context }, { price, asOf, source }: QuoteEvent) => ({
      lastQuote: { price, asOf, source, stale: false },
      waitingFor: 'price' as const,
      blindBecause: null,
      side: sideAfter(context, price),
    })),
    trigger: assign(({ context }, { price, asOf, source }: QuoteEvent) => ({
      lastQuote: { price, asOf, source, stale: false },
      waitingFor: 'price' as const,
      blindBecause: null,
      triggers: context.triggers + 1,
      lastTriggeredAt: asOf,
      side: sideAfterTrigger(context),
      rearmed: true,
    })),
    tell: emit(({ context }) => ({
      type: 'notification' as const,
      notification: 'price_alert_triggered',
      data: {
        symbol: context.symbol,
        condition: context.condition,
        threshold: context.threshold,
        price: context.lastQuote?.price ?? null,
        asOf: context.lastQuote?.asOf ?? null,
        source: context.lastQuote?.source ?? null,
        note: context.note,
        trigger: context.triggers,
      },
    })),
    /** The time comes with the effect's result, so that the machine reads no clock. */
    setExpiry: enqueueActions(({ context, enqueue }, { now }: { now: string }) => {
      enqueue(cancel('expiry'));
      if (context.expiresAt === null) return;
      const delay = Math.max(0, Date.parse(context.expiresAt) - Date.parse(now));
      enqueue(raise({ type: 'EXPIRE' as const }, { id: 'expiry', delay }));
    }),
    change: assign(({ context }, changes: z.infer<typeof priceAlertEvents.UPDATE>) => {
      const condition = changes.condition ?? context.condition;
      const threshold = changes.threshold ?? context.threshold;
      const anew = condition !== context.condition || threshold !== context.threshold;
      return {
        condition,
        threshold,
        repeat: changes.repeat ?? context.repeat,
        expiresAt: changes.expiresAt === undefined ? context.expiresAt : changes.expiresAt,
        note: changes.note === undefined ? context.note : changes.note,
        waitingFor: 'quote' as const,
        ...(anew ? { side: null, rearmed: false } : {}),
      };
    }),
    loseQuote: assign(({ context }, reason: string) => ({
      waitingFor: 'quote' as const,
      blindBecause: reason,
      lastQuote: context.lastQuote && { ...context.lastQuote, stale: true },
    })),
  },
}).createMachine({
  id: 'priceAlert',
  context: ({ input }) => ({
    ...input,
    lastQuote: null,
    triggers: 0,
    lastTriggeredAt: null,
    waitingFor: 'quote',
    blindBecause: null,
    side: null,
    rearmed: false,
  }),
  initial: 'armed',
  states: {
    armed: {
      entry: 'arm',
      type: 'parallel',
      on: {
        CANCEL: 'cancelled',
        EXPIRE: 'expired',
        UPDATE: {
          target: 'armed',
          reenter: true,
          actions: [cancel('expiry'), { type: 'change', params: ({ event }) => event }],
        },
      },
      states: {
        price: {
          initial: 'waitingForQuote',
          on: {
            QUOTE: [
              {
                guard: { type: 'triggers', params: ({ event }) => event },
                target: '#priceAlert.triggered',
                actions: { type: 'trigger', params: ({ event }) => event },
              },
              {
                target: '.waitingForPrice',
                actions: [{ type: 'see', params: ({ event }) => event }, 'arm'],
              },
            ],
            QUOTE_LOST: {
              target: '.waitingForQuote',
              actions: [{ type: 'loseQuote', params: ({ event }) => event.reason }, 'arm'],
            },
          },
          states: { waitingForQuote: {}, waitingForPrice: {} },
        },
        watcher: {
          initial: 'waking',
          states: {
            waking: {
              invoke: {
                id: 'wakeWatcher',
                src: 'wakeWatcher',
                input: () => ({}),
                onDone: {
                  target: 'awake',
                  actions: { type: 'setExpiry', params: ({ event }) => event.output },
                },
                onError: { target: 'unreached' },
              },
            },
            unreached: { after: { untilNextWake: 'waking' } },
            awake: {},
          },
        },
      },
    },
    triggered: {
      entry: 'tell',
      always: [{ guard: 'isOnce', target: 'done' }, { target: 'rearmed' }],
    },
    /** Armed again, now with the price on the other side. */
    rearmed: { always: { target: '#priceAlert.armed.price.waitingForPrice' } },
    done: { type: 'final', entry: [cancel('expiry'), 'disarm'] },
    cancelled: { type: 'final', entry: [cancel('expiry'), 'disarm'] },
    expired: { type: 'final', entry: 'disarm' },
  },
});

/** Ready to be registered. */
export const priceAlert = {
  id: 'priceAlert',
  version: '1',
  machine,
  input: priceAlertInput,
  events: priceAlertEvents,
  // One that is armed again at every cross may live for years, and sees a quote at each.
  journal: { keepLast: 500 },
  keepEnded: '365 d' as const,
};
