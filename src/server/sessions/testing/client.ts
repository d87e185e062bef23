/** For tests of sessions: a client on a real socket, which holds every frame against its schema. */
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { z } from 'zod';
import { type ServerFrame, serverFrames } from '../protocol.ts';

const anyServerFrame = z.discriminatedUnion('type', [
  serverFrames.welcome,
  serverFrames.notification,
  serverFrames.run,
  serverFrames.alert,
  serverFrames.monitor,
  serverFrames.quote,
  serverFrames.more,
  serverFrames.subscribed,
  serverFrames.pong,
  serverFrames.catchUp,
  serverFrames.error,
]);

type FrameOf<Type extends ServerFrame['type']> = Extract<ServerFrame, { type: Type }>;

/** A real socket. Each frame is parsed by its schema; a frame that does not fit fails what waits. */
export class Client {
  readonly socket: WebSocket;
  readonly owner: string;
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #read = 0;
  #fault: unknown;
  #onChange: (() => void)[] = [];

  constructor(server: { url: string }, owner = 'ann', options: ClientOptions = {}) {
    const headers = { authorization: `Bearer ${owner}`, ...options.headers };
    this.owner = owner;
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
