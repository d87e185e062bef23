/** `webhook`: what can be typed for being told outside. What it does is done by the operations. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import {
  notificationType,
  type notificationTypes,
  presentError,
  webhookFormat,
  type webhookView,
} from '../server/operations/webhook-view.ts';
import { addWebhook, deleteWebhook, listWebhooks, testWebhook } from '../server/operations/webhooks.ts';
import type { ActorCommandsOptions } from './actors.ts';
import { quoted } from './arguments.ts';
import { localTime, localTimes, table } from './terminal.ts';

type Webhook = z.output<typeof webhookView>;
type Types = z.output<typeof notificationTypes>;

const examples = `
Examples:
  npm run ttai -- webhook add https://hooks.slack.com/services/... --format slack
  npm run ttai -- webhook add https://example.com/ttai --types price_alert_triggered,position_alert
  npm run ttai -- webhook test WEBHOOK

A webhook is told what comes from now on. docs/webhooks.md says how a receiver
verifies the signature, and what happens when one does not answer.`;

/** Adds `webhook` and its commands. */
export function addWebhookCommands(
  program: Command,
  { client, show, exitWith }: Omit<ActorCommandsOptions, 'terminal'>,
): void {
  const webhook = program
    .command('webhook')
    .description('being told in a chat, on a phone or by a program: add, list, test, delete')
    .addHelpText('after', examples);
  webhook
    .command('add')
    .description('send notifications to a URL from now on; shows the secret that signs them, once')
    .argument('<url>', 'https; that of a Slack or Discord channel too')
    .addOption(new Option('--format <format>', 'what is sent').choices(webhookFormat.options).default('json'))
    .option(
      '--types <types>',
      `only these, with commas between: ${notificationType.options.join(', ')}`,
      typesOf,
    )
    .option('--json', 'as JSON')
    .action(async (url: string, { format, types, json }: AddOptions) => {
      const answer = await client().call(addWebhook, { url, format, ...(types && { types }) });
      show(answer, json, ({ webhookId, url: shown, secret }) => [
        `${shown}  ${format}  ${webhookId}`,
        ...(secret === null ? [] : ['', secret, '', 'It signs what is sent, and is not shown again.']),
        `Try it: npm run ttai -- webhook test ${webhookId}`,
      ]);
    });
  webhook
    .command('list')
    .description('webhooks, and whether they work')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      show(await client().call(listWebhooks, {}), json, ({ webhooks }) => webhookList(webhooks));
    });
  webhook
    .command('test')
    .description('send one test message now; one that is paused or disabled goes on when it works')
    .argument('<webhookId>', 'as "webhook list" shows it')
    .option('--json', 'as JSON')
    .action(async (webhookId: string, { json }: { json?: boolean }) => {
      const answer = await client().call(testWebhook, { webhookId });
      show(answer, json, ({ ok, status, reason }) => [
        ok ? `It works: it answered ${status}.` : `It does not work: ${localTimes(reason ?? 'unknown')}.`,
      ]);
      if (!answer.ok) exitWith(1);
    });
  webhook
    .command('delete')
    .description('send it nothing more')
    .argument('<webhookId>', 'as "webhook list" shows it')
    .option('--json', 'as JSON')
    .action(async (webhookId: string, { json }: { json?: boolean }) => {
      const answer = await client().call(deleteWebhook, { webhookId });
      show(answer, json, ({ webhookId: id }) => [`${id} is deleted.`]);
    });
}

interface AddOptions {
  format: Webhook['format'];
  types?: Types;
  json?: boolean;
}

/** Webhooks as a table, oldest first. */
export function webhookList(webhooks: readonly Webhook[]): string[] {
  if (webhooks.length === 0)
    return ['No webhooks. Add one: npm run ttai -- webhook add https://example.com/ttai'];
  const errors = webhooks.map(presentError);
  const rows = webhooks.map((one, index) => [
    one.url,
    one.format,
    one.types?.join(', ') ?? 'all',
    one.status,
    String(one.behind),
    String(one.skipped),
    one.lastSentAt === null ? '–' : localTime(one.lastSentAt),
    errorInWords(errors[index] ?? null),
    localTime(one.createdAt),
    one.webhookId,
  ]);
  const head = [
    'URL',
    'FORMAT',
    'TYPES',
    'STATUS',
    'BEHIND',
    'SKIPPED',
    'LAST SENT',
    'LAST ERROR',
    'ADDED',
    'WEBHOOK',
  ];
  return table([head, ...rows]);
}

function errorInWords(error: Webhook['lastError']): string {
  return error === null ? '' : `${localTime(error.at)} ${localTimes(error.reason)}`;
}

function typesOf(text: string): Types {
  return text.split(',').map((one) => {
    const type = notificationType.safeParse(one.trim());
    if (type.success) return type.data;
    throw new InvalidArgumentError(`${quoted(one)} is none of ${notificationType.options.join(', ')}.`);
  });
}
