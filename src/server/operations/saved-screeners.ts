/** Screeners that an owner keeps by name, to start by hand or at each full hour of a session. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { criteria } from '../../machines/criteria.ts';
import { MAX_SAVED_SCREENERS, type SavedScreener } from '../../persistence/records/saved-screeners.ts';
import { text } from './fields.ts';
import { defineOperation } from './operation.ts';

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
    'Keep criteria under a name, or change the screener of this name: what is left out stays, or is the usual. autoRun: at each full hour of the session.',
  input: z.strictObject({
    name: text(100).trim().min(1),
    criteria: criteria.optional().describe('{}: the usual ones'),
    maxSymbols: z.int().min(1).max(200).optional(),
    autoRun: z.boolean().optional(),
  }),
  output: z.object({ screener: screenerView, isNew: z.boolean() }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/screeners' },
  async run({ records, owner }, input) {
    const saved = await records.saveScreener({ id: randomUUID(), owner, ...input });
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
  input: z.strictObject({ savedScreenerId: text(100).min(1) }),
  output: z.object({ screener: screenerView }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  http: { method: 'delete', path: '/screeners/{savedScreenerId}' },
  async run({ records, owner }, { savedScreenerId: id }) {
    const deleted = z.uuid().safeParse(id).success ? await records.deleteScreener(owner, id) : null;
    if (deleted) return { screener: screenerOf(deleted) };
    throw new TtaiError('screener_not_found', `There is no saved screener ${id}.`, {
      details: { hint: 'The list of screeners shows the ones there are.' },
    });
  },
  text: ({ screener }) => `Deleted: ${inWords(screener)}.`,
});

function screenerOf(saved: SavedScreener): z.output<typeof screenerView> {
  const { id, name, criteria: kept, maxSymbols, autoRun } = saved;
  return { savedScreenerId: id, name, criteria: kept, maxSymbols, autoRun };
}

function inWords(screener: z.output<typeof screenerView>): string {
  const { savedScreenerId: id, name, criteria: kept, maxSymbols, autoRun } = screener;
  return `${name} (savedScreenerId ${id}): ${JSON.stringify(kept)}, at most ${maxSymbols} symbols${autoRun ? ', each full hour' : ''}`;
}
