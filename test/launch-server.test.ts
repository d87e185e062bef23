/** `npm start` as a real process: one to a home, gone without a trace when told, back after a crash. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readPidFile } from '../src/launch/postgres-cluster.ts';
import { endsWithin, sendSignal } from '../src/launch/processes.ts';
import { hashToken } from '../src/server/auth.ts';
import { createTestDatabase } from './database.ts';
import { endServer, runningOn, type ServerProcess, spawnServer } from './server-process.ts';

const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function makeHome(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'ttai-server-'));
  cleanUp.push(() => rm(parent, { recursive: true, force: true }));
  const home = join(parent, 'a home');
  await mkdir(home, { mode: 0o700 });
  return home;
}

function start(...args: Parameters<typeof spawnServer>): ServerProcess {
  const server = spawnServer(...args);
  cleanUp.push(() => endServer(server));
  return server;
}

async function postgresPid(home: string): Promise<number> {
  return (await readPidFile(join(home, 'postgres', 'data')))?.pid ?? 0;
}

const isReady = async (url: string): Promise<boolean> => (await fetch(`${url}/readyz`)).ok;

test.each(['SIGINT', 'SIGTERM'] as const)('%s leaves no process and no lock', async (signal) => {
  const home = await makeHome();
  const server = start(home);
  expect(await isReady(await server.ready)).toBe(true);
  expect(server.stdout()).toContain('SIMULATED');
  const { analysisUrl } = await runningOn(home);
  const postgres = await postgresPid(home);

  expect(await endServer(server, signal)).toEqual({ exitCode: 0, signal: null });
  expect(await endsWithin(postgres, 0)).toBe(true);
  await expect(fetch(analysisUrl)).rejects.toThrow();
  expect(existsSync(join(home, 'lock'))).toBe(false);
  expect(existsSync(join(home, 'server.json'))).toBe(false);
});

test('a second start on the same home says where the first one runs, and ends', async () => {
  const home = await makeHome();
  const first = start(home);
  const url = await first.ready;
  const second = start(home);
  expect((await second.ended).exitCode).toBe(1);
  expect(second.stderr()).toContain(`TTAI already runs at ${url} (process ${first.process.pid})`);
  expect(await isReady(url)).toBe(true);
});

test('a port in use is told, and leaves nothing running', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  cleanUp.push(async () => other.close());
  const { port } = other.address() as { port: number };

  const home = await makeHome();
  const server = start(home, { env: { PORT: String(port) } });
  expect((await server.ended).exitCode).toBe(1);
  expect(server.stderr()).toContain(`Port ${port}`);
  expect(await postgresPid(home)).toBe(0);
  expect(existsSync(join(home, 'lock'))).toBe(false);
  expect(existsSync(join(home, 'postgres'))).toBe(false);
});

test('after a kill -9 the next start adopts the database and leaves no second service', async () => {
  const home = await makeHome();
  const first = start(home);
  await first.ready;
  const { analysisUrl } = await runningOn(home);
  const postgres = await postgresPid(home);
  await endServer(first, 'SIGKILL');

  const second = start(home);
  expect(await isReady(await second.ready)).toBe(true);
  expect(await postgresPid(home)).toBe(postgres);
  await expect(fetch(analysisUrl)).rejects.toThrow();
});

test('after a kill -9 of server and database the next start recovers', async () => {
  const home = await makeHome();
  const first = start(home);
  await first.ready;
  const postgres = await postgresPid(home);
  sendSignal(postgres, 'SIGKILL');
  await endServer(first, 'SIGKILL');
  expect(await isReady(await start(home).ready)).toBe(true);
});

test('a database that is killed under the server comes back, and the server is ready again', async () => {
  const home = await makeHome();
  const server = start(home);
  const url = await server.ready;
  const again = new Promise<void>((resolve) => {
    server.process.stderr?.on('data', () => {
      if (server.stderr().includes('Embedded Postgres runs again')) resolve();
    });
  });
  sendSignal(await postgresPid(home), 'SIGKILL');
  await again;
  await expect.poll(() => isReady(url), { timeout: 20_000 }).toBe(true);
  expect((await endServer(server)).exitCode).toBe(0);
});

test('another server joins the home, and goes without taking it along', async () => {
  const home = await makeHome();
  const first = start(home);
  const firstUrl = await first.ready;
  const joined = start(home, { join: true });
  const joinedUrl = await joined.ready;
  expect(joinedUrl).not.toBe(firstUrl);
  expect(await isReady(joinedUrl)).toBe(true);
  expect((await endServer(joined)).exitCode).toBe(0);
  expect(await isReady(firstUrl)).toBe(true);
  await endServer(first);
  expect(first.stderr()).not.toContain('Other servers');
});

test('a server that joins lets in whom the first one does, unless it is told otherwise', async () => {
  const home = await makeHome();
  const [ours, others] = [join(home, 'ours'), join(home, 'others')];
  await writeFile(ours, `${hashToken('ours')} ann\n`);
  await writeFile(others, `${hashToken('others')} ann\n`);
  await start(home, { env: { AUTH_TOKENS_FILE: ours, WEBHOOK_ALLOWED_HOSTS: '127.0.0.1:8808' } }).ready;
  const enter = async (server: ServerProcess, token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${await server.ready}/api/positions`, { headers })).status;
  };
  const joined = start(home, { join: true });
  expect([await enter(joined, 'ours'), await enter(joined, 'others')]).toEqual([200, 401]);
  const webhook = await fetch(`${await joined.ready}/api/webhooks`, {
    method: 'POST',
    headers: { authorization: 'Bearer ours', 'content-type': 'application/json' },
    body: JSON.stringify({ url: 'http://127.0.0.1:8808/ttai' }),
  });
  expect(webhook.status).toBe(200);
  const told = start(home, { join: true, env: { AUTH_TOKENS_FILE: others } });
  expect([await enter(told, 'ours'), await enter(told, 'others')]).toEqual([401, 200]);
});

test('the first server of a home tells what its end means for others; they wait quietly until it is back', async () => {
  const home = await makeHome();
  const first = start(home);
  await first.ready;
  const joined = start(home, { join: true });
  const joinedUrl = await joined.ready;
  await endServer(first);
  expect(first.stderr()).toContain('Other servers on this home lose their database');
  await expect
    .poll(() => joined.stderr(), { timeout: 10_000 })
    .toContain('A connection to the database failed');
  const again = start(home);
  await again.ready;
  await expect.poll(() => joined.stderr(), { timeout: 20_000 }).toContain('The database is back');
  await expect.poll(() => isReady(joinedUrl), { timeout: 20_000 }).toBe(true);
  expect(joined.stderr()).not.toMatch(/"stack":"[^"]*ENOENT/);
  expect(joined.stderr().match(/A connection to the database failed/g)?.length).toBeLessThan(5);
}, 60_000);

test('there is nothing to join on a home where nothing runs', async () => {
  const joined = start(await makeHome(), { join: true });
  expect((await joined.ended).exitCode).toBe(1);
  expect(joined.stderr()).toContain('No TTAI runs on');
});

test('with DATABASE_URL no Postgres is started', async () => {
  const home = await makeHome();
  await using database = await createTestDatabase();
  const server = start(home, { env: { DATABASE_URL: database.connectionString } });
  expect(await isReady(await server.ready)).toBe(true);
  expect(existsSync(join(home, 'postgres'))).toBe(false);
  expect((await endServer(server)).exitCode).toBe(0);
});

test('a database that does not answer is told, without its password', async () => {
  const home = await makeHome();
  const server = start(home, { env: { DATABASE_URL: 'postgresql://me:secret@127.0.0.1:9/mine' } });
  expect((await server.ended).exitCode).toBe(1);
  expect(server.stderr()).toContain('127.0.0.1:9/mine');
  expect(server.stderr()).not.toContain('secret');
  expect(existsSync(join(home, 'lock'))).toBe(false);
});

test('a token file that lets nobody in ends the start before anything is made', async () => {
  const home = await makeHome();
  const server = start(home, { env: { AUTH_TOKENS_FILE: join(home, 'nothing') } });
  expect((await server.ended).exitCode).toBe(2);
  expect(server.stderr()).toContain('token add');
  expect(existsSync(join(home, 'lock'))).toBe(false);
});

test('where tokens are demanded, a server without them does not start until that is given up', async () => {
  await using database = await createTestDatabase();
  const tokens = join(await makeHome(), 'tokens');
  await writeFile(tokens, `${hashToken('secret')} ann\n`);
  const shared = { DATABASE_URL: database.connectionString, ANALYSIS_URL: 'http://127.0.0.1:9' };
  const startWith = async (env: Record<string, string>) =>
    start(await makeHome(), { env: { ...shared, ...env } });
  const doorOf = async (server: ServerProcess) => (await fetch(`${await server.ready}/api/positions`)).status;

  const first = await startWith({ AUTH_TOKENS_FILE: tokens });
  expect(await doorOf(first)).toBe(401);
  const open = await startWith({});
  expect((await open.ended).exitCode).toBe(2);
  expect(open.stderr()).toContain('AUTH_TOKENS_FILE to the same file');
  await endServer(first);

  const givenUp = await startWith({ AUTH_TOKENS_FILE: 'none' });
  expect(await doorOf(givenUp)).toBe(200);
  await endServer(givenUp);
  expect(await doorOf(await startWith({}))).toBe(200);
});

test('wrong settings are all told before anything is started', async () => {
  const home = await makeHome();
  const server = start(home, { env: { PORT: 'x', HOST: '0.0.0.0', MARKET_DATA: 'bloomberg' } });
  expect((await server.ended).exitCode).toBe(2);
  for (const name of ['PORT', 'AUTH_TOKENS_FILE', 'MARKET_DATA']) expect(server.stderr()).toContain(name);
  expect(existsSync(join(home, 'postgres'))).toBe(false);
});

test('a setting that only the service can judge ends the start the same way', async () => {
  const home = await makeHome();
  const server = start(home, { env: { MARKET_DATA: 'files', MARKET_DATA_DIR: join(home, 'nothing') } });
  expect((await server.ended).exitCode).toBe(2);
  expect(server.stderr().match(/MARKET_DATA_DIR/g)).toHaveLength(1);
  expect(await postgresPid(home)).toBe(0);
  expect(existsSync(join(home, 'lock'))).toBe(false);
});
