/** A watch on the free space of a folder's disk: the example of docs/runtime.md, with one effect and one timer. */
import { statfs } from 'node:fs/promises';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { type DurableMachine, effect, effectSource } from '../src/actors/runtime/index.ts';

const input = z.object({ folder: z.string(), leastBytes: z.number().positive() });

const machine = setup({
  types: {
    input: {} as z.infer<typeof input>,
    context: {} as z.infer<typeof input> & { free: number | null },
    events: {} as { type: 'LOOK' },
  },
  actors: { measureSpace: effectSource<number, { folder: string }>() },
  guards: { isLow: ({ context }, free: number) => free < context.leastBytes },
}).createMachine({
  id: 'diskWatch',
  context: ({ input }) => ({ ...input, free: null }),
  initial: 'looking',
  states: {
    looking: {
      invoke: {
        id: 'measure',
        src: 'measureSpace',
        input: ({ context: { folder } }) => ({ folder }),
        onDone: [
          {
            guard: { type: 'isLow', params: ({ event }) => event.output },
            target: 'low',
            actions: assign({ free: ({ event }) => event.output }),
          },
          { target: 'enough', actions: assign({ free: ({ event }) => event.output }) },
        ],
        onError: 'unknown',
      },
    },
    enough: { after: { 30000: 'looking' }, on: { LOOK: 'looking' } },
    low: { tags: 'alarm', after: { 30000: 'looking' }, on: { LOOK: 'looking' } },
    unknown: { tags: 'alarm', after: { 30000: 'looking' }, on: { LOOK: 'looking' } },
  },
});

export const diskWatch: DurableMachine = {
  id: 'diskWatch',
  version: '1',
  machine,
  input,
  events: { LOOK: z.object({ type: z.literal('LOOK') }) },
  journal: { keepLast: 100 },
};

export const measureSpace = effect(
  'measureSpace',
  { input: z.object({ folder: z.string() }), output: z.number(), timeout: '5 s', retries: { limit: 2 } },
  async ({ folder }) => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
);
