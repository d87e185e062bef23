/** The present prices of symbols. Not for waiting on a price; that is an alert. */
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { symbol } from './fields.ts';
import { defineOperation } from './operation.ts';

/** Someone waits for the answer. */
const timeoutMs = 10_000;

/** A quote as clients see it. */
export const quote = z.object({
  symbol: z.string(),
  price: z.number().nullable(),
  bid: z.number().nullable().catch(null),
  ask: z.number().nullable().catch(null),
  changePct: z.number().nullable().catch(null).describe('Since the previous close'),
  asOf: z.string().nullable().describe('null while there has been no price'),
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
  async run({ analysis, signal, owner }, input) {
    const symbols = [...new Set(input.symbols)];
    const found = await analysis.quotes(symbols, { owner, timeoutMs, ...(signal && { signal }) });
    const missing = symbols.filter((name) => found[name] === undefined);
    if (missing.length === symbols.length) {
      throw new TtaiError('symbol_not_found', `No quote for ${missing.join(', ')}.`, {
        details: { symbols: missing, hint: 'Check the spelling; the source may not carry the symbol.' },
      });
    }
    const quotes = symbols.flatMap((name) => {
      const row = found[name];
      return row ? [quote.parse({ ...row, symbol: name })] : [];
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
