/** Whether a value is the same after it was stored as JSON in Postgres. Not for making it so. */

interface Fault {
  /** The keys to the place, the innermost first. */
  place: string[];
  /** What is there, and why it can't stay. */
  what: string;
}

/** Why a value can't be stored as it is, naming the place; null when it can. A field that is undefined is left out. */
export function faultOfValue(value: unknown, path = ''): string | null {
  const fault = faultAt(value);
  if (!fault) return null;
  const place = [...(path === '' ? [] : [path]), ...fault.place.reverse()];
  return `${place.join('.') || 'the whole'} ${fault.what}`;
}

/** Asked of each context that a step has changed: the place is put together only where there is a fault. */
function faultAt(value: unknown): Fault | null {
  switch (typeof value) {
    case 'boolean':
    case 'string':
    case 'undefined':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : { place: [], what: `is ${value}, which JSON can't hold` };
    case 'object':
      return value === null ? null : faultWithin(value);
    default:
      return { place: [], what: `is a ${typeof value}, which JSON can't hold` };
  }
}

function faultWithin(value: object): Fault | null {
  const isList = Array.isArray(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!isList && prototype !== Object.prototype && prototype !== null) {
    return { place: [], what: `is a ${value.constructor.name}, which JSON can't hold` };
  }
  for (const key of Object.keys(value)) {
    const part = (value as Record<string, unknown>)[key];
    const fault =
      part === undefined && isList
        ? { place: [], what: "is undefined, which JSON can't hold" }
        : faultAt(part);
    if (!fault) continue;
    fault.place.push(key);
    return fault;
  }
  return null;
}
