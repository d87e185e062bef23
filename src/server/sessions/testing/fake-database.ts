/**
 * For unit tests of sessions: a stand-in for the database, with the real session machine on it. Not for anything that
 * runs, and not for what only a real database can show; test/sessions.test.ts has one.
 */
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import { type ActorView, type CommitNotice, RuntimeError } from '../../../actors/runtime/index.ts';
import { type SessionEvent, session, sessionEvents } from '../../../machines/session.ts';
import type { Notification } from '../../../persistence/records/notifications.ts';
import type { NotificationRows } from '../delivery.ts';
import type { SessionSystem } from '../session-actor.ts';

interface Row {
  view: ActorView;
  snapshot: SnapshotFrom<typeof session.machine> | null;
}

/** What the servers share. Each call yields to others first, as a real one does. */
export class FakeDatabase {
  readonly rows = new Map<string, Row>();
  /** As if those up to it had been deleted for their age. */
  prunedSeq = 0;
  readonly notifications = new Map<string, Notification[]>();
  /** Events that session actors took, in order. */
  readonly taken: { sessionId: string; event: SessionEvent }[] = [];
  /** For each read of notifications, for how many places it was. */
  readonly reads: number[] = [];
  /** How many of an owner's notifications all reads handed out. */
  readonly handed = new Map<string, number>();
  /** While true, each call fails as it does when Postgres is away. */
  away = false;
  /** Called before each read of notifications. */
  onPending: (() => void | Promise<void>) | null = null;
  /** Called after a snapshot was read and before its reader has it. */
  onSnapshot: ((view: ActorView) => void) | null = null;
  readonly #commitListeners = new Set<(notice: CommitNotice) => void>();
  readonly #notificationListeners = new Set<(owner: string | null) => void>();

  /** What one server gets. */
  rooms(): { system: SessionSystem; notifications: NotificationRows } {
    return { system: this.system(), notifications: this.#notificationRows() };
  }

  system(): SessionSystem {
    return {
      spawn: async (_machine, key, { owner, input }) => {
        await this.#turn();
        const [snapshot] = initialTransition(session.machine, session.input.parse(input));
        this.#write(`session/${key}`, owner, snapshot);
        return `session/${key}`;
      },
      send: async (address, event) => {
        await this.#turn();
        const { row, changed } = this.apply(address, event);
        const { revision, value, status } = row.view;
        return { revision, value, status, changed };
      },
      snapshot: async (address) => {
        await this.#turn();
        const { view } = this.#row(address);
        this.onSnapshot?.(view);
        return view;
      },
      list: async ({ owner, machine, status, limit = 50, cursor = '0' } = {}) => {
        await this.#turn();
        const actors = [...this.rows.values()]
          .map(({ view }) => view)
          .filter(
            (view) =>
              view.owner === owner &&
              view.machine === machine &&
              (status === undefined || view.status === status),
          )
          .reverse();
        const end = Number(cursor) + limit;
        return {
          actors: actors.slice(Number(cursor), end),
          next: end < actors.length ? String(end) : null,
        };
      },
      onCommit: (listener) => {
        this.#commitListeners.add(listener);
        return () => this.#commitListeners.delete(listener);
      },
    };
  }

  #notificationRows(): NotificationRows {
    return {
      pending: async (places, limit) => {
        this.reads.push(places.length);
        await this.#turn();
        await this.onPending?.();
        return places.map(({ owner, afterSeq }) => {
          const all = this.notifications.get(owner) ?? [];
          const rows = all.filter(({ seq }) => seq > afterSeq).slice(0, limit);
          this.handed.set(owner, (this.handed.get(owner) ?? 0) + rows.length);
          return rows;
        });
      },
      latestSeq: async (owner) => {
        await this.#turn();
        return this.notifications.get(owner)?.length ?? 0;
      },
      prunedSeq: async () => this.prunedSeq,
      onNotification: (listener) => {
        this.#notificationListeners.add(listener);
        return () => this.#notificationListeners.delete(listener);
      },
    };
  }

  notify(owner: string, data: Record<string, unknown> = {}): number {
    const rows = this.notifications.get(owner) ?? [];
    const seq = rows.length + 1;
    const at = new Date('2026-01-05T15:00:00Z');
    rows.push({ owner, seq, id: `n${seq}`, type: 'price_alert_triggered', at, source: 'priceAlert/a', data });
    this.notifications.set(owner, rows);
    this.wakeAll(owner);
    return seq;
  }

  wakeAll(owner: string | null): void {
    for (const listener of this.#notificationListeners) listener(owner);
  }

  committed(notice: CommitNotice): void {
    for (const listener of this.#commitListeners) listener(notice);
  }

  /** An actor of another machine, as its commit leaves it. */
  put(address: string, owner: string, change: Partial<ActorView>): void {
    const view = { ...this.viewOf(address, owner), ...change };
    this.rows.set(address, { view, snapshot: null });
    this.committed({ addresses: [address] });
  }

  /** One step of a session actor, committed. */
  apply(address: string, event: { type: string }): { row: Row; changed: boolean } {
    const row = this.#row(address);
    if (row.view.status !== 'active' || !row.snapshot) throw new RuntimeError('actor_ended', 'It has ended.');
    const taken = sessionEvents[event.type as SessionEvent['type']].parse(event);
    const [next] = transition(session.machine, row.snapshot, taken);
    const changed = next !== row.snapshot;
    if (changed) {
      this.taken.push({ sessionId: row.view.key, event: taken });
      this.#write(address, row.view.owner, next);
    }
    return { row: this.#row(address), changed };
  }

  session(sessionId: string): ActorView {
    return this.#row(`session/${sessionId}`).view;
  }

  /** The lease of a live session runs out. */
  expire(sessionId: string): void {
    const { snapshot } = this.#row(`session/${sessionId}`);
    if (!snapshot) throw new Error('not a session');
    const timeout = { type: 'xstate.after.lease.session.live' } as unknown as SessionEvent;
    this.#write(`session/${sessionId}`, 'ann', transition(session.machine, snapshot, timeout)[0]);
  }

  #write(address: string, owner: string, snapshot: SnapshotFrom<typeof session.machine>): void {
    const view: ActorView = {
      ...this.viewOf(address, owner),
      status: snapshot.status === 'done' ? 'done' : 'active',
      value: snapshot.value,
      context: { ...snapshot.context },
    };
    this.rows.set(address, { view, snapshot });
    this.committed({ addresses: [address] });
  }

  viewOf(address: string, owner: string): ActorView {
    const [machine = '', key = ''] = address.split('/');
    return {
      address,
      machine,
      key,
      version: '1',
      owner,
      status: 'active',
      revision: (this.rows.get(address)?.view.revision ?? 0) + 1,
      value: '',
      tags: [],
      context: {},
      timers: [],
      effects: [],
      children: [],
      parent: null,
      createdAt: new Date('2026-01-05T15:00:00Z'),
      updatedAt: new Date('2026-01-05T15:00:00Z'),
    };
  }

  #row(address: string): Row {
    const row = this.rows.get(address);
    if (!row) throw new RuntimeError('actor_not_found', `There is no ${address}.`);
    return row;
  }

  async #turn(): Promise<void> {
    await new Promise(setImmediate);
    if (this.away) throw new RuntimeError('unavailable', 'The database is away.', { retryable: true });
  }
}
