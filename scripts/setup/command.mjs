/** Runs the programs of the set-up, quietly unless they fail. Not for programs that stay. */
import { spawn } from 'node:child_process';

/** The set-up can't go on; the message says what to do. */
export class SetupError extends Error {}

const running = new Set();
let stopped = false;

/** Ends what still runs. */
export function stopCommands() {
  stopped = true;
  for (const child of running) child.kill('SIGTERM');
}

/** Runs a program to its end and gives what it printed. Throws SetupError that begins with `failure`. */
export async function runCommand(failure, command, args, options = {}) {
  if (stopped) throw new SetupError('The set-up was interrupted. Run the same command again.');
  const { exitCode, output } = await collect(command, args, options);
  if (exitCode === 0) return output;
  if (stopped) throw new SetupError('The set-up was interrupted. Run the same command again.');
  const tail = output.trim().split('\n').slice(-8).join('\n');
  throw new SetupError(`${failure}. ${advice(output)}\n\n${command} ended with ${exitCode}:\n${tail}`);
}

function collect(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-200_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ exitCode: error.code, output: error.message }));
    child.on('close', (exitCode, signal) => {
      running.delete(child);
      resolve({ exitCode: exitCode ?? signal, output });
    });
  });
}

const OFFLINE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|name resolution|NewConnectionError|No matching distribution|dns error|Network is unreachable/i;

function advice(output) {
  if (OFFLINE.test(output)) {
    return 'The package registry was not reached. The first start needs it once; later ones work offline. Check the network (or the proxy) and run the same command again.';
  }
  if (/ENOSPC|No space left/i.test(output))
    return 'The disk is full. Make room and run the same command again.';
  if (/EACCES|EPERM|Permission denied/i.test(output)) {
    return 'A file belongs to another user. Run as the user who owns this folder, or make it yours.';
  }
  return 'Run the same command again; it goes on where it is needed.';
}
