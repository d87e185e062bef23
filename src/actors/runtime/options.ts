/**
 * The options of calls and declarations: a name that nobody knows is refused and not ignored, since a misspelt
 * `idempotencyKey` would lose exactly-once in silence. Not for events and inputs, which have schemas (`incoming.ts`).
 */
import { RuntimeError } from './errors.ts';
import { isStorableText } from './storable.ts';

/** Keys and owners. */
export const MAX_KEY_CHARS = 200;
/** An address is one, and a child's is longer than its parent's. */
export const MAX_SOURCE_CHARS = 2_000;

/** The options of a call. Throws `invalid_input`, naming the field, for what is no object or has another name. */
export function optionsOf<T extends object>(options: T, known: readonly (keyof T & string)[]): T {
  if (typeof options !== 'object' || options === null)
    throw wrongOption('options', 'the options are an object');
  const [unknown] = unknownNames(options, known);
  if (unknown === undefined) return options;
  throw wrongOption(unknown, `there is no option "${unknown}"; there are ${known.join(', ')}`);
}

/** The names of an object's own fields that nobody knows. */
export function unknownNames(given: object, known: readonly string[]): string[] {
  return Object.keys(given).filter((name) => !known.includes(name));
}

/** What is wrong with a declared object's names; `what` is the object's place, empty for the whole. */
export function faultsOfNames(given: unknown, known: readonly string[], what = ''): string[] {
  if (typeof given !== 'object' || given === null) return [];
  const place = what === '' ? '' : `${what}.`;
  return unknownNames(given, known).map(
    (name) => `it has no ${place}${name}: known are ${known.map((one) => place + one).join(', ')}`,
  );
}

/** Throws `invalid_input` for what is not a text of 1 to so many characters that can be stored. */
export function refuseText(field: string, value: unknown, maxChars: number): asserts value is string {
  if (typeof value === 'string' && value !== '' && value.length <= maxChars && isStorableText(value)) return;
  throw wrongOption(field, `${field} is 1 to ${maxChars} characters of text, without NUL`);
}

/** The same, where the option may be left out. */
export function refuseTextIfGiven(field: string, value: unknown, maxChars: number): void {
  if (value !== undefined) refuseText(field, value, maxChars);
}

/** Who asks, for the journal; null where it was not said. Throws as `optionsOf` does. */
export function sourceOf(options: { source?: string }): string | null {
  const { source } = optionsOf(options, ['source']);
  refuseTextIfGiven('source', source, MAX_SOURCE_CHARS);
  return source ?? null;
}

export function wrongOption(field: string, message: string): RuntimeError {
  return new RuntimeError('invalid_input', message, { details: { field } });
}
