/** The model of `delivery` for its model-based tests. See models.ts. */
import type { AnyMachineSnapshot } from 'xstate';
import type { Model } from '../../../test/model.ts';
import { delivery, deliveryInput } from '../delivery.ts';
import type { DeliveryContext, DeliveryResult } from '../delivery-rules.ts';
import { asOf, failed } from './models.ts';

export const webhookId = '5c1f6f1e-0000-4000-8000-000000000001';
const host = 'hook.example.com';

export const sent = (seq: number, seen = seq): DeliveryResult => ({
  outcome: 'sent',
  seq,
  seen,
  at: asOf,
  host,
});
export const nothing = (seen: number): DeliveryResult => ({ outcome: 'none', seen });
export const quiet: DeliveryResult = { outcome: 'quiet', forMs: 3_600_000 };
export const failure = (
  status: number | null,
  {
    seq = 3,
    retryAfterMs = null,
    aboutWebhook = false,
  }: {
    seq?: number;
    retryAfterMs?: number | null;
    aboutWebhook?: boolean;
  } = {},
): DeliveryResult => ({
  outcome: 'failed',
  seq,
  at: asOf,
  host,
  status,
  reason: status === null ? 'it did not answer within 10 s' : `it answered ${status}`,
  retryAfterMs,
  aboutWebhook,
});
export const removed: DeliveryResult = { outcome: 'removed' };
export const tested = (ok: boolean) => ({
  ok,
  status: ok ? 200 : 500,
  reason: ok ? null : 'it answered 500',
  at: asOf,
});

export const deliveryModel: Model = {
  machine: delivery.machine,
  inputs: [deliveryInput.parse({ webhookId })],
  events: [
    { type: 'WAKE', seq: 4 },
    { type: 'UPDATE' },
    { type: 'TEST', testId: 'test1' },
    { type: 'CLOSE' },
  ],
  outcomes: {
    deliverNotification: {
      outputs: [sent(3, 4), sent(4), nothing(3), quiet, failure(500), failure(400), failure(410), removed],
      errors: [failed('unavailable')],
    },
    testWebhook: { outputs: [tested(true), tested(false)], errors: [failed('unavailable')] },
  },
  // What does not touch the count of failures is told apart only while that is low, or the graph grows beyond use.
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { failures, pauses, refusals, skip, seen, wanted, lookAgain, told } = context as DeliveryContext;
    const { delivering, testing } = (typeof value === 'object' ? (value.open ?? {}) : {}) as Record<
      string,
      string
    >;
    const low = failures < 2 && pauses < 2;
    const detail = [wanted > seen, lookAgain, told, refusals?.count, skip];
    return JSON.stringify([
      value instanceof Object ? delivering : value,
      testing,
      Math.min(failures, 10),
      pauses,
      low ? detail : null,
    ]);
  },
};
