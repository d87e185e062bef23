/** Waiting for an actor to get somewhere: wakes on commits, does not poll. */

import { RuntimeError } from './errors.ts';
import { optionsOf, wrongOption } from './options.ts';
import { hasEnded } from './steps/bring-up.ts';
import type { ActorSystem, ActorView, Address } from './types.ts';

type Until = Parameters<ActorSystem['waitFor']>[1];

/** Node's timers take at most this: longer is for ever, to the life of a process. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Resolves with the actor when it is there. Throws `invalid_input`, `timeout`, `actor_ended`, `actor_not_found`, or the abort's reason. */
export async function waitFor(
  system: Pick<ActorSystem, 'snapshot' | 'onCommit'>,
  address: Address,
  until: Until,
  options: Parameters<ActorSystem['waitFor']>[2],
): Promise<ActorView> {
  const { timeoutMs, signal } = checked(until, options);
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
    const over = setTimeout(
      () => {
        const message = `${address} did not get there within ${timeoutMs} ms`;
        end(() => reject(new RuntimeError('timeout', message, { retryable: true })));
      },
      Math.min(timeoutMs, LONGEST_TIMEOUT_MS),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    else look();
  });
}

function checked(until: Until, options: Parameters<ActorSystem['waitFor']>[2]) {
  const timeoutMs: unknown = optionsOf(options, ['timeoutMs', 'signal']).timeoutMs;
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0))
    throw wrongOption('timeoutMs', 'timeoutMs is a number of 0 or more');
  const isKnown =
    until === 'done' ||
    typeof until === 'function' ||
    typeof (until as { tag?: unknown } | null)?.tag === 'string';
  if (!isKnown) throw wrongOption('until', 'wait for "done", a { tag }, or a function');
  return options;
}

function predicateOf(until: Until) {
  if (until === 'done') return hasEnded;
  return typeof until === 'function' ? until : (actor: ActorView) => actor.tags.includes(until.tag);
}
