/** The effects of `delivery`: the next notification to a webhook, and a test of it. */
import { z } from 'zod';
import { delivery } from '../../machines/delivery.ts';
import { deliveryResult, testResult } from '../../machines/delivery-rules.ts';
import { preferencesOf } from '../../persistence/records/preferences.ts';
import {
  markDelivered,
  nextForWebhook,
  type Webhook,
  webhookOf,
} from '../../persistence/records/webhooks.ts';
import { type Effect, effect } from '../runtime/index.ts';
import type { EffectRooms } from './rooms.ts';
import { quietUntil } from './webhooks/quiet-hours.ts';

/** So many webhooks may hang at once, each for ten seconds, before they hold up others: they cost a socket each. */
const CONCURRENCY = 1_000;

export function deliveryEffects({ database, webhooks: sender }: EffectRooms): Effect[] {
  return [
    effect(
      'deliverNotification',
      {
        input: z.object({ webhookId: z.string(), skip: z.number().nullable() }),
        output: deliveryResult,
        timeout: '25 s',
        concurrency: CONCURRENCY,
      },
      async ({ webhookId, skip }, { owner, address, now, signal }) => {
        // Read each time: it may have been deleted or disallowed, and the wishes may have changed.
        const webhook = await webhookOf(database, owner, webhookId);
        if (!webhook) return { outcome: 'removed' as const };
        const after = Math.max(webhook.deliveredSeq, skip ?? 0);
        const { next, lastSeq } = await nextForWebhook(database, webhook, { after, notFrom: address });
        const preferences = await preferencesOf(database, owner);
        if (!next || !preferences.channels.includes('webhook')) {
          await markDelivered(database, webhookId, lastSeq);
          return { outcome: 'none' as const, seen: lastSeq };
        }
        if (after > webhook.deliveredSeq) await markDelivered(database, webhookId, after);
        const quiet = quietUntil(now(), preferences);
        if (quiet) return { outcome: 'quiet' as const, forMs: quiet.getTime() - now().getTime() };
        const sent = await sender.send({ ...webhook, timeZone: preferences.timeZone }, next, {
          now: now(),
          signal,
        });
        const about = { seq: next.seq, at: now().toISOString(), host: hostOf(webhook) };
        if (!sent.ok) {
          const { status, reason, retryAfterMs } = sent;
          const aboutWebhook = next.source.startsWith(`${delivery.id}/`);
          return { outcome: 'failed' as const, ...about, status, reason, retryAfterMs, aboutWebhook };
        }
        // From here on it is not sent again; before, when the process dies, once more.
        await markDelivered(database, webhookId, next.seq);
        return { outcome: 'sent' as const, ...about, seen: lastSeq };
      },
    ),
    effect(
      'testWebhook',
      {
        input: z.object({ webhookId: z.string(), testId: z.string() }),
        output: testResult,
        timeout: '15 s',
        // Somebody waits for the answer, and may ask again.
        retries: { limit: 0 },
        deadline: '15 s',
        concurrency: CONCURRENCY,
      },
      async ({ webhookId, testId }, { owner, address, now, signal }) => {
        const at = now();
        const webhook = await webhookOf(database, owner, webhookId);
        if (!webhook) return { ok: false, status: null, reason: 'it was deleted', at: at.toISOString() };
        const message = { seq: null, id: `test:${testId}`, type: 'test', at, source: address, data: {} };
        const { timeZone } = await preferencesOf(database, owner);
        const sent = await sender.send({ ...webhook, timeZone }, message, { now: at, signal });
        return {
          ok: sent.ok,
          status: sent.status,
          reason: sent.ok ? null : sent.reason,
          at: at.toISOString(),
        };
      },
    ),
  ];
}

/** Of a webhook's URL, what may be shown. */
function hostOf({ url }: Pick<Webhook, 'url'>): string {
  return new URL(url).host;
}
