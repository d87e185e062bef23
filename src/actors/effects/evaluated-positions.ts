/**
 * Open positions at the present market, however many: asked of the analysis service in requests of a size that it takes.
 *
 * The service refuses a request whole where one position in it does not fit. Doors refuse such positions, but what an
 * older release kept, or a broker sent, must not hide all the others: what is refused is asked again in halves, until
 * what does not fit stands alone.
 */
import type { Positions } from '../../machines/market.ts';
import type { Position } from '../../persistence/records/positions.ts';
import { TtaiError } from '../runtime/index.ts';
import type { CallOptions } from './analysis-calls.ts';
import type { AnalysisClient } from './analysis-client.ts';

/** The service takes so many in one request. */
const MAX_PER_REQUEST = 500;
/** One that is refused among 500 is found with 18 more requests. Beyond so many, a part that is refused stays whole. */
const MAX_MORE_REQUESTS = 400;

/** What was answered for some of the positions: all that are in `answer.positions`, and why others are not. */
export type EvaluatedPart =
  | { positions: readonly Position[]; answer: Positions }
  | { positions: readonly Position[]; error: unknown };

/**
 * Values of positions, part by part, in their order. Who reads them may stop at any. Ends after an error only where the
 * reader does; `validation_error` is of the positions of its part alone, mostly of a single one.
 */
export async function* evaluatePositions(
  service: Pick<AnalysisClient, 'positions'>,
  positions: readonly Position[],
  options: CallOptions,
): AsyncGenerator<EvaluatedPart> {
  let more = MAX_MORE_REQUESTS;
  const waiting: { start: number; end: number }[] = [];
  for (let start = 0; start < positions.length; start += MAX_PER_REQUEST) {
    waiting.push({ start, end: Math.min(start + MAX_PER_REQUEST, positions.length) });
  }
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { start, end } = next;
    const part = positions.slice(start, end);
    try {
      yield { positions: part, answer: await askFor(service, part, start, options) };
    } catch (error) {
      options.signal?.throwIfAborted();
      if (isRefused(error) && part.length > 1 && more >= 2) {
        more -= 2;
        const middle = start + Math.ceil(part.length / 2);
        waiting.unshift({ start, end: middle }, { start: middle, end });
      } else {
        yield { positions: part, error };
      }
    }
  }
}

/** The service refused what is in the request, and would do so again. */
export function isRefused(error: unknown): error is TtaiError {
  return error instanceof TtaiError && error.code === 'validation_error';
}

function askFor(
  service: Pick<AnalysisClient, 'positions'>,
  part: readonly Position[],
  start: number,
  { idempotencyKey: key, ...options }: CallOptions,
): Promise<Positions> {
  const positions = part.map(({ id, symbol, legs, openedAt }) => ({
    id,
    symbol,
    legs,
    openedAt: openedAt.toISOString(),
  }));
  return service.positions(
    { positions },
    { ...options, ...(key !== undefined && { idempotencyKey: `${key}.${start}.${part.length}` }) },
  );
}
