/**
 * The rules of the machine `delivery` as pure functions: what one look at the rows has come to and what follows from it,
 * how long to wait, which notifications are skipped, and what the owner is told of the webhook. Not for the states that
 * it goes through.
 */
import { z } from 'zod';

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 300_000;
export const PAUSE_MS = 3_600_000;
export const FAILURES_BEFORE_PAUSE = 10;
export const PAUSES_BEFORE_DISABLED = 10;
export const REFUSALS_BEFORE_SKIP = 3;
/** For what is in a notification. */
const REFUSALS: readonly number[] = [400, 413, 415, 422];
const GONE = 410;

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
export type Failure = z.infer<typeof failure>;

export const testResult = z.object({
  ok: z.boolean(),
  status: z.int().nullable(),
  reason: z.string().nullable(),
  at: at.nullable(),
});
export type TestResult = z.infer<typeof testResult>;

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

/** What follows from a look. `sentLast`, `over`: there is nothing more to do; `again`: there may be, look at once. */
export type Verdict =
  | 'sentLast'
  | 'sent'
  | 'over'
  | 'quiet'
  | 'removed'
  | 'again'
  | 'gone'
  | 'stillPaused'
  | 'pause'
  | 'retry';

/** What was nothing, or quiet, when it looked may be otherwise by now: then it looks again. */
export function verdictOf(context: DeliveryContext, result: DeliveryResult): Verdict {
  const { wanted, lookAgain } = context;
  switch (result.outcome) {
    case 'sent':
      return result.seq >= result.seen && wanted <= result.seen && !lookAgain ? 'sentLast' : 'sent';
    case 'none':
      return wanted <= result.seen && !lookAgain ? 'over' : 'again';
    case 'quiet':
      return lookAgain ? 'again' : 'quiet';
    case 'removed':
      return 'removed';
    case 'failed':
      return verdictOfFailure(context, result);
  }
}

function verdictOfFailure({ failures, pauses }: DeliveryContext, { status }: Failure): Verdict {
  // The receiver says so, or has had all its chances.
  if (status === GONE || pauses >= PAUSES_BEFORE_DISABLED) return 'gone';
  if (pauses > 0) return 'stillPaused';
  return failures + 1 >= FAILURES_BEFORE_PAUSE ? 'pause' : 'retry';
}

/** What a failure changes. `skip` is set where its notification has been refused often enough. */
export function afterFailure(context: DeliveryContext, failed: Failure) {
  const { seq, status, reason, host, at, retryAfterMs } = failed;
  const refusals = refusalsWith(context, failed);
  const skips = refusals >= REFUSALS_BEFORE_SKIP;
  const failures = context.failures + 1;
  return {
    host,
    failures,
    refusals: refusals === 0 || skips ? null : { seq, count: refusals },
    skip: skips ? seq : null,
    skipped: context.skipped + (skips ? 1 : 0),
    waitMs: retryMs(failures, retryAfterMs),
    lastError: { at, status, reason },
  };
}

/** Of this notification, this one included, in a row. */
function refusalsWith({ refusals }: DeliveryContext, { seq, status }: Failure): number {
  if (status === null || !REFUSALS.includes(status)) return 0;
  return refusals?.seq === seq ? refusals.count + 1 : 1;
}

function retryMs(failures: number, asked: number | null): number {
  const grown = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failures - 1));
  return Math.max(grown, Math.min(asked ?? 0, PAUSE_MS));
}

interface Notice {
  type: 'notification';
  notification: 'monitor_health';
  data: Record<string, unknown>;
}

function notice(
  { webhookId }: DeliveryContext,
  status: string,
  host: string | null,
  at: string | null,
  told: Record<string, unknown>,
): Notice {
  const data = { subject: 'webhook', webhookId, status, host, ...told, at };
  return { type: 'notification', notification: 'monitor_health', data };
}

export function worksAgain(context: DeliveryContext, { host, at }: { host: string; at: string }): Notice {
  const message = `${nameOf(context, host)} works again. What was kept for it is sent now.`;
  return notice(context, 'working', host, at, { message });
}

/** Of the failure after which its notification is passed over. */
export function skippedOne(context: DeliveryContext, { seq, host, reason, at }: Failure): Notice {
  const message = `${nameOf(context, host)} refused notification ${seq} ${REFUSALS_BEFORE_SKIP} times (${reason}); it is passed over there, and kept here.`;
  return notice(context, 'skipped', host, at, { seq, message });
}

export function pausedNow(context: DeliveryContext): Notice {
  const message = `${whyOf(context)} It is tried again once an hour; what is for it is kept.`;
  return notice(context, 'paused', context.host, context.lastError?.at ?? null, { message });
}

export function disabledNow(context: DeliveryContext): Notice {
  const message = `${whyOf(context)} It is disabled: nothing more is sent to it until a test of it succeeds.`;
  return notice(context, 'disabled', context.host, context.lastError?.at ?? null, { message });
}

function whyOf(context: DeliveryContext): string {
  const { host, failures, lastError } = context;
  const often = failures === 1 ? 'once' : `${failures} times in a row`;
  return `${nameOf(context, host)} failed ${often}: ${lastError?.reason}.`;
}

/** Several may lead to one host. */
function nameOf({ webhookId }: DeliveryContext, host: string | null): string {
  return `The webhook ${webhookId} to ${host}`;
}
