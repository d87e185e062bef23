/** Starts a screener, on criteria or on those that were saved. What it does stands in the machine `screener`. */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Criteria, criteria } from '../../machines/criteria.ts';
import type { SavedScreener } from '../../persistence/records/saved-screeners.ts';
import { checkInput } from '../checked-input.ts';
import { idempotencyKey } from './fields.ts';
import { defineOperation } from './operation.ts';
import { ownScreener, screenerId } from './saved-screeners.ts';
import { started, startedInWords, startedRun } from './started-run.ts';

const machine = 'screener';
const usualSymbols = 50;

export const startScreener = defineOperation({
  name: 'start_screener',
  title: 'Start a screener',
  description:
    'Find symbols to sell options on: analyse those that fulfil the criteria ({}: the usual ones) or a saved screener, five at a time, and rank the best ten. Answers at once; then call wait_run.',
  input: z
    .strictObject({
      criteria: criteria.optional(),
      savedScreenerId: screenerId.optional(),
      maxSymbols: z.int().min(1).max(200).optional().describe('50 unless given or saved'),
      idempotencyKey,
    })
    .refine(
      ({ criteria: given, savedScreenerId }) => (given === undefined) !== (savedScreenerId === undefined),
      { path: ['criteria'], message: 'give either criteria, {} for the usual ones, or savedScreenerId' },
    ),
  output: started,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  http: { method: 'post', path: '/runs/screener' },
  async run(context, { idempotencyKey: asked, maxSymbols, ...wanted }) {
    const { system, owner } = context;
    const saved =
      wanted.savedScreenerId === undefined ? null : await ownScreener(context, wanted.savedScreenerId);
    const input = {
      criteria: saved ? savedCriteria(saved) : (wanted.criteria ?? {}),
      maxSymbols: maxSymbols ?? saved?.maxSymbols ?? usualSymbols,
      savedScreenerId: saved?.id ?? null,
      name: saved?.name ?? null,
    };
    const key = randomUUID();
    const address = await system.spawn(machine, key, {
      input,
      owner,
      // Parsed, so that the same criteria are the same text, in whatever order they came.
      singletonKey: createHash('sha256').update(JSON.stringify(input)).digest('hex'),
      ...(asked !== undefined && { idempotencyKey: asked }),
    });
    return startedRun(system, address, `${machine}/${key}`);
  },
  text: startedInWords,
});

/** They were checked when they were saved, perhaps by an older release. Throws `invalid_input`, naming the field. */
function savedCriteria({ criteria: kept }: SavedScreener): Criteria {
  return checkInput(criteria, kept);
}
