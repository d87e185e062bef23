/** Starting an actor system: on a database that others have prepared, or alone on a URL. */
import type { Pool } from 'pg';
import { isServerTrouble } from '../../persistence/database-errors.ts';
import { migrate } from '../../persistence/migrate.ts';
import { closePool, openPool } from '../../persistence/pool.ts';
import { RuntimeError } from './errors.ts';
import { optionsOf, wrongOption } from './options.ts';
import { System } from './system.ts';
import type { Telemetry } from './telemetry.ts';
import type { ActorSystem, ActorSystemOptions, SystemParts } from './types.ts';
import { refuseSchedules } from './upkeep/schedules.ts';

type AllOptions = SystemParts & { database: string; pool: Pool; connectionString: string };

const KNOWN = [
  ...(['database', 'pool', 'connectionString', 'machines', 'effects'] as const),
  ...(['clock', 'schedules', 'onEmitted', 'log', 'telemetry'] as const),
];

/**
 * Starts an actor system. Throws `invalid_input` naming a wrong option, `registration_refused` for what can't be
 * durable, and `unavailable` when the database that it was given can't be reached. Where it throws, nothing of the
 * system goes on.
 */
export async function createActorSystem(options: ActorSystemOptions): Promise<ActorSystem> {
  optionsOf(options as AllOptions, KNOWN);
  refuseSchedules(options.schedules ?? []);
  optionsOf((options.telemetry ?? {}) as Telemetry, ['metrics', 'tracer']);
  if (!('database' in options) && !('pool' in options))
    throw wrongOption('database', 'give it a `database`, the URL of a Postgres; or a `pool`');
  if (!('database' in options)) {
    refuseUrl('connectionString', options.connectionString);
    return started(new System(options));
  }
  const { database: connectionString, ...parts } = options;
  refuseUrl('database', connectionString);
  await prepare(connectionString);
  const pool = openPool(connectionString, (error) =>
    parts.log?.warn({ err: error }, 'a database connection was lost'),
  );
  return started(new System({ ...parts, pool, connectionString, close: () => closePool(pool) }));
}

function refuseUrl(field: string, url: unknown): void {
  if (typeof url === 'string' && url !== '') return;
  throw wrongOption(
    field,
    `\`${field}\` is the URL of a Postgres, such as postgres://user@localhost:5432/name`,
  );
}

async function started(system: System): Promise<ActorSystem> {
  await system.start();
  return system;
}

async function prepare(connectionString: string): Promise<void> {
  try {
    await migrate(connectionString, { records: false });
  } catch (error) {
    const reason =
      error instanceof Error && error.message ? error.message : String((error as { code?: unknown }).code);
    throw new RuntimeError('unavailable', `the database can't be prepared: ${reason}`, {
      // A wrong password, or a database that is not there, stays so.
      retryable: isServerTrouble(error),
      cause: error,
    });
  }
}
