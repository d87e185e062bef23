/**
 * `kill -9` of one of two processes under load, again and again: how long until the other one goes on with each actor
 * whose effect the dead one was running. Both run pipelines whose effects take a while. It does not measure a machine
 * that dies with its Postgres, nor a process that is frozen rather than dead.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Quantiles, quantiles } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import type { Continued, Loaded } from './recovery-process.ts';

interface Result {
  kills: number;
  /** Effects that the dead processes were running. */
  effects: number;
  /** From the kill to the start of the effect on the survivor. */
  continued: Quantiles;
  /** Actors of dead processes that did not reach their end. */
  stuck: number;
  notMeasured: string;
}

export async function recoveryBench({ connectionString, smoke }: BenchOptions): Promise<Result> {
  const kills = smoke ? 1 : 10;
  const atOnce = smoke ? 10 : 100;
  const pool = new pg.Pool({ connectionString, max: 2 });
  // An idle connection may still be closing when the bench's Postgres stops.
  pool.on('error', () => {});
  const processes: BenchProcess[] = [];
  const start = async (name: string): Promise<BenchProcess> => {
    const started = startProcess('recovery-process.ts', { connectionString, name, atOnce });
    processes.push(started);
    await started.ask<Loaded>({ kind: 'load' });
    return started;
  };
  try {
    const survivor = await start('survivor');
    const tookMs: number[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      const name = `victim${kill}`;
      const victim = await start(name);
      // The survivor looks for the dead at its own pace: each kill meets another moment of it.
      await delay((kill * 170) % 1_000);
      const ended = once(victim.child, 'exit');
      const killedAt = Date.now();
      victim.child.kill('SIGKILL');
      // Its effects take longer than this query, so that none has been finished by the survivor yet.
      const { rows } = await pool.query<{ address: string }>(
        `SELECT DISTINCT address FROM effects WHERE address LIKE 'pipeline/' || $1 || '.%'`,
        [name],
      );
      await ended;
      const addresses = rows.map(({ address }) => address);
      const { startedAt } = await survivor.ask<Continued>({ kind: 'continue', addresses, since: killedAt });
      tookMs.push(...startedAt.map((at) => at - killedAt));
    }
    await survivor.ask({ kind: 'rest' });
    const { rows } = await pool.query<{ stuck: string }>(
      `SELECT count(*) AS stuck FROM actors WHERE status = 'active'`,
    );
    const continued = quantiles(tookMs);
    const result: Result = {
      kills,
      effects: tookMs.length,
      continued,
      stuck: Number(rows[0]?.stuck),
      notMeasured: 'Postgres dying too, frozen processes, processes on several machines',
    };
    printTable(
      'recovery after kill -9',
      ['kills', 'effects', 'p50 / p99 / max ms', 'stuck'],
      [[kills, result.effects, `${continued.p50Ms} / ${continued.p99Ms} / ${continued.maxMs}`, result.stuck]],
    );
    return result;
  } finally {
    await Promise.all(processes.map((started) => started.end()));
    await pool.end();
  }
}
