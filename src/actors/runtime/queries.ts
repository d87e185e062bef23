/** Reading what is committed: actors, lists, journals. Not for changing anything. */
import { listActors, loadActor } from '../../persistence/actors/actors.ts';
import { parseCursor, readSteps, readStream, streamEnd } from '../../persistence/actors/journal.ts';
import { readPending } from '../../persistence/actors/pending.ts';
import type { Database } from '../../persistence/database.ts';
import { isConnectionError } from '../../persistence/database-errors.ts';
import { RuntimeError } from './errors.ts';
import { refuseAddress } from './incoming.ts';
import type { ActorView, Address, Clock, InspectionRecord, ListOptions, PendingWork } from './types.ts';
import { toInspectionRecord, toPendingWork, toView } from './views.ts';

const MAX_PAGE = 500;

/** The reading half of an actor system. Every call throws `unavailable` while the database is away. */
export class Queries {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async snapshot(address: Address): Promise<ActorView> {
    refuseAddress(address);
    const row = await read(() => loadActor(this.#database, address));
    if (!row) throw actorNotFound(address);
    return toView(row);
  }

  async pending(address: Address): Promise<PendingWork> {
    refuseAddress(address);
    const row = await read(() => readPending(this.#database, address));
    if (!row) throw actorNotFound(address);
    return toPendingWork(row, new Date(this.#clock.now()));
  }

  async list(options: ListOptions = {}): Promise<{ actors: ActorView[]; next: string | null }> {
    const limit = pageSize(options.limit, 50);
    const rows = await read(() =>
      listActors(this.#database, {
        owner: options.owner,
        machines: typeof options.machine === 'string' ? [options.machine] : options.machine,
        status: options.status,
        limit: limit + 1,
        before: options.cursor === undefined ? undefined : parseListCursor(options.cursor),
      }),
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last ? listCursor(last.createdAt, last.address) : null;
    return { actors: page.map(toView), next };
  }

  async journal(
    address: Address,
    options: { from?: number; limit?: number } = {},
  ): Promise<InspectionRecord[]> {
    refuseAddress(address);
    const { from = 0 } = options;
    if (!Number.isSafeInteger(from)) {
      throw new RuntimeError('invalid_input', 'from is a revision', { details: { field: 'from' } });
    }
    const limit = pageSize(options.limit, MAX_PAGE);
    const steps = await read(() => readSteps(this.#database, address, from, limit));
    return steps.map(toInspectionRecord);
  }

  async inspect(
    options: { after?: string; address?: Address; owner?: string; limit?: number } = {},
  ): Promise<InspectionRecord[]> {
    const after = parseCursor(options.after ?? '0.0');
    if (!after) {
      throw new RuntimeError('invalid_input', 'not a cursor of the journal', { details: { field: 'after' } });
    }
    const steps = await read(() =>
      readStream(this.#database, {
        after,
        address: options.address,
        owners: options.owner === undefined ? undefined : [options.owner],
        limit: pageSize(options.limit, MAX_PAGE),
      }),
    );
    return steps.map(toInspectionRecord);
  }

  inspectEnd(): Promise<string> {
    return read(() => streamEnd(this.#database));
  }
}

/** How many rows a page has. Throws `invalid_input` for what is no number of rows. */
export function pageSize(limit: number | undefined, usual: number): number {
  if (limit === undefined) return usual;
  if (Number.isInteger(limit) && limit >= 0) return Math.min(limit, MAX_PAGE);
  throw new RuntimeError('invalid_input', 'a limit is a whole number of rows', {
    details: { field: 'limit' },
  });
}

/** What a query answers. Throws `unavailable` while the database is away. */
export async function read<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    throw new RuntimeError('unavailable', 'the database does not answer', { retryable: true, cause: error });
  }
}

function actorNotFound(address: Address): RuntimeError {
  return new RuntimeError('actor_not_found', `there is no actor ${address}`);
}

function listCursor(createdAt: Date, address: Address): string {
  return Buffer.from(`${createdAt.toISOString()} ${address}`).toString('base64url');
}

function parseListCursor(cursor: string): { createdAt: Date; address: Address } {
  const [at = '', address = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const createdAt = new Date(at);
  if (Number.isNaN(createdAt.getTime()) || !address || address.includes('\0')) {
    throw new RuntimeError('invalid_input', 'not a cursor of this list', { details: { field: 'cursor' } });
  }
  return { createdAt, address };
}
