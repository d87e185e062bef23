/** What actors have told an actor: taking its mailbox. Not for sending; that is part of a step. */
import { randomUUID } from 'node:crypto';
import type { MessageRow, ParentEntry } from '../../persistence/actors/rows.ts';
import { applyEvent, applySpawn, applyStop, currentActor, isKnown } from './apply-step.ts';
import { toPlainError } from './errors.ts';
import type { Registry } from './registry.ts';
import { answerOf } from './take-step.ts';
import type { ActorEvent } from './types.ts';
import type { Answer, Item, SpawnBody, Work } from './work.ts';

/** Takes what is in the mailbox, in its order, whatever becomes of it: a step that throws is a dead letter. */
export function applyMail(registry: Registry, work: Work, item: Item): Answer {
  // From where an earlier item of the same batch has stopped.
  for (const message of work.mailbox.slice(work.taken.length)) {
    if (!isForThisProcess(registry, work, message)) break;
    work.taken.push(message.id);
    const own: Item = { ...item, stepId: randomUUID() };
    if (message.kind === 'spawn') applySpawnMessage(registry, work, message, own);
    else if (message.kind === 'event') applyMessage(registry, work, message, own);
    else if (work.row) applyStop(registry, work, work.row, own);
  }
  return work.row ? answerOf(work.row, false) : { revision: 0, value: '', status: 'stopped', changed: false };
}

/** Mail to an actor whose machine another process has is taken there. */
function isForThisProcess(registry: Registry, { row }: Work, { kind, body }: MessageRow): boolean {
  if (row) return row.status !== 'active' || isKnown(registry, row);
  return kind !== 'spawn' || registry.find((body as unknown as SpawnBody).machine) !== undefined;
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
    work.sent.push({ to: parent.address, from: work.address, kind: 'event', body: event });
  }
}

function applyMessage(registry: Registry, work: Work, { from, body }: MessageRow, item: Item): void {
  const found = currentActor(registry, work);
  if (!found) return;
  const event = body as ActorEvent;
  if (!/^xstate\.(done\.actor|error\.actor|snapshot)\./.test(event.type)) {
    applyEvent(work, found, event, from, item);
    return;
  }
  // What a child of an earlier visit tells, or one that was stopped meanwhile, is late.
  const child = Object.entries(found.row.pending.children).find(([, { address }]) => address === from);
  if (!child) return;
  const { [child[0]]: _ended, ...children } = found.row.pending.children;
  const goesOn = event.type.startsWith('xstate.snapshot.');
  const row = goesOn ? found.row : { ...found.row, pending: { ...found.row.pending, children } };
  applyEvent(work, { ...found, row }, event, from, item);
}
