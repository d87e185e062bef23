/** Whether a value is the same after it was stored as JSON in Postgres. Not for making it so. */

/** Why a value can't be stored as it is, naming the place; null when it can. A field that is undefined is left out. */
export function faultOfValue(value: unknown, path = ''): string | null {
  const at = path === '' ? 'the whole' : path;
  switch (typeof value) {
    case 'boolean':
    case 'undefined':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : `${at} is ${value}, which JSON can't hold`;
    case 'string':
      if (!value.includes('\0') && value.isWellFormed()) return null;
      return `${at} has a NUL character or half a character, which can't be stored`;
    case 'object':
      return value === null ? null : faultWithin(value, path, at);
    default:
      return `${at} is a ${typeof value}, which JSON can't hold`;
  }
}

function faultWithin(value: object, path: string, at: string): string | null {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    return `${at} is a ${value.constructor.name}, which JSON can't hold`;
  }
  for (const [key, part] of Object.entries(value)) {
    const place = path === '' ? key : `${path}.${key}`;
    if (part === undefined && Array.isArray(value)) return `${place} is undefined, which JSON can't hold`;
    const fault = faultOfValue(part, place);
    if (fault) return fault;
  }
  return null;
}
