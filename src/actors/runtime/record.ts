/**
 * The journal's record of one step: what the inspector shows. Secrets and oversized values are left out here, before
 * anything is written. Not for reading records back; that is `views.ts`.
 */
import type { StateValue } from 'xstate';
import type { PlainError } from './errors.ts';
import type { ActorEvent, ActorStatus, DurableMachine, EffectDescriptor, InspectionRecord } from './types.ts';

/** A value whose JSON is longer than this is replaced by a note of its size. */
const MAX_VALUE_CHARS = 32_768;

/** What a record holds beside the columns of its row. */
export interface RecordBody {
  machine: string;
  version: string;
  incarnation: string;
  kind: InspectionRecord['kind'];
  event: ActorEvent;
  source: string | null;
  valueBefore: StateValue | null;
  snapshot: {
    status: ActorStatus;
    value: StateValue;
    context: unknown;
    output?: unknown;
    error?: PlainError;
  };
  microsteps: InspectionRecord['microsteps'];
  effects: EffectDescriptor[];
}

/** The record as JSON text, with the machine's redactions applied. */
export function writeRecord(definition: DurableMachine, body: RecordBody): string {
  const redact = definition.journal?.redact ?? [];
  const event = trimmed(body.event, 'event', redact) as ActorEvent;
  const snapshot = { ...body.snapshot, context: trimmed(body.snapshot.context, 'context', redact) };
  if (snapshot.output !== undefined) snapshot.output = trimmed(snapshot.output, 'output', redact);
  const effects = body.effects.map((descriptor) => {
    if (descriptor.type === '@xstate.start') {
      return { ...descriptor, input: trimmed(descriptor.input, 'input', redact) };
    }
    if (descriptor.type === '@xstate.emit')
      return { ...descriptor, event: trimmed(descriptor.event, 'emitted', redact) };
    return descriptor;
  });
  return JSON.stringify({ ...body, event, snapshot, effects });
}

/** A copy of an object whose redacted fields and oversized fields are replaced by notes. */
function trimmed(value: unknown, name: string, redact: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = { ...value };
  for (const [field, content] of Object.entries(copy)) {
    const path = `${name}.${field}`;
    if (redact.includes(path)) {
      if (content !== null && content !== undefined) copy[field] = { redacted: true };
      continue;
    }
    const size =
      typeof content === 'object' || typeof content === 'string' ? (JSON.stringify(content)?.length ?? 0) : 0;
    if (size > MAX_VALUE_CHARS) copy[field] = { omitted: true, chars: size };
  }
  return Array.isArray(value) ? Object.values(copy) : copy;
}
