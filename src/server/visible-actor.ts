/**
 * Actors as a door may show them. One that the caller may not see is answered in the very words of one that does not
 * exist, so that addresses can't be probed.
 */
import { type ActorSystem, type ActorView, RuntimeError } from '../actors/runtime/index.ts';

/** The actor as it is committed. Throws `actor_not_found` when there is none, or `maySee` refuses its owner. */
export async function visibleActor(
  system: Pick<ActorSystem, 'snapshot'>,
  address: string,
  maySee: (owner: string) => boolean,
): Promise<ActorView> {
  const actor = await system.snapshot(address).catch((error: unknown) => {
    if (error instanceof RuntimeError && error.code === 'actor_not_found') return undefined;
    throw error;
  });
  if (actor && maySee(actor.owner)) return actor;
  throw new RuntimeError('actor_not_found', `There is no actor ${address}.`);
}
