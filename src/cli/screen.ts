/** `screen`: starts a screener on criteria or a saved one, shows how far it is, and prints what it found. */
import { type Command, Option } from 'commander';
import { getRun } from '../server/operations/runs.ts';
import { startScreener } from '../server/operations/start-screener.ts';
import type { ActorCommandsOptions } from './actors.ts';
import { numberOf } from './arguments.ts';
import { runReport } from './run-report.ts';
import { watchRun } from './watch-run.ts';

const { universe, strategy, sortBy } = startScreener.input.shape.criteria.unwrap().shape;

interface ScreenOptions {
  universe?: 'stocks';
  symbols?: string[];
  strategy?: 'csp';
  minPrice?: number;
  maxPrice?: number;
  minVolume?: number;
  minMarketCap?: number;
  anyTrend?: boolean;
  rsiMin?: number;
  rsiMax?: number;
  minIvRank?: number;
  maxDaysToEarnings?: number;
  sortBy?: 'volume';
  maxSymbols?: number;
  saved?: string;
  key?: string;
  json?: boolean;
}

export function addScreenCommand(
  program: Command,
  { client, terminal, show, exitWith }: ActorCommandsOptions,
): void {
  program
    .command('screen')
    .description('find symbols to sell options on, and show how far it is until it has ended')
    .option('--saved <screener>', 'a saved one, by its name or id, instead of criteria')
    .addOption(new Option('--universe <universe>', 'what to look through').choices(universe.unwrap().options))
    .option('--symbols <symbols...>', 'only these')
    .addOption(new Option('--strategy <strategy>', 'what to sell').choices(strategy.unwrap().options))
    .option('--min-price <price>', 'of the underlying', numberOf)
    .option('--max-price <price>', 'of the underlying (100 unless given or symbols are named)', numberOf)
    .option('--min-volume <shares>', 'a day, mean of 20', numberOf)
    .option('--min-market-cap <dollars>', 'of the company', numberOf)
    .option('--any-trend', 'not only those above their 50-day average (usual for bear_call_spread)')
    .option('--rsi-min <rsi>', '0 to 100 (30 unless given)', numberOf)
    .option('--rsi-max <rsi>', '0 to 100 (70 unless given)', numberOf)
    .option('--min-iv-rank <rank>', '0 to 1', numberOf)
    .option('--max-days-to-earnings <days>', 'leave out who reports within so many days', numberOf)
    .addOption(new Option('--sort-by <figure>', 'which come first').choices(sortBy.unwrap().options))
    .option('--max-symbols <count>', 'how many to analyse, at most 200 (50 unless given)', numberOf)
    .option('--key <text>', 'of your own: the same key again starts nothing new')
    .option('--json', 'the whole result as JSON')
    .action(async ({ saved, key, json, maxSymbols, anyTrend, ...options }: ScreenOptions) => {
      const criteria = { ...options, ...(anyTrend && { aboveSma50: false }) };
      const api = client();
      const begun = await api.call(startScreener, {
        ...(saved !== undefined && { savedScreenerId: saved }),
        // Both, where both were typed: the server says what is wrong with that.
        ...((saved === undefined || Object.keys(criteria).length > 0) && { criteria }),
        ...(maxSymbols !== undefined && { maxSymbols }),
        ...(key !== undefined && { idempotencyKey: key }),
      });
      const run = await watchRun(api, begun, terminal);
      const ended = json ? (await api.call(getRun, { runId: run.runId, detail: 'full' })).run : run;
      show(ended, json, (found) => runReport(found, terminal));
      if (run.status === 'failed' || run.status === 'cancelled') exitWith(1);
    });
}
