/** `npm run ttai -- <command>`: runs one command and says in the exit code how it went. */
import { CommanderError } from 'commander';
import { explain } from './errors.ts';
import { createProgram, type ProgramOptions } from './program.ts';
import { processTerminal } from './terminal.ts';

/** Runs a command line. Answers 0, 1 (it failed), 2 (it was called wrongly) or 130 (interrupted); never throws. */
export async function runCli(
  args: readonly string[],
  options: Omit<ProgramOptions, 'exitWith'>,
): Promise<number> {
  let exitCode = 0;
  const exitWith = (code: number): void => {
    exitCode = code;
  };
  try {
    await createProgram({ ...options, exitWith }).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong already; asking for help is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { line, exitCode: code } = explain(error);
    options.terminal.note(options.terminal.style('red', line));
    return code;
  }
}

if (import.meta.main) {
  const stop = new AbortController();
  const args = process.argv.slice(2);
  // These have something to put away; everything else may just end, and `serve` sees to itself.
  if (args[0] === 'watch') process.once('SIGINT', () => stop.abort());
  if (args[0] === 'data' || args[0] === 'calibrate') {
    // Not `once`: Ctrl-C under npm comes twice, and the second would leave Python behind.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  }
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', () => process.exit(0));
  process.exitCode = await runCli(args, { env: process.env, terminal: processTerminal, signal: stop.signal });
}
