/**
 * The actor system: what it is asked goes to its parts, it starts and is drained. Its parts are put together in
 * `parts.ts`, on a database that is prepared (`create-system.ts`); what comes in is checked in `incoming.ts`.
 */
import { randomUUID } from 'node:crypto';
import { restartRestoredStream } from '../../persistence/actors/journal.ts';
import { atMost } from './bounded.ts';
import { RuntimeError } from './errors.ts';
import { eventItem, refuseAddress, spawnItem } from './incoming.ts';
import { optionsOf, sourceOf, wrongOption } from './options.ts';
import { assemble, type Parts, type SystemOptions } from './parts.ts';
import type { Item } from './steps/work.ts';
import type { SystemLoad } from './telemetry.ts';
import type {
  ActorEvent,
  ActorSystem,
  ActorView,
  Address,
  CommitNotice,
  DeadLetter,
  EndedOptions,
  InspectionRecord,
  ListOptions,
  MigrateOptions,
  MigrationReport,
  PendingWork,
  SendAnswer,
  SendOptions,
  SpawnOptions,
} from './types.ts';
import { scheduleHousekeeping } from './upkeep/housekeeping.ts';
import { startSchedules } from './upkeep/schedules.ts';
import { waitFor } from './wait-for.ts';

const DRAIN_MS = 10_000;
const LONGEST_DRAIN_MS = 24 * 3_600_000;
/** Over the stated time: for effects to end that are aborted then, and for what they leave to be committed. */
const GRACE_MS = 1_000;
/** For telling the database and the other processes. */
const LEAVE_MS = 2_000;

export class System implements ActorSystem {
  readonly #options: SystemOptions;
  readonly #parts: Parts;
  #drained: Promise<void> | undefined;
  #leaveClock: (() => void) | undefined;

  constructor(options: SystemOptions) {
    this.#options = options;
    this.#parts = assemble(options, {
      calls: {
        send: (address, event, sendOptions) => this.send(address, event, sendOptions),
        spawn: (machine, key, spawnOptions) => this.spawn(machine, key, spawnOptions),
      },
      onGone: () => this.#release(),
    });
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
    this.#leaveClock = this.#parts.clock.join?.({
      busyWith: (leaveRunning) => this.#busyWith(leaveRunning),
      settled: (leaveRunning) => this.#settled(leaveRunning),
      look: () => this.#parts.followUp.look(),
    });
    await this.#parts.boss.start();
    await this.#parts.timerQueue.create();
    const restored = await restartRestoredStream(this.#options.pool);
    if (restored > 0)
      this.#parts.log.info({ rows: restored }, 'the journal was restored from another server');
    // Before anything steps here: effects belong to a process that is registered.
    await this.#parts.peers.start();
    await this.#parts.timers.start();
    this.#parts.followUp.look();
    this.#release();
    await scheduleHousekeeping(this.#parts.boss, this.#parts.retention);
    await startSchedules(this.#parts.boss, this.#options.schedules ?? [], {
      now: () => new Date(this.#parts.clock.now()),
      spawn: (...asked) => this.spawn(...asked),
      log: this.#parts.log,
    });
  }

  async spawn(machine: string, key: string, options: SpawnOptions): Promise<Address> {
    this.#refuseWhenDraining();
    const { address } = await this.#parts.committer.submit(
      spawnItem(this.#parts.registry, machine, key, options),
    );
    return address;
  }

  async send(address: Address, event: ActorEvent, options: SendOptions = {}): Promise<SendAnswer> {
    this.#refuseWhenDraining();
    const { answer } = await this.#parts.committer.submit(
      eventItem(this.#parts.registry, address, event, options),
    );
    return answer as SendAnswer;
  }

  snapshot(address: Address): Promise<ActorView> {
    return this.#parts.queries.snapshot(address);
  }

  waitFor(...[address, until, options]: Parameters<ActorSystem['waitFor']>): Promise<ActorView> {
    return waitFor(this, address, until, options);
  }

  async migrate(options: MigrateOptions): Promise<MigrationReport> {
    if (!options?.dryRun) this.#refuseWhenDraining();
    return this.#parts.migrator.migrate(options);
  }

  list(options?: ListOptions): ReturnType<ActorSystem['list']> {
    return this.#parts.queries.list(options);
  }

  listEnded(options: EndedOptions): ReturnType<ActorSystem['listEnded']> {
    return this.#parts.queries.listEnded(options);
  }

  pending(address: Address): Promise<PendingWork> {
    return this.#parts.queries.pending(address);
  }

  journal(...[address, options]: Parameters<ActorSystem['journal']>): Promise<InspectionRecord[]> {
    return this.#parts.queries.journal(address, options);
  }

  inspect(options?: Parameters<ActorSystem['inspect']>[0]): Promise<InspectionRecord[]> {
    return this.#parts.queries.inspect(options);
  }

  inspectEnd(): Promise<string> {
    return this.#parts.queries.inspectEnd();
  }

  async stop(address: Address, options: { source?: string } = {}): Promise<ActorView> {
    this.#refuseWhenDraining();
    refuseAddress(address);
    const item: Item = { kind: 'stop', stepId: randomUUID(), address, source: sourceOf(options) };
    await this.#parts.committer.submit(item);
    return this.snapshot(address);
  }

  deadLetters(...[options]: Parameters<ActorSystem['deadLetters']>): ReturnType<ActorSystem['deadLetters']> {
    return this.#parts.deadLetters.list(options);
  }

  countDeadLetters(): Promise<number> {
    return this.#parts.deadLetters.count();
  }

  deadLetter(id: string): Promise<DeadLetter> {
    return this.#parts.deadLetters.get(id);
  }

  async retryDeadLetter(id: string, options?: { source?: string }): Promise<SendAnswer> {
    this.#refuseWhenDraining();
    return this.#parts.deadLetters.retry(id, options);
  }

  discardDeadLetter(id: string, options?: { source?: string }): Promise<DeadLetter> {
    return this.#parts.deadLetters.discard(id, options);
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    return this.#parts.followUp.onCommit(listener);
  }

  load(): SystemLoad {
    return { queued: this.#parts.committer.size, effects: this.#parts.runner.load() };
  }

  machines() {
    return this.#parts.registry.allVersions;
  }

  async drain(options: { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs = DRAIN_MS } = optionsOf(options, ['timeoutMs']);
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0 && timeoutMs <= LONGEST_DRAIN_MS))
      throw wrongOption('timeoutMs', 'timeoutMs is a number of 0 or more, a day at most');
    this.#drained ??= this.#drain(timeoutMs);
    return this.#drained;
  }

  /** Each part is waited for, and none for ever: a statement may be stalled, or a connection dead. */
  async #drain(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const onLate = (error: unknown) => this.#parts.log.warn({ err: error }, 'what was not waited for failed');
    const parts = [this.#parts.timers, this.#parts.retention, this.#parts.followUp].map((part) =>
      part.stop(),
    );
    await atMost(Promise.all([...parts, this.#parts.runner.stop(timeoutMs)]), timeoutMs + GRACE_MS, onLate);
    const leftMs = Math.max(until - performance.now(), Math.min(timeoutMs, GRACE_MS));
    await atMost(this.#parts.committer.idle(), leftMs, onLate);
    this.#parts.committer.stop();
    const left = this.#parts.peers
      .stop()
      .then(() => this.#parts.boss.stop({ graceful: true, timeout: timeoutMs, close: false }));
    await atMost(left, LEAVE_MS, onLate);
    this.#leaveClock?.();
    await this.#options.close?.();
  }

  #busyWith(leaveRunning: readonly string[]): string[] {
    const looking = this.#parts.followUp.looking ? ['it looks what was committed'] : [];
    const parts = [
      this.#parts.committer.busyWith(),
      this.#parts.timers.busyWith(),
      this.#parts.runner.busyWith(leaveRunning),
    ];
    return [...looking, ...parts.flat()];
  }

  /** What ends in one part may begin something in another. */
  async #settled(leaveRunning: readonly string[]): Promise<void> {
    while (this.#busyWith(leaveRunning).length > 0) {
      await Promise.all([
        this.#parts.followUp.looking,
        this.#parts.committer.idle(),
        this.#parts.timers.idle(),
        this.#parts.runner.idle(leaveRunning),
      ]);
    }
  }

  /** What a process that is gone could not take on, this one may. */
  #release(): void {
    this.#parts.migrator
      .release(() => this.#drained !== undefined)
      .then(
        (actors) => actors > 0 && this.#parts.log.info({ actors }, 'actors were released from quarantine'),
        (error: unknown) => this.#parts.log.warn({ err: error }, 'could not look into the quarantine'),
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
