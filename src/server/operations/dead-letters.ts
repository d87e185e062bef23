/** Dead letters: events whose step threw, kept until a person retries or discards them. Another's are as if they were not. */
import { z } from 'zod';
import { RuntimeError } from '../../actors/runtime/errors.ts';
import type { DeadLetter } from '../../actors/runtime/types.ts';
import { capped, maxListedBytes, maxValueBytes } from '../capped.ts';
import { actorStatus, anEvent, plainError, stateValue } from './actor-view.ts';
import { mayTouch, ownersToList, sourceOf } from './authority.ts';
import { actorKey, cursor, limit, machine, nextCursor, owner, text } from './fields.ts';
import { type Annotations, defineOperation, type OperationContext } from './operation.ts';
import { pageOf } from './pages.ts';

export const deadLetter = z.object({
  id: z.string(),
  address: z.string(),
  machine: z.string(),
  owner: z.string(),
  revision: z.int().describe('Where the actor stood when it went on without the event'),
  at: z.string(),
  event: anEvent.describe('Without what its machine keeps secret'),
  from: z.string().nullable(),
  error: plainError,
});
const anId = { id: text(100).min(1) };
const doors = ['api'] as const;
const reads: Annotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};

export const listDeadLetters = defineOperation({
  name: 'list_dead_letters',
  title: 'List dead letters',
  description: 'Events whose step threw, newest first: of the own actors; to an operator, of all.',
  input: z.strictObject({
    machine: machine.optional(),
    key: actorKey.optional().describe('With machine: of this actor only'),
    owner: owner.optional(),
    limit,
    cursor,
  }),
  output: z.object({ deadLetters: z.array(deadLetter), nextCursor }),
  annotations: reads,
  doors,
  http: { method: 'get', path: '/dead-letters' },
  async run(context, { machine: of, key, owner: asked, limit: count, cursor: after }) {
    if (key !== undefined && of === undefined) {
      throw new RuntimeError('invalid_input', 'A key needs its machine.', { details: { field: 'machine' } });
    }
    const whose = ownersToList(context, asked);
    if (whose === null) return { deadLetters: [], nextCursor: null };
    const page = await pageOf(
      context.system.deadLetters({
        limit: count,
        ...(whose !== undefined && { owner: whose }),
        ...(of !== undefined && (key === undefined ? { machine: of } : { address: `${of}/${key}` })),
        ...(after !== undefined && { cursor: after }),
      }),
    );
    return {
      deadLetters: page.deadLetters.map((letter) => deadLetterOf(letter, maxListedBytes)),
      nextCursor: page.next,
    };
  },
});

export const getDeadLetter = defineOperation({
  name: 'get_dead_letter',
  title: 'Read a dead letter',
  description: 'The event, why its step threw, and where the actor stood.',
  input: z.strictObject(anId),
  output: z.object({ deadLetter }),
  annotations: reads,
  doors,
  http: { method: 'get', path: '/dead-letters/{id}' },
  async run(context, { id }) {
    return { deadLetter: deadLetterOf(await touchedLetter(context, id), maxValueBytes) };
  },
});

export const retryDeadLetter = defineOperation({
  name: 'retry_dead_letter',
  title: 'Retry a dead letter',
  description:
    'Apply the event to the actor as it is now. Once: the letter goes with the step. Where the step throws again, the letter stays.',
  input: z.strictObject(anId),
  output: z.object({
    address: z.string(),
    revision: z.int(),
    value: stateValue,
    status: actorStatus,
    changed: z.boolean().describe('False when the state has no transition for the event'),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  doors,
  http: { method: 'post', path: '/dead-letters/{id}/retry' },
  async run(context, { id }) {
    const { address, owner: its } = await touchedLetter(context, id);
    const answer = await context.system.retryDeadLetter(id, { source: sourceOf(context, its) });
    const { revision, value, status, changed } = answer;
    return { address, revision, value, status, changed };
  },
});

export const discardDeadLetter = defineOperation({
  name: 'discard_dead_letter',
  title: 'Discard a dead letter',
  description: 'Give the event up, for good. Answers the letter as it was.',
  input: z.strictObject(anId),
  output: z.object({ deadLetter }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  doors,
  http: { method: 'post', path: '/dead-letters/{id}/discard' },
  async run(context, { id }) {
    const { owner: its } = await touchedLetter(context, id);
    const letter = await context.system.discardDeadLetter(id, { source: sourceOf(context, its) });
    return { deadLetter: deadLetterOf(letter, maxValueBytes) };
  },
});

/** The letter, if the caller may see and touch it. Throws the same `dead_letter_not_found` for one that is another's and one that is not. */
async function touchedLetter(context: OperationContext, id: string): Promise<DeadLetter> {
  const letter = await context.system.deadLetter(id).catch((error: unknown) => {
    if (error instanceof RuntimeError && error.code === 'dead_letter_not_found') return undefined;
    throw error;
  });
  if (letter && mayTouch(context, letter.owner)) return letter;
  throw new RuntimeError('dead_letter_not_found', `There is no dead letter ${id}.`);
}

function deadLetterOf(letter: DeadLetter, maxBytes: number): z.output<typeof deadLetter> {
  const { id, address, machine: of, owner: its, revision, source, error } = letter;
  return {
    ...{ id, address, machine: of, owner: its, revision, error },
    at: letter.at.toISOString(),
    event: capped(letter.event, maxBytes) as { type: string },
    from: source,
  };
}
