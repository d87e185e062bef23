/** The machine `housekeeping` alone, in memory. On the durable runtime: `test/machines-on-runtime.test.ts`. */
import { expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import { housekeeping } from './housekeeping.ts';
import { housekeepingModel } from './testing/housekeeping-model.ts';
import { failed } from './testing/models.ts';

const { machine } = housekeeping;
const pruned = (isFull: boolean) => ({
  type: 'xstate.done.actor.pruneRecords',
  output: { analyses: 1, screenerResults: 0, notifications: 2, isFull },
});
const notPruned = { type: 'xstate.error.actor.pruneRecords', error: failed('unavailable') };
const later = { type: 'xstate.after.untilNextBite.housekeeping.resting' };

test('every path reaches every state and takes every transition', () => {
  const paths = pathsOf(housekeepingModel);
  expect(
    uncovered(
      machine,
      paths.map((path) => replay(machine, path)),
    ),
  ).toEqual([]);
  console.log(`housekeeping: ${paths.length} paths reach every state and take every transition`);
});

test.each([
  ['a day after a bite that was not full', [pruned(false)], 3, 86_400_000],
  ['a second after a full one, counting on', [pruned(true), later, pruned(true)], 6, 1_000],
  ['anew the next day', [pruned(true), later, pruned(false), later, pruned(false)], 3, 86_400_000],
  ['an hour after one that failed', [pruned(true), later, notPruned], 3, 3_600_000],
])('it goes on %s', (_, events, deleted, delay) => {
  const live = replay(machine, { input: {}, events });
  const { context } = live.seen() as { context: { deleted: number } };
  expect(context.deleted).toBe(deleted);
  const { untilNextBite } = machine.implementations.delays as Record<string, unknown>;
  expect((untilNextBite as (args: unknown) => number)({ context })).toBe(delay);
});
