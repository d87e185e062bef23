/** For model-based tests of the machine `housekeeping`. */
import type { AnyMachineSnapshot } from 'xstate';
import type { Model } from '../../../test/model.ts';
import { housekeeping } from '../housekeeping.ts';
import { failed } from './models.ts';

const bite = (isFull: boolean) => ({ analyses: 1, screenerResults: 2, notifications: 3, isFull });

export const housekeepingModel: Model = {
  machine: housekeeping.machine,
  inputs: [{}],
  events: [],
  outcomes: { pruneRecords: { outputs: [bite(false), bite(true)], errors: [failed('unavailable')] } },
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { isFull, lastError } = context as { isFull: boolean; lastError: unknown };
    return JSON.stringify([value, isFull, lastError !== null]);
  },
};
