/**
 * What one actor waits for, and how that is getting on: read for people, not for stepping. The runtime itself works
 * from the rows (`actors.ts`, `messages.ts`, `processes.ts`).
 */
import type { Database } from '../database.ts';
import { ALIVE } from './processes.ts';
import type { PlainErrorRow } from './rows.ts';

/** An effect that an actor waits for. Times are RFC 3339. */
export interface EffectProgressRow {
  effectId: string;
  /** Failed attempts of those that count. */
  attempt: number;
  dueAt: string;
  deadlineAt: string;
  lastError: PlainErrorRow | null;
  /** Who runs it; null while nobody does. */
  process: { id: string; alive: boolean } | null;
}

export interface PendingRow {
  /** RFC 3339, by the id in the machine. */
  timers: Record<string, { due: string; event: { type: string } }>;
  effects: Record<string, { effectId: string; src: string }>;
  children: Record<string, { address: string; src: string }>;
  /** The rows of `effects`, as far as they are there. */
  progress: EffectProgressRow[];
  /** The status of each of `children` that exists, by address. */
  childStatuses: Record<string, string>;
  /** Messages that other actors have sent it and that it has not taken. */
  unread: number;
}

/** As of one moment, in one statement. Undefined when there is no such actor. */
export async function readPending(database: Database, address: string): Promise<PendingRow | undefined> {
  const { rows } = await database.query(
    `SELECT a.pending,
       (SELECT count(*) FROM messages m WHERE m.to_address = a.address) AS unread,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
           'effectId', e.effect_id, 'attempt', e.attempt, 'dueAt', e.due_at, 'deadlineAt', e.deadline_at,
           'lastError', e.last_error, 'process', CASE WHEN e.process IS NOT NULL THEN
             jsonb_build_object('id', e.process, 'alive', coalesce(${ALIVE}, false)) END)), '[]')
         FROM effects e LEFT JOIN processes p ON p.id = e.process
         WHERE e.effect_id IN (SELECT value->>'effectId' FROM jsonb_each(a.pending->'effects'))) AS progress,
       (SELECT coalesce(jsonb_object_agg(child.address, child.status), '{}')
         FROM actors child
         WHERE child.address IN (SELECT value->>'address' FROM jsonb_each(a.pending->'children'))
       ) AS child_statuses
     FROM actors a WHERE a.address = $1`,
    [address],
  );
  const [row] = rows;
  if (!row) return undefined;
  const pending = row.pending as Pick<PendingRow, 'timers' | 'effects'> & Partial<PendingRow>;
  return {
    timers: pending.timers,
    effects: pending.effects,
    children: pending.children ?? {},
    progress: row.progress as EffectProgressRow[],
    childStatuses: row.child_statuses as Record<string, string>,
    unread: Number(row.unread),
  };
}
