/** What goes wrong for a person at the command line: one line that says what, and what to do. */
import { TtaiError } from '../actors/runtime/errors.ts';
import { printable } from './printable.ts';

/** The exit code of what a person ends by Ctrl-C, as a shell says it. */
export const EXIT_INTERRUPTED = 130;

/** The arguments or settings are wrong: exit code 2. */
export class UsageError extends TtaiError {
  constructor(message: string) {
    super('usage', message);
  }
}

/** A line for stderr, and the exit code: 2 for a wrong call, 1 for a call that failed. */
export function explain(error: unknown): { line: string; exitCode: 1 | 2 } {
  if (error instanceof UsageError) return { line: error.message, exitCode: 2 };
  if (error instanceof TtaiError) {
    const hint = typeof error.details?.hint === 'string' ? ` ${error.details.hint}` : '';
    const again = error.retryable ? ' Trying again may help.' : '';
    const what = hint + again === '' || /[.!?]$/.test(error.message) ? error.message : `${error.message}.`;
    return {
      line: printable(`${what}${hint}${again} (${error.code})`),
      exitCode: error.code === 'invalid_input' ? 2 : 1,
    };
  }
  if (error instanceof Error && error.name === 'ConfigError') return { line: error.message, exitCode: 2 };
  return { line: error instanceof Error ? error.message : String(error), exitCode: 1 };
}
