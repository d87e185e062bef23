/**
 * The other processes on the same database: who lives, what they committed, and whose effects are to be taken over.
 *
 * One connection of its own listens for notices and holds the advisory lock by which others see at once that this
 * process died. A lease finds the process that is frozen: it keeps its lock. Notices are sent outside the transactions
 * that carry the steps, at most one at a time, since a NOTIFY inside one takes away Postgres's own group commit.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { listenToNotices, sendNotice } from '../../persistence/actors/notices.ts';
import {
  type Abilities,
  holdProcessLock,
  leaveProcess,
  registerProcess,
  renewLease,
  succeedProcess,
  takeOverEffects,
} from '../../persistence/actors/processes.ts';
import type { EffectRow } from '../../persistence/actors/rows.ts';
import type { Database } from '../../persistence/database.ts';
import { isConnectionError } from '../../persistence/database-errors.ts';
import type { Address, CommitNotice, RuntimeLog } from './types.ts';

/** With other processes about, or effects running here: a dead one is found within this. */
const FAST_TICK_MS = 700;
/** Alone and idle there is nobody to take over from. */
const SLOW_TICK_MS = 30_000;
/** A lease outlives this many ticks. */
const LEASE_TICKS = 3;
/** Postgres takes at most 8,000 bytes in a notice. */
const MAX_NOTICE_BYTES = 7_500;
const RECONNECT_MS = 300;
/** What takes longer has cost the lease anyway: the connection is given up, since it may be dead without a word. */
const ANSWER_MS = 5_000;
/** Leaving waits so long for the server's good-bye. */
const GOODBYE_MS = 500;

/** What processes tell each other. */
interface Notice {
  from: string;
  kind: 'hello' | 'greeting' | 'commit' | 'bye';
  /** The one process that is meant; all unless said. */
  to?: string;
  /** Null: too many to name. */
  addresses?: Address[] | null;
  /** Null: too many to name. */
  cancelled?: string[] | null;
  /** The nearest deadline that was committed, in milliseconds since 1970. */
  due?: number;
  /** Who has mail that the sender can't take for them. Null: too many to name. */
  mail?: Address[] | null;
}

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
  /** Others took over what this process ran: it was frozen for longer than its lease. */
  onLeaseLost: () => void;
  abilities: () => Abilities;
  /** Whether effects run here, so that the lease is kept short. */
  isBusy: () => boolean;
}

export class Peers {
  readonly #database: Database;
  readonly #connectionString: string;
  readonly #log: RuntimeLog;
  readonly #events: PeersEvents;
  /** The others, and when each was heard of last. */
  readonly #others = new Map<string, number>();
  #client: pg.Client | undefined;
  #id: string = randomUUID();
  /** Its id before, until what it ran has been given to this one. */
  #before: string | undefined;
  #tickTimer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #outgoing: Notice | undefined;
  #sending: Promise<void> | undefined;
  #stopped = false;

  constructor(options: {
    database: Database;
    connectionString: string;
    log: RuntimeLog;
    events: PeersEvents;
  }) {
    this.#database = options.database;
    this.#connectionString = options.connectionString;
    this.#log = options.log;
    this.#events = options.events;
  }

  /** This process's id in the rows of the effects that it runs. */
  get id(): string {
    return this.#id;
  }

  /** The ids in the rows of the effects that are its to run: its own, and while it joins again the one before. */
  get ids(): readonly string[] {
    return this.#before === undefined ? [this.#id] : [this.#id, this.#before];
  }

  /** Joins. Effects of processes that are gone are taken over before this resolves. */
  async start(): Promise<void> {
    await this.#connect();
    await this.#tick();
    await this.#takeOver();
    this.#notify({ kind: 'hello' });
  }

  /** Tells the others of a commit; notices that wait for one that is being sent are gathered into the next. */
  announce(addresses: readonly Address[], cancelled: readonly string[], due: number | undefined): void {
    this.#gather((notice) => {
      notice.addresses?.push(...addresses);
      notice.cancelled?.push(...cancelled);
      if (due !== undefined) notice.due = Math.min(notice.due ?? due, due);
    });
  }

  /** Tells the others of mail to an actor of a machine, or a version, that this process does not have. */
  announceMail(address: Address): void {
    this.#gather((notice) => {
      notice.mail = [...(notice.mail ?? []), address];
    });
  }

  #gather(add: (notice: Notice) => void): void {
    if (this.#others.size === 0) return;
    this.#outgoing ??= { from: this.#id, kind: 'commit', addresses: [], cancelled: [] };
    add(this.#outgoing);
    this.#sending ??= this.#sendGathered();
  }

  /** Leaves; others go on with what this process did not finish. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#tickTimer);
    const client = this.#client;
    // A tick that still waits for an answer ends with it.
    if (this.#ticking) await sayGoodbye(client);
    await this.#ticking;
    await this.#sending;
    try {
      await leaveProcess(this.#database, this.#id);
      if (this.#others.size > 0) await this.#send({ from: this.#id, kind: 'bye' });
    } catch (error) {
      this.#log.warn({ err: error }, 'leaving without telling the database; the lease will run out');
    }
    await sayGoodbye(client);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#connectionString,
      keepAlive: true,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    });
    client.on('notification', ({ payload }) => this.#receive(payload ?? ''));
    client.on('error', (error) => this.#log.warn({ err: error }, 'the listening connection broke'));
    client.once('end', () => this.#reconnect(client));
    try {
      await client.connect();
      await listenToNotices(client);
      await this.#register(client);
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    }
    if (this.#stopped) return sayGoodbye(client);
    this.#client = client;
  }

  async #register(client: pg.Client): Promise<void> {
    const number = await registerProcess(this.#database, this.#id, SLOW_TICK_MS * LEASE_TICKS);
    await holdProcessLock(client, number);
  }

  #reconnect(broken: pg.Client): void {
    if (this.#stopped || this.#client !== broken) return;
    this.#client = undefined;
    // One that is joining again will see that, and begin anew.
    if (this.#before === undefined) this.#rejoinSoon(this.#id);
  }

  /** A new life: without its lock the old one counts as dead, and others take over what it ran. */
  #rejoinSoon(before: string): void {
    setTimeout(() => {
      if (this.#stopped) return;
      this.#rejoin(before).catch((error: unknown) => {
        this.#log.warn({ err: error }, 'the database is away; joining again');
        this.#client?.connection.stream.destroy();
        this.#client = undefined;
        this.#rejoinSoon(this.#before ?? this.#id);
      });
    }, RECONNECT_MS);
  }

  async #rejoin(before: string): Promise<void> {
    this.#before = before;
    this.#id = randomUUID();
    await this.#connect();
    // What ran here goes on here, unless another process was quicker.
    await succeedProcess(this.#database, before, this.#id);
    if (!this.#client && !this.#stopped) throw new Error('the connection broke again');
    this.#before = undefined;
    this.#events.onLeaseLost();
    this.#missed();
    await this.#takeOver();
    this.#notify({ kind: 'hello' });
  }

  #scheduleTick(): void {
    clearTimeout(this.#tickTimer);
    if (this.#stopped) return;
    this.#tickTimer = setTimeout(() => {
      // One at a time, however slow the database is: the connection takes one query at a time.
      if (this.#ticking) return;
      this.#ticking = this.#tick()
        .catch((error: unknown) => this.#log.warn({ err: error }, 'the lease could not be renewed'))
        .finally(() => {
          this.#ticking = undefined;
          this.#scheduleTick();
        });
    }, this.#tickMs());
  }

  #tickMs(): number {
    return this.#others.size > 0 || this.#events.isBusy() ? FAST_TICK_MS : SLOW_TICK_MS;
  }

  async #tick(): Promise<void> {
    this.#scheduleTick();
    // The lease covers the slow tick too: one that is about to idle must not look dead to a newcomer.
    const leaseMs = this.#tickMs() * LEASE_TICKS;
    const began = performance.now();
    // On the connection of its own: a pool that is busy must not cost the lease.
    const client = this.#client;
    const { kept, others, orphans } = await renewLease(
      client ?? this.#database,
      this.#id,
      leaseMs,
      this.#events.abilities(),
    ).catch((error: unknown) => {
      // Whether or not it is dead, it is of no use.
      if (client && isConnectionError(error)) {
        client.connection.stream.destroy();
        this.#reconnect(client);
      }
      throw error;
    });
    // One that said hello since is not in what was read.
    for (const [id, heardAt] of this.#others) if (heardAt < began) this.#others.delete(id);
    for (const { id, alive } of others) if (alive) this.#others.set(id, performance.now());
    if (!kept) {
      this.#log.warn({}, 'this process was away for longer than its lease; others have taken over its work');
      if (client) await this.#register(client);
      this.#events.onLeaseLost();
      this.#missed();
    }
    const someDied = others.some(({ alive }) => !alive);
    if (someDied || orphans) await this.#takeOver();
    if (someDied) this.#missed();
  }

  /** Looks at once for effects that nobody runs, and that this process can take now. */
  takeOrphans(): void {
    this.#takeOver().catch((error: unknown) => this.#log.warn({ err: error }, 'taking over failed'));
  }

  async #takeOver(): Promise<void> {
    const rows = await takeOverEffects(this.#database, this.#id, this.#events.abilities());
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
    if (!notice || notice.from === this.#id || (notice.to ?? this.#id) !== this.#id) return;
    switch (notice.kind) {
      case 'hello':
        this.#others.set(notice.from, performance.now());
        this.#scheduleTick();
        this.#notify({ kind: 'greeting', to: notice.from });
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
        return;
      case 'commit':
        if (notice.cancelled === null || notice.cancelled?.length) this.#events.onCancelled(notice.cancelled);
        if (notice.due !== undefined) this.#events.onDue(notice.due);
        if (notice.mail === null) this.#events.onMissed();
        else if (notice.mail) this.#events.onMail(notice.mail);
        this.#events.onNotice({ addresses: notice.addresses ?? null });
    }
  }

  #notify(notice: Pick<Notice, 'kind' | 'to'>): void {
    this.#send({ from: this.#id, ...notice }).catch((error: unknown) =>
      this.#log.warn({ err: error }, 'other processes could not be told'),
    );
  }

  async #sendGathered(): Promise<void> {
    try {
      while (this.#outgoing) {
        const notice = this.#outgoing;
        this.#outgoing = undefined;
        await this.#send(notice);
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'other processes could not be told');
    } finally {
      this.#sending = undefined;
    }
  }

  async #send(notice: Notice): Promise<void> {
    let payload = JSON.stringify(notice);
    if (Buffer.byteLength(payload) > MAX_NOTICE_BYTES) {
      const cancelled = notice.cancelled?.length ? null : [];
      const mail = notice.mail?.length ? { mail: null } : {};
      payload = JSON.stringify({ ...notice, addresses: null, cancelled, ...mail });
    }
    await sendNotice(this.#database, payload);
  }
}

/** Ends a connection, whether or not the server says so too. */
async function sayGoodbye(client: pg.Client | undefined): Promise<void> {
  if (!client) return;
  const over = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS);
  await client.end().catch(() => {});
  clearTimeout(over);
}

function parseNotice(payload: string): Notice | null {
  try {
    const notice = JSON.parse(payload) as Notice | null;
    return typeof notice === 'object' ? notice : null;
  } catch {
    return null;
  }
}
