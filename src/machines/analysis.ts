/**
 * The machine `analysis`: one symbol, from its market data to a recommendation.
 *
 * It fetches market data and judges the chart for the strategy. A rejected chart ends it: the run is saved, and told, as
 * rejected, never as a pick. For an options or a full analysis it looks for a contract, and for a full one it reads the news beside that;
 * neither needs the other. Then the results are put together: a selected contract and the chart that its strategy wants
 * make `select`, positive news make it `strong_select`, anything else is `neutral`. News that say no do not take the pick
 * away, but stand beside it as a caution, and never make it strong. The result is saved, and its owner is told. An effect
 * that fails after its retries fails the run, and so do parts of different sources (`source_changed`: the provider was
 * changed meanwhile); that is saved and told as well. One that was cut off with its process, and could not go on in time,
 * is begun anew, three times at most. `CANCEL` ends it wherever it is.
 *
 * Not for how the analysis is computed (the analysis service), nor for storing or delivering anything.
 */
import { assign, emit, setup } from 'xstate';
import { z } from 'zod';
import {
  type AnalysisParts,
  type AnalysisResult,
  analysisType,
  errorOf,
  synthesize,
} from './analysis-result.ts';
import {
  begunAnew,
  type EffectError,
  effectError,
  effectSource,
  failure,
  isBegunAnew,
} from './effect-source.ts';
import {
  type ChartAnalysis,
  type MarketData,
  type OptionsAnalysis,
  type ResearchAnalysis,
  strategy,
  timeframe,
} from './market.ts';

export const analysisInput = z.object({
  type: analysisType,
  symbol: z.string().min(1).max(10),
  timeframe: timeframe.default('daily'),
  strategy: strategy.default('csp'),
});
export type AnalysisInput = z.infer<typeof analysisInput>;

export interface AnalysisContext extends AnalysisInput, AnalysisParts {
  /** Kept from its fetching until the chart is judged. */
  marketData: MarketData | null;
  result: AnalysisResult | null;
  /** Effects that were begun anew since the process that ran them ended. Absent in runs of an older release. */
  restarts?: number;
  progress: { done: number; total: number; step: string };
}

/** Each is after ten processes that ended, or one after whose end nothing ran for an hour. */
export const MAX_RESTARTS = 3;

/** Effects that each type waits for: market data, chart, contract, news, saving. */
const TOTAL_STEPS = { chart_analysis: 3, options_analysis: 4, full_analysis: 5 } as const;

/** One effect done; what comes next, in words for a person. */
function advance({ progress }: AnalysisContext, step: string): AnalysisContext['progress'] {
  return { ...progress, done: Math.min(progress.done + 1, progress.total), step };
}

const fails = <State extends string>(target: State) =>
  ({ target, actions: { type: 'fail', params: failure } }) as const;

const machine = setup({
  types: {
    context: {} as AnalysisContext,
    input: {} as AnalysisInput,
    output: {} as AnalysisResult,
    events: {} as { type: 'CANCEL' },
    emitted: {} as { type: 'notification'; notification: string; data: Record<string, unknown> },
  },
  actors: {
    fetchMarketData: effectSource<MarketData, { symbol: string; timeframe: AnalysisInput['timeframe'] }>(),
    analyzeChart: effectSource<
      ChartAnalysis,
      Pick<AnalysisInput, 'symbol' | 'timeframe' | 'strategy'> & { marketData: MarketData | null }
    >(),
    analyzeOptions: effectSource<
      OptionsAnalysis,
      { symbol: string; strategy: AnalysisInput['strategy']; chartContext: ChartAnalysis | null }
    >(),
    analyzeResearch: effectSource<ResearchAnalysis, { symbol: string }>(),
    saveAnalysis: effectSource<null, { result: AnalysisResult | null }>(),
  },
  guards: {
    mayRestart: ({ context: { restarts = 0 } }, error: EffectError) =>
      isBegunAnew(error, restarts, MAX_RESTARTS),
    isRejected: (_, chart: ChartAnalysis) => chart.recommendation === 'reject',
    isChartOnly: ({ context }) => context.type === 'chart_analysis',
    isWithoutResearch: ({ context }) => context.type !== 'full_analysis',
    hasFailed: ({ context }) => context.error !== null,
  },
  actions: {
    countRestart: assign({ restarts: ({ context: { restarts = 0 } }) => restarts + 1 }),
    fail: assign((_, error: EffectError) => ({ error, marketData: null })),
    takeChart: assign(({ context }, chart: ChartAnalysis) => ({
      chart,
      marketData: null,
      progress: advance(
        context,
        context.type === 'full_analysis'
          ? 'Looking for a contract, and reading the news'
          : 'Looking for a contract',
      ),
    })),
    tell: emit(({ context }) => ({
      type: 'notification' as const,
      notification: 'analysis_complete',
      data: {
        symbol: context.symbol,
        analysisType: context.type,
        status: context.result?.status ?? 'failed',
        recommendation: context.result?.recommendation ?? null,
        reasons: context.result?.reasons ?? [],
        cautions: context.result?.cautions ?? [],
        asOf: context.result?.asOf ?? null,
        source: context.result?.source ?? null,
      },
    })),
  },
}).createMachine({
  id: 'analysis',
  context: ({ input }) => ({
    ...input,
    marketData: null,
    chart: null,
    options: null,
    research: null,
    error: null,
    result: null,
    restarts: 0,
    progress: { done: 0, total: TOTAL_STEPS[input.type], step: 'Fetching market data' },
  }),
  // Each final state comes after, or with, the result.
  output: ({ context }) => context.result as AnalysisResult,
  on: { CANCEL: '.cancelled' },
  initial: 'fetchMarketData',
  states: {
    fetchMarketData: {
      invoke: {
        id: 'fetchMarketData',
        src: 'fetchMarketData',
        input: ({ context: { symbol, timeframe } }) => ({ symbol, timeframe }),
        onDone: {
          target: 'chart',
          actions: assign(({ context, event }) => ({
            marketData: event.output,
            progress: advance(context, 'Analysing the chart'),
          })),
        },
        onError: [begunAnew('fetchMarketData'), fails('synthesize')],
      },
    },
    chart: {
      invoke: {
        id: 'analyzeChart',
        src: 'analyzeChart',
        input: ({ context: { symbol, timeframe, strategy, marketData } }) => ({
          symbol,
          timeframe,
          strategy,
          marketData,
        }),
        onDone: [
          {
            guard: { type: 'isRejected', params: ({ event }) => event.output },
            target: 'synthesize',
            actions: { type: 'takeChart', params: ({ event }) => event.output },
          },
          {
            guard: 'isChartOnly',
            target: 'synthesize',
            actions: { type: 'takeChart', params: ({ event }) => event.output },
          },
          { target: 'analyze', actions: { type: 'takeChart', params: ({ event }) => event.output } },
        ],
        onError: [begunAnew('chart'), fails('synthesize')],
      },
    },
    analyze: {
      type: 'parallel',
      onDone: 'synthesize',
      states: {
        options: {
          initial: 'running',
          states: {
            running: {
              invoke: {
                id: 'analyzeOptions',
                src: 'analyzeOptions',
                input: ({ context: { symbol, strategy, chart } }) => ({
                  symbol,
                  strategy,
                  chartContext: chart,
                }),
                onDone: {
                  target: 'done',
                  actions: assign(({ context, event }) => ({
                    options: event.output,
                    progress: advance(
                      context,
                      context.type === 'full_analysis' ? 'Reading the news' : 'Saving',
                    ),
                  })),
                },
                onError: [begunAnew('running'), fails('#analysis.synthesize')],
              },
            },
            done: { type: 'final' },
          },
        },
        research: {
          initial: 'deciding',
          states: {
            deciding: { always: [{ guard: 'isWithoutResearch', target: 'skipped' }, { target: 'running' }] },
            running: {
              invoke: {
                id: 'analyzeResearch',
                src: 'analyzeResearch',
                input: ({ context: { symbol } }) => ({ symbol }),
                onDone: {
                  target: 'done',
                  actions: assign(({ context, event }) => ({
                    research: event.output,
                    progress: advance(context, context.options ? 'Saving' : 'Looking for a contract'),
                  })),
                },
                onError: [begunAnew('running'), fails('#analysis.synthesize')],
              },
            },
            done: { type: 'final' },
            skipped: { type: 'final' },
          },
        },
      },
    },
    synthesize: {
      entry: assign(({ context }) => {
        const error = errorOf(context);
        return {
          error,
          result: synthesize({ ...context, error }),
          progress: { ...context.progress, step: 'Saving' },
        };
      }),
      always: 'save',
    },
    save: {
      invoke: {
        id: 'saveAnalysis',
        src: 'saveAnalysis',
        input: ({ context: { result } }) => ({ result }),
        onDone: { target: 'notify' },
        onError: [
          begunAnew('save'),
          {
            target: 'notify',
            actions: assign(({ context, event }) => {
              // What failed first is what the owner needs to know.
              const error = context.error ?? effectError(event);
              return { error, result: synthesize({ ...context, error }) };
            }),
          },
        ],
      },
    },
    notify: {
      entry: [
        'tell',
        assign({
          progress: ({ context: { progress } }) => ({
            done: progress.total,
            total: progress.total,
            step: 'Done',
          }),
        }),
      ],
      always: [{ guard: 'hasFailed', target: 'failed' }, { target: 'done' }],
    },
    done: { type: 'final' },
    failed: { type: 'final' },
    cancelled: {
      type: 'final',
      // Also while it is being saved: then the result was there already, and is not what the run came to.
      entry: assign(({ context }) => ({
        marketData: null,
        result: { ...synthesize(context), status: 'cancelled' as const, recommendation: null },
        progress: { ...context.progress, step: 'Cancelled' },
      })),
    },
  },
});

/** Ready to be registered. */
export const analysis = {
  id: 'analysis',
  version: '1',
  machine,
  input: analysisInput,
  events: { CANCEL: z.object({ type: z.literal('CANCEL') }) },
  // Bars are large and can be fetched again; the journal shows that they were there.
  journal: { redact: ['context.marketData', 'input.marketData', 'event.output.bars'], unchanged: true },
  keepEnded: '365 d' as const,
};
