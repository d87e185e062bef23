/** The analysis service, measured by Python itself: `python -m bench` in `python/`. Here it is only started. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { undoAtExit } from '../test/undo-at-exit.ts';
import type { BenchOptions } from './options.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** Its figures; its table goes to stderr by itself. Throws when it ends with anything but 0. */
export async function analysisBench({ smoke }: BenchOptions): Promise<object> {
  const python = join(PROJECT, '.venv', 'bin', 'python');
  const child = spawn(python, ['-m', 'bench', ...(smoke ? ['--smoke'] : [])], {
    cwd: join(PROJECT, 'python'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const forget = undoAtExit(() => {
    child.kill('SIGTERM');
  });
  try {
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    if (code !== 0) throw new Error(`python -m bench ended with ${code}.`);
    const { machine, results } = JSON.parse(printed) as { machine: object; results: object };
    return { ...results, machine };
  } finally {
    forget();
  }
}
