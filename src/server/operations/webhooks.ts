/** Webhooks: add, list, test, delete. How one is sent to stands in the machine `delivery`. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { checkDestination, MAX_URL_LENGTH, newWebhookSecret } from '../../actors/effects/index.ts';
import { RuntimeError, TtaiError } from '../../actors/runtime/errors.ts';
import type { ActorEvent, ActorView, SendAnswer } from '../../actors/runtime/types.ts';
import { MAX_WEBHOOKS, type Webhook } from '../../persistence/records/webhooks.ts';
import { text } from './fields.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import {
  notificationTypes,
  presentError,
  shownUrl,
  webhookFormat,
  webhookOfRow,
  webhookView,
} from './webhook-view.ts';

const machine = 'delivery';
/** The sender gives up after ten. */
const testTimeoutMs = 20_000;

const webhookId = text(100).min(1);
type Context = Pick<OperationContext, 'system' | 'owner' | 'source' | 'records' | 'notifications'>;

export const addWebhook = defineOperation({
  name: 'add_webhook',
  title: 'Add a webhook',
  description:
    'Send notifications to a URL from now on: signed JSON, or a Slack or Discord channel. secret verifies the signature and is shown this once.',
  input: z.strictObject({
    url: text(MAX_URL_LENGTH).min(1).describe('https'),
    format: webhookFormat.default('json'),
    types: notificationTypes.optional().describe('Only these; all unless given'),
  }),
  output: z.object({
    webhookId: z.string(),
    url: webhookView.shape.url,
    secret: z.string().nullable().describe('null unless json'),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  http: { method: 'post', path: '/webhooks' },
  async run(context, { url, format, types }) {
    const { owner, records, system, webhookAllowedHosts } = context;
    const { href } = checkDestination(url, webhookAllowedHosts);
    const secret = newWebhookSecret();
    const wanted = types ? [...new Set(types)] : null;
    const row = await records.addWebhook({
      id: randomUUID(),
      owner,
      url: href,
      format,
      secret,
      types: wanted,
    });
    if (row === 'exists') {
      throw new TtaiError('webhook_exists', 'You have a webhook of this URL.', {
        details: { hint: 'To change it, or for a new secret, delete it and add it again.' },
      });
    }
    if (row === 'full') {
      throw new TtaiError(
        'webhook_limit',
        `You have ${MAX_WEBHOOKS} webhooks, which is the most there can be.`,
        {
          details: { limit: MAX_WEBHOOKS, hint: 'Delete one that you no longer need.' },
        },
      );
    }
    await system.spawn(machine, row.id, { input: { webhookId: row.id }, owner });
    return { webhookId: row.id, url: shownUrl(row), secret: format === 'json' ? secret : null };
  },
  text: ({ webhookId: id, url, secret }) =>
    `Webhook ${id} to ${url} is added.${secret === null ? '' : ` Its secret, shown this once: ${secret}`}`,
});

export const listWebhooks = defineOperation({
  name: 'list_webhooks',
  title: 'List webhooks',
  description: 'Webhooks, oldest first, and whether they work.',
  input: z.strictObject({}),
  output: z.object({ webhooks: z.array(webhookView) }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/webhooks' },
  async run(context) {
    const rows = await context.records.webhooks(context.owner);
    return { webhooks: await Promise.all(rows.map((row) => viewOf(context, row))) };
  },
  text: ({ webhooks }) =>
    webhooks.length === 0
      ? 'No webhooks.'
      : webhooks
          .map((webhook) => {
            const { webhookId: id, url, format, status } = webhook;
            const error = presentError(webhook);
            const why = error === null ? '' : ` (${error.reason})`;
            return `${id} ${format} ${url} ${status}${why}`;
          })
          .join('\n'),
});

export const deleteWebhook = defineOperation({
  name: 'delete_webhook',
  title: 'Delete a webhook',
  description: 'Nothing more is sent to it.',
  input: z.strictObject({ webhookId }),
  output: z.object({ webhookId: z.string() }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  http: { method: 'delete', path: '/webhooks/{webhookId}' },
  async run(context, { webhookId: id }) {
    // The row goes first: without it nothing is sent, whatever becomes of the actor.
    const row = isId(id) ? await context.records.deleteWebhook(context.owner, id) : null;
    if (!row) throw notFound(id);
    await sendIfThere(context, row.id, { type: 'CLOSE' });
    return { webhookId: row.id };
  },
  text: ({ webhookId: id }) => `Webhook ${id} is deleted.`,
});

export const testWebhook = defineOperation({
  name: 'test_webhook',
  title: 'Test a webhook',
  description:
    'Send it one test message now, and say what it answered. One that is paused or disabled goes on when it works.',
  input: z.strictObject({ webhookId }),
  output: z.object({
    ok: z.boolean(),
    status: z.int().nullable().describe('HTTP status it answered'),
    reason: z.string().nullable().describe('Why it failed'),
    at: z.string().nullable(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  http: { method: 'post', path: '/webhooks/{webhookId}/test' },
  async run(context, { webhookId: id }) {
    const { system, owner, signal } = context;
    const row = isId(id) ? await context.records.webhook(owner, id) : null;
    if (!row) throw notFound(id);
    const testId = randomUUID();
    const event = { type: 'TEST', testId };
    // There is no actor where the process died that added the row.
    await system.spawn(machine, row.id, { input: { webhookId: row.id }, owner });
    const sent = await sendIfThere(context, row.id, event);
    if (!sent) throw notFound(id);
    if (!sent.changed) {
      throw new TtaiError('webhook_test_running', 'This webhook is being tested already.', {
        retryable: true,
      });
    }
    const isTested = ({ status, context: { lastTest } }: ActorView): boolean =>
      status !== 'active' || (lastTest as { testId?: string } | null)?.testId === testId;
    const actor = await system.waitFor(`${machine}/${row.id}`, isTested, {
      timeoutMs: testTimeoutMs,
      ...(signal && { signal }),
    });
    const { ok, status, reason, at } = (actor.context.lastTest ?? {}) as Partial<TestAnswer>;
    if (ok === undefined) throw notFound(id);
    return { ok, status: status ?? null, reason: reason ?? null, at: at ?? null };
  },
  text: ({ ok, status, reason }) =>
    ok ? `It works: it answered ${status}.` : `It does not work: ${reason}.`,
});

interface TestAnswer {
  ok: boolean;
  status: number | null;
  reason: string | null;
  at: string | null;
}

/** Tells the owner's deliveries that the owner wants to be told otherwise (preferences): they look again. */
export async function updateDeliveries(context: Context): Promise<void> {
  const rows = await context.records.webhooks(context.owner);
  await Promise.all(rows.map(({ id }) => sendIfThere(context, id, { type: 'UPDATE' })));
}

async function viewOf({ system, owner, notifications }: Context, row: Webhook) {
  const actor = await unlessGone(system.snapshot(`${machine}/${row.id}`));
  return webhookOfRow(row, actor, await notifications.latestSeq(owner));
}

/** Undefined where there is no such actor any more. */
function sendIfThere(
  { system, source }: Pick<Context, 'system' | 'source'>,
  id: string,
  event: ActorEvent,
): Promise<SendAnswer | undefined> {
  return unlessGone(system.send(`${machine}/${id}`, event, { source }));
}

async function unlessGone<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    const gone = ['actor_not_found', 'actor_ended'];
    if (error instanceof RuntimeError && gone.includes(error.code)) return undefined;
    throw error;
  }
}

function isId(id: string): boolean {
  return z.uuid().safeParse(id).success;
}

function notFound(id: string): TtaiError {
  return new TtaiError('webhook_not_found', `There is no webhook ${id}.`, {
    details: { hint: 'The list of webhooks shows the ones there are.' },
  });
}
