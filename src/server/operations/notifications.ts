/** What a user was told, read again. Not for pushing it to a client; sessions do that. */
import { z } from 'zod';
import { notificationText } from '../../machines/notification-text.ts';
import { limit } from './fields.ts';
import { defineOperation } from './operation.ts';

export const listNotifications = defineOperation({
  name: 'list_notifications',
  title: 'List notifications',
  description:
    'All that the user was told (alerts, briefings, ended runs ...), oldest first, after afterSeq; pass the last seq next time.',
  input: z.strictObject({ afterSeq: z.int().min(0).default(0), limit }),
  output: z.object({
    notifications: z.array(
      z.object({
        seq: z.int(),
        id: z.string(),
        type: z.string(),
        at: z.string(),
        source: z.string().describe('Actor that told it'),
        data: z.record(z.string(), z.unknown()),
      }),
    ),
    latestSeq: z.int(),
    missed: z.boolean().describe('Some after afterSeq are deleted: they are kept for 90 days'),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/notifications' },
  async run({ owner, notifications }, input) {
    const rows = await notifications.since(owner, input.afterSeq, input.limit);
    return {
      notifications: rows.map(({ seq, id, type, at, source, data }) => ({
        seq,
        id,
        type,
        at: at.toISOString(),
        source,
        data,
      })),
      latestSeq: await notifications.latestSeq(owner),
      missed: input.afterSeq < (await notifications.prunedSeq(owner)),
    };
  },
  text: ({ notifications, latestSeq, missed }) => {
    const gap = missed ? ' Older ones are deleted.' : '';
    if (notifications.length === 0) return `Nothing new. The latest seq is ${latestSeq}.${gap}`;
    const lines = notifications.map(
      ({ seq, type, at, data }) =>
        `${seq} ${at} ${type}: ${notificationText(type, data).replaceAll('\n', '\n  ')}`,
    );
    return [...lines, `The latest seq is ${latestSeq}.${gap}`].join('\n');
  },
});
