/**
 * What one socket is sent, with a bound: who reads too slowly is waited for, and let go when that does not help.
 * Not for which frames, or when.
 */
import { WebSocket } from 'ws';
import { encodeFrame } from './frames.ts';
import type { ServerFrame } from './protocol.ts';

export interface OutboxOptions {
  /** Bytes that may wait; see `SessionLimits`. */
  bufferBytes: number;
  stuckMs: number;
  /** The buffer stayed full for `stuckMs`, or frames that can't wait filled it to four times its size. */
  onStuck: () => void;
}

/** Sends frames on one socket. After the socket closed, does nothing. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #options: OutboxOptions;
  #waiting: (() => void)[] = [];
  #stuckTimer: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.once('close', () => this.#release());
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get full(): boolean {
    return this.#socket.bufferedAmount > this.#options.bufferBytes;
  }

  send(frame: ServerFrame): void {
    if (!this.open) return;
    this.#socket.send(encodeFrame(frame), { binary: false }, () => {
      if (this.#waiting.length > 0 && this.#socket.bufferedAmount <= this.#options.bufferBytes / 2)
        this.#release();
    });
    this.checkBound();
  }

  /** For answers to what the client asks for, without reading them: those can't be held back, only ended. */
  checkBound(): void {
    if (this.#socket.bufferedAmount > 4 * this.#options.bufferBytes) this.#options.onStuck();
  }

  /** Resolves when there is room, at once if there is; also when the socket closed. */
  async room(): Promise<void> {
    if (!this.open || !this.full) return;
    this.#stuckTimer ??= setTimeout(this.#options.onStuck, this.#options.stuckMs);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    clearTimeout(this.#stuckTimer);
    this.#stuckTimer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
