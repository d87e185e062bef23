/** A dead letter's event, applied again to the actor as it is now. Not for finding the letter (`dead-letters.ts`). */
import type { StoredDeadLetter } from '../../../persistence/actors/dead-letters.ts';
import type { ActorRow } from '../../../persistence/actors/rows.ts';
import { RuntimeError } from '../errors.ts';
import type { Registry } from '../registry/registry.ts';
import type { ActorEvent } from '../types.ts';
import { applyEvent } from './apply-step.ts';
import { activeActor } from './bring-up.ts';
import { UNSTORABLE } from './kept-event.ts';
import type { Answer, Item, Work } from './work.ts';

/** The letter goes with the step. Throws, and leaves everything as it was, when there is no step. */
export function applyRetry(registry: Registry, work: Work, item: Extract<Item, { kind: 'retry' }>): Answer {
  const letter = work.letters.get(item.letter);
  if (!letter || work.lettersTaken.includes(item.letter)) throw deadLetterNotFound(item.letter);
  const found = activeActor(registry, work);
  const event = letter.event as ActorEvent;
  refuseLate(letter, event, found.row);
  const rewind = work.mark();
  work.lettersTaken.push(letter.id);
  const answer = applyEvent(work, found, event, item.source ?? letter.source, item);
  if (!(answer instanceof Error)) return answer;
  rewind();
  throw answer;
}

/** A late timer, result or message would be taken for one of a later visit of its state. */
function refuseLate(letter: StoredDeadLetter, { type }: ActorEvent, row: ActorRow): void {
  const { id, address, incarnation, revision, outside } = letter;
  if (type.startsWith(UNSTORABLE)) {
    const message = `the event of dead letter ${id} could not be kept, so it can't be applied again; discard it`;
    throw new RuntimeError('dead_letter_late', message, { details: { id } });
  }
  if (outside || (row.incarnation === incarnation && row.revision === revision)) return;
  const message =
    `${address} has moved on since dead letter ${id} (revision ${revision}, now ${row.revision}), ` +
    `and "${type}" belongs to where it was; discard it`;
  throw new RuntimeError('dead_letter_late', message, { details: { id, revision, now: row.revision } });
}

export function deadLetterNotFound(id: string): RuntimeError {
  const message = `there is no dead letter ${id.slice(0, 40)}: it was retried or discarded, or never was`;
  return new RuntimeError('dead_letter_not_found', message);
}
