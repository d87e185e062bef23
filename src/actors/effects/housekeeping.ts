/** The effect of the machine `housekeeping`: one bite of what is old enough to go. */
import { z } from 'zod';
import { bite } from '../../machines/housekeeping.ts';
import { pruneRecords } from '../../persistence/records/retention.ts';
import { type Effect, effect } from '../runtime/index.ts';
import type { EffectRooms } from './rooms.ts';

/** Rows of each table. */
const BITE_ROWS = 2_000;

export function housekeepingEffects({ database }: Pick<EffectRooms, 'database'>): Effect[] {
  return [
    effect(
      'pruneRecords',
      { input: z.null(), output: bite, timeout: '60 s', retries: { limit: 3 } },
      async (_input, { now }) => {
        const pruned = await pruneRecords(database, now(), BITE_ROWS);
        return { ...pruned, isFull: Object.values(pruned).some((rows) => rows >= BITE_ROWS) };
      },
    ),
  ];
}
