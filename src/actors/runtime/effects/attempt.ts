/**
 * One attempt of an effect: checked input in, checked output or an error out, and whether an error means that the peer
 * was away. Not for when there is another attempt (`effect-runner.ts`).
 */
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import { isAwayError } from '../../../persistence/database-errors.ts';
import { DoNotRetryError, PeerUnavailableError, RuntimeError, TtaiError } from '../errors.ts';
import { faultOfValue } from '../steps/lossless.ts';
import type { Effect, EffectContext } from '../types.ts';

/** What `fetch` and Node's sockets say of a peer to which there was no connection. */
const UNREACHED_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The peer, or our own database, could not be reached at all: nothing was tried that could be used up. */
export function isAway(error: unknown): boolean {
  if (error instanceof PeerUnavailableError) return true;
  if (error instanceof RuntimeError) return ['unavailable', 'busy', 'stopped'].includes(error.code);
  // An error with a code of its own says what it is.
  if (error instanceof TtaiError) return false;
  try {
    return isAwayError(error) || isUnreached(error) || isUnreached((error as { cause?: unknown })?.cause);
  } catch {
    // It can't even be read.
    return false;
  }
}

function isUnreached(error: unknown): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && UNREACHED_CODES.has(code);
}

/** One attempt, raced against its signal, so that work that ignores the signal can't hold the actor. */
export async function runOnce(
  declared: Effect,
  row: EffectRow,
  given: Pick<EffectContext, 'signal' | 'attempt' | 'send' | 'spawn' | 'now'>,
): Promise<unknown> {
  const { signal } = given;
  const input = declared.input.safeParse(row.input);
  if (!input.success) {
    throw new DoNotRetryError(
      'invalid_effect_input',
      `${declared.name} was asked with a wrong input: ${input.error.message}`,
    );
  }
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // Where the work throws before it can be raced, nobody waits for this any more.
  aborted.catch(() => {});
  const { effectId, owner, address } = row;
  const context: EffectContext = { ...given, idempotencyKey: effectId, owner, address };
  const result = await Promise.race([declared.run(input.data, context), aborted]);
  const output = declared.output.safeParse(result);
  if (!output.success) {
    throw new DoNotRetryError(
      'invalid_effect_output',
      `${declared.name} answered in a wrong shape: ${output.error.message}`,
    );
  }
  const fault = faultOfValue(output.data);
  if (fault) {
    const message = `${declared.name} answered what can't be kept: ${fault}`;
    throw new DoNotRetryError('invalid_effect_output', message);
  }
  return output.data;
}
