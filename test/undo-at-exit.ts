/**
 * What a command has started and must not leave behind - processes, folders - is undone in the last moment of its own
 * process: at its end, at Ctrl-C, SIGTERM or SIGHUP, and after an error that nobody caught. For the benches and the chaos
 * commands. Not for a server, which drains (src/serve.ts), and no help against SIGKILL.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Postgres ends its own at once when it is told so, and itself after five seconds in any case. */
const POSTGRES_ENDS_WITHIN_MS = 6_000;
const LOOK_EVERY_MS = 20;

const undos = new Set<() => void>();
let watches = false;

/** `undo` runs at the end of the process, synchronously, the latest first. Returns how to forget it. */
export function undoAtExit(undo: () => void): () => void {
  if (!watches) {
    watches = true;
    process.once('exit', undoAll);
    // Never taken off: Ctrl-C under npm comes twice, from the terminal and from npm, and without a handler the second one
    // would end this process while it undoes.
    for (const signal of SIGNALS) process.on(signal, () => process.exit(128 + constants.signals[signal]));
  }
  undos.add(undo);
  return () => undos.delete(undo);
}

function undoAll(): void {
  for (const undo of [...undos].reverse()) {
    try {
      undo();
    } catch (error) {
      process.stderr.write(`${String(error)}\n`);
    }
  }
}

/** Ends the embedded Postgres of this home without waiting for what it does, and removes the folder. */
export function endPostgresAt(home: string): void {
  const pidFile = join(home, 'postgres', 'data', 'postmaster.pid');
  try {
    // Its first line is there before it takes a connection.
    process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGQUIT');
    const end = performance.now() + POSTGRES_ENDS_WITHIN_MS;
    while (existsSync(pidFile) && performance.now() < end) sleep(LOOK_EVERY_MS);
  } catch {
    // It does not run, or no more.
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
}

/** Nothing else runs any more in a process that ends, so this may hold it up. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
