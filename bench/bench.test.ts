/** A smoke run of each bench: that it runs and prints what it says. No figure is judged here. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { endsWithin } from '../src/launch/processes.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const run = promisify(execFile);
const number = expect.any(Number);
const rate = { perSecond: number, p50Ms: number, p99Ms: number };
const times = { p50Ms: number, p99Ms: number, maxMs: number };

/** What a bench prints as its result, and its table. */
async function smoke<Result>(name: string): Promise<{ result: Result; table: string }> {
  const { stdout, stderr } = await run(process.execPath, [main, name, '--smoke']);
  const { results } = JSON.parse(stdout) as { results: Record<string, Result & { notMeasured: string }> };
  const result = results[name];
  if (!result) throw new Error(`no result of ${name} in ${stdout}`);
  expect(Object.keys(results)).toEqual([name]);
  expect(result.notMeasured).not.toBe('');
  return { result, table: stderr };
}

// Each starts a Postgres of its own, several at once.
describe.concurrent('a smoke run', { timeout: 180_000 }, () => {
  test('of events has the floors of the same run beside them', async () => {
    const { result, table } = await smoke<{ rows: { inFlight: number }[] }>('events');
    expect(result.rows.map(({ inFlight }) => inFlight)).toEqual([1, 64, 512]);
    for (const row of result.rows) {
      expect(row).toMatchObject({ events: rate, floorOneByOne: rate, floorBatched: rate, ofBatched: number });
    }
    expect(table).toContain('events/s');
  });

  test('of the pipeline has the floors of the same run beside it', async () => {
    const { result, table } = await smoke<{ rows: { atOnce: number }[] }>('pipeline');
    expect(result.rows.map(({ atOnce }) => atOnce)).toEqual([1, 20, 200]);
    for (const row of result.rows) {
      expect(row).toMatchObject({ pipeline: rate, floorOneByOne: rate, floorBatched: rate });
    }
    expect(table).toContain('pipelines/s');
  });

  test('of the analysis service has TA-Lib and bare numpy beside it, and starts no Postgres', async () => {
    const { result, table } = await smoke<{ implied: object[] }>('analysis');
    const quantiles = { p50Ms: number, p99Ms: number, maxMs: number, requests: number };
    expect(result).toMatchObject({
      indicators: { oursMs: number, taLibAloneMs: number, numpyLowerBoundMs: number },
      implied: [{ contracts: 1000, oursMs: number, numpyLowerBoundMs: number, worstError: number }],
      start: { healthzMs: number, firstChartMs: number, firstOptionsMs: number },
      answers: { chart: quantiles, options: quantiles, quotes200: quantiles, quick50: quantiles },
      size: { packages: number, installedMb: number },
    });
    expect(table).toContain('/analyze/chart');
  });

  test('of timers loses none and counts none twice', async () => {
    const { result } = await smoke('timers');
    expect(result).toMatchObject({
      spread: { lateness: { ...times, fired: 400, lost: 0, twice: 0 }, floorLateness: times },
      drain: { perSecond: number, timers: 200, lost: 0, twice: 0, floorPerSecond: number },
    });
  });

  test('of a turned clock has the journal of one that is turned second by second', async () => {
    const { result } = await smoke('turned');
    expect(result).toMatchObject({
      polls: 40,
      seconds: number,
      stepMs: number,
      floorStepMs: number,
      ofFloor: number,
      secondBySecond: { turns: number, seconds: number, journalIsTheSame: true },
    });
  });

  test('of sleepers says what they cost', async () => {
    const { result } = await smoke('sleepers');
    expect(result).toMatchObject({
      empty: { startMs: number, rssMb: number },
      rows: [
        {
          sleepers: 2_000,
          withTimer: 200,
          startDeltaMs: number,
          rssDeltaMb: number,
          idle: { windowSeconds: 1, perMinute: number },
          wakeByEvent: times,
          timersAmongThem: times,
        },
      ],
    });
  });

  test('of recovery leaves nothing stuck', async () => {
    const { result } = await smoke('recovery');
    expect(result).toMatchObject({ kills: 1, effects: 10, continued: times, stuck: 0 });
  });

  test('of sockets brings each notification once, and has a bare server beside it', async () => {
    const { result, table } = await smoke<object>('sockets');
    const measured = {
      toFrame: times,
      framesPerSecond: number,
      bytesPerSocket: number,
      serverPercent: number,
    };
    const whole = { notifications: 8, lost: 0, gaps: 0, repeats: 0, closed: 0 };
    expect(result).toMatchObject({ ours: { ...measured, ...whole }, floor: { ...measured, ...whole } });
    expect(table).toContain('bytes/socket');
  });

  test('of disk keeps of each actor what the retention says', async () => {
    const { result } = await smoke('disk');
    const sizes = { heap: number, indexes: number, toast: number };
    expect(result).toMatchObject({
      steps: 2_000,
      bytesPerStep: { ...sizes, wal: number },
      written: { journal: { ...sizes, rows: 2_050 } },
      pruned: { journal: { rows: 500 }, stepsOfAnActor: { least: 10, most: 10 } },
      prunedOnTheWay: { journal: { rows: 500 }, actors: sizes },
    });
  });
});

test.each([
  { args: ['nonsense'], says: 'There is no bench "nonsense"' },
  { args: ['--peer', 'nonsense'], says: 'There is no peer "nonsense"' },
  { args: ['--runs', '0'], says: '--runs takes a whole number' },
  { args: ['--nonsense'], says: "Unknown option '--nonsense'" },
  { args: ['--runs', '1e1'], says: '--runs takes a whole number' },
])('$args is refused with the reason', async ({ args, says }) => {
  await expect(run(process.execPath, [main, ...args])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(says),
  });
});

test('--help lists each bench with what it measures, and each option', async () => {
  const { stdout, stderr } = await run(process.execPath, [main, '--help']);
  for (const name of [
    'events',
    'pipeline',
    'timers',
    'turned',
    'sleepers',
    'recovery',
    'disk',
    'sockets',
    'analysis',
  ]) {
    expect(stdout).toMatch(new RegExp(`^ +${name} +\\w.{20}`, 'm'));
  }
  for (const option of ['--smoke', '--full', '--runs', '--peer', '--help']) expect(stdout).toContain(option);
  expect(stderr).toBe('');
});

test('a wrong call says where help is', async () => {
  await expect(run(process.execPath, [main, 'nonsense'])).rejects.toMatchObject({
    stderr: expect.stringContaining('npm run -s bench -- --help'),
  });
});

// Ctrl-C under npm comes twice: from the terminal, and from npm.
test.each([
  { signal: 'SIGINT', again: [] },
  { signal: 'SIGTERM', again: [] },
  { signal: 'SIGINT', again: [1] },
  { signal: 'SIGINT', again: [10] },
  { signal: 'SIGINT', again: [100] },
  { signal: 'SIGTERM', again: [1, 10, 100] },
] as const)(
  '$signal, and once more after $again ms, leaves neither its Postgres nor its folder',
  async ({ signal, again }) => {
    const temporary = await mkdtemp(join(tmpdir(), 'ttai-ended-'));
    const pids = async (): Promise<string[]> => {
      const homes = (await readdir(temporary)).filter((name) => name.startsWith('ttai-bench-'));
      const files = homes.map((home) => join(temporary, home, 'postgres', 'data', 'postmaster.pid'));
      const read = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
      return read.filter((text) => text.includes('ready')).map((text) => text.split('\n')[0] ?? '');
    };
    const bench = spawn(process.execPath, [main, 'sleepers'], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: 'ignore',
    });
    const ended = once(bench, 'exit');
    try {
      await expect.poll(pids, { timeout: 60_000 }).toHaveLength(1);
      const [pid] = await pids();
      bench.kill(signal);
      for (const ms of again) setTimeout(() => bench.kill(signal), ms);
      await ended;
      expect(await endsWithin(Number(pid), 20_000)).toBe(true);
      expect((await readdir(temporary)).filter((name) => name.startsWith('ttai-'))).toEqual([]);
    } finally {
      bench.kill('SIGKILL');
      await rm(temporary, { recursive: true, force: true });
    }
  },
  90_000,
);

test('Ctrl-C in the bench of the analysis service ends it without a word, and leaves no process', async () => {
  const bench = spawn(process.execPath, [main, 'analysis', '--smoke'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, as a terminal gives it.
    detached: true,
  });
  let said = '';
  bench.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  // Closed when the last process that has its stderr is gone, the service among them.
  const closed = once(bench, 'close');
  const childOf = async (parent: number | undefined, command: string): Promise<number | undefined> => {
    const { stdout } = await run('ps', ['-ww', '-eo', 'pid=,ppid=,args=']);
    for (const line of stdout.split('\n')) {
      const [, pid, of, args] = /^ *(\d+) +(\d+) +(.*)$/.exec(line) ?? [];
      if (Number(of) === parent && args?.includes(command)) return Number(pid);
    }
    return undefined;
  };
  const service = async () => childOf(await childOf(bench.pid, '-m bench'), '-m ttai_analysis');
  await expect.poll(service, { timeout: 60_000 }).toEqual(number);
  process.kill(-(bench.pid ?? 0), 'SIGINT');
  bench.kill('SIGINT');
  const [code] = (await closed) as [number | null];
  expect({ code, said }).toEqual({ code: 130, said: '' });
}, 90_000);
