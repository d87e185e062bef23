/**
 * For the tests of this folder: a stand-in for the database with the real session machine on it, servers with the
 * real door on a real port, and a client that holds every frame against its schema. Not for anything that runs.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import { z } from 'zod';
import { type ActorView, type CommitNotice, RuntimeError } from '../../actors/runtime/index.ts';
import { type SessionEvent, session, sessionEvents } from '../../machines/session.ts';
import type { Notification } from '../../persistence/records/notifications.ts';
import type { Auth } from '../auth.ts';
import type { NotificationRows } from './delivery.ts';
import { createSessionsDoor, type SessionsDoor } from './door.ts';
import { type ServerFrame, type SessionLimits, serverFrames } from './protocol.ts';
import type { SessionSystem } from './session-actor.ts';

interface Row {
  view: ActorView;
  snapshot: SnapshotFrom<typeof session.machine> | null;
}

/** What the servers share. Each call yields to others first, as a real one does. */
export class FakeDatabase {
  readonly rows = new Map<string, Row>();
  readonly notifications = new Map<string, Notification[]>();
  /** Events that session actors took, in order. */
  readonly taken: { sessionId: string; event: SessionEvent }[] = [];
  /** While true, each call fails as it does when Postgres is away. */
  away = false;
  /** Called before each read of notifications. */
  onSince: (() => void | Promise<void>) | null = null;
  readonly #commitListeners = new Set<(notice: CommitNotice) => void>();
  readonly #notificationListeners = new Set<(owner: string | null) => void>();

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
        const row = this.#row(address);
        if (row.view.status !== 'active' || !row.snapshot)
          throw new RuntimeError('actor_ended', 'It has ended.');
        const schema = sessionEvents[event.type as SessionEvent['type']];
        const taken = schema.parse(event);
        const [next] = transition(session.machine, row.snapshot, taken);
        const changed = next !== row.snapshot;
        if (changed) {
          this.taken.push({ sessionId: row.view.key, event: taken });
          this.#write(address, row.view.owner, next);
        }
        const { revision, value, status } = this.#row(address).view;
        return { revision, value, status, changed };
      },
      snapshot: async (address) => {
        await this.#turn();
        return this.#row(address).view;
      },
      list: async ({ owner, machine, status } = {}) => {
        await this.#turn();
        const actors = [...this.rows.values()].map(({ view }) => view);
        return {
          actors: actors.filter(
            (view) =>
              view.owner === owner &&
              view.machine === machine &&
              (status === undefined || view.status === status),
          ),
          next: null,
        };
      },
      onCommit: (listener) => {
        this.#commitListeners.add(listener);
        return () => this.#commitListeners.delete(listener);
      },
    };
  }

  rowsOfNotifications(): NotificationRows {
    return {
      since: async (owner, afterSeq, limit) => {
        await this.#turn();
        await this.onSince?.();
        return (this.notifications.get(owner) ?? []).filter(({ seq }) => seq > afterSeq).slice(0, limit);
      },
      latestSeq: async (owner) => {
        await this.#turn();
        return this.notifications.get(owner)?.length ?? 0;
      },
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

export interface FakeServer {
  url: string;
  door: SessionsDoor;
  /** Resolves when this was logged, or is already. */
  logged(message: string): Promise<void>;
  stop(): Promise<void>;
}

/** The owner is the bearer token; the token `wrong`, or none, is refused. */
const tokenIsOwner: Auth['authenticateUpgrade'] = ({ headers }) => {
  const owner = headers.authorization?.slice('Bearer '.length);
  if (owner !== undefined && owner !== 'wrong') return { owner };
  return { status: 401, error: { code: 'unauthorized', message: 'A token is needed.', retryable: false } };
};

/** A server process's worth of door, on a port of its own. Limits that are not given suit tests. */
export async function startServer(
  database: FakeDatabase,
  serverId: string,
  limits: Partial<SessionLimits> = {},
): Promise<FakeServer> {
  const messages = new Set<string>();
  const onMessage: (() => void)[] = [];
  const keep = (_fields: object, message: string) => {
    messages.add(message);
    for (const resolve of onMessage.splice(0)) resolve();
  };
  const door = createSessionsDoor({
    system: database.system(),
    notifications: database.rowsOfNotifications(),
    authenticateUpgrade: tokenIsOwner,
    serverId,
    log: { debug: keep, info: keep, warn: keep, error: keep },
    limits: { retryMs: 5, retryMaxMs: 20, closeTimeoutMs: 500, ...limits },
  });
  const http: Server = createServer((_request, response) => response.writeHead(404).end());
  http.on('upgrade', (request, socket, head) => door.handleUpgrade(request, socket, head));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    door,
    async logged(message) {
      while (!messages.has(message)) await new Promise<void>((resolve) => onMessage.push(resolve));
    },
    async stop() {
      await door.stop();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

const anyServerFrame = z.discriminatedUnion('type', [
  serverFrames.welcome,
  serverFrames.notification,
  serverFrames.run,
  serverFrames.alert,
  serverFrames.subscribed,
  serverFrames.pong,
  serverFrames.catchUp,
  serverFrames.error,
]);

type FrameOf<Type extends ServerFrame['type']> = Extract<ServerFrame, { type: Type }>;

/** A real socket. Each frame is parsed by its schema; a frame that does not fit fails what waits. */
export class Client {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #read = 0;
  #fault: unknown;
  #onChange: (() => void)[] = [];

  constructor(server: { url: string }, owner = 'ann', options: ClientOptions = {}) {
    const headers = { authorization: `Bearer ${owner}`, ...options.headers };
    this.socket = new WebSocket(server.url, ['ttai.v1'], { ...options, headers });
    this.socket.on('message', (data) => {
      const parsed = anyServerFrame.safeParse(JSON.parse(String(data)));
      if (parsed.success) this.frames.push(parsed.data);
      else this.#fault = parsed.error;
      this.#changed();
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#fault ??= new Error(`closed with ${code} ${reason}`);
        this.#changed();
      });
    });
  }

  async opened(): Promise<this> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, 'open');
    return this;
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  async hello(fields: Record<string, unknown> = {}): Promise<FrameOf<'welcome'>> {
    await this.opened();
    this.send({ type: 'hello', ...fields });
    return this.next('welcome');
  }

  /** The next frame of a type, in order; others are passed over. Rejects when the socket closes first. */
  async next<Type extends ServerFrame['type']>(type: Type): Promise<FrameOf<Type>> {
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read++];
        if (frame?.type === type) return frame as FrameOf<Type>;
      }
      await this.#change();
    }
  }

  /** Everything that the server sent before it answers this has arrived when it resolves; `next` still shows it. */
  async settled(): Promise<void> {
    const id = `settled-${this.frames.length}`;
    this.send({ type: 'ping', id });
    while (!this.frames.some((frame) => frame.type === 'pong' && frame.id === id)) await this.#change();
  }

  seqs(): number[] {
    return this.frames.flatMap((frame) => (frame.type === 'notification' ? [frame.notification.seq] : []));
  }

  async leave(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  async #change(): Promise<void> {
    if (this.#fault) throw this.#fault;
    await new Promise<void>((resolve) => this.#onChange.push(resolve));
  }

  #changed(): void {
    const waiting = this.#onChange;
    this.#onChange = [];
    for (const resolve of waiting) resolve();
  }
}
