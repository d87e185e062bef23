/**
 * The folder of all state, and who runs on it: one process at a time brings up its Postgres and its analysis service
 * and holds the lock; others may join. Not for what stands in the folders of those parts.
 *
 *   TTAI_HOME/lock         which process brought up this home
 *   TTAI_HOME/server.json  where that process, its database and its analysis service are; 0600, it holds a password
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { lockHolder, tryLock } from '../../scripts/file-lock.mjs';
import { LaunchError } from './errors.ts';

const Running = z.object({
  pid: z.number(),
  startedAt: z.string(),
  /** Base URL of the doors; absent while it starts. */
  url: z.string().optional(),
  connectionString: z.string().optional(),
  analysisUrl: z.string().optional(),
  /** Settings that are the same for all servers on the home, as the environment says them. */
  shared: z.record(z.string(), z.string()).optional(),
});
/** What the process that holds a home tells others. */
export type Running = z.infer<typeof Running>;

export interface Home {
  /** Tells others more of what runs here. */
  publish(what: Omit<Partial<Running>, 'pid' | 'startedAt'>): void;
  /** Lets go of the home. Waits for nothing, so it serves in an exit handler as well. */
  release(): void;
}

/**
 * Takes the home for this process, and makes the folder where needed. Throws LaunchError: when another process has
 * it, saying where that one runs; when the folder can't be written.
 */
export function takeHome(dir: string): Home {
  const lock = lockHome(dir);
  if ('holder' in lock) throw new LaunchError(alreadyRuns(dir, lock.holder.pid));
  let running: Running = { pid: process.pid, startedAt: new Date().toISOString() };
  const publish = (what: Partial<Running>): void => {
    running = { ...running, ...what };
    writeRunning(dir, running);
  };
  publish({});
  return {
    publish,
    release() {
      rmSync(join(dir, 'server.json'), { force: true });
      lock.release();
    },
  };
}

/** What runs on this home; null when nothing does. */
export function findRunning(dir: string): Running | null {
  const holder = lockHolder(join(dir, 'lock'));
  const running = holder && readRunning(dir);
  return running?.pid === holder?.pid ? running : null;
}

/** The environment with the settings that the servers of a home share, where it says none of its own. */
export function joinedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  dir: string,
): Record<string, string | undefined> {
  const own = Object.entries(environment).filter(([, value]) => value?.trim());
  return { ...findRunning(dir)?.shared, ...Object.fromEntries(own) };
}

/** One folder after the other: where none can be made, as in /proc, Node's own recursion does not end. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  makeFolder(dirname(dir));
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    // Another process may have been quicker.
    if (!existsSync(dir)) throw error;
  }
}

function lockHome(dir: string): ReturnType<typeof tryLock> {
  try {
    makeFolder(dir);
    return tryLock(join(dir, 'lock'));
  } catch (cause) {
    throw new LaunchError(
      `TTAI_HOME can't be used: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

function alreadyRuns(dir: string, pid: number): string {
  const url = findRunning(dir)?.url;
  const where = url ? `runs at ${url} (process ${pid})` : `is just starting (process ${pid})`;
  return (
    `TTAI already ${where}, with its state in ${dir}.\n` +
    'Use that one, or stop it first. For another server on the same state: npm run ttai -- serve --port N. ' +
    'For a separate TTAI: set TTAI_HOME and PORT.'
  );
}

function readRunning(dir: string): Running | null {
  try {
    return Running.parse(JSON.parse(readFileSync(join(dir, 'server.json'), 'utf8')));
  } catch {
    return null;
  }
}

/** Replaced whole, so that nobody reads half of it. */
function writeRunning(dir: string, running: Running): void {
  const draft = join(dir, 'server.json.new');
  writeFileSync(draft, `${JSON.stringify(running, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, join(dir, 'server.json'));
}
