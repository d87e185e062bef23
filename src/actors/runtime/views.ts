/** From rows to what callers see: actors and journal records. */
import type { StateValue } from 'xstate';
import type { StoredStep } from '../../persistence/actors/journal.ts';
import type { ActorRow } from '../../persistence/actors/rows.ts';
import type { RecordBody } from './record.ts';
import type { ActorView, InspectionRecord } from './types.ts';

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

/** A journal row as the inspector shows it. */
export function toInspectionRecord(step: StoredStep): InspectionRecord {
  const { cursor, address, owner, revision, at, record } = step;
  return { ...(record as unknown as RecordBody), cursor, address, owner, revision, at };
}
