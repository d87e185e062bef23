/**
 * The floor of the timers: a table of deadlines, read in a loop; what is due is deleted, its actor and journal row are
 * written, and the next deadline is set, in one statement for up to 500 of them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { type Quantiles, quantiles, round } from './measure.ts';

/** Timers to be set: the first deadline after `leadMs`, the last `overMs` later; each again after `againMs`. */
export interface TimerLoad {
  timers: number;
  leadMs: number;
  overMs: number;
  againMs: number | null;
}

const TABLE = `
CREATE TABLE IF NOT EXISTS floor_timers (id uuid PRIMARY KEY, address text NOT NULL, due timestamptz NOT NULL,
                                         again_ms integer);
CREATE INDEX IF NOT EXISTS floor_timers_due ON floor_timers (due);
TRUNCATE floor_timers`;

const SET = `
WITH actor AS (
  INSERT INTO actors (address, machine, key, version, owner, incarnation, status, revision, tags, snapshot, pending,
                      created_at, updated_at)
  SELECT 'floor/' || i, 'floor', i, '1', 'bench', gen_random_uuid(), 'active', 1, '{}', $5, '{}', now(), now()
  FROM generate_series(0, $1::int - 1) AS i
  ON CONFLICT DO NOTHING
)
INSERT INTO floor_timers
SELECT gen_random_uuid(), 'floor/' || i, to_timestamp(($2 + i * $3::float8 / $1) / 1000), $4
FROM generate_series(0, $1::int - 1) AS i`;

const FIRE = `
WITH fired AS (
  DELETE FROM floor_timers WHERE id IN (
    SELECT id FROM floor_timers WHERE due <= clock_timestamp() ORDER BY due LIMIT 500 FOR UPDATE SKIP LOCKED)
  RETURNING address, due, again_ms
), actor AS (
  UPDATE actors SET revision = revision + 1, snapshot = $1, updated_at = now() FROM fired
  WHERE actors.address = fired.address RETURNING actors.address, revision
), record AS (
  INSERT INTO journal (address, revision, owner, step_id, at, record)
  SELECT address, revision, 'bench', gen_random_uuid(), now(), $1 FROM actor
), again AS (
  INSERT INTO floor_timers
  SELECT gen_random_uuid(), address, due + again_ms * interval '1 ms', NULL FROM fired WHERE again_ms IS NOT NULL
)
SELECT due FROM fired`;

const SNAPSHOT = JSON.stringify({ value: 'waiting', status: 'active', context: { delaysMs: [1, 2] } });

export async function floorTimers(
  pool: Pool,
  { timers, leadMs, overMs, againMs }: TimerLoad,
): Promise<{ lateness: Quantiles; perSecond: number }> {
  await pool.query(TABLE);
  const firstDue = Date.now() + Math.min(leadMs, 1_000);
  await pool.query(SET, [timers, firstDue, overMs, againMs, SNAPSHOT]);
  const late: number[] = [];
  const expected = againMs === null ? timers : 2 * timers;
  await delay(Math.max(0, firstDue - Date.now()));
  while (late.length < expected) {
    const { rows } = await pool.query<{ due: Date }>({ name: 'floor-fire', text: FIRE, values: [SNAPSHOT] });
    const now = Date.now();
    for (const { due } of rows) late.push(now - due.getTime());
    if (rows.length === 0) await delay(1);
  }
  const perSecond = round(expected / ((Date.now() - firstDue) / 1_000));
  return { lateness: quantiles(late), perSecond };
}
