/** The effects of the machine `screener`: candidates, the quick look at one symbol, and keeping the result. */
import { z } from 'zod';
import { criteria } from '../../machines/criteria.ts';
import { type Candidates, strategy } from '../../machines/market.ts';
import {
  foundCandidates,
  type LeftOut,
  MAX_LEFT_OUT,
  type ScreenerResult,
  screenedSymbol,
} from '../../machines/screener-result.ts';
import { saveScreenerResult } from '../../persistence/records/screener-results.ts';
import { type Effect, effect } from '../runtime/index.ts';
import type { EffectRooms } from './rooms.ts';
import { runPolicy } from './run-policy.ts';

export function screenerEffects({ service, database }: EffectRooms): Effect[] {
  return [
    effect(
      'findCandidates',
      { ...runPolicy, input: z.object({ criteria, maxSymbols: z.int() }), output: foundCandidates },
      async ({ criteria: wanted, maxSymbols }, context) => {
        const maxResults = Math.min(maxSymbols, wanted.maxResults ?? maxSymbols);
        const { quality, rows, ...found } = await service.candidates({ ...wanted, maxResults }, context);
        const leftOut = wanted.symbols && rows && leftOutOf(rows, found.symbols);
        return { ...found, ...(leftOut && { leftOut }), source: quality.source };
      },
    ),
    effect(
      'quickAnalyze',
      { ...runPolicy, input: z.object({ symbol: z.string(), strategy }), output: screenedSymbol },
      async (input, context) => {
        const quick = await service.quick(input, context);
        const { quality } = quick;
        // Of the data, where it is known; a price is as old as that, not as the answer.
        return { ...quick, asOf: quality.asOf ?? quick.asOf, source: quality.source };
      },
    ),
    effect(
      'saveScreenerResult',
      {
        ...runPolicy,
        input: z.object({ result: z.custom<ScreenerResult>((value) => typeof value === 'object') }),
        output: z.null(),
      },
      async ({ result }, { address, owner }) => {
        await saveScreenerResult(database, {
          runId: address.replace('/', '.'),
          owner,
          savedScreenerId: result.savedScreenerId,
          status: result.status,
          result,
        });
        return null;
      },
    ),
  ];
}

/** Who names symbols wants to know of each. */
function leftOutOf(rows: NonNullable<Candidates['rows']>, taken: readonly string[]): LeftOut[] {
  return rows
    .filter(({ symbol }) => !taken.includes(symbol))
    .map(({ symbol, failed }) => ({ symbol, reasons: failed.length > 0 ? failed : ['maxSymbols'] }))
    .slice(0, MAX_LEFT_OUT);
}
