/**
 * Text and JSON as Postgres's `jsonb` and `text` can hold them, which know neither a NUL character nor half of a
 * surrogate pair. Not for whether a value is JSON at all; that is `steps/lossless.ts`.
 */

/** Whether Postgres can hold a text as it is. */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** The text without what Postgres can't hold: NUL characters go, half characters become U+FFFD. */
export function storableText(text: string): string {
  return isStorableText(text) ? text : text.replaceAll('\0', '').toWellFormed();
}

/** What `JSON.stringify` makes of such text; where a backslash stands before it, of other text too. */
const SUSPECT = /\\u(?:0000|d[89a-f])/i;

/** Parses what `JSON.stringify` has written; of its texts and keys what Postgres can't hold is dropped or replaced. */
export function parseStorable(json: string): unknown {
  if (!SUSPECT.test(json)) return JSON.parse(json);
  return JSON.parse(json, (_key, value: unknown) => {
    if (typeof value === 'string') return storableText(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    if (Object.keys(value).every(isStorableText)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [storableText(key), part]));
  });
}

/** What a thrown value says, whatever it is: some can't even be made a text. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'what was thrown can not be read';
  }
}
