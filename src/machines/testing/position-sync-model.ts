/** For model-based tests of the machine `positionSync`. */
import type { AnyMachineSnapshot } from 'xstate';
import type { Model } from '../../../test/model.ts';
import {
  type PositionReading,
  type PositionSyncContext,
  positionSync,
  positionSyncInput,
} from '../position-sync.ts';
import { failed } from './models.ts';
import { away, monday, noon } from './portfolio-monitor-model.ts';

/** A reading in which one position was new. */
export const readingOf = (more: Partial<PositionReading> = {}): PositionReading => ({
  at: noon,
  endedAt: more.at ?? noon,
  market: monday,
  changes: { added: 1, updated: 0, closed: 0, replaced: 0, unchanged: 2, left: 0 },
  error: null,
  source: 'tastytrade',
  ...more,
});

export const failedReading = (at = noon) => readingOf({ at, changes: null, error: away, source: null });

export const positionSyncModel: Model = {
  machine: positionSync.machine,
  inputs: [positionSyncInput.parse({})],
  events: [{ type: 'UPDATE', portfolio: 'wheel' }, { type: 'STOP' }],
  outcomes: {
    syncPositions: {
      outputs: [
        readingOf(),
        failedReading(),
        readingOf({ at: '2026-01-05T22:00:00.000Z', market: { ...monday, open: false } }),
      ],
      errors: [failed('timeout')],
    },
  },
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { portfolio, health, pauseMs } = context as PositionSyncContext;
    const { failures, told, since } = health;
    return JSON.stringify([value, portfolio, Math.min(failures, 3), told, since, pauseMs]);
  },
};
