/** From rows to what callers see: actors and journal records. */
import type { StateValue } from 'xstate';
import type { StoredStep } from '../../persistence/actors/journal.ts';
import type { PendingRow } from '../../persistence/actors/pending.ts';
import type { ActorRow } from '../../persistence/actors/rows.ts';
import type { RecordBody } from './steps/record.ts';
import type { ActorStatus, ActorView, EffectProgress, InspectionRecord, PendingWork } from './types.ts';

/** An actor as it is committed. */
export function toView(row: ActorRow): ActorView {
  const { context, output } = JSON.parse(row.snapshot) as {
    context: Record<string, unknown>;
    output?: unknown;
  };
  return {
    address: row.address,
    machine: row.machine,
    key: row.key,
    version: row.version,
    owner: row.owner,
    status: row.status,
    revision: row.revision,
    value: row.value as StateValue,
    tags: row.tags,
    context,
    ...(output === undefined ? {} : { output }),
    ...(row.error === null ? {} : { error: row.error }),
    timers: Object.entries(row.pending.timers).map(([id, { due, event }]) => ({
      id,
      due: new Date(due),
      event,
    })),
    effects: Object.entries(row.pending.effects).map(([id, { src, effectId }]) => ({ id, src, effectId })),
    children: Object.entries(row.pending.children).map(([id, { src, address }]) => ({ id, src, address })),
    parent: row.parent?.address ?? null,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

/** What an actor waits for, as it was read at this moment. */
export function toPendingWork(row: PendingRow, at: Date): PendingWork {
  const progress = new Map(row.progress.map((effect) => [effect.effectId, effect]));
  const effects = Object.entries(row.effects).flatMap(([id, { src, effectId }]): EffectProgress[] => {
    const effect = progress.get(effectId);
    if (!effect) return [];
    const { attempt, dueAt, deadlineAt, lastError, process } = effect;
    const times = { nextAttemptAt: new Date(dueAt), deadline: new Date(deadlineAt) };
    return [{ id, src, effectId, failedAttempts: attempt, ...times, lastError, process }];
  });
  return {
    at,
    timers: Object.entries(row.timers)
      .map(([id, { due, event }]) => ({ id, due: new Date(due), event }))
      .sort((a, b) => a.due.getTime() - b.due.getTime()),
    effects,
    children: Object.entries(row.children).map(([id, { src, address }]) => ({
      id,
      src,
      address,
      status: (row.childStatuses[address] ?? null) as ActorStatus | null,
    })),
    unreadMessages: row.unread,
  };
}

/** A journal row as the inspector shows it. */
export function toInspectionRecord(step: StoredStep): InspectionRecord {
  const { cursor, address, owner, revision, at, record } = step;
  return { ...(record as unknown as RecordBody), cursor, address, owner, revision, at };
}
