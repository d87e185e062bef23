/**
 * The inspector's JSON routes under /inspect/api: machines with their charts, actors, their history, the live
 * stream. Reads only. Errors are thrown; the server's own handler gives them their shape.
 */
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { type ActorSystem, type ActorView, type ListOptions, TtaiError } from '../../actors/runtime/index.ts';
import type { Caller } from '../auth.ts';
import { checkInput } from '../checked-input.ts';
import { lastSteps } from '../last-steps.ts';
import { mayTouch, requireOperator } from '../operations/authority.ts';
import { redactedActor } from '../redact.ts';
import { visibleActor } from '../visible-actor.ts';
import type { InspectEnv, InspectRoom } from './room.ts';
import { streamSteps } from './stream.ts';
import { actorDetail, actorItem, stepDetail, stepItem } from './views.ts';

const word = z.string().min(1).max(100);
const cursor = z
  .string()
  .max(200)
  .regex(/^[\w.:=+/-]+$/, 'is not a cursor of this server');
const addressPattern = /^[\w.-]{1,100}\/[\w.:@-]{1,500}$/;
/** `machine/key` from outside. */
export const addressSchema = z.string().regex(addressPattern, 'is not an address (machine/key)');

const actorsQuery = z.object({
  scope: z.enum(['own', 'system']).default('own'),
  machine: word.optional(),
  status: z.enum(['active', 'done', 'error', 'stopped', 'quarantined']).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: cursor.optional(),
});
const historyQuery = z.object({
  from: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const revisionParam = z.object({ revision: z.coerce.number().int().min(1) });
const streamQuery = z.object({
  after: z
    .string()
    .max(401)
    .regex(/^[\w.:=+/-]+(~[\w.:=+/-]+)?$/, 'is not a cursor of this server')
    .optional(),
  address: addressSchema.optional(),
});

export function inspectApi(room: InspectRoom): Hono<InspectEnv> {
  const { system, charts } = room;
  const routes = new Hono<InspectEnv>();

  // For the page, which shows operators more to choose from.
  routes.get('/viewer', (c) => c.json(callerOf(c)));

  routes.get('/machines', (c) =>
    c.json({ machines: system.machines().map(({ id, version }) => ({ id, version })) }),
  );

  routes.get('/machines/:id/:version', async (c) => {
    const { id, version } = c.req.param();
    const layout = await charts.layout(id, version);
    return c.json({ ...charts.graph(id, version), layout });
  });

  routes.get('/actors', async (c) => {
    const { scope, cursor, limit, machine, status } = checkInput(actorsQuery, c.req.query());
    // What serves all owners holds of all of them.
    if (scope === 'system') requireOperator(callerOf(c));
    const options: ListOptions = { owner: scope === 'system' ? 'system' : c.get('owner'), limit };
    if (machine !== undefined) options.machine = machine;
    if (status !== undefined) options.status = status;
    if (cursor !== undefined) options.cursor = cursor;
    const page = await system.list(options);
    const actors = page.actors.map((actor) => actorItem(redactedActor(system, actor)));
    return c.json({ actors, next: page.next });
  });

  routes.get('/actors/:machine/:key', async (c) => {
    const actor = await askedActor(system, callerOf(c), c.req.param());
    return c.json(actorDetail(actor, charts));
  });

  routes.get('/actors/:machine/:key/history', async (c) => {
    const actor = await askedActor(system, callerOf(c), c.req.param());
    const { from, limit } = checkInput(historyQuery, c.req.query());
    const steps =
      from === undefined
        ? await lastSteps(system, actor, limit)
        : await system.journal(actor.address, { from, limit });
    return c.json({ steps: steps.map((record) => stepItem(record, charts)) });
  });

  routes.get('/actors/:machine/:key/history/:revision', async (c) => {
    const actor = await askedActor(system, callerOf(c), c.req.param());
    const { revision } = checkInput(revisionParam, c.req.param());
    const [record] = await system.journal(actor.address, { from: revision, limit: 1 });
    if (record?.revision !== revision) {
      throw new TtaiError('not_found', `The journal has no revision ${revision} of ${actor.address}.`);
    }
    return c.json(stepDetail(record, charts));
  });

  routes.get('/stream', async (c) => {
    const caller = callerOf(c);
    const { after, address } = checkInput(streamQuery, {
      ...c.req.query(),
      // A browser that reconnects says where it was; that is later than what its address line says.
      ...(c.req.header('last-event-id') && { after: c.req.header('last-event-id') }),
    });
    if (address !== undefined) await visibleActorAt(system, caller, address);
    return streamSteps(c, room, {
      caller,
      ...(address !== undefined && { address }),
      ...(after !== undefined && { after }),
    });
  });

  return routes;
}

function callerOf(c: Context<InspectEnv>): Caller {
  return { owner: c.get('owner'), operator: c.get('operator') };
}

/** The actor as it may be shown. Throws `actor_not_found` for another owner's, as for one that does not exist. */
export async function visibleActorAt(
  system: ActorSystem,
  caller: Caller,
  address: string,
): Promise<ActorView> {
  return redactedActor(system, await visibleActor(system, address, (its) => mayTouch(caller, its)));
}

function askedActor(
  system: ActorSystem,
  caller: Caller,
  { machine, key }: { machine: string; key: string },
): Promise<ActorView> {
  return visibleActorAt(system, caller, checkInput(addressSchema, `${machine}/${key}`));
}
