/** A webhook as its owner sees it: never its whole URL, which is a secret with Slack and Discord, nor what signs. */
import { z } from 'zod';
import type { ActorView } from '../../actors/runtime/types.ts';
import { NOTIFICATION_TYPES } from '../../machines/notification-text.ts';
import type { Webhook } from '../../persistence/records/webhooks.ts';

export const webhookFormat = z.enum(['json', 'slack', 'discord']);
export const notificationType = z.enum(NOTIFICATION_TYPES);
export const notificationTypes = z.array(notificationType).min(1).max(20);

const lastError = z.object({ at: z.string(), status: z.int().nullable(), reason: z.string() }).nullable();

export const webhookView = z.object({
  webhookId: z.string(),
  url: z.string().describe('Its host only; the rest is secret'),
  format: webhookFormat,
  types: z.array(z.string()).nullable().describe('null: all'),
  status: z.enum(['active', 'retrying', 'paused', 'quiet', 'disabled']),
  behind: z.int().describe('Notifications that it has not been through yet'),
  skipped: z.int().describe('Refused by the receiver, and passed over'),
  lastSentAt: z.string().nullable(),
  lastError,
  createdAt: z.string(),
});

// Read leniently: a delivery of an older machine shows less.
const context = z.object({
  skipped: z.int().catch(0),
  lastSentAt: z.string().nullable().catch(null),
  lastError: lastError.catch(null),
});
const value = z.object({ open: z.object({ delivering: z.string() }) });

const STATUS: Readonly<Record<string, z.output<typeof webhookView>['status']>> = {
  backingOff: 'retrying',
  paused: 'paused',
  quiet: 'quiet',
  disabled: 'disabled',
};

/** `actor` is its delivery; undefined where there is none yet. `latestSeq`: the owner's last notification. */
export function webhookOfRow(
  row: Webhook,
  actor: ActorView | undefined,
  latestSeq: number,
): z.output<typeof webhookView> {
  const { id, url, format, types, deliveredSeq, disabledAt, createdAt } = row;
  const where = value.safeParse(actor?.value).data?.open.delivering ?? '';
  return {
    webhookId: id,
    url: shownUrl(url),
    format,
    types,
    status: disabledAt ? 'disabled' : (STATUS[where] ?? 'active'),
    behind: Math.max(0, latestSeq - deliveredSeq),
    ...context.parse(actor?.context ?? {}),
    createdAt: createdAt.toISOString(),
  };
}

/** `https://hooks.slack.com/…` */
export function shownUrl(url: string): string {
  return `${new URL(url).origin}/…`;
}
