/** The present prices of symbols. Not for waiting on a price; that is an alert. */
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { symbol } from './fields.ts';
import { defineOperation } from './operation.ts';

/** A quote as the analysis service answers it; what is listed here is read, the rest is passed over. */
export interface Quote {
  price: number | null;
  bid?: number | null;
  ask?: number | null;
  changePct?: number | null;
  asOf: string;
  source: string;
  stale: boolean;
}

/** What `get_quote` needs of the analysis client. Symbols that it does not know are left out. */
export interface QuoteReader {
  quotes(symbols: readonly string[], options?: { signal?: AbortSignal }): Promise<Record<string, Quote>>;
}

const quote = z.object({
  symbol: z.string(),
  price: z.number().nullable(),
  bid: z.number().nullable(),
  ask: z.number().nullable(),
  changePct: z.number().nullable().describe('Since the previous close'),
  asOf: z.string(),
  source: z.string().describe('"simulated" is invented data'),
  stale: z.boolean(),
});

export const getQuote = defineOperation({
  name: 'get_quote',
  title: 'Get quotes',
  description: 'Present prices of up to 20 symbols.',
  input: z.strictObject({ symbols: z.array(symbol).min(1).max(20) }),
  output: z.object({ quotes: z.array(quote), missing: z.array(z.string()).describe('Symbols nobody knows') }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  http: { method: 'get', path: '/quotes' },
  async run({ analysis, signal }, input) {
    const symbols = [...new Set(input.symbols)];
    const found = await analysis.quotes(symbols, { ...(signal && { signal }) });
    const missing = symbols.filter((name) => found[name] === undefined);
    if (missing.length === symbols.length) {
      throw new TtaiError('symbol_not_found', `No quote for ${missing.join(', ')}.`, {
        details: { symbols: missing, hint: 'Check the spelling; the source may not carry the symbol.' },
      });
    }
    const quotes = symbols.flatMap((name) => {
      const { price, bid = null, ask = null, changePct = null, asOf, source, stale } = found[name] ?? {};
      if (price === undefined || asOf === undefined || source === undefined) return [];
      return [{ symbol: name, price, bid, ask, changePct, asOf, source, stale: stale ?? false }];
    });
    return { quotes, missing };
  },
  text: ({ quotes, missing }) =>
    [
      ...quotes.map(
        ({ symbol: name, price, asOf, source, stale }) =>
          `${name} ${price ?? 'has no price'} (${source}, as of ${asOf}${stale ? ', stale' : ''})`,
      ),
      ...(missing.length > 0 ? [`Unknown: ${missing.join(', ')}`] : []),
    ].join('\n'),
});
