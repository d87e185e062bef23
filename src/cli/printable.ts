/**
 * Text from elsewhere made safe to print: what would steer the terminal, or turn the text around, is shown as an
 * escape. Style is applied afterwards, so it is only ever ours. Not for refusing such text; the server's doors do that.
 */

/** Controls, marks and overrides of direction, line and paragraph separators, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The same value with every text in it, names of fields too, in printable characters: `\x1b` for an escape. */
export function printable<Value>(value: Value): Value {
  return mapTexts(value) as Value;
}

function mapTexts(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(unprintable, escaped);
  if (Array.isArray(value)) return value.map(mapTexts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [mapTexts(name), mapTexts(inner)]));
}

/** JSON that prints safely and still reads back as the same value. */
export function printableJson(value: unknown, indent?: number): string {
  // JSON itself escapes the lower controls, so a newline here is one of the indentation.
  return JSON.stringify(value, null, indent).replace(unprintable, (character) =>
    character === '\n' ? character : `\\u${hex(character, 4)}`,
  );
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, length: number): string {
  return (character.codePointAt(0) ?? 0).toString(16).padStart(length, '0');
}

/** A word as a POSIX shell reads it back. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
