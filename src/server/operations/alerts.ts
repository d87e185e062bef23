/** Price alerts: set, list, update, delete. How one watches the price stands in the machine `priceAlert`. */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { RuntimeError, TtaiError } from '../../actors/runtime/errors.ts';
import type { ActorEvent, ActorView, Address } from '../../actors/runtime/types.ts';
import { priceText } from '../../machines/money.ts';
import { alertOf, alertView } from './alert-view.ts';
import { cursor, futureTime, idempotencyKey, limit, nextCursor, symbol, text } from './fields.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import { cancelActor, ownActor, unless } from './own-actor.ts';
import { pageOf } from './pages.ts';
import { isUnknownSymbol } from './symbol-check.ts';

const machine = 'priceAlert';
/** So many alerts at one price are compared with one that is set or changed. */
const maxCompared = 100;

export const setAlert = defineOperation({
  name: 'set_alert',
  title: 'Set a price alert',
  description:
    'Watch a price until it is met. above: price >= threshold; below: <=; crosses: either way. Fires once, or at every cross. The alert outlives this conversation. One that is armed just so is answered as it is.',
  input: z.strictObject({
    symbol,
    condition: z.enum(['above', 'below', 'crosses']),
    threshold: z.number().positive().max(10_000_000).describe('Price'),
    repeat: z.enum(['once', 'every_cross']).default('once'),
    expiresAt: futureTime.optional(),
    note: text(500).optional().describe('Comes back with the notification'),
    idempotencyKey,
  }),
  output: z.object({ alert: alertView, alreadySet: z.boolean() }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/alerts' },
  async run(context, { idempotencyKey: key, expiresAt = null, note = null, ...rest }) {
    await refuseUnknown(context, rest.symbol);
    const input = { ...rest, expiresAt, note };
    return key === undefined ? armOnce(context, input) : armByKey(context, input, key);
  },
  text: ({ alert, alreadySet }) =>
    `Alert ${alert.alertId} ${alreadySet ? 'was set already' : 'is set'}: ${inWords(alert)}.`,
});

export const listAlerts = defineOperation({
  name: 'list_alerts',
  title: 'List price alerts',
  description: 'Price alerts, newest first. status=all includes those that have ended.',
  input: z.strictObject({ status: z.enum(['active', 'all']).default('active'), limit, cursor }),
  output: z.object({ alerts: z.array(alertView), nextCursor }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/alerts' },
  async run({ system, owner }, { status, limit: count, cursor: after }) {
    const page = await pageOf(
      system.list({
        owner,
        machine,
        limit: count,
        ...(status === 'active' && { status: 'active' as const }),
        ...(after !== undefined && { cursor: after }),
      }),
    );
    return { alerts: page.actors.map(alertOf), nextCursor: page.next };
  },
  text: ({ alerts, nextCursor: next }) =>
    [
      alerts.length === 0 ? 'No alerts.' : '',
      ...alerts.map((alert) => `${alert.alertId} ${inWords(alert)}, ${alert.status}`),
      next === null ? '' : `More: cursor ${next}`,
    ]
      .filter(Boolean)
      .join('\n'),
});

export const updateAlert = defineOperation({
  name: 'update_alert',
  title: 'Change a price alert',
  description:
    'Change an armed alert; what is left out stays. A new condition or threshold begins anew. expiresAt or note null: none.',
  input: z.strictObject({
    alertId: text(100).min(1),
    condition: z.enum(['above', 'below', 'crosses']).optional(),
    threshold: z.number().positive().max(10_000_000).optional(),
    repeat: z.enum(['once', 'every_cross']).optional(),
    expiresAt: futureTime.nullable().optional(),
    note: text(500).nullable().optional(),
  }),
  output: z.object({
    alert: alertView,
    warning: z.string().nullable().describe('Another alert is armed just so'),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/alerts/{alertId}' },
  async run(context, { alertId, ...changes }) {
    const { address } = await ownAlert(context, alertId);
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    if (given.length === 0) {
      throw new TtaiError(
        'invalid_input',
        'Nothing to change: give a condition, a threshold, how often it fires, an expiry or a note.',
      );
    }
    await sendToArmed(context, address, { type: 'UPDATE', ...Object.fromEntries(given) });
    const alert = alertOf(await context.system.snapshot(address));
    const same = await armedSame(context, alert, address);
    const warning = same && `Alert ${same.alertId} is armed just so too: you are told by both.`;
    return { alert, warning };
  },
  text: ({ alert, warning }) =>
    `Alert ${alert.alertId} is changed: ${inWords(alert)}.${warning === null ? '' : ` ${warning}`}`,
});

export const deleteAlert = defineOperation({
  name: 'delete_alert',
  title: 'Delete a price alert',
  description: 'Stop watching. An alert that has ended stays as it ended.',
  input: z.strictObject({ alertId: text(100).min(1) }),
  output: z.object({ alert: alertView, wasArmed: z.boolean() }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  http: { method: 'delete', path: '/alerts/{alertId}' },
  async run(context, { alertId }) {
    const { address, status } = await ownAlert(context, alertId);
    return { alert: alertOf(await cancelActor(context, address)), wasArmed: status === 'active' };
  },
  text: ({ alert, wasArmed }) =>
    `Alert ${alert.alertId} (${inWords(alert)}) ${wasArmed ? 'is deleted' : `had ended before: ${alert.status}`}.`,
});

type AlertInput = Pick<
  z.output<typeof alertView>,
  'symbol' | 'condition' | 'threshold' | 'repeat' | 'expiresAt' | 'note'
>;
interface Armed {
  alert: z.output<typeof alertView>;
  alreadySet: boolean;
}

/** As often as it is asked with this key, one alert: also when it has ended. */
async function armByKey({ system, owner }: OperationContext, input: AlertInput, key: string): Promise<Armed> {
  const own = randomUUID();
  const address = await system.spawn(machine, own, { input, owner, idempotencyKey: key });
  return { alert: alertOf(await system.snapshot(address)), alreadySet: address !== `${machine}/${own}` };
}

/** One alert while one is armed just so; who asks twice wants to be told once. */
async function armOnce(context: OperationContext, input: AlertInput): Promise<Armed> {
  const same = await armedSame(context, input);
  return same ? { alert: same, alreadySet: true } : spawnOnce(context, input);
}

/** However often and at once it is asked for, one is spawned. */
async function spawnOnce(context: OperationContext, input: AlertInput, besides = ''): Promise<Armed> {
  const { system, owner } = context;
  const own = randomUUID();
  const said = JSON.stringify(input, Object.keys(input).sort());
  const singletonKey = createHash('sha256').update(`${said}${besides}`).digest('hex');
  const address = await system.spawn(machine, own, { input, owner, singletonKey });
  const actor = await system.snapshot(address);
  const alert = alertOf(actor);
  if (address === `${machine}/${own}`) return { alert, alreadySet: false };
  // It has ended in this very moment. Its place is free, and who asks next looks there first.
  if (actor.status !== 'active' && actor.status !== 'quarantined') return spawnOnce(context, input, besides);
  // It was set so, and is another one since it was updated; or it is in quarantine, and watches nothing.
  if (!isSame(alert, input) || actor.status !== 'active') {
    return spawnOnce(context, input, `${besides} ${alert.alertId}`);
  }
  return { alert, alreadySet: true };
}

/** An armed alert that is just so by now, however it was set; not the one at `except`. */
async function armedSame(
  { system, records, owner }: OperationContext,
  wanted: AlertInput,
  except?: Address,
): Promise<z.output<typeof alertView> | null> {
  const place = { symbol: wanted.symbol, price: wanted.threshold };
  for (const address of await records.alertsNear(owner, place, maxCompared)) {
    if (address === except) continue;
    const actor = await unless('actor_not_found', system.snapshot(address));
    if (actor?.status === 'active' && isSame(alertOf(actor), wanted)) return alertOf(actor);
  }
  return null;
}

function isSame(one: AlertInput, other: AlertInput): boolean {
  return (
    one.symbol === other.symbol &&
    one.condition === other.condition &&
    one.threshold === other.threshold &&
    one.repeat === other.repeat &&
    timeOf(one.expiresAt) === timeOf(other.expiresAt) &&
    one.note === other.note
  );
}

function timeOf(moment: string | null): number | null {
  return moment === null ? null : Date.parse(moment);
}

/** The alert's actor, if it is this owner's. Throws `alert_not_found`. */
function ownAlert(context: OperationContext, alertId: string): Promise<ActorView> {
  const address = z.uuid().safeParse(alertId).success ? `${machine}/${alertId}` : undefined;
  return ownActor(context, 'alert', alertId, address);
}

/** Sends it an event that only an armed alert takes. Throws `alert_ended`. */
async function sendToArmed(
  { system, source }: OperationContext,
  address: Address,
  event: ActorEvent,
): Promise<void> {
  try {
    await system.send(address, event, { source });
  } catch (error) {
    if (!(error instanceof RuntimeError && error.code === 'actor_ended')) throw error;
    throw new TtaiError('alert_ended', 'This alert has ended and stays as it ended. Set a new one.');
  }
}

/** Throws `symbol_not_found` when the source says so. While it can't be asked, an alert may wait for it. */
async function refuseUnknown(context: OperationContext, name: string): Promise<void> {
  if (!(await isUnknownSymbol(context, name))) return;
  throw new TtaiError('symbol_not_found', `Nobody knows the symbol ${name}; no alert was set.`, {
    details: { symbols: [name], hint: 'Check the spelling; the source may not carry the symbol.' },
  });
}

function inWords(alert: z.output<typeof alertView>): string {
  const { symbol: name, condition, threshold, repeat, expiresAt, note } = alert;
  const { lastQuote, waitingFor, blindBecause } = alert;
  const seen = lastQuote
    ? ` (last ${priceText(lastQuote.price)}, ${lastQuote.source}, as of ${lastQuote.asOf})`
    : '';
  const waits =
    waitingFor === 'quote' ? ` (waits for a fresh price${blindBecause ? `: ${blindBecause}` : ''})` : '';
  const special = [
    repeat === 'every_cross' && 'every time',
    expiresAt !== null && `until ${expiresAt}`,
    note !== null && `"${note}"`,
  ].filter(Boolean);
  const what = `${name} ${condition} ${priceText(threshold)}`;
  return `${what}${special.length > 0 ? `, ${special.join(', ')}` : ''}${seen}${waits}`;
}
