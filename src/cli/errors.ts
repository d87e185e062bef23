/** What goes wrong for a person at the command line: one line that says what, and what to do. */
import { TtaiError } from '../actors/runtime/errors.ts';
import { printable } from './printable.ts';
import { localTimes } from './terminal.ts';

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
      line: printable(`${asTyped(what)}${asTyped(hint)}${again} (${error.code})`),
      exitCode: error.code === 'invalid_input' ? 2 : 1,
    };
  }
  if (error instanceof Error && error.name === 'ConfigError') return { line: error.message, exitCode: 2 };
  return { line: error instanceof Error ? error.message : String(error), exitCode: 1 };
}

/** Fields of the doors that are called otherwise on the command line; those of criteria are typed as they are. */
const typedAs: Readonly<Record<string, string>> = {
  afterSeq: '--after',
  closedAt: '--closed',
  closePrices: 'prices',
  coolDownMinutes: '--cool-down',
  everySeconds: '--every',
  expiresAt: '--expires',
  idempotencyKey: '--key',
  openedAt: '--opened',
  realizedPnl: '--pnl',
};
// A word of prose too, so only where it stands as a field.
const since = /(?<=^|[.;] )since(?=: )|\bsince(?= or afterSeq\b)/g;
const fields = new RegExp(`\\b(?:${Object.keys(typedAs).join('|')})\\b`, 'g');
/** As the doors quote what a caller wrote. */
const quotation = /("(?:[^"\\]|\\.)*")/;

/** What a door says, with the command line's own names and the reader's clock; what it quotes stays. */
function asTyped(message: string): string {
  return message
    .split(quotation)
    .map((part) =>
      part.startsWith('"')
        ? part
        : localTimes(part.replace(since, '--since').replace(fields, (name) => typedAs[name] ?? name)),
    )
    .join('');
}
