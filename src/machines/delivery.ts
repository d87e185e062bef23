/**
 * The machine `delivery`: sends an owner's notifications to one webhook, in their order, each at least once.
 *
 * How far it is stands in the webhook's row and not here; each look at the rows takes the next one that is wanted. With
 * nothing to send it sleeps without a timer until a `WAKE` says that there is more.
 *
 * What fails is tried again after 1 s, 2 s, 4 s ... up to 5 minutes, or after what the receiver asks for, up to an hour.
 * After ten failures in a row it is paused, tells its owner so once, and tries one notification an hour. When one
 * arrives it tells that too, and goes on. After ten pauses in a row, or when the receiver says that it is gone (410), it
 * is disabled and says so; a `TEST` that succeeds brings it back, also out of a pause. A notification that the receiver
 * refuses for what is in it (400, 413, 415, 422) three times in a row is skipped, counted and told: it must not hold up
 * those behind it. What is told of a skipped one that was itself about a webhook would go round in circles, and is only
 * counted. A webhook is never told about itself.
 *
 * In quiet hours it waits for their end. A webhook that is deleted ends it, by `CLOSE` or when it finds no row.
 *
 * What follows from what one look has found is judged in `delivery-rules.ts`.
 */
import { assign, emit, enqueueActions, raise, setup } from 'xstate';
import { z } from 'zod';
import {
  afterFailure,
  type DeliveryContext,
  type DeliveryResult,
  disabledNow,
  PAUSE_MS,
  pausedNow,
  skippedOne,
  type TestResult,
  type Verdict,
  verdictOf,
  worksAgain,
} from './delivery-rules.ts';
import { effectError, effectSource } from './effect-source.ts';

/** When our own trouble, such as a database that is away, is over, nobody tells. */
const LOOK_AGAIN_MS = 30_000;

export const deliveryInput = z.object({ webhookId: z.uuid() });

export const deliveryEvents = {
  /** There are notifications, up to this one. */
  WAKE: z.object({ type: z.literal('WAKE'), seq: z.int().min(0) }),
  /** How the owner wants to be told has changed. */
  UPDATE: z.object({ type: z.literal('UPDATE') }),
  TEST: z.object({ type: z.literal('TEST'), testId: z.string().min(1).max(100) }),
  CLOSE: z.object({ type: z.literal('CLOSE') }),
};

type DeliveryEvent = z.infer<(typeof deliveryEvents)[keyof typeof deliveryEvents]> | { type: 'WORKS' };

/** A guard: a look comes to this. */
const comesTo = (verdict: Verdict) => ({
  type: 'comesTo' as const,
  params: ({ event }: { event: { output: DeliveryResult } }) => ({ result: event.output, verdict }),
});

const machine = setup({
  types: {
    context: {} as DeliveryContext,
    input: {} as z.infer<typeof deliveryInput>,
    events: {} as DeliveryEvent,
    emitted: {} as
      | { type: 'webhook.disabled'; webhookId: string }
      | { type: 'webhook.enabled'; webhookId: string }
      | { type: 'notification'; notification: string; data: Record<string, unknown> },
  },
  actors: {
    deliverNotification: effectSource<DeliveryResult, { webhookId: string; skip: number | null }>(),
    testWebhook: effectSource<TestResult, { webhookId: string; testId: string }>(),
  },
  delays: {
    untilRetry: ({ context }) => context.waitMs,
    untilLoud: ({ context }) => context.waitMs,
    pause: PAUSE_MS,
    untilNextLook: LOOK_AGAIN_MS,
  },
  guards: {
    isNews: ({ context }, seq: number) => seq > Math.max(context.seen, context.wanted),
    comesTo: ({ context }, { result, verdict }: { result: DeliveryResult; verdict: Verdict }) =>
      verdictOf(context, result) === verdict,
    works: (_, { ok }: TestResult) => ok,
  },
  actions: {
    want: assign((_, seq: number) => ({ wanted: seq })),
    look: assign({ lookAgain: false }),
    lookAgain: assign({ lookAgain: true }),
    /** Something arrived: all is well, and those who were told otherwise are told so. */
    succeed: enqueueActions(({ context, enqueue }, result: DeliveryResult) => {
      if (result.outcome !== 'sent') return;
      if (context.told) enqueue.emit(worksAgain(context, result));
      enqueue.assign({
        host: result.host,
        seen: result.seen,
        failures: 0,
        pauses: 0,
        told: false,
        refusals: null,
        skip: null,
        lastSentAt: result.at,
      });
    }),
    seeNothing: assign((_, result: DeliveryResult) => ({
      skip: null,
      ...(result.outcome === 'none' ? { seen: result.seen } : {}),
    })),
    beQuiet: assign((_, result: DeliveryResult) => ({
      skip: null,
      waitMs: result.outcome === 'quiet' ? result.forMs : 0,
    })),
    fail: enqueueActions(({ context, enqueue }, result: DeliveryResult) => {
      if (result.outcome !== 'failed') return;
      const changes = afterFailure(context, result);
      enqueue.assign(changes);
      if (changes.skip !== null && !result.aboutWebhook) enqueue.emit(skippedOne(context, result));
    }),
    countPause: assign(({ context }) => ({ pauses: context.pauses + 1, told: true })),
    tellPaused: emit(({ context }) => pausedNow(context)),
    tellDisabled: emit(({ context }) => disabledNow(context)),
    disable: emit(({ context }) => ({ type: 'webhook.disabled' as const, webhookId: context.webhookId })),
    noteTold: assign({ told: true }),
    enable: emit(({ context }) => ({ type: 'webhook.enabled' as const, webhookId: context.webhookId })),
    /** A test has succeeded: it is given all its chances again. */
    forgive: assign({ failures: 0, pauses: 0 }),
    noteTest: assign(({ context }, result: TestResult) => ({
      testId: null,
      lastTest: { testId: context.testId ?? '', ...result },
    })),
  },
}).createMachine({
  id: 'delivery',
  context: ({ input }) => ({
    webhookId: input.webhookId,
    host: null,
    seen: 0,
    wanted: 0,
    lookAgain: false,
    failures: 0,
    pauses: 0,
    told: false,
    refusals: null,
    skip: null,
    skipped: 0,
    waitMs: 0,
    lastError: null,
    lastSentAt: null,
    testId: null,
    lastTest: null,
  }),
  initial: 'open',
  states: {
    open: {
      type: 'parallel',
      on: { CLOSE: 'closed' },
      states: {
        delivering: {
          initial: 'idle',
          on: { WORKS: { actions: 'forgive' } },
          states: {
            idle: {
              on: {
                WAKE: {
                  guard: { type: 'isNews', params: ({ event }) => event.seq },
                  target: 'sending',
                  actions: { type: 'want', params: ({ event }) => event.seq },
                },
                UPDATE: 'sending',
              },
            },
            sending: {
              entry: 'look',
              invoke: {
                id: 'deliverNotification',
                src: 'deliverNotification',
                input: ({ context: { webhookId, skip } }) => ({ webhookId, skip }),
                onDone: [
                  {
                    guard: comesTo('sentLast'),
                    target: 'idle',
                    actions: { type: 'succeed', params: ({ event }) => event.output },
                  },
                  {
                    guard: comesTo('sent'),
                    target: 'sending',
                    reenter: true,
                    actions: { type: 'succeed', params: ({ event }) => event.output },
                  },
                  {
                    guard: comesTo('over'),
                    target: 'idle',
                    actions: { type: 'seeNothing', params: ({ event }) => event.output },
                  },
                  {
                    guard: comesTo('quiet'),
                    target: 'quiet',
                    actions: { type: 'beQuiet', params: ({ event }) => event.output },
                  },
                  {
                    guard: comesTo('gone'),
                    target: 'disabled',
                    actions: [{ type: 'fail', params: ({ event }) => event.output }, 'tellDisabled'],
                  },
                  {
                    guard: comesTo('stillPaused'),
                    target: 'paused',
                    actions: { type: 'fail', params: ({ event }) => event.output },
                  },
                  {
                    guard: comesTo('pause'),
                    target: 'paused',
                    actions: [{ type: 'fail', params: ({ event }) => event.output }, 'tellPaused'],
                  },
                  {
                    guard: comesTo('retry'),
                    target: 'backingOff',
                    actions: { type: 'fail', params: ({ event }) => event.output },
                  },
                  {
                    guard: comesTo('removed'),
                    target: '#delivery.closed',
                  },
                  // Nothing, or quiet, when it looked; it may be otherwise by now.
                  {
                    target: 'sending',
                    reenter: true,
                    actions: { type: 'seeNothing', params: ({ event }) => event.output },
                  },
                ],
                onError: 'unreached',
              },
              on: {
                WAKE: {
                  guard: { type: 'isNews', params: ({ event }) => event.seq },
                  actions: { type: 'want', params: ({ event }) => event.seq },
                },
                UPDATE: { actions: 'lookAgain' },
              },
            },
            backingOff: {
              after: { untilRetry: 'sending' },
              on: { UPDATE: 'sending', WORKS: { target: 'sending', actions: 'forgive' } },
            },
            paused: {
              entry: 'countPause',
              after: { pause: 'sending' },
              on: { WORKS: { target: 'sending', actions: 'forgive' } },
            },
            quiet: { after: { untilLoud: 'sending' }, on: { UPDATE: 'sending' } },
            /** TTAI itself could not go on: its database, say. That is no failure of the receiver's. */
            unreached: { after: { untilNextLook: 'sending' }, on: { UPDATE: 'sending' } },
            disabled: {
              entry: ['noteTold', 'disable'],
              on: { WORKS: { target: 'sending', actions: ['forgive', 'enable'] } },
            },
          },
        },
        testing: {
          initial: 'ready',
          states: {
            ready: {
              on: {
                TEST: { target: 'running', actions: assign({ testId: ({ event }) => event.testId }) },
              },
            },
            running: {
              invoke: {
                id: 'testWebhook',
                src: 'testWebhook',
                input: ({ context: { webhookId, testId } }) => ({ webhookId, testId: testId ?? '' }),
                onDone: [
                  {
                    guard: { type: 'works', params: ({ event }) => event.output },
                    target: 'ready',
                    actions: [
                      { type: 'noteTest', params: ({ event }) => event.output },
                      raise({ type: 'WORKS' }),
                    ],
                  },
                  {
                    target: 'ready',
                    actions: { type: 'noteTest', params: ({ event }) => event.output },
                  },
                ],
                onError: {
                  target: 'ready',
                  actions: {
                    type: 'noteTest',
                    params: ({ event }) => ({
                      ok: false,
                      status: null,
                      reason: `TTAI itself could not send it (${effectError(event).code})`,
                      at: null,
                    }),
                  },
                },
              },
            },
          },
        },
      },
    },
    closed: { type: 'final' },
  },
});

/** Ready to be registered. */
export const delivery = {
  id: 'delivery',
  version: '1',
  machine,
  input: deliveryInput,
  events: deliveryEvents,
  // A webhook of a busy owner takes a step for each notification.
  journal: { keepLast: 200 },
  keepEnded: '7 d' as const,
};
