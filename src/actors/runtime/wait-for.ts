/** Waiting for an actor to get somewhere: wakes on commits, does not poll. */

import { RuntimeError } from './errors.ts';
import { hasEnded } from './steps/bring-up.ts';
import type { ActorSystem, ActorView, Address } from './types.ts';

type Until = Parameters<ActorSystem['waitFor']>[1];

/** Resolves with the actor when it is there. Throws `timeout`, `actor_ended`, `actor_not_found`, or the abort's reason. */
export function waitFor(
  system: Pick<ActorSystem, 'snapshot' | 'onCommit'>,
  address: Address,
  until: Until,
  { timeoutMs, signal }: Parameters<ActorSystem['waitFor']>[2],
): Promise<ActorView> {
  const met = predicateOf(until);
  return new Promise<ActorView>((resolve, reject) => {
    let reading = false;
    let again = false;
    const end = (finish: () => void) => {
      clearTimeout(over);
      unsubscribe();
      signal?.removeEventListener('abort', onAbort);
      finish();
    };
    const look = () => {
      again = reading;
      if (reading) return;
      reading = true;
      system
        .snapshot(address)
        .then((view) => {
          if (met(view)) end(() => resolve(view));
          else if (hasEnded(view)) {
            const message = `${address} has ended (${view.status}) and will not get there`;
            end(() => reject(new RuntimeError('actor_ended', message, { details: { status: view.status } })));
          }
        })
        .catch((error: unknown) => end(() => reject(error as Error)))
        .finally(() => {
          reading = false;
          if (again) look();
        });
    };
    const onAbort = () => end(() => reject(signal?.reason as Error));
    const unsubscribe = system.onCommit(({ addresses }) => {
      if (addresses === null || addresses.includes(address)) look();
    });
    const over = setTimeout(() => {
      const message = `${address} did not get there within ${timeoutMs} ms`;
      end(() => reject(new RuntimeError('timeout', message, { retryable: true })));
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    else look();
  });
}

function predicateOf(until: Until) {
  if (until === 'done') return hasEnded;
  return typeof until === 'function' ? until : (actor: ActorView) => actor.tags.includes(until.tag);
}
