/** Whether what a machine says of how long it is remembered can be done. Not for the deleting (`upkeep/retention.ts`). */
import type { DurableMachine } from '../types.ts';
import { toMs } from './effect.ts';

/** Why a machine's retention is none, or nothing. */
export function faultsOfRetention({ journal, keepEnded }: DurableMachine): string[] {
  const faults: string[] = [];
  const { keepLast, keepFor } = journal ?? {};
  if (keepLast !== undefined && !(Number.isInteger(keepLast) && keepLast > 0))
    faults.push('its journal.keepLast is not a whole number above 0');
  for (const [name, duration] of Object.entries({ 'journal.keepFor': keepFor, keepEnded })) {
    if (duration === undefined) continue;
    try {
      if (!(toMs(duration) > 0)) faults.push(`its ${name} is not above 0`);
    } catch {
      faults.push(`its ${name} is not a duration such as "30 d"`);
    }
  }
  return faults;
}
