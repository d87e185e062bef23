/** `data fetch`: stores a provider's bars and chains as a folder for the `files` provider. Python fetches; here it is shown. */
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import type { LocalCommandsOptions } from './calibrate.ts';
import { EXIT_INTERRUPTED, UsageError } from './errors.ts';
import { printable, shellWord } from './printable.ts';
import { clientSettings } from './server-address.ts';
import { installFor, runModule } from './service-python.ts';
import type { Terminal } from './terminal.ts';

interface FetchOptions {
  provider: string;
  out?: string;
  from?: string;
  chains?: boolean;
  json?: boolean;
}

/** A line of `python -m ttai_analysis.fetching`. */
const Line = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('symbol'),
    symbol: z.string(),
    done: z.number(),
    total: z.number(),
    bars: z.number(),
    first: z.string().nullable(),
    last: z.string().nullable(),
    contracts: z.number(),
    unchanged: z.boolean(),
    notes: z.array(z.string()),
    error: z.string().nullable(),
  }),
  z.object({
    event: z.literal('ended'),
    stored: z.number(),
    unchanged: z.number(),
    failed: z.number(),
    source: z.string(),
    folder: z.string(),
  }),
]);
type Line = z.infer<typeof Line>;
type SymbolLine = Extract<Line, { event: 'symbol' }>;

const BAR_WIDTH = 24;

/** Adds the command. */
export function addDataCommands(program: Command, options: LocalCommandsOptions): void {
  const { env, terminal, signal, exitWith } = options;
  program
    .command('data')
    .description('market data on this machine: fetch')
    .command('fetch')
    .description(
      'store bars (and chains) of a provider for MARKET_DATA=files; again, it goes on; needs no server',
    )
    .argument('<symbols...>', 'for example SPY QQQ')
    .addOption(
      new Option('--provider <provider>', 'whose')
        .choices(['yahoo', 'tastytrade', 'simulated'])
        .makeOptionMandatory(),
    )
    .option('--out <folder>', 'where to (default: market-data/PROVIDER in the home of TTAI)')
    .option('--from <date>', 'first day, for example 2020-01-02 (default: what is stored, or five years)')
    .option('--chains', 'option chains and quotes of the present or the last session, too')
    .option('--json', 'one JSON object a line')
    .action(async (symbols: string[], { provider, out, from, chains, json }: FetchOptions) => {
      if (out?.trim() === '') throw new UsageError('--out wants a name.');
      const folder = out ? resolve(out) : join(clientSettings(env).home, 'market-data', provider);
      const note = (line: string) => terminal.note(printable(line));
      if (!(await installFor(provider, { env, signal, onNote: note }))) {
        exitWith(signal?.aborted ? EXIT_INTERRUPTED : 1);
        return;
      }
      const progress = progressOf(symbols, chains === true, terminal);
      progress.begin();
      const code = await runModule({
        module: 'ttai_analysis.fetching',
        args: [
          ...symbols,
          ...['--provider', provider, '--out', folder],
          ...(from === undefined ? [] : ['--from', from]),
          ...(chains ? ['--chains'] : []),
        ],
        env,
        signal,
        onOut: (text) => {
          if (json) terminal.out(printable(text));
          const line = Line.safeParse(asJson(text));
          if (line.success) progress.show(line.data, json === true);
        },
        onNote: (line) => progress.beside(() => note(line)),
      });
      exitWith(code);
    });
}

/** A bar on a terminal, lines elsewhere. */
function progressOf(symbols: readonly string[], withChains: boolean, terminal: Terminal) {
  let done = 0;
  const total = new Set(symbols.map((symbol) => symbol.toUpperCase())).size;
  const draw = () => {
    const filled = Math.round((BAR_WIDTH * done) / total);
    terminal.status?.(`[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${done} of ${total}`);
  };
  const beside = (write: () => void, more = true) => {
    terminal.status?.('');
    write();
    if (more && done < total) draw();
  };
  const show = (line: Line, silent: boolean) => {
    if (line.event === 'ended') {
      if (!silent) beside(() => summary(line, withChains, terminal), false);
      return;
    }
    done = line.done;
    if (silent) draw();
    else beside(() => terminal.note(symbolLine(line, terminal)));
  };
  return { begin: draw, show, beside };
}

function symbolLine(line: SymbolLine, terminal: Terminal): string {
  const { symbol, done, total, error, first, last, bars, contracts, unchanged, notes } = printable(line);
  const head = `${done} of ${total}  ${symbol}`;
  if (error !== null) return terminal.style('red', `${head}: ${error}`);
  if (unchanged) return `${head}: nothing new, ${first} to ${last}`;
  const parts = [
    ...(bars > 0 ? [`${bars} bars, ${first} to ${last}`] : []),
    ...(contracts > 0 ? [`${contracts} contracts`] : []),
    ...notes,
  ];
  return `${head}: ${parts.join('; ')}`;
}

function summary(line: Extract<Line, { event: 'ended' }>, withChains: boolean, terminal: Terminal): void {
  const { stored, unchanged, failed, source, folder } = line;
  const isThere = stored + unchanged > 0;
  const nothingNew = `Nothing new: ${unchanged} ${unchanged === 1 ? 'was' : 'were'} there already`;
  const news = unchanged > 0 ? `${stored} stored, ${unchanged} there already` : `${stored} stored`;
  const failures = failed > 0 ? `, ${failed} failed: run it again for those` : '';
  terminal.out(`${stored === 0 && unchanged > 0 ? nothingNew : news}${failures}.`);
  if (isThere && source === 'simulated') {
    terminal.out('SIMULATED DATA: each row says so, and so will every answer that is made of it.');
  }
  if (isThere) {
    terminal.out(`Use it: MARKET_DATA=files MARKET_DATA_DIR=${shellWord(printable(folder))} npm start`);
    if (withChains) {
      terminal.out(
        'Option chains count until the end of their day: to look at one later, stop the clock at its close with MARKET_DATA_AS_OF.',
      );
    }
  }
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
