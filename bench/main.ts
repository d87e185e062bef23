/**
 * `npm run -s bench -- <name> [--smoke]`: measures, prints JSON on stdout and a table on stderr.
 * Each bench runs on an embedded Postgres of its own in a temporary folder, and measures the floor in the same run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../src/launch/postgres.ts';
import { createLog } from '../src/log.ts';
import { migrate } from '../src/persistence/migrate.ts';
import { pipelineBench } from './pipeline.ts';

const BENCHES = { pipeline: pipelineBench } as const;
type BenchName = keyof typeof BENCHES;

async function main(args: readonly string[]): Promise<void> {
  const smoke = args.includes('--smoke');
  const name = args.find((arg) => !arg.startsWith('--')) ?? 'pipeline';
  if (!(name in BENCHES)) {
    process.stderr.write(`There is no bench "${name}". There are: ${Object.keys(BENCHES).join(', ')}.\n`);
    process.exitCode = 2;
    return;
  }
  const home = await mkdtemp(join(tmpdir(), 'ttai-bench-'));
  const postgres = await startPostgres({ home, log: createLog('warn') });
  try {
    const { connectionString } = postgres;
    await migrate(connectionString);
    const result = await BENCHES[name as BenchName]({ connectionString, smoke });
    const machine = {
      cores: cpus().length,
      node: process.version,
      postgres: await serverVersion(connectionString),
    };
    process.stdout.write(
      `${JSON.stringify({ bench: name, smoke, at: new Date().toISOString(), machine, ...result }, null, 2)}\n`,
    );
  } finally {
    await postgres.stop();
    await rm(home, { recursive: true, force: true });
  }
}

async function serverVersion(connectionString: string): Promise<string> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  await client.end();
  return rows[0]?.server_version ?? '';
}

await main(process.argv.slice(2));
