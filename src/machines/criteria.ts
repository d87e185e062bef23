/**
 * What a screener looks for: the criteria of the analysis service's `/screener/candidates`, field by field, checked here
 * so that a mistake is named before anything runs. What is left out has the service's default, so that criteria which
 * are kept stay what their owner wrote. `test/analysis-contract.test.ts` compares the two.
 */
import { z } from 'zod';
import { strategy } from './market.ts';

const MAX_PRICE = 1e9;
const symbolPattern = /^[A-Z][A-Z0-9.\-/]{0,9}$/;

/** The service's defaults of the fields that are compared with one another. */
export const CRITERIA_DEFAULTS = { rsiMin: 30, rsiMax: 70 } as const;
/** Of a universe. */
const USUAL_MAX_PRICE = 100;

/** A ticker, trimmed and upper-cased. */
export const ticker = z
  .string()
  .trim()
  .toUpperCase()
  .refine(
    (value) => symbolPattern.test(value),
    'must be a ticker such as AAPL or BRK.B, at most 10 characters',
  );

/** A symbol must fulfil all of them; a figure that is not known fulfils nothing. */
export const criteria = z
  .strictObject({
    universe: z.enum(['stocks', 'funds', 'all']).optional(),
    symbols: z.array(ticker).min(1).max(500).optional().describe('Only these, instead of a universe'),
    strategy: strategy.optional(),
    minPrice: z.number().min(0).max(MAX_PRICE).optional(),
    maxPrice: z
      .number()
      .positive()
      .max(MAX_PRICE)
      .optional()
      .describe('100 unless this or symbols are given'),
    minVolume: z.number().min(0).max(1e15).optional().describe('Shares a day'),
    minMarketCap: z.number().min(0).max(1e18).optional(),
    aboveSma50: z.boolean().optional().describe('Unless given, true but for bear_call_spread'),
    rsiMin: z.number().min(0).max(100).optional(),
    rsiMax: z.number().min(0).max(100).optional(),
    minIvRank: z.number().min(0).max(1).optional().describe('0 to 1'),
    maxDaysToEarnings: z
      .int()
      .min(0)
      .max(400)
      .optional()
      .describe('Leaves out who reports within so many days'),
    maxResults: z.int().min(1).max(200).optional(),
    sortBy: z.enum(['volume', 'ivRank', 'score', 'symbol']).optional(),
  })
  .superRefine((given, context) => {
    const { symbols, minPrice, maxPrice, rsiMin, rsiMax } = given;
    // Who names symbols wants them whatever they cost.
    const usualMaxPrice = symbols ? MAX_PRICE : USUAL_MAX_PRICE;
    const most = { price: maxPrice ?? usualMaxPrice, rsi: rsiMax ?? CRITERIA_DEFAULTS.rsiMax };
    const leastRsi = rsiMin ?? CRITERIA_DEFAULTS.rsiMin;
    const refuse = (field: string, message: string, isGiven: boolean) =>
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `${message}${isGiven ? '' : ' unless given'}`,
      });
    if (minPrice !== undefined && minPrice > most.price) {
      refuse('minPrice', `must not exceed maxPrice, which is ${most.price}`, maxPrice !== undefined);
    }
    if (leastRsi <= most.rsi) return;
    if (rsiMin === undefined) refuse('rsiMax', `must not be below rsiMin, which is ${leastRsi}`, false);
    else refuse('rsiMin', `must not exceed rsiMax, which is ${most.rsi}`, rsiMax !== undefined);
  });
export type Criteria = z.infer<typeof criteria>;
