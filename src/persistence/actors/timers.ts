/**
 * The jobs of pg-boss that are timers: setting, finding and taking them, in its own table and by its own columns and
 * defaults. Not for when that is done. Done here, and not by pg-boss, for what it does not offer: its `insert` is a
 * statement of its own beside the commit that sets the timers; its `fetch` orders by priority and creation, and so
 * looks at every job that waits. These look only at the nearest, by the index on `start_after`.
 */
import type { Database } from '../database.ts';
import { RowSet } from './row-sets.ts';
import { ACTOR_COLUMNS, type ActorRow, toActorRow } from './rows.ts';

/** Stands in the statements as text, so that they are planned for its partition alone. */
export const TIMER_QUEUE = 'actor-timers';

/** A timer's job. */
export interface TimerJob {
  job: string;
  address: string;
  timerId: string;
  due: Date;
  /** Of the actor. */
  version: string;
}

/** What a timer's job holds. */
export interface TimerJobData {
  address: string;
  timerId: string;
  /** RFC 3339. */
  due: string;
  /** Of the actor, when the timer was set; timers of before versions were kept here have none. */
  version?: string;
}

/** The jobs to be set, for `insertTimers`. */
export const timerRows = new RowSet<TimerJob>({
  job: ['uuid', ({ job }) => job],
  address: ['text', ({ address }) => address],
  timer_id: ['text', ({ timerId }) => timerId],
  due: ['timestamptz', ({ due }) => due],
  due_text: ['text', ({ due }) => due.toISOString()],
  version: ['text', ({ version }) => version],
});

/** The statement that sets the timers whose arrays are the parameters from `first` on, where `t` is as `where` says. */
export function insertTimers(first: number, where: string): string {
  return `
  INSERT INTO pgboss.job (id, name, data, start_after, created_on, keep_until, expire_seconds, deletion_seconds,
                          retry_limit, retry_delay, retry_backoff, retry_delay_max, policy)
  SELECT t.job, '${TIMER_QUEUE}', jsonb_build_object('address', t.address, 'timerId', t.timer_id, 'due', t.due_text,
         'version', t.version), t.due, pgboss.job_now(), t.due + q.retention_seconds * interval '1 s', q.expire_seconds, q.deletion_seconds,
         q.retry_limit, q.retry_delay, q.retry_backoff, q.retry_delay_max, q.policy
  FROM ${timerRows.from('t', first)} LEFT JOIN pgboss.queue q ON q.name = '${TIMER_QUEUE}' WHERE ${where}`;
}

/** Sets timers that no commit of a step carries. */
export async function setTimers(database: Database, jobs: readonly TimerJob[]): Promise<void> {
  await database.query({
    name: 'timers_set',
    text: insertTimers(1, 'true'),
    values: timerRows.values(jobs),
  });
}

/**
 * Deletes jobs that wait; those that are gone already, or about to be, are no error. Each is found as the first of an
 * order that only the index of the ids has: while the planner believes that the queue is empty, to it any would do.
 */
export async function deleteTimers(
  database: Database,
  partition: string,
  jobs: readonly string[],
): Promise<void> {
  await database.query({
    name: 'timers_delete',
    text: `
WITH gone AS MATERIALIZED (
  SELECT job.place FROM unnest($1::uuid[]) AS cancelled(id) CROSS JOIN LATERAL (
    SELECT ctid AS place FROM ${partition}
    WHERE name = '${TIMER_QUEUE}' AND id BETWEEN cancelled.id AND cancelled.id
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
  ) AS job
)
DELETE FROM ${partition} WHERE ctid = ANY (ARRAY(SELECT gone.place FROM gone))`,
    values: [jobs],
  });
}

/** Has a timer that waits be due at another time. */
export async function setBackTimer(database: Database, job: string, due: Date): Promise<void> {
  await database.query(
    `UPDATE pgboss.job SET start_after = $2 WHERE name = '${TIMER_QUEUE}' AND id = $1 AND state = 'created'`,
    [job, due],
  );
}

/** The versions of machines as the timers name them. */
export function timerVersions(versions: readonly { id: string; version: string }[]): string[] {
  return [...new Set(versions.flatMap(({ id, version }) => [id, `${id}@${version}`]))];
}

/** What waits and is of actors of the given versions: the others are left alone, for the processes that have theirs. */
const WAITING = `name = '${TIMER_QUEUE}' AND state = 'created' AND NOT blocked
       AND split_part(data->>'address', '/', 1) || coalesce('@' || (data->>'version'), '') = ANY($1)`;

/** The nearest waiting timers, at most so many, the nearest first. */
export async function nearestTimers(
  database: Database,
  versions: readonly string[],
  limit: number,
): Promise<{ job: string; due: Date }[]> {
  const { rows } = await database.query({
    name: 'timers_nearest',
    text: `SELECT id AS job, start_after AS due FROM pgboss.job WHERE ${WAITING} ORDER BY start_after LIMIT $2`,
    values: [versions, limit],
  });
  return rows as unknown as { job: string; due: Date }[];
}

/** The partition that pg-boss has made for the timers, for `takeDueTimers`. The queue must have been created. */
export async function timerPartition(database: Database): Promise<string> {
  const { rows } = await database.query(
    `SELECT format('pgboss.%I', table_name) AS partition FROM pgboss.queue WHERE name = '${TIMER_QUEUE}'`,
  );
  return rows[0]?.partition as string;
}

export interface TakenTimers {
  jobs: { id: string; data: TimerJobData }[];
  /** Their actors, by address; locked until the transaction ends. Those that do not exist are absent. */
  actors: Map<string, ActorRow>;
}

/**
 * Deleted by their place, which a locked row keeps, and in the partition: a name or an id would be looked up by any of
 * the indexes while the planner believes that the queue is empty, also by one that goes over all that wait.
 */
const take = (partition: string): string => `
WITH due AS MATERIALIZED (
  SELECT ctid AS place, id, data, data->>'address' AS timer_of FROM ${partition}
  WHERE ${WAITING} AND start_after <= coalesce($3, pgboss.job_now())
  ORDER BY start_after LIMIT $2 FOR UPDATE SKIP LOCKED
), taken AS (
  DELETE FROM ${partition} WHERE ctid = ANY (ARRAY(SELECT due.place FROM due))
)
SELECT job.id, job.data, actor.*
FROM (SELECT id, data, timer_of FROM due ORDER BY timer_of) AS job
LEFT JOIN LATERAL (SELECT ${ACTOR_COLUMNS} FROM actors WHERE actors.address = job.timer_of FOR UPDATE) AS actor ON true`;

/**
 * Takes what is due, the nearest deadline first, and locks the actors, in the order of their addresses: no other
 * transaction gets either until this one ends, and the jobs are gone when it is committed. `now`: the time that
 * decides; null for the database's.
 */
export async function takeDueTimers(
  transaction: Database,
  partition: string,
  versions: readonly string[],
  limit: number,
  now: Date | null,
): Promise<TakenTimers> {
  const values = [versions, limit, now];
  const { rows } = await transaction.query({ name: 'timers_take', text: take(partition), values });
  const jobs: TakenTimers['jobs'] = [];
  const actors = new Map<string, ActorRow>();
  for (const row of rows) {
    jobs.push({ id: row.id as string, data: row.data as TimerJobData });
    const address = row.address as string | null;
    if (address !== null && !actors.has(address)) actors.set(address, toActorRow(row));
  }
  return { jobs, actors };
}
