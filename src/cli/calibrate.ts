/** `calibrate`: what the analysis service says against what followed, as a page. The figures are computed in Python. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from './errors.ts';
import { printable } from './printable.ts';
import { clientSettings, type Environment } from './server-address.ts';
import { runModule } from './service-python.ts';
import type { Terminal } from './terminal.ts';

interface CalibrateOptions {
  data?: string;
  out: string;
  json?: boolean;
}

export interface LocalCommandsOptions {
  env: Environment;
  terminal: Terminal;
  signal?: AbortSignal | undefined;
  exitWith: (exitCode: number) => void;
}

/** Adds the command. */
export function addCalibrateCommand(program: Command, options: LocalCommandsOptions): void {
  const { env, terminal, signal, exitWith } = options;
  program
    .command('calibrate')
    .description('compare odds and chart labels with what followed in real bars, as a page; needs no server')
    .option(
      '--data <folder>',
      'with bars/*.csv, indices/sp500*.csv, indices/vix*.csv (default: what "data fetch" stored)',
    )
    .option('--out <file>', 'where the page goes', 'calibration.html')
    .option('--json', 'all figures as JSON, too')
    .action(async ({ data = fetched(clientSettings(env).home), out, json }: CalibrateOptions) => {
      if (data.trim() === '' || out.trim() === '') throw new UsageError('--data and --out want a name.');
      const code = await runModule({
        module: 'ttai_analysis.calibration',
        args: ['--data', resolve(data), '--out', resolve(out), ...(json ? ['--json'] : [])],
        env,
        signal,
        onOut: (line) => terminal.out(printable(line)),
        onNote: (line) => terminal.note(printable(line)),
      });
      exitWith(code);
    });
}

/** The folder that `data fetch` made in this home. Throws a `UsageError` when there is none, or more than one. */
function fetched(home: string): string {
  const parent = join(home, 'market-data');
  const folders = existsSync(parent) ? readdirSync(parent, { withFileTypes: true }) : [];
  const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const [only] = names;
  if (only !== undefined && names.length === 1) return join(parent, only);
  throw new UsageError(
    only === undefined
      ? `There are no bars in ${parent}. Store some, "npm run ttai -- data fetch SPY --provider yahoo", or name a folder with --data.`
      : `There are bars of ${names.toSorted().join(', ')} in ${parent}: name one of these folders with --data.`,
  );
}
