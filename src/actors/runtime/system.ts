/**
 * The actor system: puts the parts of the runtime together and checks what comes in through its calls.
 * The parts: committer (steps), timers, effect runner, peers (other processes).
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PgBoss } from 'pg-boss';
import { listActors, loadActor } from '../../persistence/actors/actors.ts';
import {
  parseCursor,
  pruneJournal,
  readSteps,
  readStream,
  streamEnd,
} from '../../persistence/actors/journal.ts';
import { MAX_MESSAGES_TAKEN, waitingMailboxes } from '../../persistence/actors/messages.ts';
import { ownEffects } from '../../persistence/actors/processes.ts';
import type { EffectRow } from '../../persistence/actors/rows.ts';
import { isConnectionError } from '../../persistence/database-errors.ts';
import type { BatchWriter, CommittedBatch } from './batch.ts';
import { systemClock } from './clock.ts';
import { Committer } from './committer.ts';
import { EffectRunner, type Outcome } from './effect-runner.ts';
import { RuntimeError } from './errors.ts';
import { Peers } from './peers.ts';
import { Registry } from './registry.ts';
import { TimerQueue } from './timer-batch.ts';
import { Timers } from './timers.ts';
import type {
  ActorEvent,
  ActorSystem,
  ActorSystemOptions,
  ActorView,
  Address,
  CommitNotice,
  InspectionRecord,
  ListOptions,
  RuntimeLog,
  SendAnswer,
  SendOptions,
  SpawnOptions,
} from './types.ts';
import { toInspectionRecord, toView } from './views.ts';
import type { Idempotency, Item, Work } from './work.ts';

const HOUSEKEEPING_QUEUE = 'actor-housekeeping';
/**
 * pg-boss looks after its queues every few seconds. Timers are fetched by their deadlines and never left active, so
 * what it would find is the hourly housekeeping: an idle system need not be asked more often than this.
 */
const QUIET_INTERVALS = {
  superviseIntervalSeconds: 600,
  monitorIntervalSeconds: 600,
  queueCacheIntervalSeconds: 600,
  flowIntervalSeconds: 3_600,
  bamIntervalSeconds: 600,
  cronMonitorIntervalSeconds: 45,
  cronWorkerIntervalSeconds: 45,
};
const DRAIN_MS = 10_000;
const MAX_PAGE = 500;
/** Keys are the caller's own words; a NUL can't be stored, and an address is read by people. */
const KEY = /^[\w.:@-]{1,200}$/;

/** Starts an actor system on a migrated database. Throws `registration_refused` for what can't be durable. */
export async function createActorSystem(options: ActorSystemOptions): Promise<ActorSystem> {
  const system = new System(options);
  await system.start();
  return system;
}

class System implements ActorSystem {
  readonly #options: ActorSystemOptions;
  readonly #registry: Registry;
  readonly #log: RuntimeLog;
  readonly #boss: PgBoss;
  readonly #committer: Committer;
  readonly #timers: Timers;
  readonly #timerQueue: TimerQueue;
  readonly #runner: EffectRunner;
  readonly #peers: Peers;
  readonly #writer: BatchWriter;
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  #draining = false;
  #reconciling: Promise<void> | undefined;

  constructor(options: ActorSystemOptions) {
    const { pool } = options;
    const clock = options.clock ?? systemClock;
    const log = options.log ?? silentLog;
    this.#options = options;
    this.#log = log;
    this.#registry = new Registry(options.machines, options.effects);
    this.#boss = new PgBoss({
      db: { executeSql: (text: string, values?: unknown[]) => pool.query(text, values) },
      schema: 'pgboss',
      ...QUIET_INTERVALS,
    });
    this.#boss.on('error', (error) => log.warn({ err: error }, 'pg-boss reports an error'));
    const onCommitted = (committed: CommittedBatch) => this.#committed(committed);
    this.#peers = new Peers({
      database: pool,
      connectionString: options.connectionString,
      log,
      events: {
        onNotice: (notice) => this.#tell(notice),
        onCancelled: (effectIds) => (effectIds ? this.#runner.cancel(effectIds) : this.#reconcile()),
        onDue: (due) => this.#timers.note(due),
        onMissed: () => this.#reconcile(),
        onTakenOver: (rows) => this.#startEffects(rows),
        onLeaseLost: () => this.#reconcile(),
        abilities: () => ({ machines: options.machines, effects: options.effects.map(({ name }) => name) }),
        isBusy: () => this.#runner.size > 0,
      },
    });
    const peers = this.#peers;
    this.#writer = {
      pool,
      registry: this.#registry,
      get processId() {
        return peers.id;
      },
      setTimers: (transaction, jobs) => this.#timerQueue.set(transaction, jobs),
      onEmitted: options.onEmitted,
    };
    this.#timerQueue = new TimerQueue({ boss: this.#boss, writer: this.#writer, clock, log });
    const onFound = () => this.#reconcile();
    this.#timers = new Timers({ queue: this.#timerQueue, pool, clock, log, onCommitted, onFound });
    const now = () => new Date(clock.now());
    this.#committer = new Committer({ writer: this.#writer, log, now, onCommitted, onFound });
    this.#runner = new EffectRunner({
      database: pool,
      registry: this.#registry,
      clock,
      log,
      send: (address, event, sendOptions) => this.send(address, event, sendOptions),
      onOutcome: (row, outcome) => this.#effectEnded(row, outcome),
    });
  }

  async start(): Promise<void> {
    await this.#boss.start();
    await this.#timerQueue.create();
    // Before anything steps here: effects belong to a process that is registered.
    await this.#peers.start();
    await this.#timers.start();
    this.#reconcile();
    await this.#scheduleHousekeeping();
  }

  async spawn(machine: string, key: string, options: SpawnOptions): Promise<Address> {
    this.#refuseWhenDraining();
    const { definition } = this.#registry.machine(machine);
    if (!KEY.test(key)) {
      throw new RuntimeError('invalid_input', 'an actor key is 1 to 200 letters, digits or . _ : @ -', {
        details: { field: 'key' },
      });
    }
    const parsed = definition.input.safeParse(options.input);
    if (!parsed.success) {
      throw new RuntimeError(
        'invalid_input',
        `the input of ${machine} is wrong: ${wrongFields(parsed.error)}`,
        {
          details: { issues: parsed.error.issues },
        },
      );
    }
    const input = storable(parsed.data, 'invalid_input');
    const { owner, idempotencyKey, singletonKey } = options;
    const { address } = await this.#committer.submit({
      kind: 'spawn',
      stepId: randomUUID(),
      address: `${machine}/${key}`,
      machine,
      key,
      owner,
      input,
      singletonKey: singletonKey ?? null,
      idempotency: idempotency(`spawn:${machine}:${owner}`, idempotencyKey, input),
    });
    return address;
  }

  async send(address: Address, event: ActorEvent, options: SendOptions = {}): Promise<SendAnswer> {
    this.#refuseWhenDraining();
    const checked = this.#checkEvent(address, event);
    const { answer } = await this.#committer.submit({
      kind: 'event',
      stepId: randomUUID(),
      address,
      event: checked,
      source: options.source ?? null,
      idempotency: idempotency(address, options.idempotencyKey, checked),
    });
    return answer as SendAnswer;
  }

  async snapshot(address: Address): Promise<ActorView> {
    const row = await this.#read(() => loadActor(this.#options.pool, address));
    if (!row) throw new RuntimeError('actor_not_found', `there is no actor ${address}`);
    return toView(row);
  }

  async waitFor(
    address: Address,
    until: 'done' | { tag: string } | ((actor: ActorView) => boolean),
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<ActorView> {
    const met = predicateOf(until);
    return new Promise<ActorView>((resolve, reject) => {
      let reading = false;
      let again = false;
      const end = (finish: () => void) => {
        clearTimeout(over);
        unsubscribe();
        signal?.removeEventListener('abort', onAbort);
        finish();
      };
      const look = () => {
        again = reading;
        if (reading) return;
        reading = true;
        this.snapshot(address)
          .then((view) => {
            if (met(view)) end(() => resolve(view));
            else if (view.status !== 'active') {
              const message = `${address} has ended (${view.status}) and will not get there`;
              end(() =>
                reject(new RuntimeError('actor_ended', message, { details: { status: view.status } })),
              );
            }
          })
          .catch((error: unknown) => end(() => reject(error as Error)))
          .finally(() => {
            reading = false;
            if (again) look();
          });
      };
      const onAbort = () => end(() => reject(signal?.reason as Error));
      const unsubscribe = this.onCommit(({ addresses }) => {
        if (addresses === null || addresses.includes(address)) look();
      });
      const over = setTimeout(() => {
        const message = `${address} did not get there within ${timeoutMs} ms`;
        end(() => reject(new RuntimeError('timeout', message, { retryable: true })));
      }, timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted) onAbort();
      else look();
    });
  }

  async stop(address: Address, options: { source?: string } = {}): Promise<ActorView> {
    this.#refuseWhenDraining();
    const item: Item = { kind: 'stop', stepId: randomUUID(), address, source: options.source ?? null };
    await this.#committer.submit(item);
    return this.snapshot(address);
  }

  async list(options: ListOptions = {}): Promise<{ actors: ActorView[]; next: string | null }> {
    const limit = Math.min(options.limit ?? 50, MAX_PAGE);
    const rows = await this.#read(() =>
      listActors(this.#options.pool, {
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
    const limit = Math.min(options.limit ?? MAX_PAGE, MAX_PAGE);
    const steps = await this.#read(() => readSteps(this.#options.pool, address, options.from ?? 0, limit));
    return steps.map(toInspectionRecord);
  }

  async inspect(
    options: { after?: string; address?: Address; owner?: string; limit?: number } = {},
  ): Promise<InspectionRecord[]> {
    const after = parseCursor(options.after ?? '0.0');
    if (!after) {
      throw new RuntimeError('invalid_input', 'not a cursor of the journal', { details: { field: 'after' } });
    }
    const steps = await this.#read(() =>
      readStream(this.#options.pool, {
        after,
        address: options.address,
        owners: options.owner === undefined ? undefined : [options.owner],
        limit: Math.min(options.limit ?? MAX_PAGE, MAX_PAGE),
      }),
    );
    return steps.map(toInspectionRecord);
  }

  inspectEnd(): Promise<string> {
    return this.#read(() => streamEnd(this.#options.pool));
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  machines() {
    return this.#registry.definitions;
  }

  async drain({ timeoutMs = DRAIN_MS }: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    await this.#timers.stop();
    await this.#runner.stop(timeoutMs);
    await Promise.race([this.#committer.idle(), delay(timeoutMs, undefined, { ref: false })]);
    await this.#peers.stop();
    await this.#boss.stop({ graceful: true, timeout: timeoutMs, close: false });
  }

  #committed(committed: CommittedBatch): void {
    const { works, effectsStarted, effectsCancelled, timersSet, jobsCancelled } = committed;
    for (const work of works) if (work.row) this.#committer.learn(work.row);
    this.#runner.cancel(effectsCancelled);
    this.#startEffects(effectsStarted);
    const due = timersSet.reduce(
      (least, timer) => Math.min(least, timer.due.getTime()),
      Number.POSITIVE_INFINITY,
    );
    if (due < Number.POSITIVE_INFINITY) this.#timers.note(due);
    this.#timers.discard(jobsCancelled);
    this.#deliver(new Set(works.flatMap((work) => mailboxesToOpen(work))));
    const addresses = works.map(({ address }) => address);
    this.#peers.announce(addresses, effectsCancelled, due < Number.POSITIVE_INFINITY ? due : undefined);
    this.#tell({ addresses });
  }

  /** Has actors look into their mailboxes. Those of machines that this process does not have are left to others. */
  #deliver(addresses: Iterable<Address>): void {
    for (const address of addresses) {
      if (!this.#registry.find(machineOf(address))) continue;
      this.#committer
        .submitInternal({ kind: 'mail', stepId: randomUUID(), address })
        .catch((error: unknown) => this.#log.error({ err: error, address }, 'messages were not taken'));
    }
  }

  #startEffects(rows: readonly EffectRow[]): void {
    if (this.#draining) return;
    for (const row of rows) this.#runner.start(row);
  }

  async #effectEnded(row: EffectRow, outcome: Outcome): Promise<void> {
    const { address, effectId } = row;
    const stepId = randomUUID();
    try {
      await this.#committer.submitInternal({
        kind: 'effect',
        stepId,
        address,
        effectId,
        outcome: plainJson(outcome),
      });
    } catch (error) {
      // The step threw, or could not be stored: the actor went on without it, and the event is a dead letter.
      this.#log.warn({ err: error, address, effectId }, 'the result of an effect was a dead letter');
    }
  }

  /**
   * Brings this process in line with what is committed: notices were missed, or a commit happened of which we were not
   * told. Effects that are ours are started, those that are not are aborted; timers, mail and listeners look again.
   */
  #reconcile(): void {
    this.#reconciling ??= this.#look()
      .catch((error: unknown) => this.#log.warn({ err: error }, 'could not look what was committed'))
      .finally(() => {
        this.#reconciling = undefined;
      });
  }

  async #look(): Promise<void> {
    const { pool } = this.#options;
    this.#timers.refresh();
    this.#tell({ addresses: null });
    await this.#runner.releaseLost(this.#peers.id);
    this.#startEffects(await ownEffects(pool, this.#peers.id));
    this.#deliver(await waitingMailboxes(pool));
  }

  #tell(notice: CommitNotice): void {
    for (const listener of this.#listeners) {
      try {
        listener(notice);
      } catch (error) {
        this.#log.error({ err: error }, 'a listener for commits threw');
      }
    }
  }

  #checkEvent(address: Address, event: ActorEvent): ActorEvent {
    const type: unknown = event?.type;
    if (typeof type !== 'string') {
      throw new RuntimeError('invalid_event', 'an event needs a type', { details: { field: 'type' } });
    }
    const machine = machineOf(address);
    const registered = this.#registry.find(machine);
    if (!registered) throw new RuntimeError('actor_not_found', `there is no actor ${address}`);
    const schema = Object.hasOwn(registered.definition.events, type)
      ? registered.definition.events[type]
      : undefined;
    if (!schema) {
      const known = Object.keys(registered.definition.events).join(', ');
      throw new RuntimeError(
        'invalid_event',
        `${machine} takes no event "${type.slice(0, 100)}" from outside; it takes ${known}`,
        {
          details: { field: 'type' },
        },
      );
    }
    const parsed = schema.safeParse(event);
    if (!parsed.success) {
      throw new RuntimeError('invalid_event', `the event ${type} is wrong: ${wrongFields(parsed.error)}`, {
        details: { issues: parsed.error.issues },
      });
    }
    return storable({ ...(parsed.data as object), type }, 'invalid_event');
  }

  #refuseWhenDraining(): void {
    if (this.#draining) {
      throw new RuntimeError('stopped', 'this process is shutting down; ask another one, or try again', {
        retryable: true,
      });
    }
  }

  async #read<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      throw new RuntimeError('unavailable', 'the database does not answer', {
        retryable: true,
        cause: error,
      });
    }
  }

  /** Journals that keep only their last rows are pruned hourly, by one of the processes. */
  async #scheduleHousekeeping(): Promise<void> {
    await this.#boss.createQueue(HOUSEKEEPING_QUEUE, { policy: 'singleton', deleteAfterSeconds: 3_600 });
    await this.#boss.schedule(HOUSEKEEPING_QUEUE, '17 * * * *');
    await this.#boss.work(HOUSEKEEPING_QUEUE, { pollingIntervalSeconds: 60 }, async () => {
      for (const { id, journal } of this.#registry.definitions) {
        if (journal?.keepLast === undefined) continue;
        const rows = await pruneJournal(this.#options.pool, id, journal.keepLast);
        if (rows > 0) this.#log.info({ machine: id, rows }, 'journal pruned');
      }
    });
  }
}

/** Of a committed step: who has been sent something, and itself when it could not take all of its mail at once. */
function mailboxesToOpen({ address, sent, taken }: Work): Address[] {
  const more = taken.length === MAX_MESSAGES_TAKEN ? [address] : [];
  return [...sent.map(({ to }) => to), ...more];
}

function machineOf(address: Address): string {
  return address.slice(0, Math.max(0, address.indexOf('/')));
}

const silentLog: RuntimeLog = { debug() {}, info() {}, warn() {}, error() {} };

function predicateOf(until: 'done' | { tag: string } | ((actor: ActorView) => boolean)) {
  if (until === 'done') return (actor: ActorView) => actor.status !== 'active';
  return typeof until === 'function' ? until : (actor: ActorView) => actor.tags.includes(until.tag);
}

function idempotency(scope: string, key: string | undefined, payload: unknown): Idempotency | undefined {
  if (key === undefined) return undefined;
  if (!key || key.length > 200 || key.includes('\0')) {
    throw new RuntimeError('invalid_input', 'an idempotency key is 1 to 200 characters', {
      details: { field: 'idempotencyKey' },
    });
  }
  return { scope, key, payloadHash: createHash('sha256').update(stableJson(payload)).digest('hex') };
}

/** JSON with sorted keys, so that the order in which a client writes its fields does not matter. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** As it will be stored. Refuses text that Postgres's JSON can't hold: NUL characters and halves of characters. */
function storable<T>(value: T, code: 'invalid_event' | 'invalid_input'): T {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'string' && (part.includes('\0') || !part.isWellFormed())) {
      throw new RuntimeError(code, 'text with a NUL character or half a character can not be stored');
    }
    return part;
  });
  return JSON.parse(text ?? 'null') as T;
}

/** As it will be stored. What Postgres's JSON can't hold of a peer's answer is dropped or replaced. */
function plainJson(outcome: Outcome): Outcome {
  const text = JSON.stringify('output' in outcome ? { output: outcome.output ?? null } : outcome);
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value,
  ) as Outcome;
}

function wrongFields(error: { issues: { path: PropertyKey[]; message: string }[] }): string {
  return error.issues
    .map(({ path, message }) => `${path.map(String).join('.') || 'the whole'}: ${message}`)
    .join('; ');
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
