/**
 * The actor system: puts the parts of the runtime together, on a database that is prepared (`create-system.ts`).
 * The parts: committer (steps), timers, effect runner, peers (other processes), queries; what comes in is checked in
 * `incoming.ts`.
 */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { PgBoss } from 'pg-boss';
import { restartRestoredStream } from '../../persistence/actors/journal.ts';
import { atMost } from './bounded.ts';
import type { BatchWriter, CommittedBatch } from './commits/batch.ts';
import { Committer } from './commits/committer.ts';
import { EffectRunner } from './effects/effect-runner.ts';
import { RuntimeError } from './errors.ts';
import { FollowUp } from './follow-up.ts';
import { eventItem, spawnItem } from './incoming.ts';
import { Peers } from './peers/peers.ts';
import { Queries } from './queries.ts';
import { Registry } from './registry/registry.ts';
import type { Item } from './steps/work.ts';
import type { SystemLoad } from './telemetry.ts';
import { DatabaseClock } from './timers/clock.ts';
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
/** Over the stated time: for effects to end that are aborted then, and for what they leave to be committed. */
const GRACE_MS = 1_000;
/** For telling the database and the other processes. */
const LEAVE_MS = 2_000;

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
  readonly #followUp: FollowUp;
  readonly #clock: Clock;
  #drained: Promise<void> | undefined;
  #leaveClock: (() => void) | undefined;

  constructor(options: SystemOptions) {
    const { pool } = options;
    const databaseClock = new DatabaseClock();
    const clock = options.clock ?? databaseClock;
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
    const onCommitted = (committed: CommittedBatch) => this.#followUp.committed(committed);
    this.#peers = new Peers({
      database: pool,
      connectionString: options.connectionString,
      log,
      events: {
        onNotice: (notice) => this.#followUp.heard(notice),
        onCancelled: (effectIds) => (effectIds ? this.#runner.cancel(effectIds) : this.#followUp.look()),
        onDue: (due) => this.#timers.hear(due),
        onMail: (mail) => this.#followUp.deliver(mail),
        onMissed: () => this.#followUp.look(),
        onTakenOver: (rows) => this.#followUp.startEffects(rows),
        onGone: () => this.#release(),
        onLeaseLost: () => this.#followUp.look(),
        abilities: () => ({
          machines: this.#registry.allVersions,
          effects: options.effects.map(({ name }) => name),
        }),
        isBusy: () => this.#runner.size > 0,
        onTime: (...told) => {
          if (clock === databaseClock && databaseClock.learn(...told)) this.#timers.clockWasSet();
        },
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
    const onFound = () => this.#followUp.look();
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
      onOutcome: (row, outcome, trace) => this.#followUp.effectEnded(row, outcome, trace),
      telemetry,
      onUnwanted: (row) => this.#followUp.freeEffect(row),
    });
    const [timers, runner, retention] = [this.#timers, this.#runner, this.#retention];
    this.#followUp = new FollowUp({ pool, registry, log, committer, timers, runner, peers, retention });
  }

  /** Where it rejects, nothing of it is left. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.drain({ timeoutMs: 1 });
      throw error;
    }
  }

  async #start(): Promise<void> {
    this.#leaveClock = this.#clock.join?.({
      busyWith: (leaveRunning) => this.#busyWith(leaveRunning),
      settled: (leaveRunning) => this.#settled(leaveRunning),
      look: () => this.#followUp.look(),
    });
    await this.#boss.start();
    await this.#timerQueue.create();
    const restored = await restartRestoredStream(this.#options.pool);
    if (restored > 0) this.#log.info({ rows: restored }, 'the journal was restored from another server');
    // Before anything steps here: effects belong to a process that is registered.
    await this.#peers.start();
    await this.#timers.start();
    this.#followUp.look();
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
    return this.#followUp.onCommit(listener);
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

  /** Each part is waited for, and none for ever: a statement may be stalled, or a connection dead. */
  async #drain(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const onLate = (error: unknown) => this.#log.warn({ err: error }, 'what was not waited for failed');
    const parts = [this.#timers, this.#retention, this.#followUp].map((part) => part.stop());
    await atMost(Promise.all([...parts, this.#runner.stop(timeoutMs)]), timeoutMs + GRACE_MS, onLate);
    const leftMs = Math.max(until - performance.now(), Math.min(timeoutMs, GRACE_MS));
    await atMost(this.#committer.idle(), leftMs, onLate);
    this.#committer.stop();
    const left = this.#peers
      .stop()
      .then(() => this.#boss.stop({ graceful: true, timeout: timeoutMs, close: false }));
    await atMost(left, LEAVE_MS, onLate);
    this.#leaveClock?.();
    await this.#options.close?.();
  }

  #busyWith(leaveRunning: readonly string[]): string[] {
    const looking = this.#followUp.looking ? ['it looks what was committed'] : [];
    const parts = [this.#committer.busyWith(), this.#timers.busyWith(), this.#runner.busyWith(leaveRunning)];
    return [...looking, ...parts.flat()];
  }

  /** What ends in one part may begin something in another. */
  async #settled(leaveRunning: readonly string[]): Promise<void> {
    while (this.#busyWith(leaveRunning).length > 0) {
      await Promise.all([
        this.#followUp.looking,
        this.#committer.idle(),
        this.#timers.idle(),
        this.#runner.idle(leaveRunning),
      ]);
    }
  }

  /** What a process that is gone could not take on, this one may. */
  #release(): void {
    this.#migrator
      .release(() => this.#drained !== undefined)
      .then(
        (actors) => actors > 0 && this.#log.info({ actors }, 'actors were released from quarantine'),
        (error: unknown) => this.#log.warn({ err: error }, 'could not look into the quarantine'),
      );
  }

  #refuseWhenDraining(): void {
    if (this.#drained) {
      throw new RuntimeError('stopped', 'this process is shutting down; ask another one, or try again', {
        retryable: true,
      });
    }
  }
}

const silentLog: RuntimeLog = { debug() {}, info() {}, warn() {}, error() {} };
