/** An event as far as a dead letter can hold it. Not for why it became one (`apply-step.ts`, `apply-unstorable.ts`). */
import { parseStorable } from '../storable.ts';
import type { ActorEvent } from '../types.ts';

/** A longer event is not kept: it may be what can't be stored. */
const MAX_KEPT_CHARS = 10_000_000;

/** Begins the type of an event that stands for one that could not be kept. */
export const UNSTORABLE = 'unstorable.';

export function keptEvent(event: ActorEvent): ActorEvent {
  const text = JSON.stringify(event);
  if (text.length > MAX_KEPT_CHARS) return { type: `${UNSTORABLE}${event.type}`, chars: text.length };
  return parseStorable(text) as ActorEvent;
}
