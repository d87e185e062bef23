/**
 * The other processes on the same database: who lives, what they committed, and whose effects are to be taken over.
 *
 * One connection of its own listens for notices and holds the advisory lock by which others see at once that this
 * process died. A lease finds the process that is frozen: it keeps its lock. What this process tells the others is
 * `telling.ts`; that the connection is opened anew, `listening-connection.ts`.
 */
import { randomUUID } from 'node:crypto';
import { NOTICE_CHANNEL } from '../../../persistence/actors/notices.ts';
import {
  type Abilities,
  leaveProcesses,
  registerProcess,
  renewLease,
  runningSince,
  succeedProcesses,
  takeOverEffects,
} from '../../../persistence/actors/processes.ts';
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import type { Database } from '../../../persistence/database.ts';
import { ListeningConnection } from '../../../persistence/listening-connection.ts';
import type { Address, CommitNotice, RuntimeLog } from '../types.ts';
import { LateCommits } from './late-commits.ts';
import { parseNotice } from './notices.ts';
import { Telling } from './telling.ts';

/** With other processes about, or effects running here: a dead one is found within this. */
const FAST_TICK_MS = 700;
/** Alone and idle there is nobody to take over from. */
const SLOW_TICK_MS = 30_000;
/** A lease outlives this many ticks. */
const LEASE_TICKS = 3;

export interface PeersEvents {
  /** Another process committed; or notices were missed. */
  onNotice: (notice: CommitNotice) => void;
  /** Null: too many to name; look which of ours are gone. */
  onCancelled: (effectIds: readonly string[] | null) => void;
  onDue: (due: number) => void;
  /** Another process can't take this mail; this one may. */
  onMail: (addresses: readonly Address[]) => void;
  /** Notices were missed: read again what they would have told. */
  onMissed: () => void;
  onTakenOver: (rows: readonly EffectRow[]) => void;
  /** Another process has left, or died. */
  onGone: () => void;
  /** Others took over what this process ran: it was frozen for longer than its lease. */
  onLeaseLost: () => void;
  abilities: () => Abilities;
  /** Whether effects run here, so that the lease is kept short. */
  isBusy: () => boolean;
  /** The database's time, as it was said between two moments of the wall clock; all in milliseconds since 1970. */
  onTime: (now: number, askedAt: number, answeredAt: number) => void;
}

export class Peers {
  readonly #database: Database;
  readonly #log: RuntimeLog;
  readonly #events: PeersEvents;
  readonly #connection: ListeningConnection;
  /** The others, and when each was heard of last. */
  readonly #others = new Map<string, number>();
  /** Its id now; behind it, until what it ran has been given to this one, the one that it had before. */
  #ids: [string, ...string[]] = [randomUUID()];
  #hasJoined = false;
  /** Of those that died. */
  readonly #lateCommits: LateCommits;
  /** Of the lease as it was renewed last: the next tick must come before it runs out. */
  #leaseMs = SLOW_TICK_MS * LEASE_TICKS;
  #nextTickMs = SLOW_TICK_MS;
  #tickTimer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  /** Tells the others. */
  readonly telling: Telling;
  #stopped = false;

  constructor(options: {
    database: Database;
    connectionString: string;
    log: RuntimeLog;
    events: PeersEvents;
  }) {
    const { database, connectionString, log, events } = options;
    this.#database = database;
    this.#log = log;
    this.#events = events;
    this.telling = new Telling({
      database,
      log,
      from: () => this.id,
      hasOthers: () => this.#others.size > 0,
    });
    this.#lateCommits = new LateCommits((moment) => runningSince(database, moment));
    this.#connection = new ListeningConnection({
      connectionString,
      channel: NOTICE_CHANNEL,
      onNotice: (payload) => this.#receive(payload),
      onListening: (connection) => this.#join(connection),
      onReopened: () => this.#rejoined(),
      onError: (error) =>
        log.warn({ err: error }, 'the listening connection broke, or a notice can not be taken'),
    });
  }

  /** This process's id in the rows of the effects that it runs. */
  get id(): string {
    return this.#ids[0];
  }

  /** The ids in the rows of the effects that are its to run: its own, and while it joins again those before. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** Joins. Effects of processes that are gone are taken over before this resolves. */
  async start(): Promise<void> {
    await this.#connection.start();
    await this.#tick();
    await this.#takeOver();
    this.#scheduleTick();
    void this.telling.say({ kind: 'hello' });
  }

  /** Effects have begun to run here: from now on the lease is kept short, so that others see a freeze soon. */
  hasten(): void {
    if (this.#nextTickMs > this.#tickMs()) this.#scheduleTick();
  }

  /** Leaves; others go on with what this process did not finish. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#tickTimer);
    // A tick that still waits for an answer ends with it, and nothing joins any more.
    if (this.#ticking || !this.#connection.isOpen) await this.#connection.stop();
    await this.#ticking;
    await this.telling.stop();
    try {
      await leaveProcesses(this.#database, this.#ids);
      if (this.#others.size > 0) await this.telling.say({ kind: 'bye' });
    } catch (error) {
      this.#log.warn({ err: error }, 'leaving without telling the database; the lease will run out');
    }
    await this.#connection.stop();
  }

  /** Each connection is a new life: without its lock the old one counts as dead, and others take over what it ran. */
  async #join(connection: Database): Promise<void> {
    // Under the same new id until it has joined: effects may have been started under that meanwhile.
    if (this.#hasJoined && this.#ids.length === 1) this.#ids = [randomUUID(), this.id];
    this.#hasJoined = true;
    await this.#register(connection);
    const [id, ...before] = this.#ids;
    // What ran here goes on here, unless another process was quicker.
    if (before.length > 0) await succeedProcesses(this.#database, before, id);
  }

  #register(connection: Database): Promise<void> {
    return registerProcess(connection, this.id, SLOW_TICK_MS * LEASE_TICKS);
  }

  #rejoined(): void {
    this.#ids = [this.id];
    this.#events.onLeaseLost();
    this.#missed();
    this.takeOrphans();
    void this.telling.say({ kind: 'hello' });
  }

  #scheduleTick(): void {
    clearTimeout(this.#tickTimer);
    if (this.#stopped) return;
    this.#nextTickMs = Math.min(this.#tickMs(), this.#leaseMs / LEASE_TICKS);
    this.#tickTimer = setTimeout(() => {
      // One at a time, however slow the database is: the connection takes one query at a time.
      if (this.#ticking) return;
      this.#ticking = this.#tick()
        .catch((error: unknown) => {
          // One that is cut off by `stop` is no failure.
          if (!this.#stopped) this.#log.warn({ err: error }, 'the lease could not be renewed');
        })
        .finally(() => {
          this.#ticking = undefined;
          this.#scheduleTick();
        });
    }, this.#nextTickMs);
  }

  #tickMs(): number {
    const isQuick = this.#others.size > 0 || this.#lateCommits.mayCome || this.#events.isBusy();
    return isQuick ? FAST_TICK_MS : SLOW_TICK_MS;
  }

  async #tick(): Promise<void> {
    this.#scheduleTick();
    // It lasts until the next tick, and some: one that idles must not look dead to a newcomer.
    const leaseMs = this.#tickMs() * LEASE_TICKS;
    const [began, askedAt] = [performance.now(), Date.now()];
    // On the connection of its own: a pool that is busy must not cost the lease.
    const database = this.#connection.isOpen ? this.#connection : this.#database;
    const abilities = this.#events.abilities();
    const { kept, others, orphans, now } = await renewLease(database, this.id, leaseMs, abilities);
    this.#leaseMs = leaseMs;
    this.#events.onTime(now, askedAt, Date.now());
    const someDied = this.#countOthers(others, began);
    if (!kept) {
      this.#log.warn({}, 'this process was away for longer than its lease; others have taken over its work');
      if (database === this.#connection) {
        await this.#register(this.#connection);
        // They have counted it as dead, and told it nothing since.
        void this.telling.say({ kind: 'hello' });
      }
      this.#events.onLeaseLost();
      this.#missed();
    }
    if (someDied || orphans) await this.#takeOver();
    if (someDied) this.#events.onGone();
    if (await this.#lateCommits.mustLook(now, someDied)) this.#missed();
  }

  /** Takes in who was there at `began`, and says whether one of them has died. */
  #countOthers(others: readonly { id: string; alive: boolean }[], began: number): boolean {
    let someDied = others.some(({ alive }) => !alive);
    const living = new Set(others.filter(({ alive }) => alive).map(({ id }) => id));
    for (const [id, heardAt] of this.#others) {
      // One that said hello since is not in what was read.
      if (heardAt >= began || living.has(id)) continue;
      this.#others.delete(id);
      // Who ends says goodbye: this one has died, and another process has cleared up after it.
      someDied = true;
    }
    for (const id of living) this.#others.set(id, performance.now());
    return someDied;
  }

  /** Looks at once for effects that nobody runs, and that this process can take now. */
  takeOrphans(): void {
    this.#takeOver().catch((error: unknown) => this.#log.warn({ err: error }, 'taking over failed'));
  }

  async #takeOver(): Promise<void> {
    const taken = takeOverEffects(this.#database, this.id, this.#events.abilities());
    const rows = await taken.catch((error: unknown) => {
      // It may have happened: what is this process's is found by its rows.
      this.#events.onMissed();
      throw error;
    });
    if (rows.length === 0) return;
    this.#log.info({ effects: rows.length }, 'taking over effects of a process that is gone');
    this.#events.onTakenOver(rows);
  }

  #missed(): void {
    this.#events.onMissed();
    this.#events.onNotice({ addresses: null });
  }

  #receive(payload: string): void {
    const notice = parseNotice(payload);
    if (!notice) this.#log.warn({ payload: payload.slice(0, 200) }, 'a notice that is not one of ours');
    if (!notice || notice.from === this.id || (notice.to ?? this.id) !== this.id) return;
    switch (notice.kind) {
      case 'hello':
        this.#others.set(notice.from, performance.now());
        this.#scheduleTick();
        void this.telling.say({ kind: 'greeting', to: notice.from });
        return;
      case 'greeting':
        this.#others.set(notice.from, performance.now());
        this.#scheduleTick();
        // From here on it tells us what it commits; what it committed before is read again.
        this.#missed();
        return;
      case 'bye':
        this.#others.delete(notice.from);
        this.takeOrphans();
        // It may have left mail that it did not take any more.
        this.#missed();
        this.#events.onGone();
        return;
      case 'commit':
        if (notice.cancelled === null || notice.cancelled?.length) this.#events.onCancelled(notice.cancelled);
        if (notice.due !== undefined) this.#events.onDue(notice.due);
        if (notice.mail === null) this.#events.onMissed();
        else if (notice.mail) this.#events.onMail(notice.mail);
        this.#events.onNotice({ addresses: notice.addresses ?? null });
    }
  }
}
