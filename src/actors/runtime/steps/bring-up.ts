/**
 * From the row of a work to an actor that can be stepped here: in a version that steps, migrated where it must be, and
 * otherwise the reason why not. Not for the step (`apply-step.ts`), nor for what a migration does (`migrate.ts`).
 */
import { randomUUID } from 'node:crypto';
import type { ActorRow } from '../../../persistence/actors/rows.ts';
import { RuntimeError } from '../errors.ts';
import type { RegisteredMachine, Registry } from '../registry/registry.ts';
import { messageOf } from '../storable.ts';
import type { Address, DurableMachine } from '../types.ts';
import { applyMigration, applyQuarantine } from '../versions/migrate.ts';
import { answerOf } from './take-step.ts';
import type { Answer, Item, Work } from './work.ts';

export interface Found {
  row: ActorRow;
  registered: RegisteredMachine;
}

/** Whether this process can step an actor, or migrate it. Without that, another process must. */
export function isKnown(registry: Registry, { machine, version }: ActorRow): boolean {
  return registry.version(machine, version) !== undefined;
}

/** Whether an actor takes nothing more, for ever. One in quarantine may be released. */
export function hasEnded({ status }: Pick<ActorRow, 'status'>): boolean {
  return status !== 'active' && status !== 'quarantined';
}

/** The actor of the work, when it is one that steps here; else undefined: what is late does nothing. */
export function currentActor(registry: Registry, work: Work): Found | undefined {
  const found = bringUp(registry, work);
  return found instanceof RuntimeError ? undefined : found;
}

/** The actor of the work. Throws why it takes no event. */
export function activeActor(registry: Registry, work: Work): Found {
  const found = bringUp(registry, work);
  if (found instanceof RuntimeError) throw found;
  return found;
}

/**
 * The actor of the work in a version that steps here. One of an old version is migrated first, as a revision of its
 * own; where that fails it is quarantined, and the reason answered, as it is for what can't step.
 */
function bringUp(registry: Registry, work: Work): Found | RuntimeError {
  const { row, address } = work;
  if (!row) return notFound(address);
  if (hasEnded(row)) {
    const message = `${address} has ended (${row.status}) and takes no more events`;
    return new RuntimeError('actor_ended', message, { details: { status: row.status } });
  }
  const from = registry.version(row.machine, row.version);
  if (!from) return otherVersion(registry, row);
  if (from.link) return migrateFirst(registry, work, row, from);
  if (row.status === 'active') return { row, registered: from };
  // It did not fit what another process has deployed under the same version; it may fit what is here. One that a newer
  // version could not take on is left to that, as long as such a process is there.
  return row.error?.code === 'snapshot_misfit' ? migrateFirst(registry, work, row, from) : inQuarantine(row);
}

function migrateFirst(
  registry: Registry,
  work: Work,
  row: ActorRow,
  from: RegisteredMachine,
): Found | RuntimeError {
  try {
    const registered = applyMigration(work, row, registry.route(from), randomUUID());
    return { row: work.row ?? row, registered };
  } catch (error) {
    if (row.status === 'quarantined') return inQuarantine(row);
    return quarantine(registry.machine(row.machine).definition, work, row, stepFailed(error));
  }
}

/** Whether a step of this actor begins with its migration. */
export function isMigratedFirst(registry: Registry, row: ActorRow | undefined): row is ActorRow {
  return row?.status === 'active' && registry.version(row.machine, row.version)?.link != null;
}

/** What comes in the way of an explicit migration: null for an actor that needs none. */
export function applyMigrate(registry: Registry, work: Work, { stepId }: Item): Answer | RuntimeError {
  const { row } = work;
  const from = row && registry.version(row.machine, row.version);
  if (!row || hasEnded(row) || !from || (!from.link && row.status === 'active')) return null;
  try {
    applyMigration(work, row, registry.route(from), stepId);
    return answerOf(work.row ?? row, true);
  } catch (error) {
    const failure = stepFailed(error);
    if (row.status !== 'quarantined')
      applyQuarantine(registry.machine(row.machine).definition, work, row, failure, stepId);
    return failure;
  }
}

/** What the actor waits for stays, for the day on which it is released. */
export function quarantine(
  definition: DurableMachine,
  work: Work,
  row: ActorRow,
  error: RuntimeError,
): RuntimeError {
  applyQuarantine(definition, work, row, error, randomUUID());
  return inQuarantine(work.row ?? row);
}

/** Whether a step failed since the stored snapshot is not one of its machine. */
export function isMisfit(error: unknown): error is RuntimeError {
  return error instanceof RuntimeError && error.code === 'snapshot_misfit';
}

function inQuarantine({ address, error }: ActorRow): RuntimeError {
  const message = `${address} is in quarantine until its machine can take it on: ${error?.message}`;
  return new RuntimeError('quarantined', message, { details: { code: error?.code } });
}

/** Of a version that another process may have: old and new ones run side by side while a new one is rolled out. */
function otherVersion(registry: Registry, { address, machine, version }: ActorRow): RuntimeError {
  const known = registry.versions(machine).map(({ definition }) => definition.version);
  const message = `${address} is of version ${version} of ${machine}, and this process has ${known.join(', ') || 'none'}`;
  return new RuntimeError('version_not_here', `${message}; ask one that has it, or try again later`, {
    retryable: true,
  });
}

export function notFound(address: Address): RuntimeError {
  return new RuntimeError('actor_not_found', `there is no actor ${address}`);
}

export function stepFailed(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  return new RuntimeError('step_failed', `the step threw: ${messageOf(error)}`, { cause: error });
}
