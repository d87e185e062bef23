/** Pages of lists, and the one refusal of a cursor that is none of theirs. Not for what stands on them. */
import { RuntimeError, TtaiError } from '../../actors/runtime/errors.ts';

/** `invalid_input` for a cursor that no page of this list has given. */
export function wrongCursor(): TtaiError {
  const message = 'This is no cursor of this list: take the one that the page before gave.';
  return new TtaiError('invalid_input', message, {
    details: { issues: [{ field: 'cursor', message: 'is no cursor of this list' }] },
  });
}

/** A page of the runtime's, whose refusal of a cursor is said as every list says it. */
export async function pageOf<Page>(page: Promise<Page>): Promise<Page> {
  try {
    return await page;
  } catch (error) {
    const isCursor = error instanceof RuntimeError && error.details?.field === 'cursor';
    throw isCursor ? wrongCursor() : error;
  }
}
