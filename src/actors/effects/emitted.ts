/**
 * What TTAI's machines emit, and the rows that it becomes, in the transaction of the emitting step: notifications, the
 * prices that an alert waits for, and webhooks that are given up.
 */
import { type ArmedAlert, armAlerts, disarmAlerts } from '../../persistence/records/armed-alerts.ts';
import { insertNotifications } from '../../persistence/records/notifications.ts';
import { setWebhookDisabled } from '../../persistence/records/webhooks.ts';
import type { EmittedEvent, Transaction } from '../runtime/index.ts';

/** Writes what a batch of steps emitted, in its order. */
export async function writeEmitted(
  transaction: Transaction,
  emitted: readonly EmittedEvent[],
): Promise<void> {
  const notifications = emitted.filter(({ event }) => event.type === 'notification');
  if (notifications.length > 0) {
    await insertNotifications(
      transaction,
      notifications.map(({ id, address, owner, event, at }) => ({
        owner,
        id,
        type: String(event.notification),
        source: address,
        at,
        data: event.data as Record<string, unknown>,
      })),
    );
  }
  // Of one alert in one batch only the last counts.
  const [armed, disarmed]: [ArmedAlert[], string[]] = [[], []];
  for (const { address, owner, event } of byAddress(emitted, ['alert.armed', 'alert.disarmed'])) {
    if (event.type === 'alert.disarmed') disarmed.push(address);
    else armed.push({ ...(event as unknown as ArmedAlert), address, owner });
  }
  await armAlerts(transaction, armed);
  await disarmAlerts(transaction, disarmed);
  for (const { owner, event, at } of byAddress(emitted, ['webhook.disabled', 'webhook.enabled'])) {
    const disabledAt = event.type === 'webhook.disabled' ? at : null;
    await setWebhookDisabled(transaction, owner, String(event.webhookId), disabledAt);
  }
}

/** The last event of each actor among those of these types, in the order of the addresses, so that none deadlock. */
function byAddress(emitted: readonly EmittedEvent[], types: readonly string[]): EmittedEvent[] {
  const last = new Map<string, EmittedEvent>();
  for (const one of emitted) if (types.includes(one.event.type)) last.set(one.address, one);
  return [...last.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}
