/** Whether the source of prices knows a symbol, for what is about to wait for its price. Not for the price itself. */
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { OperationContext } from './operation.ts';

/** Someone waits for the answer, which can do without. */
const timeoutMs = 5_000;

/** True when the source says that it does not know it; false also while it can't be asked. */
export async function isUnknownSymbol(
  { analysis, owner, signal }: Pick<OperationContext, 'analysis' | 'owner' | 'signal'>,
  name: string,
): Promise<boolean> {
  try {
    const found = await analysis.quotes([name], { owner, timeoutMs, ...(signal && { signal }) });
    return found[name] === undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof TtaiError)) throw error;
    return error.code === 'symbol_not_found';
  }
}
