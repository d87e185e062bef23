/** The effects of the machine `analysis`: the analysis service's calls, and keeping the result. */
import { z } from 'zod';
import type { AnalysisResult } from '../../machines/analysis-result.ts';
import {
  chartAnalysis,
  marketData,
  optionsAnalysis,
  researchAnalysis,
  strategy,
  timeframe,
} from '../../machines/market.ts';
import { saveAnalysis } from '../../persistence/records/analyses.ts';
import { type Effect, effect } from '../runtime/index.ts';
import type { EffectRooms } from './rooms.ts';
import { runPolicy } from './run-policy.ts';

const symbol = z.string();

/** What the chart endpoint takes when it fetches bars by itself: a run must find the same levels. */
const CHART_PERIOD = { daily: '2y', weekly: '5y', intraday: '5d' } as const;

export function analysisEffects({ service, database }: EffectRooms): Effect[] {
  return [
    effect(
      'fetchMarketData',
      { ...runPolicy, input: z.object({ symbol, timeframe }), output: marketData },
      (input, context) => service.marketData({ ...input, period: CHART_PERIOD[input.timeframe] }, context),
    ),
    effect(
      'analyzeChart',
      {
        ...runPolicy,
        // Runs that began before the chart was asked for a strategy do not name it.
        input: z.object({ symbol, timeframe, strategy: strategy.optional(), marketData: z.unknown() }),
        output: chartAnalysis,
      },
      (input, context) => service.chart(input, context),
    ),
    effect(
      'analyzeOptions',
      {
        ...runPolicy,
        input: z.object({ symbol, strategy, chartContext: z.unknown() }),
        output: optionsAnalysis,
      },
      (input, context) => service.options(input, context),
    ),
    effect(
      'analyzeResearch',
      { ...runPolicy, input: z.object({ symbol }), output: researchAnalysis },
      (input, context) => service.research(input, context),
    ),
    effect(
      'saveAnalysis',
      {
        ...runPolicy,
        input: z.object({ result: z.custom<AnalysisResult>((value) => typeof value === 'object') }),
        output: z.null(),
      },
      async ({ result }, { address, owner }) => {
        await saveAnalysis(database, {
          runId: address.replace('/', '.'),
          owner,
          symbol: result.symbol,
          type: result.type,
          status: result.status,
          recommendation: result.recommendation,
          result,
        });
        return null;
      },
    ),
  ];
}
