/**
 * Runs the embedded Postgres of a home: starts it, or adopts one that outlived its application; starts it again
 * when it dies; stops it. In a session of its own, so that Ctrl-C reaches the application only, which still needs
 * the database to drain. Not for finding programs (postgres-binaries.ts) or making folders (postgres-cluster.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, open, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Log } from '../log.ts';
import { LaunchError } from './errors.ts';
import { isLostConnection } from './outage.ts';
import { asCommand, chooseRunAs, findPrograms, type Programs, type RunAs } from './postgres-binaries.ts';
import { type Cluster, openCluster, PORT, readPidFile } from './postgres-cluster.ts';
import { commandLine, endsWithin, processesIn, sendSignal } from './processes.ts';

const DATABASE = 'ttai';

/** For a laptop: small, and honest about fsync. Given on the command line, so a new version brings new values. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  port: String(PORT),
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '128MB',
  wal_compression: 'on',
  // Nothing replicates from here, and minimal WAL is a third less to flush.
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Our statements are short; compiling one takes longer than running it.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // Without the errors of statements, which the application gets and logs itself.
  log_min_messages: 'log',
};

const STOP_TIMEOUT_MS = 30_000;
const BUSY_TIMEOUT_MS = 30_000;
/** How long backends without a postmaster may finish what they do before they are ended. */
const ORPHAN_PATIENCE_MS = 3_000;
const WATCH_MS = 1_000;
const LOG_BYTES = 5_000_000;

export interface RunningPostgres {
  /** Of the database `ttai`; the same for the life of the home. */
  readonly connectionString: string;
  /** Of the postmaster that runs now; changes when it had to be started again. */
  readonly pid: number;
  /** True when it was running already. */
  readonly adopted: boolean;
  /** Ends it after open transactions were rolled back. Call when the application has drained. */
  stop(): Promise<void>;
}

interface Postmaster {
  readonly pid: number;
  readonly adopted: boolean;
}

/**
 * Brings up the Postgres of `home`, with its database. The caller holds the home's lock.
 * `settings` go over the usual ones. Throws LaunchError, with what to do, when it can't run here.
 */
export async function startPostgres(options: {
  home: string;
  log: Log;
  settings?: Readonly<Record<string, string>>;
}): Promise<RunningPostgres> {
  const { home, log } = options;
  const programs = await findPrograms();
  const runAs = await chooseRunAs(home, programs);
  const cluster = await openCluster(home, programs, runAs);
  const settings = { ...SETTINGS, ...options.settings };
  const bringUp = (): Promise<Postmaster> => adoptOrStart({ programs, runAs, cluster, settings, log });

  let current = await bringUp();
  try {
    await untilAnswered(
      () => createDatabase(cluster.connectionString('postgres'), DATABASE),
      async () => {
        current = await bringUp();
      },
    );
  } catch (error) {
    await stopPostmaster(current.pid, log);
    throw error;
  }
  const { adopted } = current;
  const stopWatching = watch({
    cluster,
    log,
    pid: () => current.pid,
    bringUp: async () => {
      current = await bringUp();
    },
  });
  const stop = async (): Promise<void> => {
    await stopWatching();
    await stopPostmaster(current.pid, log);
  };
  return {
    connectionString: cluster.connectionString(DATABASE),
    adopted,
    get pid() {
      return current.pid;
    },
    stop,
  };
}

/** One that was adopted may be about to die, killed a moment ago: it is brought up anew, for so often. */
async function untilAnswered(ask: () => Promise<void>, bringUp: () => Promise<void>): Promise<void> {
  for (let left = 10; ; left--) {
    try {
      return await ask();
    } catch (error) {
      if (left === 0 || !isLostConnection(error)) throw error;
      await delay(200);
      await bringUp();
    }
  }
}

/** Creates a database unless it exists. `connectionString` is of another database of the same server. */
export async function createDatabase(connectionString: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

interface Launch {
  readonly programs: Programs;
  readonly runAs: RunAs;
  readonly cluster: Cluster;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: Log;
}

/**
 * The postmaster of the cluster: the one that runs, or a new one. After a crash the pid file and the shared memory of
 * the old one may still be in use for a moment, and the pid may by now be another program's.
 */
async function adoptOrStart(launch: Launch): Promise<Postmaster> {
  const { cluster, log } = launch;
  const startedAt = Date.now();
  for (;;) {
    const pidFile = await readPidFile(cluster.dataDir);
    if (pidFile && (await isPostmaster(pidFile.pid, cluster))) {
      if (await becomesReady(pidFile.pid, launch)) {
        log.info({ postgresPid: pidFile.pid }, 'Adopted the embedded Postgres that was running');
        return { pid: pidFile.pid, adopted: true };
      }
    } else if (pidFile) {
      // Postgres itself would believe that a living process with this pid is a Postgres, and wait for ever.
      log.info({ postgresPid: pidFile.pid }, 'Postgres was not stopped cleanly; it recovers from its log');
      await rm(join(cluster.dataDir, 'postmaster.pid'), { force: true });
    }
    const outcome = await startPostmaster(launch);
    if (outcome.pid !== null) return { pid: outcome.pid, adopted: false };
    const waited = Date.now() - startedAt;
    const inUse = /lock file .* already exists|pre-existing shared memory block/.test(outcome.said);
    if (!inUse || waited > BUSY_TIMEOUT_MS) {
      throw new LaunchError(
        `The embedded Postgres did not start (its log is ${cluster.logFile}):\n${outcome.said}`,
      );
    }
    if (waited > ORPHAN_PATIENCE_MS) await endOrphans(launch);
    await delay(100);
  }
}

async function isPostmaster(pid: number, cluster: Cluster): Promise<boolean> {
  const command = await commandLine(pid);
  return command.includes('postgres') && command.includes(`-D ${cluster.dataDir}`);
}

async function startPostmaster(launch: Launch): Promise<{ pid: number | null; said: string }> {
  const { cluster, programs, runAs, log } = launch;
  const settings = {
    ...launch.settings,
    unix_socket_directories: `"${cluster.socketDir.replaceAll('"', '""')}"`,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { command, args, options } = asCommand(runAs, programs.postgres, ['-D', cluster.dataDir, ...flags]);
  await boundLog(cluster.logFile);
  const logFile = await open(cluster.logFile, 'a', 0o600);
  const { size } = await logFile.stat();
  let child: ChildProcess;
  try {
    child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', logFile.fd, logFile.fd] });
    await once(child, 'spawn');
  } finally {
    await logFile.close();
  }
  child.unref();
  const pid = child.pid ?? 0;
  if (await becomesReady(pid, launch)) {
    log.debug({ postgresPid: pid }, 'Embedded Postgres is ready');
    return { pid, said: '' };
  }
  const said = (await readFile(cluster.logFile)).subarray(size).toString();
  return { pid: null, said: said.trim().slice(-4_000) };
}

/** True when this postmaster takes connections; false when it ended instead. Recovery may take as long as it takes. */
async function becomesReady(pid: number, { cluster, log }: Launch): Promise<boolean> {
  let sayAt = Date.now() + 5_000;
  for (;;) {
    const pidFile = await readPidFile(cluster.dataDir);
    if (pidFile?.pid === pid && pidFile.status === 'ready') return true;
    if (await endsWithin(pid, 0)) return false;
    if (Date.now() > sayAt) {
      log.info({ postgresPid: pid, status: pidFile?.status }, 'Waiting for Postgres');
      sayAt = Date.now() + 5_000;
    }
    await delay(15);
  }
}

/** Backends whose postmaster was killed keep its shared memory until they are done. */
async function endOrphans({ cluster, log }: Launch): Promise<void> {
  for (const pid of await processesIn(cluster.dataDir, 'postgres:')) {
    log.warn({ postgresPid: pid }, 'Ending a Postgres backend that lost its postmaster');
    sendSignal(pid, 'SIGTERM');
  }
}

/** Starts Postgres again when it has ended, and keeps its log small. The answer stops watching. */
function watch(watched: {
  cluster: Cluster;
  log: Log;
  pid: () => number;
  bringUp: () => Promise<void>;
}): () => Promise<void> {
  const { cluster, log } = watched;
  const stopping = new AbortController();
  const look = async (): Promise<void> => {
    if (await endsWithin(watched.pid(), 0)) {
      log.warn({ postgresPid: watched.pid() }, 'Embedded Postgres has ended; starting it again');
      await watched.bringUp();
      log.info({ postgresPid: watched.pid() }, 'Embedded Postgres runs again');
    }
    await boundLog(cluster.logFile);
  };
  const loop = async (): Promise<void> => {
    let pause = WATCH_MS;
    while (!stopping.signal.aborted) {
      await delay(pause, undefined, { ref: false, signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        await look();
        pause = WATCH_MS;
      } catch (error) {
        pause = Math.min(pause * 2, 30_000);
        log.error({ err: error }, `Embedded Postgres could not be started; next try in ${pause / 1000} s`);
      }
    }
  };
  const ended = loop();
  return () => {
    stopping.abort();
    return ended;
  };
}

/** Keeps the log and one before it. Postgres appends, so the file may be emptied under it. */
async function boundLog(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size < LOG_BYTES) return;
  await copyFile(logFile, `${logFile}.1`);
  await truncate(logFile);
}

async function stopPostmaster(pid: number, log: Log): Promise<void> {
  // SIGINT is Postgres's fast shutdown: clients are cut off, and everything is written.
  sendSignal(pid, 'SIGINT');
  if (await endsWithin(pid, STOP_TIMEOUT_MS)) return;
  log.warn(
    { postgresPid: pid },
    'Postgres did not stop in time; stopping it at once (it recovers at the next start)',
  );
  sendSignal(pid, 'SIGQUIT');
  if (await endsWithin(pid, 5_000)) return;
  sendSignal(pid, 'SIGKILL');
  await endsWithin(pid, 5_000);
}
