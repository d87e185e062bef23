/**
 * One process of the Python analysis service: its start, its listening line, its log, its end.
 * Not for starting it again (analysis.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { LaunchError } from './errors.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
export const HOST = '127.0.0.1';
/** The service's exit code for a bad setting. */
export const EXIT_BAD_SETTING = 2;
/** How the line begins in which the service says why it ends. */
export const LAST_WORDS = 'ttai_analysis: ';
/** Asked twice within it, then killed: one that hangs must not hold up the end. */
const STOP_TIMEOUT_MS = 1_500;

const Listening = z.object({ event: z.literal('listening'), port: z.number() });

/** Starts the service on this port; 0 takes a free one. It is not up before its listening line. */
export async function spawnService(config: Config, port: number): Promise<ChildProcess> {
  const python = join(PROJECT, '.venv', 'bin', 'python');
  await access(python).catch((cause: unknown) => {
    throw new LaunchError(`${python} is missing. "npm start" sets it up; or set ANALYSIS_URL.`, { cause });
  });
  const args = ['-m', 'ttai_analysis', '--host', HOST, '--port', String(port), '--exit-with-stdin'];
  const child = spawn(python, args, {
    cwd: join(PROJECT, 'python'),
    env: { ...process.env, ...serviceEnvironment(config) },
    // Its stdin is a pipe to us: when we end, however we end, it ends. A group of its own keeps Ctrl-C from it
    // while actors still drain.
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  // Writing to or signalling one that has just ended is no error.
  child.stdin?.on('error', () => {});
  child.on('error', () => {});
  await once(child, 'spawn').catch((cause: unknown) => {
    throw new LaunchError(`${python} does not run: ${String(cause)}`, { cause });
  });
  return child;
}

function serviceEnvironment(config: Config): Record<string, string> {
  return {
    MARKET_DATA: config.marketData,
    MARKET_DATA_DIR: config.marketDataDir ?? '',
    MARKET_DATA_AS_OF: config.marketDataAsOf ?? '',
    LOG_LEVEL: config.logLevel,
    PYTHONUNBUFFERED: '1',
    // Its spans are to be told from ours.
    OTEL_SERVICE_NAME: `${process.env.OTEL_SERVICE_NAME || 'ttai'}-analysis`,
  };
}

/** The port if nothing listens on it, else 0: any. */
export async function freePort(port: number): Promise<number> {
  if (port === 0) return 0;
  const server = createServer();
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch {
    return 0;
  }
  server.close();
  await once(server, 'close');
  return port;
}

/** The port in the line that the service prints when it listens. Never resolves when it prints none. */
export function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const parsed = Listening.safeParse(asJson(line));
      if (parsed.success) resolve(parsed.data.port);
    });
  });
}

function asJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Passes the service's log on to ours, with its level. The answer tells its last lines. */
export function forwardLog(child: ChildProcess, log: Log): () => string {
  const last: string[] = [];
  let level: 'debug' | 'info' | 'warn' | 'error' = 'warn';
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      last.push(line);
      if (last.length > 20) last.shift();
      // Why it can't start, for a person: told once, by who started it.
      if (line.startsWith(LAST_WORDS)) return;
      // `2026-11-23 01:42:03,020 ERROR logger message`; lines without a level belong to the one before.
      const [, date, name = '', message = line] = /^(\S+ \S+) ([A-Z]+) (.*)$/.exec(line) ?? [];
      if (date !== undefined) level = LEVELS[name] ?? level;
      log[level]({ service: 'analysis' }, message);
    });
  }
  return () => last.join('\n');
}

const LEVELS: Readonly<Record<string, 'debug' | 'info' | 'warn' | 'error'>> = {
  DEBUG: 'debug',
  // A line for each request: of no interest to who runs the server.
  INFO: 'debug',
  WARNING: 'warn',
  ERROR: 'error',
  CRITICAL: 'error',
};

/** True when the child has exited or was killed. */
export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Asks by closing its stdin, then by signal. */
export async function endChild(child: ChildProcess | undefined, log: Log): Promise<void> {
  if (!child || hasEnded(child)) return;
  const exit = once(child, 'exit');
  const within = (ms: number): Promise<boolean> =>
    Promise.race([exit.then(() => true), delay(ms, false, { ref: false })]);
  child.stdin?.end();
  if (await within(STOP_TIMEOUT_MS)) return;
  log.info({ analysisPid: child.pid }, 'The analysis service does not end by itself; ending it');
  child.kill('SIGTERM');
  if (await within(STOP_TIMEOUT_MS)) return;
  child.kill('SIGKILL');
  await exit;
}
