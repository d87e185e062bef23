/** A server as a real process, for tests that start, kill and restart it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const JOIN_HOME = fileURLToPath(new URL('fixtures/join-home.ts', import.meta.url));

export interface ServerProcess {
  readonly process: ChildProcess;
  /** Base URL of its doors. Rejects with what it said when it ended before they were open. */
  readonly ready: Promise<string>;
  /** Resolves when it has ended. */
  readonly ended: Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>;
  stdout(): string;
  stderr(): string;
}

/** Starts `npm start`'s program on this home, on a free port unless `env` names one; `join`: as `ttai serve` does. */
export function spawnServer(
  home: string,
  options: { env?: NodeJS.ProcessEnv; join?: boolean } = {},
): ServerProcess {
  const child = spawn(process.execPath, [options.join ? JOIN_HOME : MAIN], {
    env: { ...process.env, PORT: '0', ...options.env, TTAI_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  const ended = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      const url = /TTAI is ready at (\S+)/.exec(stdout)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    void ended.then(({ exitCode }) => reject(new Error(`The server ended with ${exitCode}:\n${stderr}`)));
  });
  // Tests of servers that don't start look at `ended`.
  ready.catch(() => {});
  return { process: child, ready, ended, stdout: () => stdout, stderr: () => stderr };
}

/** Sends a signal and resolves when the server has ended. */
export async function endServer(
  server: ServerProcess,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> {
  server.process.kill(signal);
  return server.ended;
}

/** Where the parts of the server on this home are, by its server.json. */
export async function runningOn(home: string): Promise<{ pid: number; analysisUrl: string; url: string }> {
  return JSON.parse(await readFile(join(home, 'server.json'), 'utf8'));
}
