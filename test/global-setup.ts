/**
 * One Postgres for a run of the tests, with a migrated template that each test file clones (test/database.ts).
 * A container where a Docker engine answers, else the embedded one; TEST_DATABASE_URL names another. Printed.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { tryLock } from '../scripts/file-lock.mjs';
import { createDatabase, startPostgres } from '../src/launch/postgres.ts';
import { readPidFile } from '../src/launch/postgres-cluster.ts';
import { commandLine, endsWithin, sendSignal } from '../src/launch/processes.ts';
import type { Log } from '../src/log.ts';
import { migrate } from '../src/persistence/migrate.ts';
import { databaseUrl } from './database-url.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Connection string of a database from which others can be created. */
    adminDatabaseUrl: string;
    templateDatabase: string;
  }
}

const HOME_PREFIX = 'ttai-test-';
const IMAGE = 'postgres:18-alpine';
/** Twice what the tests of two workers were seen to use. */
const SETTINGS = { max_connections: '200' };

interface TestPostgres {
  readonly what: string;
  readonly adminUrl: string;
  stop(): Promise<void>;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = (await given()) ?? (await inContainer()) ?? (await embedded());
  console.log(`Postgres for the tests: ${postgres.what}`);
  // Others may use a Postgres that was given, so the name is this run's own.
  const template = `ttai_template_${process.pid}`;
  await createDatabase(postgres.adminUrl, template);
  await migrate(databaseUrl(postgres.adminUrl, template));
  project.provide('adminDatabaseUrl', postgres.adminUrl);
  project.provide('templateDatabase', template);
  return async () => {
    await dropDatabase(postgres.adminUrl, template);
    await postgres.stop();
  };
}

async function given(): Promise<TestPostgres | null> {
  const adminUrl = process.env.TEST_DATABASE_URL;
  return adminUrl ? { what: 'TEST_DATABASE_URL', adminUrl, stop: async () => {} } : null;
}

async function inContainer(): Promise<TestPostgres | null> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch {
    return null;
  }
  try {
    const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
    const flags = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const container = await new PostgreSqlContainer(IMAGE).withCommand(['postgres', ...flags]).start();
    const stop = async (): Promise<void> => void (await container.stop());
    return { what: `container ${IMAGE}`, adminUrl: container.getConnectionUri(), stop };
  } catch (error) {
    console.log(`A Docker engine answers, but ${IMAGE} did not start: ${String(error)}`);
    return null;
  }
}

async function embedded(): Promise<TestPostgres> {
  await removeLeftovers();
  const home = await mkdtemp(join(tmpdir(), HOME_PREFIX));
  tryLock(join(home, 'lock'));
  const postgres = await startPostgres({ home, log: quietLog, settings: SETTINGS });
  const stop = async (): Promise<void> => {
    await postgres.stop();
    await rm(home, { recursive: true, force: true });
  };
  return { what: 'embedded', adminUrl: databaseUrl(postgres.connectionString, 'postgres'), stop };
}

/** A run that was killed leaves its Postgres and its folder behind. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const home = join(tmpdir(), name);
    if (!name.startsWith(HOME_PREFIX) || !existsSync(join(home, 'lock'))) continue;
    if ('holder' in tryLock(join(home, 'lock'))) continue;
    const dataDir = join(home, 'postgres', 'data');
    const left = await readPidFile(dataDir);
    if (left && (await commandLine(left.pid)).includes(dataDir)) {
      sendSignal(left.pid, 'SIGQUIT');
      await endsWithin(left.pid, 5_000);
    }
    await rm(home, { recursive: true, force: true });
  }
}

async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
  } finally {
    await client.end();
  }
}

const quietLog: Log = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
};
