/**
 * `npm run -s bench -- [name] [--smoke] [--full] [--runs 3] [--peer dbos]`: measures, prints JSON on stdout and tables
 * on stderr. All benches unless one is named; each on an embedded Postgres of its own in a temporary folder, with the
 * floor measured in the same run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startPostgres } from '../src/launch/postgres.ts';
import { createLog } from '../src/log.ts';
import { migrate } from '../src/persistence/migrate.ts';
import { diskBench } from './disk.ts';
import { eventsBench } from './events.ts';
import type { BenchOptions } from './options.ts';
import { PEERS, peerBench } from './peers.ts';
import { pipelineBench } from './pipeline.ts';
import { recoveryBench } from './recovery.ts';
import { sleepersBench } from './sleepers.ts';
import { timersBench } from './timers.ts';
import { turnedBench } from './turned.ts';

type Bench = (options: BenchOptions) => Promise<object>;

const BENCHES: Readonly<Record<string, Bench>> = {
  events: eventsBench,
  pipeline: pipelineBench,
  timers: timersBench,
  turned: turnedBench,
  sleepers: sleepersBench,
  recovery: recoveryBench,
  disk: diskBench,
};

/** What the command line asks for. Throws with words for a person. */
function readCommandLine(args: string[]) {
  const { values, positionals: names } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      smoke: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      runs: { type: 'string' },
      peer: { type: 'string' },
    },
  });
  const { smoke, full, peer } = values;
  const runs = Number(values.runs ?? (smoke ? 1 : 3));
  const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
  if (unknown !== undefined) {
    throw new Error(`There is no bench "${unknown}". There are: ${Object.keys(BENCHES).join(', ')}.`);
  }
  if (peer !== undefined && !PEERS.includes(peer)) {
    throw new Error(`There is no peer "${peer}". There are: ${PEERS.join(', ')}.`);
  }
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a whole number from 1 on.');
  const benches: [string, Bench][] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length === 0 ? peer === undefined : names.includes(name)) benches.push([name, bench]);
  }
  if (peer !== undefined) benches.push([peer, (options) => peerBench(peer, options)]);
  return { benches, options: { smoke, full, runs } };
}

async function main({ benches, options }: ReturnType<typeof readCommandLine>): Promise<void> {
  const results: Record<string, object> = {};
  let postgres = '';
  for (const [name, bench] of benches) {
    await onPostgres(async (connectionString) => {
      postgres = await serverVersion(connectionString);
      results[name] = await bench({ ...options, connectionString });
    });
  }
  const machine = { cores: cpus().length, cpu: cpus()[0]?.model, node: process.version, postgres };
  const { smoke, runs } = options;
  process.stdout.write(
    `${JSON.stringify({ at: new Date().toISOString(), smoke, runs, machine, results }, null, 2)}\n`,
  );
}

/** A migrated database on a server that goes when the work is done. */
async function onPostgres(work: (connectionString: string) => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'ttai-bench-'));
  try {
    const postgres = await startPostgres({ home, log: createLog('warn') });
    try {
      await migrate(postgres.connectionString);
      await work(postgres.connectionString);
    } finally {
      await postgres.stop();
    }
  } finally {
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

let commandLine: ReturnType<typeof readCommandLine> | undefined;
try {
  commandLine = readCommandLine(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
if (commandLine) await main(commandLine);
