/** A client of a session that comes back for ever, to any server, with what it has. Notes all it sees. */
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Random } from './random.ts';
import { type ClientHistory, lastSeqOf, type Seen } from './streams-checker.ts';
import type { StreamServers } from './streams-servers.ts';

/** Quicker than docs/websocket.md tells: here servers are away for a second or two. */
const RETRY_MS = { least: 20, most: 600 };
/** A connection that lives so long is left by the client itself, without a word. */
const LEAVE_AFTER_MS = { least: 2_000, most: 30_000 };
/** Confirming each one is allowed, and costs the server little. */
const CONFIRM_SHARE = 0.5;

interface Frame {
  type: string;
  sessionId?: string;
  lastSeq?: number;
  code?: string;
  retryable?: boolean;
  notification?: { seq: number; id: string };
}

export class StreamClient implements ClientHistory {
  readonly name: string;
  readonly owner: string;
  readonly seen: Seen[] = [];
  /** How often it was connected and greeted. */
  visits = 0;
  /** Answers with errors that a client has to live with, by code. */
  readonly refusals: Record<string, number> = {};
  /** Resolves with the first welcome. */
  readonly joined: Promise<void>;
  readonly #servers: StreamServers;
  readonly #random: Random;
  /** On the connection that it has now. */
  isGreeted = false;
  readonly #greeted = Promise.withResolvers<void>();
  #sessionId: string | null = null;
  #socket: WebSocket | undefined;
  #ended = false;
  #staying = false;
  readonly #over: Promise<void>;

  constructor(options: { index: number; owner: string; servers: StreamServers; seed: number }) {
    this.name = `client ${options.index}`;
    this.owner = options.owner;
    this.#servers = options.servers;
    this.#random = new Random(options.seed + options.index);
    this.joined = this.#greeted.promise;
    this.#over = this.#live();
  }

  /** It leaves no more by itself: what is new must reach it without its coming back. */
  stay(): void {
    this.#staying = true;
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#socket?.terminate();
    await this.#over;
  }

  async #live(): Promise<void> {
    while (!this.#ended) {
      const url = this.#servers.pick(this.#random);
      if (url !== null) await this.#visit(`${url.replace('http', 'ws')}/ws`);
      if (!this.#ended) await delay(this.#random.between(RETRY_MS.least, RETRY_MS.most));
    }
  }

  /** One connection, to its end. */
  async #visit(url: string): Promise<void> {
    const socket = new WebSocket(url, ['ttai.v1'], { headers: { authorization: `Bearer ${this.owner}` } });
    this.#socket = socket;
    const said = lastSeqOf(this);
    const leave = setTimeout(
      () => {
        if (!this.#staying) socket.terminate();
      },
      this.#random.between(LEAVE_AFTER_MS.least, LEAVE_AFTER_MS.most),
    );
    socket.on('open', () => {
      const back = this.#sessionId === null ? {} : { sessionId: this.#sessionId, lastSeq: said ?? 0 };
      socket.send(JSON.stringify({ type: 'hello', ...back }));
    });
    socket.on('message', (data) => this.#take(socket, JSON.parse(String(data)) as Frame, said));
    socket.on('error', () => {});
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    clearTimeout(leave);
    this.isGreeted = false;
  }

  #take(socket: WebSocket, frame: Frame, said: number | null): void {
    // What arrives after this client has turned away is not read by it.
    if (socket.readyState !== WebSocket.OPEN) return;
    const { type, sessionId = '', lastSeq = 0, notification, code = '' } = frame;
    if (type === 'welcome') {
      const came = this.#sessionId === null ? null : said;
      this.seen.push({ kind: 'welcome', said: came, lastSeq, sessionId });
      this.#sessionId = sessionId;
      this.visits += 1;
      this.isGreeted = true;
      this.#greeted.resolve();
    } else if (type === 'notification' && notification) {
      this.seen.push({ kind: 'notification', seq: notification.seq, id: notification.id });
      if (this.#random.next() < CONFIRM_SHARE) {
        socket.send(JSON.stringify({ type: 'confirm', seq: notification.seq }));
      }
    } else if (type === 'error') {
      this.refusals[code] = (this.refusals[code] ?? 0) + 1;
      if (code === 'session_not_found' && this.#sessionId !== null) this.seen.push({ kind: 'lost', code });
      if (!frame.retryable) socket.close();
    }
  }
}
