/** A price alert as clients see it, made from its committed actor. */
import { z } from 'zod';
import type { ActorView } from '../../actors/runtime/types.ts';

const lastQuote = z
  .object({ price: z.number(), asOf: z.string(), source: z.string(), stale: z.boolean() })
  .nullable();

export const alertView = z.object({
  alertId: z.string(),
  symbol: z.string(),
  condition: z.enum(['above', 'below', 'crosses']),
  threshold: z.number(),
  repeat: z.enum(['once', 'every_cross']),
  expiresAt: z.string().nullable(),
  note: z.string().nullable(),
  status: z.string().describe('armed, done, cancelled, expired or failed'),
  waitingFor: z.string().nullable().describe('price; quote while there is no fresh one'),
  blindBecause: z.string().nullable().describe('Why there is no fresh quote'),
  lastQuote,
  triggers: z.int().describe('How often it fired'),
  lastTriggeredAt: z.string().nullable(),
  createdAt: z.string(),
});

// Read leniently: an alert of an older machine shows less, and does not break the list.
const context = z.object({
  symbol: z.string().catch(''),
  condition: alertView.shape.condition.catch('crosses'),
  threshold: z.number().catch(0),
  repeat: alertView.shape.repeat.catch('once'),
  expiresAt: z.string().nullable().catch(null),
  note: z.string().nullable().catch(null),
  waitingFor: z.string().nullable().catch(null),
  blindBecause: z.string().nullable().catch(null),
  lastQuote: lastQuote.catch(null),
  triggers: z.int().catch(0),
  lastTriggeredAt: z.string().nullable().catch(null),
});

/** The alert of a committed `priceAlert` actor. */
export function alertOf(actor: ActorView): z.output<typeof alertView> {
  const fields = context.parse(actor.context);
  return {
    alertId: actor.key,
    ...fields,
    status: statusOf(actor),
    waitingFor: actor.status === 'active' ? fields.waitingFor : null,
    blindBecause: actor.status === 'active' ? fields.blindBecause : null,
    createdAt: actor.createdAt.toISOString(),
  };
}

function statusOf({ status, value }: ActorView): string {
  if (status === 'stopped') return 'cancelled';
  if (status !== 'active' && status !== 'done') return 'failed';
  return typeof value === 'string' ? value : (Object.keys(value)[0] ?? 'armed');
}
