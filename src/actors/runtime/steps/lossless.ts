/** Whether a value is the same after it was stored as JSON in Postgres. Not for making it so. */
import { isStorableText, storableText } from '../storable.ts';

interface Fault {
  /** The keys to the place, the innermost first. */
  place: string[];
  /** What is there, and why it can't stay. */
  what: string;
}

/** Deeper than any value of a person's making; a value that contains itself has no end. */
const MAX_DEPTH = 500;
/** A longer place is named by its beginning. */
const MAX_PLACE = 20;

/** Why a value can't be stored as it is, naming the place; null when it can. A field that is undefined is left out. */
export function faultOfValue(value: unknown, path = ''): string | null {
  return wordsOf(faultAt(value, 0, false), path);
}

/** As `faultOfValue`, for where Postgres reads the texts, and so can hold neither a NUL nor half a character. */
export function faultOfText(value: unknown, path = ''): string | null {
  return wordsOf(faultAt(value, 0, true), path);
}

function wordsOf(fault: Fault | null, path: string): string | null {
  if (!fault) return null;
  const keys = fault.place.reverse().map(storableText);
  const place = [
    ...(path === '' ? [] : [path]),
    ...keys.slice(0, MAX_PLACE),
    ...(keys.length > MAX_PLACE ? ['…'] : []),
  ];
  return `${place.join('.') || 'the whole'} ${fault.what}`;
}

/** Asked of each context that a step has changed: the place is put together only where there is a fault. */
function faultAt(value: unknown, depth: number, readsText: boolean): Fault | null {
  switch (typeof value) {
    case 'boolean':
    case 'undefined':
      return null;
    case 'string':
      return !readsText || isStorableText(value) ? null : { place: [], what: ODD_TEXT };
    case 'number':
      return Number.isFinite(value) ? null : { place: [], what: `is ${value}, which JSON can't hold` };
    case 'object':
      return value === null ? null : faultWithin(value, depth, readsText);
    default:
      return { place: [], what: `is a ${typeof value}, which JSON can't hold` };
  }
}

const ODD_TEXT = "holds a NUL character or half a character, which can't be stored";

function faultWithin(value: object, depth: number, readsText: boolean): Fault | null {
  if (depth > MAX_DEPTH)
    return { place: [], what: `goes deeper than ${MAX_DEPTH} levels, or contains itself` };
  const isList = Array.isArray(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!isList && prototype !== Object.prototype && prototype !== null) {
    return { place: [], what: `is a ${nameOfClass(value)}, which JSON can't hold` };
  }
  for (const key of Object.keys(value)) {
    const part = (value as Record<string, unknown>)[key];
    const fault =
      part === undefined && isList
        ? { place: [], what: "is undefined, which JSON can't hold" }
        : readsText && !isStorableText(key)
          ? { place: [], what: ODD_TEXT }
          : faultAt(part, depth + 1, readsText);
    if (!fault) continue;
    fault.place.push(key);
    return fault;
  }
  return null;
}

function nameOfClass(value: object): string {
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'class instance';
}
