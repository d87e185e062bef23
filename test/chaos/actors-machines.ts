/**
 * The machines of the chaos run, and what each event must do to their context: the fold is written by hand, without
 * XState, so that the checker does not believe what it checks.
 */
import { assign, emit, fromPromise, sendParent, sendTo, setup } from 'xstate';
import { z } from 'zod';
import type { ActorEvent, DurableMachine } from '../../src/actors/runtime/index.ts';

const TICK_MS = 300;
const PATIENCE_MS = 20_000;
/** Of each visit of a child. */
const PINGS = 3;
/** Each so manieth event of a source is told outside. */
const EMIT_EVERY = 5;

interface SubjectContext {
  /** The last number that each source has sent. */
  last: Record<string, number>;
  count: number;
  ticks: number;
  results: number;
  pongs: number;
  helped: number;
}

/** What clients send: numbered, for each source and actor from 1 on. */
interface Numbered {
  type: 'ADD' | 'WORK' | 'ASK';
  from: string;
  n: number;
}
type SubjectEvent = Numbered | { type: 'REST' | 'HELLO' } | { type: 'PONG'; k: number };

const helperMachine = setup({
  types: { context: {} as { pings: number }, events: {} as { type: 'PING'; k: number } | { type: 'FINISH' } },
}).createMachine({
  id: 'helper',
  context: { pings: 0 },
  entry: sendParent({ type: 'HELLO' }),
  initial: 'helping',
  states: {
    helping: {
      on: {
        PING: {
          actions: [
            assign({ pings: ({ context }) => context.pings + 1 }),
            sendParent(({ event }) => ({ type: 'PONG', k: event.k })),
          ],
        },
        FINISH: 'finished',
      },
    },
    finished: { type: 'final' },
  },
  output: ({ context }) => ({ pings: context.pings }),
});

const subjectMachine = setup({
  types: {
    context: {} as SubjectContext,
    events: {} as SubjectEvent,
    emitted: {} as { type: 'seen' | 'helped'; n: number },
  },
  actors: {
    work: fromPromise<{ n: number }, { n: number }>(() => Promise.reject(new Error('runs on the runtime'))),
    helper: helperMachine,
  },
  guards: {
    isTold: ({ event }) => 'n' in event && event.n % EMIT_EVERY === 0,
    isLastPong: ({ event }) => 'k' in event && event.k === PINGS,
  },
  actions: {
    note: assign(({ context, event }) =>
      'from' in event ? { count: context.count + 1, last: { ...context.last, [event.from]: event.n } } : {},
    ),
    tell: emit(({ event }) => ({ type: 'seen', n: 'n' in event ? event.n : 0 })),
    pong: assign({ pongs: ({ context }) => context.pongs + 1 }),
  },
}).createMachine({
  id: 'subject',
  context: { last: {}, count: 0, ticks: 0, results: 0, pongs: 0, helped: 0 },
  type: 'parallel',
  on: { ADD: [{ guard: 'isTold', actions: ['note', 'tell'] }, { actions: 'note' }] },
  states: {
    clock: {
      initial: 'ticking',
      states: {
        ticking: {
          on: { REST: 'resting' },
          after: {
            [TICK_MS]: {
              target: 'ticking',
              reenter: true,
              actions: assign({ ticks: ({ context }) => context.ticks + 1 }),
            },
          },
        },
        resting: {},
      },
    },
    work: {
      initial: 'idle',
      states: {
        idle: { on: { WORK: { target: 'working', actions: 'note' } } },
        working: {
          invoke: {
            id: 'work',
            src: 'work',
            input: ({ event }) => ({ n: 'n' in event ? event.n : 0 }),
            onDone: { target: 'idle', actions: assign({ results: ({ context }) => context.results + 1 }) },
          },
          // Set with each effect and cancelled by its result; an effect that nobody runs stays stuck until then.
          after: { [PATIENCE_MS]: 'gaveUp' },
        },
        gaveUp: {},
      },
    },
    family: {
      initial: 'alone',
      states: {
        alone: { on: { ASK: { target: 'asking', actions: 'note' } } },
        asking: {
          invoke: {
            id: 'helper',
            src: 'helper',
            onDone: {
              target: 'alone',
              actions: [
                assign({ helped: ({ context }) => context.helped + 1 }),
                emit(({ context }) => ({ type: 'helped', n: context.helped })),
              ],
            },
          },
          on: {
            HELLO: { actions: sendTo('helper', { type: 'PING', k: 1 }) },
            PONG: [
              { guard: 'isLastPong', actions: ['pong', sendTo('helper', { type: 'FINISH' })] },
              { actions: ['pong', sendTo('helper', ({ event }) => ({ type: 'PING', k: event.k + 1 }))] },
            ],
          },
        },
      },
    },
  },
});

const numbered = <T extends string>(type: T) =>
  z.object({ type: z.literal(type), from: z.string(), n: z.number() });

export const subject: DurableMachine = {
  id: 'subject',
  version: '1',
  machine: subjectMachine as unknown as DurableMachine['machine'],
  input: z.object({}),
  events: {
    ADD: numbered('ADD'),
    WORK: numbered('WORK'),
    ASK: numbered('ASK'),
    REST: z.object({ type: z.literal('REST') }),
  },
};

export const helper: DurableMachine = {
  id: 'helper',
  version: '1',
  machine: helperMachine as unknown as DurableMachine['machine'],
  input: z.object({}),
  events: {},
};

/** What a subject is told whose effect has not ended in all that time. */
export const GAVE_UP = `xstate.after.${PATIENCE_MS}.subject.work.working`;

/** Where a subject is when nothing is under way. */
export const AT_REST = { clock: 'resting', work: 'idle', family: 'alone' };

/** The context of a new actor of a machine. */
export function firstContext(machine: string): Record<string, unknown> {
  return machine === 'helper'
    ? { pings: 0 }
    : { last: {}, count: 0, ticks: 0, results: 0, pongs: 0, helped: 0 };
}

/** What a step with this event makes of a context. */
export function fold(
  machine: string,
  context: Record<string, unknown>,
  event: ActorEvent,
): Record<string, unknown> {
  const more = (field: string) => ({ ...context, [field]: (context[field] as number) + 1 });
  if (machine === 'helper') return event.type === 'PING' ? more('pings') : context;
  switch (event.type) {
    case 'ADD':
    case 'WORK':
    case 'ASK':
      return { ...more('count'), last: { ...(context.last as object), [event.from as string]: event.n } };
    case 'PONG':
      return more('pongs');
    case 'xstate.done.actor.work':
      return more('results');
    case 'xstate.done.actor.helper':
      return more('helped');
    default:
      return event.type === `xstate.after.${TICK_MS}.subject.clock.ticking` ? more('ticks') : context;
  }
}
