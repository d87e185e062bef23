/** What the checks of all that is registered share: their refusal, and what a name and a schema are. */
import { RuntimeError } from '../errors.ts';
import { isStorableText } from '../storable.ts';

/** Throws `registration_refused` naming all the faults. */
export function refuse(what: string, faults: readonly string[]): never {
  throw new RuntimeError('registration_refused', `${what} can't be registered: ${faults.join('; ')}`, {
    details: { faults },
  });
}

/** Whether it can be kept in rows as the name of something. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 200 && isStorableText(value);
}

/** Whether it can be asked as a zod schema is. */
export function isSchema(value: unknown): boolean {
  return typeof (value as { safeParse?: unknown } | null | undefined)?.safeParse === 'function';
}
