/**
 * `npm run -s bench -- [name...] [options]`: measures, prints JSON on stdout and tables on stderr. Each bench on an embedded
 * Postgres of its own in a temporary folder, with the floor measured in the same run. Exits 2 when it is called wrongly.
 */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startPostgres } from '../src/launch/postgres.ts';
import { createLog } from '../src/log.ts';
import { migrate } from '../src/persistence/migrate.ts';
import { endPostgresAt, undoAtExit } from '../test/undo-at-exit.ts';
import { alertsBench } from './alerts.ts';
import { analysisBench } from './analysis.ts';
import { diskBench } from './disk.ts';
import { eventsBench } from './events.ts';
import type { BenchOptions } from './options.ts';
import { PEERS, peerBench } from './peers.ts';
import { pipelineBench } from './pipeline.ts';
import { recoveryBench } from './recovery.ts';
import { sleepersBench } from './sleepers.ts';
import { socketsBench } from './sockets.ts';
import { timersBench } from './timers.ts';
import { turnedBench } from './turned.ts';

interface Bench {
  /** For people: what it measures. */
  about: string;
  run: (options: BenchOptions) => Promise<object>;
  /** True for one that is given no Postgres. */
  alone?: true;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  events: { about: 'events to actors, 1 to 512 at once: how many a second, and how soon', run: eventsBench },
  pipeline: { about: 'runs of five steps and five effects, 1 to 200 at once', run: pipelineBench },
  timers: {
    about: 'delayed transitions: how late they fire, and how fast a heap of due ones goes',
    run: timersBench,
  },
  turned: { about: 'a session of trading in turned time: what a step costs a test', run: turnedBench },
  sleepers: { about: 'many actors that sleep: memory, start, idle statements, waking', run: sleepersBench },
  recovery: {
    about: 'a process killed while effects run: when another goes on with them',
    run: recoveryBench,
  },
  disk: { about: 'bytes that a step leaves in tables and WAL, before and after pruning', run: diskBench },
  alerts: {
    about: '100,000 armed alerts: what they cost while nothing triggers, and 1,000 at once to a client',
    run: alertsBench,
  },
  sockets: {
    about: '5,000 WebSocket clients on one server: from a commit to the frame, frames a second, memory',
    run: socketsBench,
  },
  analysis: {
    about: 'the analysis service: indicators, implied volatility, answers over HTTP, start, memory, size',
    run: analysisBench,
    alone: true,
  },
};

const HELP = `npm run -s bench -- [name...] [options]

${Object.entries(BENCHES)
  .map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`)
  .join('\n')}

All of them unless some are named; that takes many minutes.

  --smoke       few pieces and one run: to see that it works, not how fast
  --full        the sizes that take minutes, too
  --runs n      so many runs, of which the median is taken; 3 unless said
  --peer name   the pipeline beside another durable runtime (${PEERS.join(', ')}), which is installed when asked for
  --help        this text

Prints figures as JSON on stdout and tables on stderr, each beside the floor that plain SQL reaches in the same run,
and says what it did not measure. Brings its own Postgres in a temporary folder, and removes both at the end;
"analysis" needs none, and has bounds of its own beside its figures.
`;

/** What the command line asks for; null for help. Throws with words for a person. */
function readCommandLine(args: string[]) {
  const { values, positionals: names } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      runs: { type: 'string' },
      peer: { type: 'string' },
    },
  });
  const { help, smoke, full, peer, runs = smoke ? '1' : '3' } = values;
  if (help) return null;
  const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
  if (unknown !== undefined) {
    throw new Error(`There is no bench "${unknown}". There are: ${Object.keys(BENCHES).join(', ')}.`);
  }
  if (peer !== undefined && !PEERS.includes(peer)) {
    throw new Error(`There is no peer "${peer}". There are: ${PEERS.join(', ')}.`);
  }
  if (!/^[1-9]\d{0,3}$/.test(runs)) throw new Error('--runs takes a whole number from 1 to 9999.');
  if (smoke && full) throw new Error('--smoke and --full ask for opposite things.');
  const benches: [string, Omit<Bench, 'about'>][] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length === 0 ? peer === undefined : names.includes(name)) benches.push([name, bench]);
  }
  if (peer !== undefined) benches.push([peer, { run: (options) => peerBench(peer, options) }]);
  return { benches, options: { smoke, full, runs: Number(runs) } };
}

async function main({ benches, options }: NonNullable<ReturnType<typeof readCommandLine>>): Promise<void> {
  const results: Record<string, object> = {};
  let postgres = '';
  for (const [name, bench] of benches) {
    if (bench.alone) {
      results[name] = await bench.run({ ...options, connectionString: '' });
      continue;
    }
    await onPostgres(async (connectionString) => {
      postgres = await serverVersion(connectionString);
      results[name] = await bench.run({ ...options, connectionString });
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
  const home = mkdtempSync(join(tmpdir(), 'ttai-bench-'));
  const forget = undoAtExit(() => endPostgresAt(home));
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
    forget();
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
  process.stderr.write(`${(error as Error).message}\nWhat there is: npm run -s bench -- --help\n`);
  process.exitCode = 2;
}
if (commandLine === null) process.stdout.write(HELP);
if (commandLine) await main(commandLine);
