/**
 * Reads committed steps as they come: rows after a cursor, read when a commit wakes it. It hooks into no actor and
 * holds no buffer, so it works for steps of any process and for any past cursor, and a slow reader only reads later.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  type ActorSystem,
  type InspectionRecord,
  type RuntimeLog,
  TtaiError,
} from '../../actors/runtime/index.ts';

const pageSize = 100;
/** Commits closer together than this are read together: a busy system costs a feed ten reads a second, no more. */
const gatherMs = 100;
const retryMs = 1_000;
/**
 * A step is kept back from readers while an older transaction still runs, on whatever database of the server: the end
 * of that one wakes nobody, so after a commit the feed looks again, less and less often.
 */
const lookAgainMs = [200, 1_000, 5_000, 30_000];

export interface FeedOptions {
  after: string;
  /** Only this actor's steps. */
  address?: string;
  /** Only steps of this owner's actors. */
  owner?: string;
  signal: AbortSignal;
}

/** The steps after a cursor, without end until `signal` aborts. Outlives an absent database; throws on a bad cursor. */
export async function* followSteps(
  system: ActorSystem,
  options: FeedOptions,
  log?: RuntimeLog,
): AsyncGenerator<InspectionRecord, void> {
  const { address, owner, signal } = options;
  let { after } = options;
  let pending = true;
  let looks = 0;
  let wake = (): void => {};
  const unsubscribe = system.onCommit(({ addresses }) => {
    if (address !== undefined && addresses !== null && !addresses.includes(address)) return;
    pending = true;
    looks = 0;
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      if (!pending) {
        const again = lookAgainMs[looks++];
        await new Promise<void>((resolve) => {
          const timer = again === undefined ? undefined : setTimeout(resolve, again);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        if (!pending) {
          pending = true;
          continue;
        }
        if (address === undefined) await quietly(pause(gatherMs, undefined, { signal }));
        continue;
      }
      pending = false;
      let steps: InspectionRecord[];
      try {
        const scope = { ...(address !== undefined && { address }), ...(owner !== undefined && { owner }) };
        steps = await system.inspect({ after, limit: pageSize, ...scope });
      } catch (error) {
        if (error instanceof TtaiError && !error.retryable) throw error;
        log?.warn({ err: error }, 'the inspector cannot read the journal; it tries again');
        pending = true;
        await quietly(pause(retryMs, undefined, { signal }));
        continue;
      }
      for (const step of steps) {
        after = step.cursor;
        yield step;
        if (signal.aborted) return;
      }
      if (steps.length === pageSize) pending = true;
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', onAbort);
  }
}

async function quietly(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch {
    // Aborted: the loop's condition sees it.
  }
}
