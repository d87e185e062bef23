/**
 * One socket of one client, from its hello to its end: takes its frames, one after the other, and holds the parts
 * that deliver and confirm. Not for accepting sockets or for knowing of other connections; that is door.ts.
 */
import { randomUUID } from 'node:crypto';
import { type RuntimeLog, TtaiError } from '../../actors/runtime/index.ts';
import { toErrorBody } from '../errors.ts';
import type { NotificationRows } from './delivery.ts';
import { BadFrameError, errorFrame, parseFrame, withId } from './frames.ts';
import { type Joined, joinSession } from './joined.ts';
import type { LiveQuotes } from './live-quotes.ts';
import { Outbox } from './outbox.ts';
import type { PendingReader } from './pending-reader.ts';
import {
  type ClientFrame,
  type CloseCode,
  closeCodes,
  type HelloFrame,
  type ServerFrame,
  type SessionLimits,
} from './protocol.ts';
import type { Registry } from './registry.ts';
import { SessionActor, type SessionSystem } from './session-actor.ts';
import type { SessionSocket } from './socket.ts';
import type { StateFeed } from './states.ts';
import { shownTopics } from './subscriptions.ts';

/** Frames of one client that may wait for the ones before; then its socket is not read for a while. */
const MAX_WAITING_FRAMES = 32;

export interface ConnectionOptions {
  socket: SessionSocket;
  owner: string;
  system: SessionSystem;
  notifications: Pick<NotificationRows, 'latestSeq' | 'prunedSeq'>;
  reader: PendingReader;
  registry: Registry;
  feed: StateFeed;
  quotes: LiveQuotes;
  serverId: string;
  limits: SessionLimits;
  log: RuntimeLog;
}

export class Connection {
  readonly id = randomUUID();
  /** Resolves when the socket is gone and the session knows. Never rejects. */
  readonly closed: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #outbox: Outbox;
  readonly #helloTimer: NodeJS.Timeout;
  #joined: Joined | null = null;
  /** The session was ended by its client: nothing more to tell it. */
  #finished = false;
  #closing = false;
  #frames: Promise<void> = Promise.resolve();
  #waitingFrames = 0;
  #badFrames = 0;
  #answeredPing = true;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, owner, limits, registry } = options;
    this.#outbox = new Outbox(socket, {
      bufferBytes: limits.bufferBytes,
      stuckMs: limits.stuckMs,
      onStuck: () => this.#letGo(),
    });
    this.#helloTimer = setTimeout(() => this.#giveUp(), limits.helloTimeoutMs);
    registry.trigger.opened({ connectionId: this.id, owner, openedAt: new Date().toISOString() });
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on('pong', () => {
      this.#answeredPing = true;
    });
    socket.on('ping', () => this.#outbox.checkBound());
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        void this.#leave().then(resolve);
      });
    });
  }

  /** There may be new notifications. */
  wake(): void {
    this.#joined?.delivery.wake();
  }

  /** Something watched changed. */
  offer(address: string, frame: ServerFrame): void {
    this.#joined?.delivery.offer(address, frame);
  }

  /** Ends the connection; the session stays. */
  close(code: CloseCode, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#joined?.delivery.stop();
    this.#options.socket.close(code, reason);
  }

  /** Asks whether the client is there; ends the socket when it did not answer the last time. */
  keepAlive(): void {
    if (!this.#answeredPing) {
      this.#options.socket.terminate();
      return;
    }
    this.#answeredPing = false;
    this.#options.socket.ping();
    this.#joined?.fence.keepAlive();
  }

  /** The session's actor committed something: is this connection still the one that serves it? */
  async check(): Promise<void> {
    if (!this.#closing) await this.#joined?.fence.check();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#closing) return;
    this.#waitingFrames += 1;
    if (this.#waitingFrames >= MAX_WAITING_FRAMES) this.#options.socket.pause();
    this.#frames = this.#frames.then(async () => {
      await this.#handle(data, isBinary);
      this.#waitingFrames -= 1;
      if (this.#waitingFrames < MAX_WAITING_FRAMES) this.#options.socket.resume();
    });
  }

  /** Never rejects: whatever a client sends is answered. */
  async #handle(data: Buffer, isBinary: boolean): Promise<void> {
    if (this.#closing) return;
    let frame: ClientFrame | undefined;
    try {
      frame = parseFrame(data, isBinary);
      await this.#apply(frame);
    } catch (error) {
      this.#fail(error, frame);
    }
  }

  async #apply(frame: ClientFrame): Promise<void> {
    if (frame.type === 'hello') return this.#hello(frame);
    const joined = this.#joined;
    if (!joined) throw new BadFrameError('hello_required', 'Say hello first.');
    switch (frame.type) {
      case 'confirm':
        if (frame.seq > joined.delivery.cursor) {
          throw new TtaiError('invalid_input', `seq: ${frame.seq} was not sent on this connection yet.`);
        }
        joined.confirmations.confirm(frame.seq);
        return;
      case 'subscribe':
        return joined.subscriptions.add(frame.topics, frame.id);
      case 'unsubscribe':
        return joined.subscriptions.remove(frame.topics, frame.id);
      case 'ping':
        this.#outbox.send({ type: 'pong', ...withId(frame.id), serverTime: new Date().toISOString() });
        return;
      case 'bye':
        await joined.session.close();
        this.#finished = true;
        this.close(closeCodes.finished, 'bye');
        return;
    }
  }

  async #hello(frame: HelloFrame): Promise<void> {
    if (this.#joined) throw new BadFrameError('hello_twice', 'This connection has said hello already.');
    const { owner, system, registry, serverId, feed, quotes } = this.#options;
    const resumed = frame.sessionId !== undefined;
    const [latest, pruned] = await this.#seqs();
    const session =
      frame.sessionId === undefined
        ? await SessionActor.start(system, {
            owner,
            connectionId: this.id,
            confirmed: Math.min(frame.since ?? latest, latest),
          })
        : await SessionActor.find(system, { owner, connectionId: this.id, sessionId: frame.sessionId });
    // Who left meanwhile must not take the session from the connection that it has.
    if (this.#closing || !this.#outbox.open) return;
    const { confirmed, topics } = await session.connect(serverId);
    // A number that was never given out would wait for ever.
    const cursor = Math.max(confirmed, Math.min(frame.lastSeq ?? 0, latest));

    clearTimeout(this.#helloTimer);
    const joined = joinSession(session, {
      ...this.#options,
      connectionId: this.id,
      outbox: this.#outbox,
      cursor,
      confirmed,
      onFault: (error) => this.#fail(error, undefined),
      close: (code, reason) => this.close(code, reason),
    });
    this.#joined = joined;
    const { delivery, confirmations, fence, subscriptions } = joined;
    registry.trigger.joined({ connectionId: this.id, sessionId: session.sessionId, topics });
    this.#outbox.send({
      type: 'welcome',
      ...withId(frame.id),
      sessionId: session.sessionId,
      resumed,
      lastSeq: cursor,
      missedUntil: cursor < pruned ? pruned : null,
      topics: shownTopics(topics),
      serverId,
      serverTime: new Date().toISOString(),
    });
    confirmations.confirm(cursor);
    delivery.wake();
    // From here on commits are heard; what happened between `connect` and now was not.
    void fence.check();
    quotes.show(this.id, topics);
    await feed.show(this.id, owner, topics);
    if (frame.subscribe) await subscriptions.add(frame.subscribe, frame.id);
  }

  /** The last one, and the last of those that are deleted. */
  async #seqs(): Promise<[number, number]> {
    try {
      const { notifications, owner } = this.#options;
      return await Promise.all([notifications.latestSeq(owner), notifications.prunedSeq(owner)]);
    } catch (cause) {
      throw new TtaiError('unavailable', 'The database is away. Try again.', { retryable: true, cause });
    }
  }

  /** Answers an error, and ends the connection when going on makes no sense. */
  #fail(error: unknown, frame: ClientFrame | undefined): void {
    if (this.#closing) return;
    const body = toErrorBody(error, this.#options.log).error;
    const id = frame?.id ?? (error instanceof BadFrameError ? error.frameId : undefined);
    this.#outbox.send(errorFrame(body, id));
    if (!(error instanceof TtaiError)) this.close(closeCodes.internalError, body.code);
    else if (body.code === 'session_replaced')
      this.close(closeCodes.replaced, 'replaced by a newer connection');
    else if (body.retryable && !this.#joined) this.close(closeCodes.tryAgainLater, body.code);
    else if (error instanceof BadFrameError || body.code === 'session_not_found')
      this.#countBadFrame(body.code);
  }

  #countBadFrame(code: string): void {
    this.#badFrames += 1;
    if (this.#badFrames < this.#options.limits.badFrames) return;
    this.close(code === 'session_not_found' ? closeCodes.sessionNotFound : closeCodes.badFrames, code);
  }

  #giveUp(): void {
    const message = `No hello was accepted within ${this.#options.limits.helloTimeoutMs / 1_000} s.`;
    this.#outbox.send({ type: 'error', code: 'hello_timeout', message, retryable: true });
    this.close(closeCodes.helloTimeout, 'hello_timeout');
  }

  /** The client does not read what it is sent. */
  #letGo(): void {
    if (this.#closing) return;
    const from = this.#joined?.delivery.cursor ?? 0;
    // First the mark, for sending the frame may find the buffer too full again.
    this.#closing = true;
    this.#joined?.delivery.stop();
    this.#options.log.info({ connectionId: this.id, from }, 'a client reads too slowly');
    this.#outbox.send({ type: 'catchUp', from });
    this.#options.socket.close(closeCodes.tooMuch, 'reads too slowly');
  }

  async #leave(): Promise<void> {
    const { registry, log } = this.#options;
    this.#closing = true;
    clearTimeout(this.#helloTimer);
    registry.trigger.closed({ connectionId: this.id });
    // A hello that is under way may still connect the session.
    await this.#frames;
    if (!this.#joined) return;
    const { session, delivery, confirmations } = this.#joined;
    delivery.stop();
    confirmations.stop();
    if (this.#finished) return;
    try {
      await session.disconnect(confirmations.newest);
    } catch (error) {
      // Its lease ends without this; the client may come back before.
      log.debug({ err: error, connectionId: this.id }, 'a session could not be told that its client left');
    }
  }
}
