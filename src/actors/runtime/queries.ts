/** Reading what is committed: actors, lists, journals. Not for changing anything. */
import { endedActors, listActors, loadActor } from '../../persistence/actors/actors.ts';
import { parseCursor, readSteps, readStream, streamEnd } from '../../persistence/actors/journal.ts';
import { readPending } from '../../persistence/actors/pending.ts';
import type { Database } from '../../persistence/database.ts';
import { isConnectionError } from '../../persistence/database-errors.ts';
import { RuntimeError } from './errors.ts';
import { refuseAddress } from './incoming.ts';
import {
  MAX_KEY_CHARS,
  MAX_SOURCE_CHARS,
  optionsOf,
  refuseText,
  refuseTextIfGiven,
  wrongOption,
} from './options.ts';
import type {
  ActorStatus,
  ActorView,
  Address,
  Clock,
  EndedOptions,
  InspectionRecord,
  ListOptions,
  PendingWork,
} from './types.ts';
import { toInspectionRecord, toPendingWork, toView } from './views.ts';

const MAX_PAGE = 500;
const STATUSES: readonly ActorStatus[] = ['active', 'done', 'error', 'stopped', 'quarantined'];

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
    const { owner, machine, status } = optionsOf(options, ['owner', 'machine', 'status', 'limit', 'cursor']);
    refuseTextIfGiven('owner', owner, MAX_KEY_CHARS);
    const machines = machine === undefined ? undefined : machinesOf(machine);
    if (status !== undefined && !STATUSES.includes(status))
      throw wrongOption('status', `a status is one of ${STATUSES.join(', ')}`);
    const limit = pageSize(options.limit, 50);
    const rows = await read(() =>
      listActors(this.#database, {
        owner,
        machines,
        status,
        limit: limit + 1,
        before: options.cursor === undefined ? undefined : parseListCursor(options.cursor),
      }),
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last ? listCursor(last.createdAt, last.address) : null;
    return { actors: page.map(toView), next };
  }

  async listEnded(options: EndedOptions): Promise<{ actors: ActorView[]; count: number }> {
    const { owner, machine, since } = optionsOf(options, ['owner', 'machine', 'since', 'limit']);
    refuseText('owner', owner, MAX_KEY_CHARS);
    const machines = machinesOf(machine);
    if (!(since instanceof Date) || Number.isNaN(since.getTime()))
      throw wrongOption('since', 'since is a time, as a Date');
    const limit = pageSize(options.limit, 50);
    const { count, rows } = await read(() => endedActors(this.#database, { owner, machines, since, limit }));
    return { count, actors: rows.map(toView) };
  }

  async journal(
    address: Address,
    options: { from?: number; limit?: number } = {},
  ): Promise<InspectionRecord[]> {
    refuseAddress(address);
    const { from = 0 } = optionsOf(options, ['from', 'limit']);
    if (!Number.isSafeInteger(from) || from < 0)
      throw wrongOption('from', 'from is a revision: a whole number of 0 or more');
    const limit = pageSize(options.limit, MAX_PAGE);
    const steps = await read(() => readSteps(this.#database, address, from, limit));
    return steps.map(toInspectionRecord);
  }

  async inspect(
    options: { after?: string; address?: Address; owner?: string; limit?: number } = {},
  ): Promise<InspectionRecord[]> {
    const { owner, address } = optionsOf(options, ['after', 'address', 'owner', 'limit']);
    const after = parseCursor(options.after ?? '0.0');
    if (!after) throw wrongOption('after', 'not a cursor of the journal');
    refuseTextIfGiven('owner', owner, MAX_KEY_CHARS);
    refuseTextIfGiven('address', address, MAX_SOURCE_CHARS);
    const limit = pageSize(options.limit, MAX_PAGE);
    const steps = await read(() =>
      readStream(this.#database, {
        after,
        address,
        owners: owner === undefined ? undefined : [owner],
        limit,
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
  // More is refused: a page cut short would look like the last one.
  if (Number.isInteger(limit) && limit >= 0 && limit <= MAX_PAGE) return limit;
  throw wrongOption('limit', `a limit is a whole number of rows, at most ${MAX_PAGE}`);
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

/** The option `machine`: one id or several. */
function machinesOf(machine: string | readonly string[]): readonly string[] {
  const machines = typeof machine === 'string' ? [machine] : machine;
  if (!Array.isArray(machines))
    throw wrongOption('machine', 'machine is the id of a machine, or a list of ids');
  for (const id of machines) refuseText('machine', id, MAX_KEY_CHARS);
  return machines;
}

function actorNotFound(address: Address): RuntimeError {
  return new RuntimeError('actor_not_found', `there is no actor ${address}`);
}

function listCursor(createdAt: Date, address: Address): string {
  return Buffer.from(`${createdAt.toISOString()} ${address}`).toString('base64url');
}

function parseListCursor(cursor: string): { createdAt: Date; address: Address } {
  if (typeof cursor !== 'string') throw wrongOption('cursor', 'not a cursor of this list');
  const [at = '', address = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const createdAt = new Date(at);
  if (Number.isNaN(createdAt.getTime()) || !address || address.includes('\0')) {
    throw wrongOption('cursor', 'not a cursor of this list');
  }
  return { createdAt, address };
}
