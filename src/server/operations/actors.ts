/**
 * Actors, for whoever runs TTAI and has to know why one does not move: list them, look into one, stop it. An owner has
 * its own actors here, an operator everybody's. Not for assistants, who speak of runs and alerts.
 */
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { ActorView } from '../../actors/runtime/types.ts';
import { lastSteps } from '../last-steps.ts';
import { redactedActor } from '../redact.ts';
import { visibleActor } from '../visible-actor.ts';
import {
  actorDetail,
  actorDetailOf,
  actorHead,
  actorHeadOf,
  actorStatus,
  actorStep,
  actorStepOf,
  pendingWork,
  pendingWorkOf,
} from './actor-view.ts';
import { mayTouch, ownersToList, sourceOf } from './authority.ts';
import { actorKey, cursor, limit, machine, nextCursor, owner } from './fields.ts';
import { type Annotations, defineOperation, type OperationContext } from './operation.ts';
import { pageOf } from './pages.ts';

const anActor = { machine, key: actorKey };
const doors = ['api'] as const;
const countedLetters = 100;
const reads: Annotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};

export const listActors = defineOperation({
  name: 'list_actors',
  title: 'List actors',
  description: 'Actors, newest first: the own ones; to an operator, those of all owners.',
  input: z.strictObject({
    machine: machine.optional(),
    status: actorStatus.optional(),
    owner: owner.optional(),
    limit,
    cursor,
  }),
  output: z.object({ actors: z.array(actorHead), nextCursor }),
  annotations: reads,
  doors,
  http: { method: 'get', path: '/actors' },
  async run(context, { limit: count, cursor: after, owner: asked, ...filters }) {
    const whose = ownersToList(context, asked);
    if (whose === null) return { actors: [], nextCursor: null };
    const page = await pageOf(
      context.system.list({
        limit: count,
        ...(whose !== undefined && { owner: whose }),
        ...(filters.machine !== undefined && { machine: filters.machine }),
        ...(filters.status !== undefined && { status: filters.status }),
        ...(after !== undefined && { cursor: after }),
      }),
    );
    return { actors: page.actors.map(actorHeadOf), nextCursor: page.next };
  },
});

export const getActor = defineOperation({
  name: 'get_actor',
  title: 'Read an actor',
  description: 'An actor as it is committed: its state, context and children.',
  input: z.strictObject(anActor),
  output: z.object({ actor: actorDetail }),
  annotations: reads,
  doors,
  http: { method: 'get', path: '/actors/{machine}/{key}' },
  async run(context, input) {
    return { actor: actorDetailOf(redactedActor(context.system, await touchedActor(context, input))) };
  },
});

export const getActorHistory = defineOperation({
  name: 'get_actor_history',
  title: "Read an actor's history",
  description:
    'Its committed steps, oldest first: the last ones, or those from a revision on. What its machine does not keep is absent.',
  input: z.strictObject({ ...anActor, from: z.int().min(1).optional(), limit }),
  output: z.object({ steps: z.array(actorStep) }),
  annotations: reads,
  doors,
  http: { method: 'get', path: '/actors/{machine}/{key}/history' },
  async run(context, { from, limit: count, ...input }) {
    const { system } = context;
    const actor = await touchedActor(context, input);
    const steps =
      from === undefined
        ? await lastSteps(system, actor, count)
        : await system.journal(actor.address, { from, limit: count });
    return { steps: steps.map(actorStepOf) };
  },
});

export const getActorPending = defineOperation({
  name: 'get_actor_pending',
  title: 'Read what an actor waits for',
  description:
    'Its timers and how late they are, its effects with their attempts and who runs them, its children, unread messages and dead letters.',
  input: z.strictObject(anActor),
  output: z.object({
    actor: actorHead,
    pending: pendingWork,
    deadLetters: z
      .int()
      .describe(`Events of it whose step threw; no more than ${countedLetters} are counted`),
  }),
  annotations: reads,
  doors,
  http: { method: 'get', path: '/actors/{machine}/{key}/pending' },
  async run(context, input) {
    const { system } = context;
    const actor = await touchedActor(context, input);
    const { address } = actor;
    const [pending, { deadLetters }] = await Promise.all([
      system.pending(address),
      system.deadLetters({ address, limit: countedLetters }),
    ]);
    return {
      actor: actorHeadOf(actor),
      pending: pendingWorkOf(pending),
      deadLetters: deadLetters.length,
    };
  },
});

export const stopActor = defineOperation({
  name: 'stop_actor',
  title: 'Stop an actor',
  description:
    'Stop it for good, with its timers, effects and children; its machine is not asked. One that has ended stays as it ended.',
  input: z.strictObject(anActor),
  output: z.object({ actor: actorHead }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  doors,
  http: { method: 'post', path: '/actors/{machine}/{key}/stop' },
  async run(context, input) {
    const actor = await touchedActor(context, input);
    if (actor.owner === 'system') {
      const message = `${actor.address} is TTAI's own and serves all owners: without it no alert is watched. It can't be stopped`;
      throw new TtaiError('system_actor', message);
    }
    const source = sourceOf(context, actor.owner);
    return { actor: actorHeadOf(await context.system.stop(actor.address, { source })) };
  },
});

/** The actor, if the caller may see and touch it. Throws `actor_not_found`, as for one that does not exist. */
function touchedActor(
  context: OperationContext,
  { machine: name, key: its }: { machine: string; key: string },
): Promise<ActorView> {
  return visibleActor(context.system, `${name}/${its}`, (owner) => mayTouch(context, owner));
}
