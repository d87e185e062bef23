/**
 * Runs a module of the analysis service's Python as a command of its own, for what needs no server.
 * Not for the service itself (launch/analysis-child.ts).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EXIT_INTERRUPTED, UsageError } from './errors.ts';
import type { Environment } from './server-address.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export interface ModuleRun {
  module: string;
  args: readonly string[];
  env: Environment;
  /** Ends the module when it is aborted. */
  signal?: AbortSignal | undefined;
  onOut: (line: string) => void;
  onNote: (line: string) => void;
}

/** The providers of market data that need packages of their own. */
const PROVIDERS_WITH_PACKAGES: readonly string[] = ['yahoo', 'tastytrade'];

/**
 * Installs what this provider needs, as `npm start` with it does; silent when it is there. Answers false when that
 * failed, which has been told. `project`: where the set-up is.
 */
export async function installFor(
  provider: string,
  {
    env,
    signal,
    onNote,
    project = PROJECT,
  }: Omit<ModuleRun, 'module' | 'args' | 'onOut'> & { project?: string },
): Promise<boolean> {
  // Somebody else's Python has what it has.
  if (!PROVIDERS_WITH_PACKAGES.includes(provider) || env.TTAI_PYTHON?.trim()) return true;
  const child = spawn(process.execPath, [join(project, 'scripts', 'setup.mjs')], {
    cwd: project,
    env: { ...env, MARKET_DATA: provider },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  createInterface({ input: child.stderr }).on('line', onNote);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code === 0;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

/** Runs it to its end, passing on each line. Answers its exit code; throws a `UsageError` without a Python. */
export async function runModule({ module, args, env, signal, onOut, onNote }: ModuleRun): Promise<number> {
  const python = env.TTAI_PYTHON?.trim() || join(PROJECT, '.venv', 'bin', 'python');
  await access(python).catch(() => {
    throw new UsageError(`${python} is missing: "npm start" sets it up.`);
  });
  const child = spawn(python, ['-m', module, ...args], {
    cwd: join(PROJECT, 'python'),
    env: { ...env, PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  createInterface({ input: child.stdout }).on('line', onOut);
  // What Python says of being interrupted is no news to who did it.
  createInterface({ input: child.stderr }).on('line', (line) => signal?.aborted || onNote(line));
  try {
    // Its `close`, not its `exit`: only then has it said all.
    const [code] = (await once(child, 'close')) as [number | null];
    return signal?.aborted ? EXIT_INTERRUPTED : (code ?? 1);
  } finally {
    signal?.removeEventListener('abort', end);
  }
}
