/** Starting an actor system: on a database that others have prepared, or alone on a URL. */
import { migrate } from '../../persistence/migrate.ts';
import { closePool, openPool } from '../../persistence/pool.ts';
import { RuntimeError } from './errors.ts';
import { System } from './system.ts';
import type { ActorSystem, ActorSystemOptions } from './types.ts';

/**
 * Starts an actor system. Throws `registration_refused` for what can't be durable, and `unavailable` when the database
 * that it was given can't be reached. Where it throws, nothing of the system goes on.
 */
export async function createActorSystem(options: ActorSystemOptions): Promise<ActorSystem> {
  if (!('database' in options)) return started(new System(options));
  const { database: connectionString, ...parts } = options;
  await prepare(connectionString);
  const pool = openPool(connectionString, (error) =>
    parts.log?.warn({ err: error }, 'a database connection was lost'),
  );
  return started(new System({ ...parts, pool, connectionString, close: () => closePool(pool) }));
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
      retryable: true,
      cause: error,
    });
  }
}
