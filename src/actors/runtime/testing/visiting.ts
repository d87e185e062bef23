/** Machines whose states are left and entered again, with all that a snapshot can hold. */
import { assign, createMachine, fromPromise, setup } from 'xstate';
import { onTheRuntime } from './subjects.ts';

/** Longer than any test. */
export const NEVER = 3_600_000;
export const child = createMachine({ id: 'child', initial: 'a', states: { a: {} } });
export const actors = { work: fromPromise(onTheRuntime), child };

/** Two regions with history, an effect, a timer and a child: all that a snapshot can hold. */
export const rich = setup({ actors }).createMachine({
  id: 'rich',
  initial: 'on',
  states: {
    on: {
      type: 'parallel',
      on: { LEAVE: 'off' },
      invoke: { id: 'kid', src: 'child' },
      states: {
        left: { initial: 'a', states: { a: { on: { STEP: 'b' } }, b: {} } },
        right: { initial: 'a', states: { a: { after: { [NEVER]: 'b' } }, b: {} } },
        last: { type: 'history', history: 'deep' },
      },
    },
    off: { on: { RETURN: 'on.last' } },
  },
});

/** A state with an effect and a timer, that is left and entered again. */
export const visiting = setup({
  types: { context: {} as { ends: number } },
  actors,
}).createMachine({
  id: 'visiting',
  context: { ends: 0 },
  initial: 'in',
  states: {
    in: {
      invoke: {
        id: 'work',
        src: 'work',
        onDone: { actions: assign({ ends: ({ context }) => context.ends + 1 }) },
      },
      after: { [NEVER]: 'late' },
      on: { LEAVE: 'out' },
    },
    out: { on: { BACK: 'in' } },
    late: {},
  },
});
