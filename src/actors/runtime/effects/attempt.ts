/**
 * One attempt of an effect: checked input in, checked output or an error out, and whether an error means that the peer
 * was away. Not for when there is another attempt (`effect-runner.ts`).
 */
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import { isConnectionError } from '../../../persistence/database-errors.ts';
import { DoNotRetryError, PeerUnavailableError, RuntimeError } from '../errors.ts';
import type { Effect, EffectContext } from '../types.ts';

/** The peer, or our own database, could not be reached at all: nothing was tried that could be used up. */
export function isAway(error: unknown): boolean {
  if (error instanceof PeerUnavailableError) return true;
  if (error instanceof RuntimeError) return ['unavailable', 'busy', 'stopped'].includes(error.code);
  return isConnectionError(error);
}

/** One attempt, raced against its signal, so that work that ignores the signal can't hold the actor. */
export async function runOnce(
  declared: Effect,
  row: EffectRow,
  { signal, attempt, send }: Pick<EffectContext, 'signal' | 'attempt' | 'send'>,
): Promise<unknown> {
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
  const context: EffectContext = { signal, idempotencyKey: effectId, attempt, owner, address, send };
  const result = await Promise.race([declared.run(input.data, context), aborted]);
  const output = declared.output.safeParse(result);
  if (!output.success) {
    throw new DoNotRetryError(
      'invalid_effect_output',
      `${declared.name} answered in a wrong shape: ${output.error.message}`,
    );
  }
  return output.data;
}
