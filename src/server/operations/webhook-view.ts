/** A webhook as its owner sees it: never its whole URL, which is a secret with Slack and Discord, nor what signs. */
import { z } from 'zod';
import type { ActorView } from '../../actors/runtime/types.ts';
import { NOTIFICATION_TYPES } from '../../machines/notification-text.ts';
import type { Webhook } from '../../persistence/records/webhooks.ts';

export const webhookFormat = z.enum(['json', 'slack', 'discord']);
export const notificationType = z.enum(NOTIFICATION_TYPES);
export const notificationTypes = z.array(notificationType).min(1).max(20);

/** Slack's and Discord's secrets are longer. */
const secretLength = 20;

const lastError = z.object({ at: z.string(), status: z.int().nullable(), reason: z.string() }).nullable();

export const webhookView = z.object({
  webhookId: z.string(),
  url: z.string().describe("Its host, and a Slack or Discord URL's last characters; the rest is secret"),
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
    url: shownUrl({ url, format }),
    format,
    types,
    status: disabledAt ? 'disabled' : (STATUS[where] ?? 'active'),
    behind: Math.max(0, latestSeq - deliveredSeq),
    ...context.parse(actor?.context ?? {}),
    createdAt: createdAt.toISOString(),
  };
}

/**
 * `https://hooks.slack.com/…x7Qz`: of a chat's URL so much that its owner knows which it is; its end is random, and far
 * longer. Where the secret stands in another's URL nobody knows.
 */
export function shownUrl({ url, format }: Pick<Webhook, 'url' | 'format'>): string {
  const { origin, pathname } = new URL(url);
  const secret = pathname.split('/').at(-1) ?? '';
  return `${origin}/…${format !== 'json' && secret.length >= secretLength ? secret.slice(-4) : ''}`;
}

/** What is wrong with it now; null while it works, however it failed before. */
export function presentError({
  status,
  lastError: last,
}: Pick<z.output<typeof webhookView>, 'status' | 'lastError'>): z.output<typeof lastError> {
  return status === 'active' || status === 'quiet' ? null : last;
}
