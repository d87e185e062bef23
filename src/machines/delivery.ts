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
 */
import { assign, emit, enqueueActions, raise, setup } from 'xstate';
import { z } from 'zod';
import { effectError, effectSource } from './effect-source.ts';

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 300_000;
export const PAUSE_MS = 3_600_000;
/** When our own trouble, such as a database that is away, is over, nobody tells. */
const LOOK_AGAIN_MS = 30_000;
export const FAILURES_BEFORE_PAUSE = 10;
export const PAUSES_BEFORE_DISABLED = 10;
export const REFUSALS_BEFORE_SKIP = 3;

const at = z.string();
const failure = z.object({
  outcome: z.literal('failed'),
  seq: z.int(),
  at,
  /** Of the webhook's URL, all of it that may be told. */
  host: z.string(),
  status: z.int().nullable(),
  reason: z.string(),
  retryAfterMs: z.number().nullable(),
  /** It was itself about a webhook. */
  aboutWebhook: z.boolean(),
});

/** What one look at the rows has come to. `seen`: the owner's last notification then. */
export const deliveryResult = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('sent'), seq: z.int(), seen: z.int(), at, host: z.string() }),
  z.object({ outcome: z.literal('none'), seen: z.int() }),
  z.object({ outcome: z.literal('quiet'), forMs: z.number().min(0) }),
  failure,
  z.object({ outcome: z.literal('removed') }),
]);
export type DeliveryResult = z.infer<typeof deliveryResult>;
type Failure = z.infer<typeof failure>;

export const testResult = z.object({
  ok: z.boolean(),
  status: z.int().nullable(),
  reason: z.string().nullable(),
  at: at.nullable(),
});
export type TestResult = z.infer<typeof testResult>;

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

export interface DeliveryContext {
  webhookId: string;
  host: string | null;
  /** The owner's last notification when it last looked with success, and the last one that it was told of. */
  seen: number;
  wanted: number;
  /** Something has changed while it looked. */
  lookAgain: boolean;
  /** In a row. */
  failures: number;
  pauses: number;
  /** The owner knows that it does not work, and is to be told when it does. */
  told: boolean;
  /** Of one notification, in a row. */
  refusals: { seq: number; count: number } | null;
  /** To be passed over by the next look. */
  skip: number | null;
  /** In all. */
  skipped: number;
  waitMs: number;
  lastError: { at: string; status: number | null; reason: string } | null;
  lastSentAt: string | null;
  testId: string | null;
  lastTest: ({ testId: string } & TestResult) | null;
}

const isRefusal = ({ status }: Failure): boolean => status !== null && [400, 413, 415, 422].includes(status);

/** Of this notification, this one included. */
function refusalsWith({ refusals }: DeliveryContext, result: Failure): number {
  if (!isRefusal(result)) return 0;
  return refusals?.seq === result.seq ? refusals.count + 1 : 1;
}

function retryMs(failures: number, asked: number | null): number {
  const grown = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failures - 1));
  return Math.max(grown, Math.min(asked ?? 0, PAUSE_MS));
}

const whyOf = ({ host, failures, lastError }: DeliveryContext): string =>
  `The webhook to ${host} failed ${failures === 1 ? 'once' : `${failures} times in a row`}: ${lastError?.reason}.`;

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
    isRemoved: (_, result: DeliveryResult) => result.outcome === 'removed',
    hasSentLast: ({ context }, result: DeliveryResult) =>
      result.outcome === 'sent' &&
      result.seq >= result.seen &&
      context.wanted <= result.seen &&
      !context.lookAgain,
    hasSent: (_, result: DeliveryResult) => result.outcome === 'sent',
    isQuiet: ({ context }, result: DeliveryResult) => result.outcome === 'quiet' && !context.lookAgain,
    isOver: ({ context }, result: DeliveryResult) =>
      result.outcome === 'none' && !context.lookAgain && context.wanted <= result.seen,
    /** The receiver says so, or has had all its chances. */
    isGone: ({ context }, result: DeliveryResult) =>
      result.outcome === 'failed' && (result.status === 410 || context.pauses >= PAUSES_BEFORE_DISABLED),
    isProbe: ({ context }, result: DeliveryResult) => result.outcome === 'failed' && context.pauses > 0,
    isTooMuch: ({ context }, result: DeliveryResult) =>
      result.outcome === 'failed' && context.failures + 1 >= FAILURES_BEFORE_PAUSE,
    hasFailed: (_, result: DeliveryResult) => result.outcome === 'failed',
    works: (_, { ok }: TestResult) => ok,
  },
  actions: {
    want: assign((_, seq: number) => ({ wanted: seq })),
    look: assign({ lookAgain: false }),
    lookAgain: assign({ lookAgain: true }),
    /** Something arrived: all is well, and those who were told otherwise are told so. */
    succeed: enqueueActions(({ context, enqueue }, result: DeliveryResult) => {
      if (result.outcome !== 'sent') return;
      if (context.told) {
        enqueue.emit({
          type: 'notification' as const,
          notification: 'monitor_health',
          data: {
            subject: 'webhook',
            webhookId: context.webhookId,
            status: 'working',
            host: result.host,
            message: `The webhook to ${result.host} works again. What was kept for it is sent now.`,
            at: result.at,
          },
        });
      }
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
      const { seq, status, reason, host } = result;
      const refusals = refusalsWith(context, result);
      const skips = refusals >= REFUSALS_BEFORE_SKIP;
      const failures = context.failures + 1;
      enqueue.assign({
        host,
        failures,
        refusals: refusals === 0 || skips ? null : { seq, count: refusals },
        skip: skips ? seq : null,
        skipped: context.skipped + (skips ? 1 : 0),
        waitMs: retryMs(failures, result.retryAfterMs),
        lastError: { at: result.at, status, reason },
      });
      if (skips && !result.aboutWebhook) {
        enqueue.emit({
          type: 'notification' as const,
          notification: 'monitor_health',
          data: {
            subject: 'webhook',
            webhookId: context.webhookId,
            status: 'skipped',
            host,
            seq,
            message: `The webhook to ${host} refused notification ${seq} ${refusals} times (${reason}); it is passed over there, and kept here.`,
            at: result.at,
          },
        });
      }
    }),
    countPause: assign(({ context }) => ({ pauses: context.pauses + 1, told: true })),
    tellPaused: emit(({ context }) => ({
      type: 'notification' as const,
      notification: 'monitor_health',
      data: {
        subject: 'webhook',
        webhookId: context.webhookId,
        status: 'paused',
        host: context.host,
        message: `${whyOf(context)} It is tried again once an hour; what is for it is kept.`,
        at: context.lastError?.at ?? null,
      },
    })),
    tellDisabled: emit(({ context }) => ({
      type: 'notification' as const,
      notification: 'monitor_health',
      data: {
        subject: 'webhook',
        webhookId: context.webhookId,
        status: 'disabled',
        host: context.host,
        message: `${whyOf(context)} It is disabled: nothing more is sent to it until a test of it succeeds.`,
        at: context.lastError?.at ?? null,
      },
    })),
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
                    guard: { type: 'hasSentLast', params: ({ event }) => event.output },
                    target: 'idle',
                    actions: { type: 'succeed', params: ({ event }) => event.output },
                  },
                  {
                    guard: { type: 'hasSent', params: ({ event }) => event.output },
                    target: 'sending',
                    reenter: true,
                    actions: { type: 'succeed', params: ({ event }) => event.output },
                  },
                  {
                    guard: { type: 'isOver', params: ({ event }) => event.output },
                    target: 'idle',
                    actions: { type: 'seeNothing', params: ({ event }) => event.output },
                  },
                  {
                    guard: { type: 'isQuiet', params: ({ event }) => event.output },
                    target: 'quiet',
                    actions: { type: 'beQuiet', params: ({ event }) => event.output },
                  },
                  {
                    guard: { type: 'isGone', params: ({ event }) => event.output },
                    target: 'disabled',
                    actions: [{ type: 'fail', params: ({ event }) => event.output }, 'tellDisabled'],
                  },
                  {
                    guard: { type: 'isProbe', params: ({ event }) => event.output },
                    target: 'paused',
                    actions: { type: 'fail', params: ({ event }) => event.output },
                  },
                  {
                    guard: { type: 'isTooMuch', params: ({ event }) => event.output },
                    target: 'paused',
                    actions: [{ type: 'fail', params: ({ event }) => event.output }, 'tellPaused'],
                  },
                  {
                    guard: { type: 'hasFailed', params: ({ event }) => event.output },
                    target: 'backingOff',
                    actions: { type: 'fail', params: ({ event }) => event.output },
                  },
                  {
                    guard: { type: 'isRemoved', params: ({ event }) => event.output },
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
