/**
 * Big values cut down to what a page or a terminal can show at once. Not for secrets: what must stay secret is taken
 * out before (redact.ts, and the journal's own writing).
 */

/** Bytes of JSON that one context, event or output may take in an answer. */
export const maxValueBytes = 64 * 1024;
/** The same for a value in a list of steps, where dozens stand together. */
export const maxListedBytes = 4 * 1024;
const previewLength = 400;

/**
 * The value, or what fits of it into so many bytes of JSON: of an object the largest fields are replaced by a note
 * with their size and beginning, until the rest fits. `type` always stays, so that an event remains one.
 */
export function capped(value: unknown, maxBytes: number): unknown {
  const size = jsonSize(value);
  if (size <= maxBytes) return value;
  if (!isRecord(value) || Array.isArray(value)) return note(value, size);
  const fields = Object.entries(value).map(([name, field]) => ({ name, field, size: jsonSize(field) }));
  let total = size;
  const dropped = new Set<string>();
  for (const field of fields.toSorted((a, b) => b.size - a.size)) {
    if (total <= maxBytes || field.name === 'type' || field.size <= previewLength * 2) continue;
    dropped.add(field.name);
    total -= field.size - previewLength * 2;
  }
  if (total > maxBytes) return note(value, size);
  return Object.fromEntries(
    fields.map(({ name, field, size }) => [name, dropped.has(name) ? note(field, size) : field]),
  );
}

function note(value: unknown, bytes: number): unknown {
  return {
    '@truncated': `${bytes} bytes, more than is shown at once`,
    beginning: JSON.stringify(value).slice(0, previewLength),
  };
}

function jsonSize(value: unknown): number {
  const text = JSON.stringify(value);
  return text === undefined ? 0 : Buffer.byteLength(text);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
