/**
 * The folder of the embedded Postgres: made once, read at each start. Not for running the server (postgres.ts).
 *
 *   TTAI_HOME/postgres/data      the cluster
 *   TTAI_HOME/postgres/password  of the user `ttai`, made with the cluster; 0600
 *   TTAI_HOME/postgres/.s.PGSQL.5432  the socket, unless the path is too long for one
 *   TTAI_HOME/postgres.log       what Postgres says
 */
import { createHash, randomBytes } from 'node:crypto';
import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaunchError } from './errors.ts';
import { handOver, type Programs, type RunAs, run } from './postgres-binaries.ts';

const MAJOR_VERSION = '18';
const USER = 'ttai';
/** Names the socket; nothing listens on TCP. */
export const PORT = 5432;
/** A socket's path has at most 107 bytes on Linux and 103 on macOS. */
const LONGEST_SOCKET_PATH = 103;

export interface Cluster {
  readonly dataDir: string;
  readonly socketDir: string;
  readonly logFile: string;
  /** The connection string of one of its databases. The same at each start. */
  connectionString(database: string): string;
}

/** The cluster of a home; made when there is none. Throws LaunchError when it can't be made or is of another version. */
export async function openCluster(home: string, programs: Programs, runAs: RunAs): Promise<Cluster> {
  const folder = join(home, 'postgres');
  const dataDir = join(folder, 'data');
  const version = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => null);
  if (version === null) await makeCluster(folder, programs, runAs);
  else if (version.trim() !== MAJOR_VERSION) {
    throw new LaunchError(
      `${dataDir} was made by Postgres ${version.trim()}, and this is ${MAJOR_VERSION}. ` +
        'Move it with pg_dump and pg_restore, or set TTAI_HOME to another folder.',
    );
  }
  const password = (await readFile(join(folder, 'password'), 'utf8')).trim();
  const socketDir = await openSocketDir(folder, runAs);
  return {
    dataDir,
    socketDir,
    logFile: join(home, 'postgres.log'),
    connectionString: (database) =>
      `postgresql://${USER}:${password}@/${database}?host=${encodeURIComponent(socketDir)}&port=${PORT}`,
  };
}

/** Made beside its place and moved there whole, so that an interrupted first start leaves no half cluster. */
async function makeCluster(folder: string, programs: Programs, runAs: RunAs): Promise<void> {
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await handOver(draft, runAs);
  const passwordFile = join(draft, 'password');
  await writeFile(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  await handOver(passwordFile, runAs);
  const { exitCode, output } = await run(runAs, programs.initdb, [
    ...['--pgdata', join(draft, 'data'), '--username', USER, '--pwfile', passwordFile],
    // A password even on the socket: whoever reaches it is not yet the owner. The same sorting on every machine.
    ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C'],
    ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--no-instructions'],
  ]);
  if (exitCode !== 0) {
    throw new LaunchError(`The embedded Postgres could not make its cluster in ${draft}:\n${output.trim()}`);
  }
  await rename(draft, folder);
}

/** The cluster's own folder where that is short enough for a socket, else a private one among the temporary files. */
async function openSocketDir(folder: string, runAs: RunAs): Promise<string> {
  const fits = Buffer.byteLength(join(folder, `.s.PGSQL.${PORT}`)) <= LONGEST_SOCKET_PATH;
  if (fits) return folder;
  // Named after the home, so that the connection string survives a restart.
  const name = `ttai-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
  const shortDir = join(tmpdir(), name);
  try {
    await mkdir(shortDir, { mode: 0o700 });
    await handOver(shortDir, runAs);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const found = await lstat(shortDir);
  if (!found.isDirectory() || found.uid !== runAs.uid || (found.mode & 0o077) !== 0) {
    throw new LaunchError(
      `${shortDir} is not a folder that is only ours. Remove it, or choose a shorter TTAI_HOME.`,
    );
  }
  return shortDir;
}

/** What a running Postgres says of itself in its data folder. */
export interface PidFile {
  readonly pid: number;
  readonly status: string;
}

/** The `postmaster.pid` of a cluster; null when there is none. */
export async function readPidFile(dataDir: string): Promise<PidFile | null> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => null);
  if (text === null) return null;
  const lines = text.split('\n');
  return { pid: Number(lines[0]), status: (lines[7] ?? '').trim() };
}
