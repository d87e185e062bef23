/**
 * The journal's record of one step: what the inspector shows. Secrets and oversized values are left out here, before
 * anything is written. Not for reading records back; that is `views.ts`.
 */
import type { ActorEvent, DurableMachine, InspectionRecord } from '../types.ts';

/** A value whose JSON is longer than this is replaced by a note of its size. */
const MAX_VALUE_CHARS = 32_768;

/** What a record holds beside the columns of its row. */
export type RecordBody = Omit<InspectionRecord, 'cursor' | 'address' | 'owner' | 'revision' | 'at'>;

/** The record as JSON text, with the machine's redactions applied. */
export function writeRecord(definition: DurableMachine, body: RecordBody): string {
  const redact = definition.journal?.redact ?? [];
  const event = trimmed(body.event, 'event', redact) as ActorEvent;
  const snapshot = { ...body.snapshot, context: trimmed(body.snapshot.context, 'context', redact) };
  if (snapshot.output !== undefined) snapshot.output = trimmed(snapshot.output, 'output', redact);
  const effects = body.effects.map((descriptor) => {
    if (descriptor.type === '@xstate.start' || descriptor.type === '@xstate.spawn') {
      return { ...descriptor, input: trimmed(descriptor.input, 'input', redact) };
    }
    if (!('event' in descriptor)) return descriptor;
    const path = descriptor.type === '@xstate.emit' ? 'emitted' : 'event';
    return { ...descriptor, event: trimmed(descriptor.event, path, redact) };
  });
  return JSON.stringify({ ...body, event, snapshot, effects });
}

/** An event as it may be shown: without what its machine redacts. */
export function redacted(event: ActorEvent, { journal }: DurableMachine): ActorEvent {
  return trimmed(event, 'event', journal?.redact ?? []) as ActorEvent;
}

/** A copy of an object whose redacted fields, at any depth, and oversized fields are replaced by notes. */
function trimmed(value: unknown, path: string, redact: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = { ...value };
  for (const [field, content] of Object.entries(copy)) {
    const here = `${path}.${field}`;
    if (redact.includes(here)) {
      if (content !== null && content !== undefined) copy[field] = { redacted: true };
    } else if (redact.some((other) => other.startsWith(`${here}.`))) {
      copy[field] = trimmed(content, here, redact);
    } else {
      const chars = typeof content === 'object' || typeof content === 'string' ? jsonLength(content) : 0;
      if (chars > MAX_VALUE_CHARS) copy[field] = { omitted: true, chars };
    }
  }
  return Array.isArray(value) ? Object.values(copy) : copy;
}

function jsonLength(value: object | string | null): number {
  return JSON.stringify(value)?.length ?? 0;
}
