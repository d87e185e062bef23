/** `calibrate`: what the analysis service says against what followed, as a page. The figures are computed in Python. */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { UsageError } from './errors.ts';
import { printable } from './printable.ts';
import type { Environment } from './server-address.ts';
import { runModule } from './service-python.ts';
import type { Terminal } from './terminal.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
/** Beside the project, where the data for trials is. */
const DATA = join(PROJECT, '..', 'shared', 'data');

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
      'market/bars/*.csv, indices/sp500*.csv, indices/vix*.csv (default: ../shared/data)',
    )
    .option('--out <file>', 'where the page goes', 'calibration.html')
    .option('--json', 'all figures as JSON, too')
    .action(async ({ data = DATA, out, json }: CalibrateOptions) => {
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
