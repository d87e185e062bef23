/** Screeners that an owner keeps by name, to start by hand or at each full hour of a session. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { type Criteria, criteria } from '../../machines/criteria.ts';
import { MAX_SAVED_SCREENERS, type SavedScreener } from '../../persistence/records/saved-screeners.ts';
import { checkInput } from '../checked-input.ts';
import { text } from './fields.ts';
import { defineOperation, type OperationContext } from './operation.ts';

export const screenerId = text(100).trim().min(1).describe('Or its name');

const screenerView = z.object({
  savedScreenerId: z.string(),
  name: z.string(),
  criteria: z.record(z.string(), z.unknown()),
  maxSymbols: z.int(),
  autoRun: z.boolean(),
});

export const saveScreener = defineOperation({
  name: 'save_screener',
  title: 'Save a screener',
  description:
    'Keep criteria under a name, or change the screener of this name: what is left out, also of the criteria, stays, or is the usual; null takes a criterion away. autoRun: at each full hour of the session.',
  input: z.strictObject({
    name: text(100).trim().min(1),
    criteria: z.record(z.string(), z.unknown()).optional().describe('As start_screener takes them'),
    maxSymbols: z.int().min(1).max(200).optional(),
    autoRun: z.boolean().optional(),
  }),
  output: z.object({ screener: screenerView, isNew: z.boolean() }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/screeners' },
  async run({ records, owner }, input) {
    const kept = await records.savedScreener(owner, input.name);
    const changes = checkedChanges(kept?.name === input.name ? kept.criteria : {}, input.criteria ?? {});
    const saved = await records.saveScreener({ id: randomUUID(), owner, ...input, criteria: changes });
    if (saved) return { screener: screenerOf(saved), isNew: saved.isNew };
    const message = `There are ${MAX_SAVED_SCREENERS} saved screeners already. Delete one, or replace one by its name.`;
    throw new TtaiError('too_many_screeners', message);
  },
  text: ({ screener, isNew }) => `${isNew ? 'Saved' : 'Changed'}: ${inWords(screener)}.`,
});

export const listScreeners = defineOperation({
  name: 'list_screeners',
  title: 'List saved screeners',
  description: 'Saved screeners, by name.',
  input: z.strictObject({}),
  output: z.object({ screeners: z.array(screenerView) }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/screeners' },
  async run({ records, owner }) {
    return { screeners: (await records.savedScreeners(owner)).map(screenerOf) };
  },
  text: ({ screeners }) =>
    screeners.length === 0 ? 'No saved screeners.' : screeners.map(inWords).join('\n'),
});

export const deleteScreener = defineOperation({
  name: 'delete_screener',
  title: 'Delete a saved screener',
  description: 'Forget a saved screener. Its runs stay.',
  input: z.strictObject({ savedScreenerId: screenerId }),
  output: z.object({ screener: screenerView }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  http: { method: 'delete', path: '/screeners/{savedScreenerId}' },
  async run(context, { savedScreenerId }) {
    const { id } = await ownScreener(context, savedScreenerId);
    const deleted = await context.records.deleteScreener(context.owner, id);
    if (!deleted) throw notFound(savedScreenerId);
    return { screener: screenerOf(deleted) };
  },
  text: ({ screener }) => `Deleted: ${inWords(screener)}.`,
});

/** The owner's screener of this id or name. Throws `screener_not_found`, also for another owner's. */
export async function ownScreener(
  { records, owner }: Pick<OperationContext, 'records' | 'owner'>,
  idOrName: string,
): Promise<SavedScreener> {
  const saved = await records.savedScreener(owner, idOrName);
  if (saved) return saved;
  throw notFound(idOrName);
}

function notFound(idOrName: string): TtaiError {
  return new TtaiError('screener_not_found', `There is no saved screener ${JSON.stringify(idOrName)}.`, {
    details: { hint: 'The list of saved screeners shows the ones there are.' },
  });
}

/** Throws `invalid_input` where a criterion is wrong, or does not fit the others that are given or kept. */
function checkedChanges(
  kept: SavedScreener['criteria'],
  changes: Record<string, unknown>,
): SavedScreener['criteria'] {
  // Also one that an older release took can be taken away.
  const isKnown = (name: string): boolean => Object.hasOwn(criteria.shape, name) || Object.hasOwn(kept, name);
  const together = Object.entries({ ...kept, ...changes }).filter(
    ([name, value]) => value !== null || !isKnown(name),
  );
  const checked = checkInput(z.object({ criteria }), { criteria: Object.fromEntries(together) });
  return Object.fromEntries(
    Object.keys(changes).map((name) => [name, checked.criteria[name as keyof Criteria] ?? null]),
  );
}

function screenerOf(saved: SavedScreener): z.output<typeof screenerView> {
  const { id, name, criteria: kept, maxSymbols, autoRun } = saved;
  return { savedScreenerId: id, name, criteria: kept, maxSymbols, autoRun };
}

function inWords(screener: z.output<typeof screenerView>): string {
  const { savedScreenerId: id, name, criteria: kept, maxSymbols, autoRun } = screener;
  return `${name} (savedScreenerId ${id}): ${JSON.stringify(kept)}, at most ${maxSymbols} symbols${autoRun ? ', each full hour' : ''}`;
}
