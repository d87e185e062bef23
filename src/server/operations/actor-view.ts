/** Actors, their steps and what they wait for, as whoever runs TTAI sees them. Secrets are out, big values cut down. */
import { z } from 'zod';
import type { ActorView, InspectionRecord, PendingWork } from '../../actors/runtime/types.ts';
import { capped, maxListedBytes, maxValueBytes } from '../capped.ts';

export const actorStatus = z.enum(['active', 'done', 'error', 'stopped', 'quarantined']);
export const plainError = z.object({
  name: z.string(),
  message: z.string(),
  code: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export const stateValue = z
  .union([z.string(), z.record(z.string(), z.unknown())])
  .describe("XState's: the name of a state, or an object of them");
export const anEvent = z.looseObject({ type: z.string() });
const child = z.object({ id: z.string(), src: z.string(), address: z.string() });

export const actorHead = z.object({
  address: z.string().describe('machine/key'),
  machine: z.string(),
  version: z.string().describe('Of its machine'),
  owner: z.string(),
  status: actorStatus,
  value: stateValue,
  revision: z.int().describe('Counts its commits'),
  error: plainError.nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});

export const actorDetail = actorHead.extend({
  tags: z.array(z.string()),
  context: z.unknown().describe('Without what its machine keeps out of the journal'),
  output: z.unknown(),
  parent: z.string().nullable().describe('Address of the actor that started it'),
  children: z.array(child),
});

export const actorStep = z.object({
  revision: z.int(),
  kind: z.string().describe('spawn, step, unchanged, failed, stop or migrate'),
  at: z.string(),
  event: anEvent,
  from: z.string().nullable().describe('Who sent it: an address, an effect or a door'),
  valueBefore: stateValue.nullable(),
  value: stateValue,
  status: actorStatus,
  error: plainError.nullable(),
  effects: z.array(z.looseObject({ type: z.string() })).describe('What was started, sent and cancelled'),
});

export const pendingWork = z.object({
  at: z.string().describe('When this was read'),
  timers: z.array(
    z.object({
      id: z.string(),
      due: z.string(),
      lateMs: z.number().describe('0 while it is not due'),
      event: z.string().describe('Its type'),
    }),
  ),
  effects: z.array(
    z.object({
      id: z.string(),
      src: z.string(),
      effectId: z.string(),
      failedAttempts: z.int(),
      nextAttemptAt: z.string().describe('In the past while an attempt runs, or waits for its turn'),
      deadline: z.string(),
      lastError: plainError.nullable(),
      process: z.object({ id: z.string(), alive: z.boolean() }).nullable().describe('null: nobody runs it'),
    }),
  ),
  children: z.array(
    child.extend({ status: actorStatus.nullable().describe('null: its spawning waits in its mailbox') }),
  ),
  unreadMessages: z.int().describe('Of other actors, not yet taken'),
});

export function actorHeadOf(actor: ActorView): z.output<typeof actorHead> {
  const { address, machine, version, owner, status, value, revision, error = null } = actor;
  return {
    ...{ address, machine, version, owner, status, value, revision, error },
    createdAt: actor.createdAt.toISOString(),
    updatedAt: actor.updatedAt.toISOString(),
  };
}

/** Of an actor without its secrets. */
export function actorDetailOf(actor: ActorView): z.output<typeof actorDetail> {
  const { tags, parent, children } = actor;
  return {
    ...actorHeadOf(actor),
    context: capped(actor.context, maxValueBytes),
    output: capped(actor.output ?? null, maxValueBytes),
    ...{ tags, parent, children },
  };
}

export function actorStepOf(record: InspectionRecord): z.output<typeof actorStep> {
  const { revision, kind, valueBefore, source } = record;
  const { value, status, error = null } = record.snapshot;
  return {
    ...{ revision, kind, valueBefore, value, status, error },
    at: record.at.toISOString(),
    event: capped(record.event, maxListedBytes) as { type: string },
    from: source,
    effects: record.effects.map((effect) => capped(effect, maxListedBytes) as { type: string }),
  };
}

export function pendingWorkOf({
  at,
  timers,
  effects,
  children,
  unreadMessages,
}: PendingWork): z.output<typeof pendingWork> {
  return {
    at: at.toISOString(),
    timers: timers.map(({ id, due, event: { type } }) => ({
      id,
      due: due.toISOString(),
      lateMs: Math.max(0, at.getTime() - due.getTime()),
      event: type,
    })),
    effects: effects.map(({ nextAttemptAt, deadline, ...effect }) => ({
      ...effect,
      nextAttemptAt: nextAttemptAt.toISOString(),
      deadline: deadline.toISOString(),
    })),
    children,
    unreadMessages,
  };
}
