/** What others do meanwhile: transactions of a database, processor time and memory of processes. Not for printing it. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

/** A session hands its counts over within 10 s. */
export const SETTLE_MS = 12_000;
/** Of the files in /proc, on Linux wherever it runs on a usual machine. */
const TICKS_PER_SECOND = 100;

/**
 * Transactions in the database during the work, by Postgres's own count, asked from another database so that the
 * counting is not counted. Autovacuum rests meanwhile. `settleMs`: how long Postgres is given to count.
 */
export async function countTransactions(
  connectionString: string,
  settleMs: number,
  work: () => Promise<unknown>,
): Promise<number> {
  const url = connectionString.replace(/\/[^/?]+\?/, '/postgres?');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const count = async (): Promise<number> => {
    await delay(settleMs);
    const { rows } = await client.query<{ count: string }>(
      `SELECT xact_commit + xact_rollback AS count FROM pg_stat_database
       WHERE datname = (SELECT datname FROM pg_database WHERE datname = $1)`,
      [/\/([^/?]+)\?/.exec(connectionString)?.[1]],
    );
    return Number(rows[0]?.count);
  };
  try {
    await client.query('ALTER SYSTEM SET autovacuum = off');
    await client.query('SELECT pg_reload_conf()');
    const before = await count();
    await work();
    return (await count()) - before;
  } finally {
    await client.query('ALTER SYSTEM RESET autovacuum');
    await client.query('SELECT pg_reload_conf()');
    await client.end();
  }
}

/** Processor time in milliseconds of a process and of the children that it has had, ended or not; Linux only. */
export function processorMs(pid: number): number {
  const all = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const stat = statOf(Number(name));
        return stat ? [[Number(name), stat] as const] : [];
      }),
  );
  const ticksOf = (one: number): number => {
    const stat = all.get(one);
    if (!stat) return 0;
    const children = [...all].filter(([, { parent }]) => parent === one);
    return stat.ticks + children.reduce((sum, [child]) => sum + ticksOf(child), 0);
  };
  return (ticksOf(pid) * 1_000) / TICKS_PER_SECOND;
}

/** Resident memory of a process in megabytes; Linux only. */
export function residentMb(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 102.4) / 10;
}

/** The process that the backends of a Postgres on this machine are children of. */
export async function postmasterOf(connectionString: string): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const parent = statOf(Number(rows[0]?.pid))?.parent;
  await client.end();
  if (parent === undefined) throw new Error('Postgres does not run on this machine');
  return parent;
}

/** Undefined when there is no such process any more. Ticks with those of children that have ended. */
function statOf(pid: number): { parent: number; ticks: number } | undefined {
  try {
    // The name, in parentheses, may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}
