/** Actors as their owner may touch them. Another's is answered like one that never was, so that ids can't be probed. */
import { RuntimeError, TtaiError } from '../../actors/runtime/errors.ts';
import type { ActorEvent, ActorView, Address } from '../../actors/runtime/types.ts';
import type { OperationContext } from './operation.ts';

type Context = Pick<OperationContext, 'system' | 'owner' | 'source'>;

/** The actor, if it is this owner's. `address` is undefined when `id` can't be one. Throws `run_not_found` and its like. */
export async function ownActor(
  { system, owner }: Context,
  kind: 'run' | 'alert' | 'monitor',
  id: string,
  address: Address | undefined,
): Promise<ActorView> {
  const actor = address && (await unless('actor_not_found', system.snapshot(address)));
  if (actor && actor.owner === owner) return actor;
  throw new TtaiError(`${kind}_not_found`, `There is no ${kind} ${id}.`, {
    details: { hint: `The list of ${kind}s shows the ones there are.` },
  });
}

/** Ends it by the event that its machine has for that, and answers it as it then is. One that has ended stays as it ended. */
export async function cancelActor(
  { system, source }: Context,
  address: Address,
  event: ActorEvent = { type: 'CANCEL' },
): Promise<ActorView> {
  await unless('actor_ended', system.send(address, event, { source }));
  return system.snapshot(address);
}

/** What it resolves to; undefined when it fails with this code. */
export async function unless<T>(code: RuntimeError['code'], promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === code) return undefined;
    throw error;
  }
}
