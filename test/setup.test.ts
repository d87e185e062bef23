/** The set-up that all npm scripts run first, as a real process in a small project of its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linkPostgresLibraries } from '../scripts/setup/node.mjs';
import { installFor } from '../src/cli/service-python.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
let project = '';

beforeAll(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'ttai-setup-'));
  project = join(parent, 'a project');
  await mkdir(join(project, 'python'), { recursive: true, mode: 0o700 });
  await cp(join(repository, 'scripts'), join(project, 'scripts'), { recursive: true });
  await writePackages({});
  await writeFile(join(project, 'python', 'requirements.lock'), '');
  await writeFile(join(project, 'python', 'requirements-dev.lock'), '');
  await writeFile(join(project, 'python', 'requirements-extras.lock'), '');
});

afterAll(() => rm(join(project, '..'), { recursive: true, force: true }));

/** A project that depends on these packages, with its lock file. */
async function writePackages(dependencies: Record<string, string>): Promise<void> {
  const head = { name: 'small', version: '1.0.0' };
  const locked = Object.entries(dependencies).map(([name, version]) => [`node_modules/${name}`, { version }]);
  const packages = { '': { ...head, dependencies }, ...Object.fromEntries(locked) };
  await writeFile(join(project, 'package.json'), JSON.stringify({ ...head, dependencies }));
  await writeFile(
    join(project, 'package-lock.json'),
    JSON.stringify({ ...head, lockfileVersion: 3, packages }),
  );
}

interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

function setUp(env: Record<string, string> = {}, args: string[] = []): Promise<Outcome> {
  const child = spawn(process.execPath, [join(project, 'scripts', 'setup.mjs'), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome: Outcome = { exitCode: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    outcome.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    outcome.stderr += chunk.toString();
  });
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ ...outcome, exitCode })));
}

describe('scripts/setup.mjs', () => {
  test('two at once: one sets up, the other waits; then there is nothing to do', async () => {
    const both = await Promise.all([setUp(), setUp()]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const told = both.map(({ stderr }) => stderr);
    expect(told.filter((text) => text.includes('2/2'))).toHaveLength(1);
    expect(told.filter((text) => text.startsWith('Waiting for the set-up'))).toHaveLength(1);
    expect(both.map(({ stdout }) => stdout)).toEqual(['', '']);

    expect(await setUp()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(existsSync(join(project, '.venv', 'bin', 'python'))).toBe(true);
    expect(existsSync(join(project, '.ttai', 'setup.lock'))).toBe(false);
  });

  test('links a Node that runs TypeScript', async () => {
    expect(await realpath(join(project, 'node_modules', '.bin', 'node'))).toBe(
      await realpath(process.execPath),
    );
  });

  test('does what is missing again: the Node, the lock of a set-up that was killed', async () => {
    await rm(join(project, 'node_modules', '.bin', 'node'));
    await writeFile(join(project, '.ttai', 'setup.lock'), '{"pid":1,"identity":"of another boot"}');
    const { exitCode, stderr } = await setUp();
    expect(exitCode).toBe(0);
    expect(stderr).toContain('1/1: npm packages ready');
    expect(existsSync(join(project, 'node_modules', '.bin', 'node'))).toBe(true);
  });

  test('the packages for tests are added once', async () => {
    expect((await setUp({}, ['--dev'])).stderr).toContain('2/2');
    expect(await setUp({}, ['--dev'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(await setUp()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('the packages of optional parts are added once, for those who use one', async () => {
    const yahoo = { MARKET_DATA: 'yahoo' };
    await rm(join(project, '.venv'), { recursive: true });
    expect((await setUp({ MARKET_DATA: 'simulated' })).stderr).toContain('1/1: Python environment ready');
    // Without its secrets it would only refuse, after a wait.
    const tastytrade = { MARKET_DATA: 'tastytrade', TT_SECRET: 'a', TT_REFRESH: '' };
    expect(await setUp(tastytrade)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect((await setUp(yahoo)).stderr).toContain('1/1: Python environment ready');
    expect(await setUp(yahoo)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(await setUp({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('data fetch installs what its provider needs, and only then', async () => {
    await rm(join(project, '.venv'), { recursive: true });
    const notes: string[] = [];
    const onNote = (line: string) => notes.push(line);
    const install = (provider: string) =>
      installFor(provider, { env: { ...process.env, MARKET_DATA: '' }, onNote, project });
    expect([await install('simulated'), notes]).toEqual([true, []]);
    expect(await install('yahoo')).toBe(true);
    expect(notes.join()).toContain('Python environment ready');
    const stamp = await readFile(join(project, '.venv', '.ttai-setup.json'), 'utf8');
    expect(JSON.parse(stamp)).toMatchObject({ extras: true });
    notes.length = 0;
    expect([await install('yahoo'), notes]).toEqual([true, []]);
  });

  test('without the network it says what to do, and the next run goes on', async () => {
    await writePackages({ 'no-such-package-here': '1.0.0' });
    const offline = { npm_config_registry: 'http://127.0.0.1:9', npm_config_fetch_retries: '0' };
    const failed = await setUp(offline);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('The package registry was not reached');
    await writePackages({});
    expect((await setUp()).exitCode).toBe(0);
  });

  test.each(['node_modules', '.venv'])('leaves alone what a linked %s points to', async (name) => {
    const elsewhere = join(project, '..', `elsewhere ${name}`);
    const moved = join(project, '..', `moved ${name}`);
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'precious'), 'kept');
    await rename(join(project, name), moved);
    await symlink(elsewhere, join(project, name));
    const { exitCode, stderr } = await setUp();
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(`is a link to ${elsewhere}`);
    expect(await readdir(elsewhere)).toEqual(['precious']);
    await rm(join(project, name));
    await rename(moved, join(project, name));
  });

  test('without a Python it names what to install', async () => {
    await rm(join(project, '.venv'), { recursive: true });
    const { exitCode, stderr } = await setUp({ PATH: '/nonexistent' });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('TTAI needs Python 3.11 or later');
  });
});

test('links the libraries of Postgres when install scripts were not run', async () => {
  const folder = join(project, 'embedded');
  await mkdir(join(folder, 'native', 'lib'), { recursive: true });
  await writeFile(join(folder, 'native', 'lib', 'libx.so.1.2'), 'library');
  const links = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so' }];
  await writeFile(join(folder, 'native', 'pg-symlinks.json'), JSON.stringify(links));
  linkPostgresLibraries(folder);
  linkPostgresLibraries(folder);
  const link = join(folder, 'native', 'lib', 'libx.so');
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(link, 'utf8')).toBe('library');
});
