/**
 * Twenty trading days of a poll every 30 seconds, on a turned clock over the real database: 15,600 timers one after
 * the other, each with an effect that does nothing, and so twice as many steps. Beside it the floor of as many steps,
 * one transaction each, one after the other; and once the same days with the clock turned second by second, whose
 * journal must be the same. It does not measure many actors at once.
 */
import type { Pool } from 'pg';
import { createActorSystem, turnedClock } from '../src/actors/runtime/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { oneByOne, openFloorPool, sampleRows, writer } from './floor.ts';
import { marketPoll, nextPoll, POLLS_PER_DAY, quote } from './market-poll.ts';
import { type Measured, measure, medianOf, ratio, round } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';

/** A Sunday; New York's clocks are changed on the way. */
const START = Date.parse('2026-02-22T12:00:00Z');
const SIZE = { polls: 20 * POLLS_PER_DAY, floorSteps: 5_000 };
const SMOKE_SIZE = { polls: 40, floorSteps: 50 };
const SECOND_MS = 1_000;

interface Result {
  polls: number;
  /** From the first timer to the last result. */
  seconds: number;
  stepMs: number;
  floorStepMs: number;
  /** Time of one step by that of the floor. */
  ofFloor: number;
  secondBySecond: { turns: number; seconds: number; journalIsTheSame: boolean };
  notMeasured: string;
}

export async function turnedBench({ connectionString, smoke, runs }: BenchOptions): Promise<Result> {
  const { polls, floorSteps } = smoke ? SMOKE_SIZE : SIZE;
  const pool = openPool(connectionString, () => {});
  const floorPool = openFloorPool(connectionString);
  try {
    const seconds: number[] = [];
    const floors: Measured[] = [];
    for (let run = 0; run < runs; run++) {
      const key = `run${run}`;
      seconds.push(await runDays({ pool, connectionString, key, polls }));
      floors.push(await runFloor(pool, floorPool, key, floorSteps));
    }
    const secondBySecond = await runDays({
      pool,
      connectionString,
      key: 'seconds',
      polls,
      turnMs: SECOND_MS,
    });
    const [one, other] = [await journalOf(pool, 'run0'), await journalOf(pool, 'seconds')];
    const median = [...seconds].sort((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? 0;
    const stepMs = round((median * 1_000) / (2 * polls));
    const floorStepMs = round(1_000 / medianOf(floors).perSecond);
    const result: Result = {
      polls,
      seconds: median,
      stepMs,
      floorStepMs,
      ofFloor: ratio(stepMs, floorStepMs),
      secondBySecond: {
        turns: Math.ceil((lastPoll(polls) - START) / SECOND_MS),
        seconds: secondBySecond,
        journalIsTheSame: one.length === 2 * polls + 1 && one.join('\n') === other.join('\n'),
      },
      notMeasured: 'many actors at once, timers of other processes',
    };
    printTable(
      `${polls} polls on a turned clock, one after the other`,
      ['seconds', 'ms a step', 'floor', 'of it', 'second by second', 'same journal'],
      [
        [
          result.seconds,
          stepMs,
          floorStepMs,
          result.ofFloor,
          `${secondBySecond} s`,
          result.secondBySecond.journalIsTheSame,
        ],
      ],
    );
    return result;
  } finally {
    await pool.end();
    await floorPool.end();
  }
}

interface Days {
  pool: Pool;
  connectionString: string;
  key: string;
  polls: number;
  /** Turned by so much at a time; from deadline to deadline unless said. */
  turnMs?: number;
}

/** Has one actor poll to its end. Answers the seconds that it took. */
async function runDays({ pool, connectionString, key, polls, turnMs }: Days): Promise<number> {
  const clock = turnedClock(START);
  const system = await createActorSystem({
    pool,
    connectionString,
    machines: [marketPoll],
    effects: [quote],
    clock,
  });
  try {
    const input = { at: START, polls };
    const address = await system.spawn('marketPoll', key, { input, owner: 'bench' });
    const end = lastPoll(polls);
    const began = performance.now();
    if (turnMs === undefined) await clock.advanceTo(end);
    else while (clock.now() < end) await clock.advance(turnMs);
    const seconds = round((performance.now() - began) / 1_000);
    const { status } = await system.snapshot(address);
    if (status !== 'done') throw new Error(`${address} is ${status} after its last poll`);
    return seconds;
  } finally {
    await system.drain();
  }
}

function lastPoll(polls: number): number {
  let at = START;
  for (let poll = 0; poll < polls; poll++) at = nextPoll(at);
  return at;
}

/** As many rows as the steps write, without timers and effects. */
async function runFloor(pool: Pool, floorPool: Pool, key: string, steps: number): Promise<Measured> {
  const write = writer(floorPool, await sampleRows(pool, `marketPoll/${key}`, 3));
  // The snapshot is its actor's last one, and the record that of a result.
  const address = `floor/${key}`;
  await write([{ address, revision: 1 }]);
  const writeStep = oneByOne(write);
  let revision = 1;
  return measure(steps, 1, () => writeStep({ address, revision: ++revision }));
}

/** The journal without what differs from actor to actor: its address, and ids made at random. */
async function journalOf(pool: Pool, key: string): Promise<string[]> {
  const { rows } = await pool.query<{ record: string; at: Date }>(
    `SELECT (record::jsonb - 'incarnation')::text AS record, at FROM journal WHERE address = $1 ORDER BY revision`,
    [`marketPoll/${key}`],
  );
  return rows.map(
    ({ record, at }) =>
      `${at.toISOString()} ${record.replaceAll(`marketPoll/${key}`, 'marketPoll/').replaceAll(/#[0-9a-f]{8}\./g, '#')}`,
  );
}
