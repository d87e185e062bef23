/**
 * The actor system: puts the parts of the runtime together, on a database that is prepared (`create-system.ts`).
 * The parts: committer (steps), timers, effect runner, peers (other processes), queries; what comes in is checked in
 * `incoming.ts`.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { PgBoss } from 'pg-boss';
import { restartRestoredStream } from '../../persistence/actors/journal.ts';
import { waitingMailboxes } from '../../persistence/actors/messages.ts';
import { freeEffect, ownEffects } from '../../persistence/actors/processes.ts';
import type { EffectRow } from '../../persistence/actors/rows.ts';
import type { BatchWriter, CommittedBatch } from './commits/batch.ts';
import { Committer } from './commits/committer.ts';
import { EffectRunner, type Outcome } from './effects/effect-runner.ts';
import { RuntimeError } from './errors.ts';
import { eventItem, machineOf, spawnItem, storableOutcome } from './incoming.ts';
import { Peers } from './peers.ts';
import { Queries } from './queries.ts';
import { Registry } from './registry/registry.ts';
import type { Item, Work } from './steps/work.ts';
import type { SystemLoad, TraceContext } from './telemetry.ts';
import { systemClock } from './timers/clock.ts';
import { TimerQueue } from './timers/timer-batch.ts';
import { Timers } from './timers/timers.ts';
import type {
  ActorEvent,
  ActorSystem,
  ActorView,
  Address,
  Clock,
  CommitNotice,
  DeadLetter,
  InspectionRecord,
  ListOptions,
  MigrateOptions,
  MigrationReport,
  PendingWork,
  RuntimeLog,
  SendAnswer,
  SendOptions,
  SpawnOptions,
  SystemParts,
} from './types.ts';
import { DeadLetters } from './upkeep/dead-letters.ts';
import { quietIntervals, scheduleHousekeeping } from './upkeep/housekeeping.ts';
import { Retention } from './upkeep/retention.ts';
import { Migrator } from './versions/migrator.ts';
import { waitFor } from './wait-for.ts';

const DRAIN_MS = 10_000;

export type SystemOptions = SystemParts & {
  pool: Pool;
  connectionString: string;
  /** Called when all is drained. */
  close?: () => Promise<void>;
};

export class System implements ActorSystem {
  readonly #options: SystemOptions;
  readonly #registry: Registry;
  readonly #log: RuntimeLog;
  readonly #boss: PgBoss;
  readonly #committer: Committer;
  readonly #timers: Timers;
  readonly #timerQueue: TimerQueue;
  readonly #runner: EffectRunner;
  readonly #peers: Peers;
  readonly #writer: BatchWriter;
  readonly #queries: Queries;
  readonly #deadLetters: DeadLetters;
  readonly #migrator: Migrator;
  readonly #retention: Retention;
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  readonly #clock: Clock;
  #drained: Promise<void> | undefined;
  #reconciling: Promise<void> | undefined;
  #leaveClock: (() => void) | undefined;

  constructor(options: SystemOptions) {
    const { pool } = options;
    const clock = options.clock ?? systemClock;
    const log = options.log ?? silentLog;
    const { telemetry = {} } = options;
    this.#options = options;
    this.#clock = clock;
    this.#queries = new Queries(pool, clock);
    this.#log = log;
    this.#registry = new Registry(options.machines, options.effects);
    this.#boss = new PgBoss({
      db: { executeSql: (text: string, values?: unknown[]) => pool.query(text, values) },
      schema: 'pgboss',
      ...quietIntervals,
      registerInstance: false,
    });
    this.#boss.on('error', (error) => log.warn({ err: error }, 'pg-boss reports an error'));
    const onCommitted = (committed: CommittedBatch) => this.#committed(committed);
    this.#peers = new Peers({
      database: pool,
      connectionString: options.connectionString,
      log,
      events: {
        onNotice: (notice) => {
          this.#committer.forget(notice.addresses);
          this.#tell(notice);
        },
        onCancelled: (effectIds) => (effectIds ? this.#runner.cancel(effectIds) : this.#reconcile()),
        onDue: (due) => this.#timers.hear(due),
        onMail: (mail) => this.#deliver(mail),
        onMissed: () => this.#reconcile(),
        onTakenOver: (rows) => this.#startEffects(rows),
        onLeaseLost: () => this.#reconcile(),
        abilities: () => ({
          machines: this.#registry.allVersions,
          effects: options.effects.map(({ name }) => name),
        }),
        isBusy: () => this.#runner.size > 0,
      },
    });
    const peers = this.#peers;
    this.#writer = {
      pool,
      registry: this.#registry,
      get processIds() {
        return peers.ids;
      },
      onEmitted: options.onEmitted,
      telemetry,
    };
    this.#timerQueue = new TimerQueue({ boss: this.#boss, writer: this.#writer, clock, log });
    const onFound = () => this.#reconcile();
    this.#timers = new Timers({ queue: this.#timerQueue, clock, log, onCommitted, onFound });
    const now = () => new Date(clock.now());
    this.#committer = new Committer({ writer: this.#writer, log, now, onCommitted, onFound });
    this.#retention = new Retention({
      database: pool,
      machines: options.machines,
      now: () => clock.now(),
      log,
    });
    const [registry, committer] = [this.#registry, this.#committer];
    this.#deadLetters = new DeadLetters({ database: pool, registry, committer, log });
    const submit = (item: Item) => committer.submit(item);
    this.#migrator = new Migrator({ database: pool, registry, submit });
    this.#runner = new EffectRunner({
      database: pool,
      registry: this.#registry,
      clock,
      log,
      send: (address, event, sendOptions) => this.send(address, event, sendOptions),
      onOutcome: (row, outcome, trace) => this.#effectEnded(row, outcome, trace),
      telemetry,
      onUnwanted: (row) => this.#freeEffect(row),
    });
  }

  async start(): Promise<void> {
    this.#leaveClock = this.#clock.join?.({
      busyWith: (leaveRunning) => this.#busyWith(leaveRunning),
      settled: (leaveRunning) => this.#settled(leaveRunning),
      look: () => this.#reconcile(),
    });
    await this.#boss.start();
    await this.#timerQueue.create();
    const restored = await restartRestoredStream(this.#options.pool);
    if (restored > 0) this.#log.info({ rows: restored }, 'the journal was restored from another server');
    // Before anything steps here: effects belong to a process that is registered.
    await this.#peers.start();
    await this.#timers.start();
    this.#reconcile();
    this.#release();
    await scheduleHousekeeping(this.#boss, this.#retention);
  }

  async spawn(machine: string, key: string, options: SpawnOptions): Promise<Address> {
    this.#refuseWhenDraining();
    const { address } = await this.#committer.submit(spawnItem(this.#registry, machine, key, options));
    return address;
  }

  async send(address: Address, event: ActorEvent, options: SendOptions = {}): Promise<SendAnswer> {
    this.#refuseWhenDraining();
    const { answer } = await this.#committer.submit(eventItem(this.#registry, address, event, options));
    return answer as SendAnswer;
  }

  snapshot(address: Address): Promise<ActorView> {
    return this.#queries.snapshot(address);
  }

  waitFor(...[address, until, options]: Parameters<ActorSystem['waitFor']>): Promise<ActorView> {
    return waitFor(this, address, until, options);
  }

  async migrate(options: MigrateOptions): Promise<MigrationReport> {
    if (!options.dryRun) this.#refuseWhenDraining();
    return this.#migrator.migrate(options);
  }

  list(options?: ListOptions): ReturnType<ActorSystem['list']> {
    return this.#queries.list(options);
  }

  pending(address: Address): Promise<PendingWork> {
    return this.#queries.pending(address);
  }

  journal(...[address, options]: Parameters<ActorSystem['journal']>): Promise<InspectionRecord[]> {
    return this.#queries.journal(address, options);
  }

  inspect(options?: Parameters<ActorSystem['inspect']>[0]): Promise<InspectionRecord[]> {
    return this.#queries.inspect(options);
  }

  inspectEnd(): Promise<string> {
    return this.#queries.inspectEnd();
  }

  async stop(address: Address, options: { source?: string } = {}): Promise<ActorView> {
    this.#refuseWhenDraining();
    const item: Item = { kind: 'stop', stepId: randomUUID(), address, source: options.source ?? null };
    await this.#committer.submit(item);
    return this.snapshot(address);
  }

  deadLetters(...[options]: Parameters<ActorSystem['deadLetters']>): ReturnType<ActorSystem['deadLetters']> {
    return this.#deadLetters.list(options);
  }

  countDeadLetters(): Promise<number> {
    return this.#deadLetters.count();
  }

  deadLetter(id: string): Promise<DeadLetter> {
    return this.#deadLetters.get(id);
  }

  async retryDeadLetter(id: string, options?: { source?: string }): Promise<SendAnswer> {
    this.#refuseWhenDraining();
    return this.#deadLetters.retry(id, options);
  }

  discardDeadLetter(id: string, options?: { source?: string }): Promise<DeadLetter> {
    return this.#deadLetters.discard(id, options);
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  load(): SystemLoad {
    return { queued: this.#committer.size, effects: this.#runner.load() };
  }

  machines() {
    return this.#registry.allVersions;
  }

  drain({ timeoutMs = DRAIN_MS }: { timeoutMs?: number } = {}): Promise<void> {
    this.#drained ??= this.#drain(timeoutMs);
    return this.#drained;
  }

  async #drain(timeoutMs: number): Promise<void> {
    await Promise.all([this.#timers.stop(), this.#retention.stop()]);
    await this.#runner.stop(timeoutMs);
    await Promise.race([this.#committer.idle(), delay(timeoutMs, undefined, { ref: false })]);
    await this.#peers.stop();
    await this.#boss.stop({ graceful: true, timeout: timeoutMs, close: false });
    this.#leaveClock?.();
    await this.#options.close?.();
  }

  #busyWith(leaveRunning: readonly string[]): string[] {
    const looking = this.#reconciling ? ['it looks what was committed'] : [];
    const parts = [this.#committer.busyWith(), this.#timers.busyWith(), this.#runner.busyWith(leaveRunning)];
    return [...looking, ...parts.flat()];
  }

  /** What ends in one part may begin something in another. */
  async #settled(leaveRunning: readonly string[]): Promise<void> {
    while (this.#busyWith(leaveRunning).length > 0) {
      await Promise.all([
        this.#reconciling,
        this.#committer.idle(),
        this.#timers.idle(),
        this.#runner.idle(leaveRunning),
      ]);
    }
  }

  #committed(committed: CommittedBatch): void {
    const { works, effectsStarted, effectsCancelled, timersSet, jobsCancelled } = committed;
    for (const work of works) if (work.row) this.#committer.learn(work.row);
    this.#retention.note(works);
    this.#runner.cancel(effectsCancelled);
    this.#startEffects(effectsStarted);
    const due = timersSet.reduce(
      (least, timer) => Math.min(least, timer.due.getTime()),
      Number.POSITIVE_INFINITY,
    );
    this.#timers.set(timersSet);
    this.#timers.discard(jobsCancelled);
    this.#deliver(new Set(works.flatMap((work) => mailboxesToOpen(work))), (address) =>
      this.#peers.announceMail(address),
    );
    if (works.some(isReleased)) this.#peers.takeOrphans();
    const addresses = works.map(({ address }) => address);
    this.#peers.announce(addresses, effectsCancelled, due < Number.POSITIVE_INFINITY ? due : undefined);
    this.#tell({ addresses });
  }

  /** Has actors look into their mailboxes. `handOver` is told of those whose mail this process can't take. */
  #deliver(addresses: Iterable<Address>, handOver: (address: Address) => void = () => {}): void {
    for (const address of addresses) {
      if (!this.#registry.find(machineOf(address))) {
        handOver(address);
        continue;
      }
      this.#committer
        .submitInternal({ kind: 'mail', stepId: randomUUID(), address })
        .then(({ answer }) => answer === null && handOver(address))
        .catch((error: unknown) => this.#log.error({ err: error, address }, 'messages were not taken'));
    }
  }

  /** What an earlier version of this process could not take on, this one may. */
  #release(): void {
    this.#migrator.release().then(
      (actors) => actors > 0 && this.#log.info({ actors }, 'actors were released from quarantine'),
      (error: unknown) => this.#log.warn({ err: error }, 'could not look into the quarantine'),
    );
  }

  #startEffects(rows: readonly EffectRow[]): void {
    if (this.#drained) return;
    for (const row of rows) this.#runner.start(row);
  }

  async #effectEnded(row: EffectRow, outcome: Outcome, trace: TraceContext | undefined): Promise<boolean> {
    const { address, effectId } = row;
    const stepId = randomUUID();
    try {
      const { answer } = await this.#committer.submitInternal({
        kind: 'effect',
        stepId,
        address,
        effectId,
        outcome: storableOutcome(outcome),
        trace,
      });
      return answer !== null;
    } catch (error) {
      // The step threw, or could not be stored: the actor went on without it, and the event is a dead letter.
      this.#log.warn({ err: error, address, effectId }, 'the result of an effect was a dead letter');
      return true;
    }
  }

  /** Mostly it was late, and its row is gone; or its actor can't be told from here, or not now. */
  #freeEffect({ effectId }: EffectRow): void {
    freeEffect(this.#options.pool, this.#peers.id, effectId).catch((error: unknown) =>
      this.#log.warn({ err: error, effectId }, 'an effect could not be handed on'),
    );
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
    await this.#runner.releaseLost(this.#peers.ids);
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

  #refuseWhenDraining(): void {
    if (this.#drained) {
      throw new RuntimeError('stopped', 'this process is shutting down; ask another one, or try again', {
        retryable: true,
      });
    }
  }
}

/** Of a committed step: who has been sent something, and itself when it could not take all of its mail at once. */
function mailboxesToOpen(work: Work): Address[] {
  const { address, sent, taken, mailboxFull } = work;
  const more = (mailboxFull && taken.length > 0) || isReleased(work) ? [address] : [];
  return [...sent.map(({ to }) => to), ...more];
}

/** Out of quarantine: its mail and its effects have waited. */
function isReleased({ before, row }: Work): boolean {
  return before?.status === 'quarantined' && row?.status === 'active';
}

const silentLog: RuntimeLog = { debug() {}, info() {}, warn() {}, error() {} };
