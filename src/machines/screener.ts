/**
 * The machine `screener`: from criteria to the ten best symbols.
 *
 * It asks for the symbols that fulfil the criteria, and looks quickly at each: five side by side, then a pause of 5 s,
 * then the next five. Of each it keeps a line. Rejected ones are dropped, the others ordered by score, then by symbol,
 * and ten are kept. The result is saved, and its owner is told. A symbol that fails after its retries is listed with
 * its error, and the others go on; that there are no candidates is a result too. The run fails when no symbol could be
 * analysed, when the candidates or the saving failed, and when the service stayed away for the hour that it is waited
 * for: what has been found until then is in its result. Work that was cut off again and again, with the processes that
 * did it, is begun anew, but not for ever. `CANCEL` ends it wherever it is.
 *
 * Not for how symbols are found or analysed (the analysis service), nor for storing or delivering anything.
 */
import { assign, emit, setup } from 'xstate';
import { z } from 'zod';
import { type Criteria, criteria } from './criteria.ts';
import {
  begunAnew,
  type EffectError,
  effectError,
  effectSource,
  failure,
  isBegunAnew,
} from './effect-source.ts';
import type { strategy } from './market.ts';
import {
  errorOfAllFailed,
  type FoundCandidates,
  leftOutOf,
  reasonsOf,
  type ScreenedSymbol,
  type ScreenerResult,
  type Tally,
  withAnalyzed,
  withFailed,
} from './screener-result.ts';

export const BATCH = 5;
/** Of a run. Five are cut off at once, each after four attempts: some two dozen processes that ended. */
export const MAX_RESTARTS = 30;

export const screenerInput = z.object({
  criteria,
  maxSymbols: z.int().min(1).max(200).default(50),
  savedScreenerId: z.uuid().nullable().default(null),
  name: z.string().max(200).nullable().default(null),
});
export type ScreenerInput = z.infer<typeof screenerInput>;

export interface ScreenerContext extends ScreenerInput {
  found: FoundCandidates | null;
  /** Which five are looked at, from 0. */
  batch: number;
  tally: Tally;
  restarts: number;
  error: EffectError | null;
  result: ScreenerResult | null;
  progress: { done: number; total: number; step: string };
}

interface QuickInput {
  symbol: string;
  strategy: z.infer<typeof strategy>;
}

const nothingYet: Tally = { analyzed: 0, rejected: 0, best: [], failed: [], asOf: null, source: null };

/** The symbol of a slot in the present batch; undefined where the last batch is not full. */
function symbolOf({ found, batch }: ScreenerContext, slot: number): string | undefined {
  return found?.symbols[batch * BATCH + slot];
}

function resultOf(context: ScreenerContext): ScreenerResult {
  const { name, savedScreenerId, found, tally } = context;
  const error = context.error ?? errorOfAllFailed(tally);
  const leftOut = leftOutOf(found, tally);
  return {
    status: error ? 'failed' : 'completed',
    name,
    savedScreenerId,
    criteria: context.criteria,
    candidates: found?.symbols.length ?? 0,
    analyzed: tally.analyzed,
    rejected: tally.rejected,
    failed: tally.failed,
    results: tally.best,
    ...(leftOut && { leftOut }),
    reasons: reasonsOf(found, tally, error),
    error,
    asOf: tally.asOf,
    source: tally.source,
  };
}

/** After a symbol, whatever it came to. */
function counted(context: ScreenerContext, tally: Tally): Pick<ScreenerContext, 'tally' | 'progress'> {
  return { tally, progress: { ...context.progress, done: tally.analyzed + tally.failed.length } };
}

const screenerSetup = setup({
  types: {
    context: {} as ScreenerContext,
    input: {} as ScreenerInput,
    output: {} as ScreenerResult,
    events: {} as { type: 'CANCEL' },
    emitted: {} as { type: 'notification'; notification: string; data: Record<string, unknown> },
  },
  actors: {
    findCandidates: effectSource<FoundCandidates, { criteria: Criteria; maxSymbols: number }>(),
    quickAnalyze: effectSource<ScreenedSymbol, QuickInput>(),
    saveScreenerResult: effectSource<null, { result: ScreenerResult | null }>(),
  },
  delays: { betweenBatches: 5_000 },
  guards: {
    hasSymbol: ({ context }, slot: number) => symbolOf(context, slot) !== undefined,
    hasMore: ({ context: { found, batch } }) => (found?.symbols.length ?? 0) > (batch + 1) * BATCH,
    hasCandidates: (_, found: FoundCandidates) => found.symbols.length > 0,
    mayRestart: ({ context }, error: EffectError) => isBegunAnew(error, context.restarts, MAX_RESTARTS),
    // It was waited for as long as its effect may take: the next symbol would wait as long again.
    wasAway: (_, { name }: EffectError) => name === 'PeerUnavailableError',
    hasFailed: ({ context }) => context.result?.status === 'failed',
  },
  actions: {
    fail: assign((_, error: EffectError) => ({ error })),
    countRestart: assign({ restarts: ({ context }) => context.restarts + 1 }),
    takeCandidates: assign(({ context }, found: FoundCandidates) => ({
      found: { ...found, symbols: found.symbols.slice(0, context.maxSymbols) },
      tally: { ...nothingYet, asOf: found.asOf, source: found.source },
      progress: {
        done: 0,
        total: Math.min(found.symbols.length, context.maxSymbols),
        step: 'Analysing candidates',
      },
    })),
    takeRow: assign(({ context }, row: ScreenedSymbol) => counted(context, withAnalyzed(context.tally, row))),
    takeFailure: assign(({ context }, { slot, error }: { slot: number; error: EffectError }) =>
      counted(context, withFailed(context.tally, symbolOf(context, slot) ?? '', error)),
    ),
    nextBatch: assign({ batch: ({ context }) => context.batch + 1 }),
    rank: assign(({ context }) => ({
      result: resultOf(context),
      progress: { ...context.progress, step: 'Saving' },
    })),
    tell: emit(({ context: { result } }) => ({
      type: 'notification' as const,
      notification: 'screener_complete',
      data: {
        name: result?.name ?? null,
        savedScreenerId: result?.savedScreenerId ?? null,
        status: result?.status ?? 'failed',
        candidates: result?.candidates ?? 0,
        analyzed: result?.analyzed ?? 0,
        rejected: result?.rejected ?? 0,
        failed: result?.failed.length ?? 0,
        results: result?.results ?? [],
        reasons: result?.reasons ?? [],
        asOf: result?.asOf ?? null,
        source: result?.source ?? null,
      },
    })),
  },
});

/** One of the five that are looked at side by side. */
const slotOf = (slot: number) =>
  screenerSetup.createStateConfig({
    initial: 'deciding',
    states: {
      deciding: {
        always: [{ guard: { type: 'hasSymbol', params: slot }, target: 'running' }, { target: 'idle' }],
      },
      running: {
        invoke: {
          id: `quickAnalyze${slot}`,
          src: 'quickAnalyze',
          input: ({ context }) => ({
            symbol: symbolOf(context, slot) ?? '',
            strategy: context.criteria.strategy ?? 'csp',
          }),
          onDone: { target: 'done', actions: { type: 'takeRow', params: ({ event }) => event.output } },
          onError: [
            begunAnew('running'),
            {
              guard: { type: 'wasAway', params: failure },
              target: '#screener.rank',
              actions: { type: 'fail', params: failure },
            },
            {
              target: 'done',
              actions: {
                type: 'takeFailure',
                params: ({ event }) => ({ slot, error: effectError(event) }),
              },
            },
          ],
        },
      },
      done: { type: 'final' },
      idle: { type: 'final' },
    },
  });

const machine = screenerSetup.createMachine({
  id: 'screener',
  context: ({ input }) => ({
    ...input,
    found: null,
    batch: 0,
    tally: nothingYet,
    restarts: 0,
    error: null,
    result: null,
    progress: { done: 0, total: 0, step: 'Looking for candidates' },
  }),
  // Each final state comes after, or with, the result.
  output: ({ context }) => context.result as ScreenerResult,
  on: { CANCEL: '.cancelled' },
  initial: 'findCandidates',
  states: {
    findCandidates: {
      invoke: {
        id: 'findCandidates',
        src: 'findCandidates',
        input: ({ context }) => ({ criteria: context.criteria, maxSymbols: context.maxSymbols }),
        onDone: [
          {
            guard: { type: 'hasCandidates', params: ({ event }) => event.output },
            target: 'analyze',
            actions: { type: 'takeCandidates', params: ({ event }) => event.output },
          },
          { target: 'rank', actions: { type: 'takeCandidates', params: ({ event }) => event.output } },
        ],
        onError: [
          begunAnew('findCandidates'),
          { target: 'rank', actions: { type: 'fail', params: failure } },
        ],
      },
    },
    analyze: {
      type: 'parallel',
      states: { first: slotOf(0), second: slotOf(1), third: slotOf(2), fourth: slotOf(3), fifth: slotOf(4) },
      onDone: [{ guard: 'hasMore', target: 'pause' }, { target: 'rank' }],
    },
    // The service's sources limit how often they are asked.
    pause: { after: { betweenBatches: { target: 'analyze', actions: 'nextBatch' } } },
    rank: { entry: 'rank', always: 'save' },
    save: {
      invoke: {
        id: 'saveScreenerResult',
        src: 'saveScreenerResult',
        input: ({ context: { result } }) => ({ result }),
        onDone: { target: 'notify' },
        onError: [
          begunAnew('save'),
          {
            target: 'notify',
            actions: assign(({ context, event }) => {
              // What failed first is what the owner needs to know.
              const error = context.result?.error ?? effectError(event);
              return { error, result: resultOf({ ...context, error }) };
            }),
          },
        ],
      },
    },
    notify: {
      entry: ['tell', assign({ progress: ({ context }) => ({ ...context.progress, step: 'Done' }) })],
      always: [{ guard: 'hasFailed', target: 'failed' }, { target: 'done' }],
    },
    done: { type: 'final' },
    failed: { type: 'final' },
    cancelled: {
      type: 'final',
      // What was found until then is shown, also where it was being saved.
      entry: assign(({ context }) => ({
        result: { ...resultOf(context), status: 'cancelled' as const, error: null },
        progress: { ...context.progress, step: 'Cancelled' },
      })),
    },
  },
});

/** Ready to be registered. */
export const screener = {
  id: 'screener',
  version: '1',
  machine,
  input: screenerInput,
  events: { CANCEL: z.object({ type: z.literal('CANCEL') }) },
  journal: { unchanged: true },
  keepEnded: '365 d' as const,
};
