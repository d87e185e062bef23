/** What actors have told an actor: taking its mailbox. Not for sending; that is part of a step. */
import { randomUUID } from 'node:crypto';
import type { MessageRow, ParentEntry } from '../../../persistence/actors/rows.ts';
import { toPlainError } from '../errors.ts';
import type { Registry } from '../registry/registry.ts';
import type { ActorEvent } from '../types.ts';
import { applyEvent, applySpawn, applyStop } from './apply-step.ts';
import { takeMessage } from './awaited.ts';
import { currentActor, hasEnded, isKnown } from './bring-up.ts';
import { answerOf } from './take-step.ts';
import type { Answer, Item, SpawnBody, Work } from './work.ts';

/**
 * Takes what is in the mailbox, in its order, whatever becomes of it: a step that throws is a dead letter. Answers null
 * when there is mail that another process must take.
 */
export function applyMail(registry: Registry, work: Work, item: Item): Answer {
  // From where an earlier item of the same batch has stopped.
  for (const message of work.mailbox.slice(work.taken.length)) {
    if (!isForThisProcess(registry, work, message))
      return work.row && isKnown(registry, work.row) ? answerFor(work) : null;
    work.taken.push(message.id);
    const own: Item = { ...item, stepId: randomUUID(), trace: message.trace ?? undefined };
    work.begin(own);
    if (message.kind === 'spawn') applySpawnMessage(registry, work, message, own);
    else if (message.kind === 'event') applyMessage(registry, work, message, own);
    else if (work.row) applyStop(registry, work, work.row, own);
  }
  return answerFor(work);
}

function answerFor({ row }: Work): Answer {
  return row ? answerOf(row, false) : { revision: 0, value: '', status: 'stopped', changed: false };
}

/** Mail to an actor of a version that another process has is taken there, and mail to one in quarantine waits. */
function isForThisProcess(registry: Registry, work: Work, { kind, body }: MessageRow): boolean {
  const { row } = work;
  if (!row) return kind !== 'spawn' || registry.find((body as unknown as SpawnBody).machine) !== undefined;
  if (hasEnded(row)) return true;
  return kind === 'event' ? currentActor(registry, work) !== undefined : isKnown(registry, row);
}

/** A child that can't be started is an error of its parent's. */
function applySpawnMessage(registry: Registry, work: Work, message: MessageRow, item: Item): void {
  const { parent, ...body } = message.body as unknown as SpawnBody & { parent: ParentEntry };
  try {
    const input = registry.machine(body.machine).definition.input.parse(body.input);
    applySpawn(registry, work, { ...body, input }, item, parent);
  } catch (error) {
    const type = `xstate.error.actor.${parent.childId}`;
    const event = { type, error: toPlainError(error), actorId: parent.childId };
    const { trace } = message;
    work.sent.push({ to: parent.address, from: work.address, kind: 'event', body: event, trace });
  }
}

function applyMessage(registry: Registry, work: Work, { from, body }: MessageRow, item: Item): void {
  const found = currentActor(registry, work);
  const taken = found && takeMessage(found, from, body as ActorEvent);
  if (taken) applyEvent(work, taken.found, taken.event, taken.source, item);
}
