/**
 * Other durable runtimes on the same Postgres in the same minutes: the pipeline of pipeline.ts, written for the peer.
 * A peer is a folder under peers/ with its own package.json and lock, which nothing else depends on; it is installed
 * when it is asked for, and runs in a process of its own.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { undoAtExit } from '../test/undo-at-exit.ts';
import { type Measured, ratio } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';
import { pipelineBench } from './pipeline.ts';

/** Each is a folder, and the package whose version is printed. */
const PACKAGES: Readonly<Record<string, string>> = { dbos: '@dbos-inc/dbos-sdk' };
export const PEERS: readonly string[] = Object.keys(PACKAGES);

interface PeerRow {
  atOnce: number;
  pipeline: Measured;
}

interface Result {
  versions: Record<string, string>;
  /** Ours, by the peer's rate. */
  rows: { atOnce: number; ours: Measured; peer: Measured; timesThePeer: number }[];
  pipeline: object;
  notMeasured: string;
}

export async function peerBench(peer: string, options: BenchOptions): Promise<Result> {
  const folder = fileURLToPath(new URL(`peers/${peer}/`, import.meta.url));
  await install(folder);
  const { connectionString, smoke, runs } = options;
  const ours = await pipelineBench(options);
  const settings = JSON.stringify({ connectionString, smoke, runs });
  const printed = await run(process.execPath, ['pipeline.mjs', settings], folder);
  const theirs = (JSON.parse(printed) as { rows: PeerRow[] }).rows;
  const rows = ours.rows.map(({ atOnce, pipeline }, index) => {
    const other = theirs[index]?.pipeline;
    if (!other) throw new Error(`${peer} measured nothing at ${atOnce} at once`);
    return {
      atOnce,
      ours: pipeline,
      peer: other,
      timesThePeer: ratio(pipeline.perSecond, other.perSecond),
    };
  });
  const name = PACKAGES[peer] ?? peer;
  const versions = { [name]: await versionOf(`${folder}node_modules/${name}/package.json`) };
  printTable(
    `pipeline, ours and ${name} ${versions[name]}`,
    ['at once', 'ours/s', 'p50 / p99 ms', `${peer}/s`, 'p50 / p99 ms', 'times'],
    rows.map(({ atOnce, ours: own, peer: other, timesThePeer }) => [
      atOnce,
      own.perSecond,
      `${own.p50Ms} / ${own.p99Ms}`,
      other.perSecond,
      `${other.p50Ms} / ${other.p99Ms}`,
      timesThePeer,
    ]),
  );
  return {
    versions,
    rows,
    pipeline: ours,
    notMeasured: "the peer's queues, timers and recovery; settings of the peer other than its own defaults",
  };
}

/** Installs what the peer's lock names, unless it is there. */
async function install(folder: string): Promise<void> {
  if (existsSync(`${folder}node_modules`)) return;
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder);
}

async function versionOf(file: string): Promise<string> {
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}

/** Runs a program to its end and answers what it printed on stdout. */
function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    child.once(
      'exit',
      undoAtExit(() => child.kill('SIGKILL')),
    );
    child.on('error', reject);
    child.on('close', (exitCode) => {
      if (exitCode === 0) resolve(printed);
      else reject(new Error(`${command} ${args[0]} ended with ${exitCode}: ${printed.slice(-1_000)}`));
    });
  });
}
