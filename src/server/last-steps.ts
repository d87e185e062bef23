/** The end of an actor's journal, for who looks at what happened last. Following it from there is the inspector's feed. */
import type { ActorSystem, InspectionRecord } from '../actors/runtime/index.ts';

/** An actor's last steps, oldest first: at most `count`, those of its present life only. */
export async function lastSteps(
  system: Pick<ActorSystem, 'journal' | 'inspect'>,
  actor: { address: string; revision: number },
  count: number,
): Promise<InspectionRecord[]> {
  const from = Math.max(1, actor.revision - count + 1);
  let steps = await system.journal(actor.address, { from, limit: count });
  // Steps that changed nothing share a revision, so there may be more rows than revisions.
  for (let page = steps; page.length === count; ) {
    page = await system.inspect({ after: page.at(-1)?.cursor ?? '', address: actor.address, limit: count });
    steps = [...steps, ...page].slice(-count);
  }
  const life = steps.at(-1)?.incarnation;
  return steps.filter(({ incarnation }) => incarnation === life);
}
