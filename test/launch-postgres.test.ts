/** The embedded Postgres as a real process: kept through crashes of the application and of its own. */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { type RunningPostgres, startPostgres } from '../src/launch/postgres.ts';
import { readPidFile } from '../src/launch/postgres-cluster.ts';
import { commandLine, endsWithin, sendSignal } from '../src/launch/processes.ts';
import type { Log } from '../src/log.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const NOBODY = 65534;
const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function makeHome(name = 'home'): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'ttai-launch-'));
  cleanUp.push(() => rm(parent, { recursive: true, force: true }));
  const home = join(parent, name);
  await mkdir(home, { mode: 0o700 });
  return home;
}

async function start(home: string, log: Log = quiet): Promise<RunningPostgres> {
  const postgres = await startPostgres({ home, log });
  cleanUp.push(() => postgres.stop());
  return postgres;
}

async function query(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A log that tells when a message with these words was logged. */
function listeningLog(): { log: Log; said(words: string): Promise<void> } {
  const waiting: { words: string; resolve: () => void }[] = [];
  const hear = (_fields: object, message: string): void => {
    for (const one of waiting) if (message.includes(one.words)) one.resolve();
  };
  return {
    log: { debug: hear, info: hear, warn: hear, error: hear },
    said: (words) => new Promise((resolve) => waiting.push({ words, resolve })),
  };
}

interface App {
  readonly process: ChildProcess;
  readonly postgresPid: number;
  readonly connectionString: string;
}

/** An application in a process of its own, which can be killed. Resolves when its Postgres is up. */
async function startApp(home: string, options: SpawnOptions & { andThen?: string } = {}): Promise<App> {
  const { andThen, ...rest } = options;
  const args = [fixture, home, ...(andThen === undefined ? [] : [andThen])];
  const app = spawn(process.execPath, args, { ...rest, stdio: ['ignore', 'pipe', 'inherit'] });
  if (!app.stdout) throw new Error('no stdout');
  const [line] = (await Promise.race([
    once(app.stdout, 'data'),
    once(app, 'exit').then(() =>
      Promise.reject(new Error('the application ended before its Postgres was up')),
    ),
  ])) as [Buffer];
  return { process: app, ...(JSON.parse(line.toString()) as Omit<App, 'process'>) };
}

async function kill(app: App, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const exit = once(app.process, 'exit');
  app.process.kill(signal);
  await exit;
}

const ONLY_ROOT_MAY_READ = 'this checkout stands in a folder that only root can enter';

function othersMayRead(): boolean {
  return spawnSync(process.execPath, ['--check', fixture], { uid: NOBODY, gid: NOBODY }).status === 0;
}

const dataOf = (home: string): string => join(home, 'postgres', 'data');

test('keeps what was written over a stop and a start, at the same address', async () => {
  const home = await makeHome('a home with spaces');
  const first = await start(home);
  await query(first.connectionString, 'CREATE TABLE kept AS SELECT 1 AS n');
  await first.stop();
  expect(await endsWithin(first.pid, 0)).toBe(true);
  expect(await readPidFile(dataOf(home))).toBeNull();

  const second = await start(home);
  expect(second.connectionString).toBe(first.connectionString);
  expect(second.adopted).toBe(false);
  expect(await query(second.connectionString, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
});

test('listens on its socket only, and wants the password', async () => {
  const { connectionString } = await start(await makeHome());
  expect(await query(connectionString, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '' }]);
  const wrong = connectionString.replace(/ttai:[0-9a-f]+@/, 'ttai:guess@');
  await expect(query(wrong, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
});

test('moves its socket to a short private folder when the home is deep', async () => {
  const postgres = await start(await makeHome('deep'.repeat(30)));
  expect(await query(postgres.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  const socketDir = new URL(postgres.connectionString.replace('@/', '@localhost/')).searchParams.get('host');
  expect(socketDir).toMatch(new RegExp(`^${tmpdir()}/ttai-`));
  cleanUp.unshift(() => rm(String(socketDir), { recursive: true }));
});

test('adopts the Postgres that outlived its application', async () => {
  const home = await makeHome();
  const app = await startApp(home);
  await kill(app);

  const adopted = await start(home);
  expect(adopted.adopted).toBe(true);
  expect(adopted.pid).toBe(app.postgresPid);
  await adopted.stop();
  expect(await endsWithin(app.postgresPid, 0)).toBe(true);
});

test('Ctrl-C in the application does not reach Postgres', async () => {
  const home = await makeHome();
  // A group of its own, as a terminal makes one for each command.
  const app = await startApp(home, { detached: true });
  const exit = once(app.process, 'exit');
  process.kill(-Number(app.process.pid), 'SIGINT');
  await exit;
  expect(await endsWithin(app.postgresPid, 0)).toBe(false);
  expect((await start(home)).adopted).toBe(true);
});

test('starts Postgres again when it is killed, and loses nothing', async () => {
  const { log, said } = listeningLog();
  const postgres = await start(await makeHome(), log);
  await query(postgres.connectionString, 'CREATE TABLE kept AS SELECT 1 AS n');
  const killed = postgres.pid;
  const again = said('runs again');
  sendSignal(killed, 'SIGKILL');
  await again;
  expect(postgres.pid).not.toBe(killed);
  expect(await query(postgres.connectionString, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
});

test('recovers when application and Postgres were both killed', async () => {
  const home = await makeHome();
  const app = await startApp(home);
  await kill(app);
  sendSignal(app.postgresPid, 'SIGKILL');
  const postgres = await start(home);
  expect(postgres.adopted).toBe(false);
  expect(await query(postgres.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
});

test('ends a backend that lost its postmaster and holds on to its memory', async (context) => {
  if (process.platform !== 'linux') context.skip('such backends are found through /proc');
  const home = await makeHome();
  const app = await startApp(home);
  const client = new pg.Client({ connectionString: app.connectionString });
  client.on('error', () => {});
  await client.connect();
  const [backend] = (await client.query('SELECT pg_backend_pid() AS pid')).rows as { pid: number }[];
  // While it computes, it does not notice that its postmaster is gone.
  const cutOff = client.query('SELECT count(*) FROM generate_series(1, 1e12::bigint)').catch(() => 'cut off');
  await kill(app);
  sendSignal(app.postgresPid, 'SIGKILL');

  const postgres = await start(home);
  expect(await cutOff).toBe('cut off');
  expect(await endsWithin(backend?.pid ?? 0, 0)).toBe(true);
  expect(await query(postgres.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
});

test('is not fooled by a pid file whose pid is another program by now', async () => {
  const home = await makeHome();
  const first = await start(home);
  const pidFile = join(dataOf(home), 'postmaster.pid');
  const text = await readFile(pidFile, 'utf8');
  await first.stop();
  await writeFile(pidFile, text.replace(/^\d+/, String(process.pid)), { mode: 0o600 });

  const second = await start(home);
  expect(second.adopted).toBe(false);
  expect(await query(second.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
});

test('an interrupted first start leaves no half cluster', async () => {
  const home = await makeHome();
  await mkdir(join(home, 'postgres.new', 'data'), { recursive: true });
  await writeFile(join(home, 'postgres.new', 'data', 'PG_VERSION'), '18\n');
  const postgres = await start(home);
  expect(await query(postgres.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
});

test('refuses the folder of another Postgres version, with what to do', async () => {
  const home = await makeHome();
  await mkdir(dataOf(home), { recursive: true });
  await writeFile(join(dataOf(home), 'PG_VERSION'), '16\n');
  await expect(startPostgres({ home, log: quiet })).rejects.toThrow(/made by Postgres 16, and this is 18/);
});

test('root becomes another user where user namespaces are not allowed', async (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can become another user');
  if (!othersMayRead()) context.skip(ONLY_ROOT_MAY_READ);
  const home = await makeHome();
  await chmod(join(home, '..'), 0o711);
  // Without `unshare` in the path there is no way into a namespace.
  const app = await startApp(home, { env: { ...process.env, PATH: '/nonexistent' } });
  expect((await stat(`/proc/${app.postgresPid}`)).uid).not.toBe(0);
  expect((await stat(dataOf(home))).uid).not.toBe(0);
  await kill(app);
  expect((await start(home)).adopted).toBe(true);
});

test('runs for an ordinary user in a folder that only he can enter', async (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can become another user');
  if (!othersMayRead()) context.skip(ONLY_ROOT_MAY_READ);
  const home = await makeHome('my home');
  execFileSync('chown', ['-R', 'nobody', join(home, '..')]);
  await chmod(home, 0o700);
  const app = await startApp(home, { andThen: 'stop', uid: NOBODY, gid: NOBODY });
  const [exitCode] = (await once(app.process, 'exit')) as [number];
  expect(exitCode).toBe(0);
  expect(await commandLine(app.postgresPid)).toBe('');
});

/** Starts the Postgres of the home that is its argument, prints where it is, and stays until killed. */
const fixture = fileURLToPath(new URL('fixtures/start-postgres.ts', import.meta.url));
