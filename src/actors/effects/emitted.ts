/**
 * What TTAI's machines emit, and the rows that it becomes, in the transaction of the emitting step: notifications, and
 * the prices that an alert waits for.
 */
import { type ArmedAlert, armAlerts, disarmAlerts } from '../../persistence/records/armed-alerts.ts';
import { insertNotifications } from '../../persistence/records/notifications.ts';
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
  const alerts = new Map<string, EmittedEvent>();
  for (const one of emitted) {
    if (one.event.type === 'alert.armed' || one.event.type === 'alert.disarmed') alerts.set(one.address, one);
  }
  const [armed, disarmed]: [ArmedAlert[], string[]] = [[], []];
  for (const { address, owner, event } of alerts.values()) {
    if (event.type === 'alert.disarmed') disarmed.push(address);
    else armed.push({ ...(event as unknown as ArmedAlert), address, owner });
  }
  await armAlerts(transaction, armed);
  await disarmAlerts(transaction, disarmed);
}
