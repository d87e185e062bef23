/**
 * Machines for the inspector's tests, with every construct that a chart must show. Not part of the product.
 */
import { and, assign, fromPromise, not, setup } from 'xstate';
import { z } from 'zod';
import type { DurableMachine } from '../../../actors/runtime/index.ts';

/** Work that the tests finish themselves, by sending its done event. */
const work = fromPromise(() => new Promise<{ price: number }>(() => {}));

const analysis = setup({
  actors: {
    fetchMarketData: work,
    analyzeChart: work,
    analyzeOptions: work,
    analyzeResearch: work,
    saveRun: work,
  },
  guards: { rejected: () => false, wantsOptions: () => true, wantsResearch: () => true },
  actions: { keepChart: assign({}), keepOptions: assign({}), keepResearch: assign({}), tellOwner: () => {} },
}).createMachine({
  id: 'analysis',
  context: { symbol: 'AAPL', source: 'simulated' },
  initial: 'fetchMarketData',
  on: { CANCEL: '.cancelled' },
  states: {
    fetchMarketData: {
      invoke: { id: 'marketData', src: 'fetchMarketData', onDone: 'chart', onError: 'failed' },
    },
    chart: {
      invoke: {
        id: 'chart',
        src: 'analyzeChart',
        onDone: [
          { guard: 'rejected', target: 'save', actions: 'keepChart' },
          { target: 'analyze', actions: 'keepChart' },
        ],
        onError: 'failed',
      },
    },
    analyze: {
      type: 'parallel',
      states: {
        options: {
          initial: 'choosing',
          states: {
            choosing: { always: [{ guard: 'wantsOptions', target: 'running' }, { target: 'skipped' }] },
            running: {
              invoke: {
                id: 'options',
                src: 'analyzeOptions',
                onDone: { target: 'done', actions: 'keepOptions' },
                onError: '#analysis.failed',
              },
            },
            done: { type: 'final' },
            skipped: { type: 'final' },
          },
        },
        research: {
          initial: 'choosing',
          states: {
            choosing: { always: [{ guard: 'wantsResearch', target: 'running' }, { target: 'skipped' }] },
            running: {
              invoke: {
                id: 'research',
                src: 'analyzeResearch',
                onDone: { target: 'done', actions: 'keepResearch' },
                onError: { target: 'done', actions: 'keepResearch' },
              },
            },
            done: { type: 'final' },
            skipped: { type: 'final' },
          },
        },
      },
      onDone: 'save',
    },
    save: { invoke: { id: 'save', src: 'saveRun', onDone: 'done', onError: 'failed' } },
    done: { type: 'final', entry: 'tellOwner' },
    failed: { type: 'final', entry: 'tellOwner' },
    cancelled: { type: 'final' },
  },
});

const everything = setup({
  types: { context: {} as { count: number }, input: {} as { start: number } },
  actors: { fetchQuote: work },
  guards: { isBig: () => true, isOpen: () => true },
  actions: { count: assign({ count: ({ context }) => context.count + 1 }), ring: () => {} },
  delays: { patience: 3_000 },
}).createMachine({
  id: 'everything',
  context: ({ input }) => ({ count: input.start }),
  initial: 'waiting',
  description: 'One of each construct.',
  on: { COUNT: { actions: 'count' }, STOP: '.stopped' },
  states: {
    waiting: {
      tags: 'quiet',
      entry: 'ring',
      after: { 30000: 'working', patience: { guard: and(['isOpen', not('isBig')]), target: 'stopped' } },
      on: { GO: { target: 'working', actions: ['count', 'ring'] }, BACK: '#everything.working.remember' },
    },
    working: {
      initial: 'asking',
      states: {
        asking: { invoke: { src: 'fetchQuote', onDone: 'deep', onError: '#everything.stopped' } },
        deep: {
          type: 'parallel',
          states: {
            left: { initial: 'one', states: { one: { on: { NEXT: 'two' } }, two: { type: 'final' } } },
            right: {
              initial: 'one',
              states: {
                one: { on: { NEXT: { target: 'two', guard: 'isBig' } } },
                two: { initial: 'inner', states: { inner: { on: { AGAIN: 'inner' } } } },
              },
            },
          },
          onDone: 'settled',
        },
        settled: { always: [{ guard: 'isOpen', target: '#everything.waiting' }, { target: 'asking' }] },
        remember: { type: 'history', history: 'deep' },
      },
      on: { PAUSE: 'waiting' },
    },
    stopped: { type: 'final', exit: 'ring' },
  },
});

const tiny = setup({}).createMachine({ id: 'tiny' });

function durable(machine: DurableMachine['machine']): DurableMachine {
  return { id: machine.id, version: '1', machine, input: z.unknown(), events: {} };
}

/** A stand-in for the analysis: like the product's, so that its chart is worth looking at. */
export const sampleAnalysis = durable(analysis);
/** Nested, parallel, history, always, after, guards of guards, targetless, self and cross-level transitions. */
export const sampleEverything = durable(everything);
/** A machine without child states. */
export const sampleTiny = durable(tiny);
