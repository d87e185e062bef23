/** Starts an analysis. What it does stands in the machine `analysis`. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { idempotencyKey, symbol } from './fields.ts';
import { defineOperation } from './operation.ts';
import { started, startedInWords, startedRun } from './started-run.ts';

const machine = 'analysis';

export const startAnalysis = defineOperation({
  name: 'start_analysis',
  title: 'Start an analysis',
  description:
    'Start analysing a symbol for selling options: chart, contract, news, recommendation. Answers at once; then call wait_run. The same request while one runs answers the running one.',
  input: z.strictObject({
    symbol,
    type: z.enum(['chart_analysis', 'options_analysis', 'full_analysis']).default('full_analysis'),
    timeframe: z.enum(['daily', 'weekly', 'intraday']).default('daily'),
    strategy: z
      .enum(['csp', 'covered_call', 'bull_put_spread', 'bear_call_spread', 'iron_condor'])
      .default('csp')
      .describe('csp: cash-secured put'),
    idempotencyKey,
  }),
  output: started,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  http: { method: 'post', path: '/runs/analysis' },
  async run({ system, owner }, { idempotencyKey: asked, ...input }) {
    const key = randomUUID();
    const address = await system.spawn(machine, key, {
      input,
      owner,
      // Another time frame or strategy is another question, which the running one does not answer.
      singletonKey: [input.symbol, input.type, input.timeframe, input.strategy].join(':'),
      ...(asked !== undefined && { idempotencyKey: asked }),
    });
    return startedRun(system, address, `${machine}/${key}`);
  },
  text: startedInWords,
});
