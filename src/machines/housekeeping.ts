/**
 * The machine `housekeeping`: one for all owners, it deletes records that are old enough, once a day. It goes in bites
 * with a pause after each, so that nobody else waits for it; a bite that fails is tried again an hour later, if its own
 * retries have not helped.
 *
 * Not for what is old enough (the records' own rules), nor for actors and their journals, which the runtime prunes.
 */
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { type EffectError, effectError, effectSource } from './effect-source.ts';

/** The only key of this machine. */
export const HOUSEKEEPING_KEY = 'records';
const PAUSE_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What one bite has deleted. */
export const bite = z.object({
  analyses: z.int(),
  screenerResults: z.int(),
  notifications: z.int(),
  /** There may be more. */
  isFull: z.boolean(),
});
export type Bite = z.infer<typeof bite>;

interface HousekeepingContext {
  /** Rows since the day's first bite. */
  deleted: number;
  isFull: boolean;
  lastError: EffectError | null;
}

const machine = setup({
  types: {
    context: {} as HousekeepingContext,
    input: {} as Record<string, never>,
    events: {} as { type: 'none' },
  },
  actors: { pruneRecords: effectSource<Bite, null>() },
  delays: {
    untilNextBite: ({ context: { isFull, lastError } }) => {
      if (lastError) return HOUR_MS;
      return isFull ? PAUSE_MS : DAY_MS;
    },
  },
}).createMachine({
  id: 'housekeeping',
  context: { deleted: 0, isFull: false, lastError: null },
  initial: 'pruning',
  states: {
    pruning: {
      invoke: {
        id: 'pruneRecords',
        src: 'pruneRecords',
        input: null,
        onDone: {
          target: 'resting',
          actions: assign(({ context, event: { output } }) => ({
            deleted:
              (context.isFull ? context.deleted : 0) +
              output.analyses +
              output.screenerResults +
              output.notifications,
            isFull: output.isFull,
            lastError: null,
          })),
        },
        onError: { target: 'resting', actions: assign(({ event }) => ({ lastError: effectError(event) })) },
      },
    },
    resting: { after: { untilNextBite: 'pruning' } },
  },
});

/** Ready to be registered. */
export const housekeeping = {
  id: 'housekeeping',
  version: '1',
  machine,
  input: z.object({}),
  events: {},
  journal: { keepLast: 100 },
};
