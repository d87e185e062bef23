/**
 * One connection's dealings with its session actor: finding or starting it, taking it over, and what it is told.
 * Not for sockets or frames.
 */
import { randomUUID } from 'node:crypto';
import {
  type ActorSystem,
  type ActorView,
  type Address,
  RuntimeError,
  TtaiError,
} from '../../actors/runtime/index.ts';
import { type SessionContext, type SessionEvent, sessionContext } from '../../machines/session.ts';

/** The part of the actor system that sessions need. */
export type SessionSystem = Pick<ActorSystem, 'spawn' | 'send' | 'snapshot' | 'list' | 'onCommit'>;

/** Whether a connection may still speak for its session. `lapsed`: it may, but must say that it is there. */
export type Standing = 'current' | 'lapsed' | 'replaced' | 'ended';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A session as one connection sees it. Errors are the runtime's, and `session_not_found`, `session_replaced`. */
export class SessionActor {
  readonly sessionId: string;
  readonly #address: Address;
  readonly #system: SessionSystem;
  readonly #connectionId: string;

  private constructor(system: SessionSystem, sessionId: string, connectionId: string) {
    this.#system = system;
    this.sessionId = sessionId;
    this.#address = addressOf(sessionId);
    this.#connectionId = connectionId;
  }

  /** A new session. `confirmed`: its client wants what comes after this number. */
  static async start(
    system: SessionSystem,
    options: { owner: string; connectionId: string; confirmed: number },
  ): Promise<SessionActor> {
    const { owner, connectionId, confirmed } = options;
    // Random and never derived from anything: who guesses it could ask for another's place.
    const sessionId = randomUUID();
    await system.spawn('session', sessionId, { owner, input: { confirmed } });
    return new SessionActor(system, sessionId, connectionId);
  }

  /** The owner's session of this id. Another's is answered as one that never was. */
  static async find(
    system: SessionSystem,
    options: { owner: string; connectionId: string; sessionId: string },
  ): Promise<SessionActor> {
    const { owner, connectionId, sessionId } = options;
    const view = uuid.test(sessionId) ? await findView(system, sessionId) : null;
    if (view?.owner !== owner || view.status !== 'active') throw sessionNotFound();
    return new SessionActor(system, sessionId, connectionId);
  }

  /** Makes this connection the session's current one, and tells what the session holds from then on. */
  async connect(serverId: string): Promise<SessionContext> {
    const { connections } = contextOf(await this.#view());
    const connectionId = this.#connectionId;
    await this.#tell(
      { type: 'CONNECTED', connectionId, serverId, ordinal: connections + 1, at: now() },
      `connected:${connectionId}`,
    );
    // Read again: only now can no older connection confirm anything more, and it shows who came first.
    const context = contextOf(await this.#view());
    if (context.connectionId !== connectionId) {
      throw new TtaiError('session_replaced', 'Another connection took this session over.');
    }
    return context;
  }

  async standing(): Promise<Standing> {
    const view = await findView(this.#system, this.sessionId);
    if (view?.status !== 'active') return 'ended';
    if (contextOf(view).connectionId !== this.#connectionId) return 'replaced';
    return view.value === 'live' ? 'current' : 'lapsed';
  }

  /** Renews the lease. */
  async seen(): Promise<void> {
    await this.#tell({ type: 'SEEN', connectionId: this.#connectionId, at: now() });
  }

  async confirm(seq: number): Promise<void> {
    await this.#tell({ type: 'CONFIRMED', connectionId: this.#connectionId, seq });
  }

  /** False when it was not taken: this connection is not the current one any more. */
  async subscribe(topics: string[]): Promise<boolean> {
    return this.#tell({ type: 'SUBSCRIBED', connectionId: this.#connectionId, topics });
  }

  /** False when it was not taken: this connection is not the current one any more. */
  async unsubscribe(topics: string[]): Promise<boolean> {
    return this.#tell({ type: 'UNSUBSCRIBED', connectionId: this.#connectionId, topics });
  }

  async disconnect(seq: number): Promise<void> {
    await this.#tell({ type: 'DISCONNECTED', connectionId: this.#connectionId, seq, at: now() });
  }

  async close(): Promise<void> {
    await this.#tell({ type: 'CLOSE', connectionId: this.#connectionId });
  }

  async #tell(event: SessionEvent, idempotencyKey?: string): Promise<boolean> {
    try {
      const answer = await this.#system.send(this.#address, event, {
        source: 'ws',
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      });
      return answer.changed;
    } catch (error) {
      throw isGone(error) ? sessionNotFound() : error;
    }
  }

  async #view(): Promise<ActorView> {
    const view = await findView(this.#system, this.sessionId);
    if (view?.status !== 'active') throw sessionNotFound();
    return view;
  }
}

/** The session id in an address, or null when it is another machine's. */
export function sessionIdOf(address: Address): string | null {
  return address.startsWith('session/') ? address.slice('session/'.length) : null;
}

function addressOf(sessionId: string): Address {
  return `session/${sessionId}`;
}

async function findView(system: SessionSystem, sessionId: string): Promise<ActorView | null> {
  try {
    return await system.snapshot(addressOf(sessionId));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

function contextOf(view: ActorView): SessionContext {
  return sessionContext.parse(view.context);
}

function isGone(error: unknown): boolean {
  return error instanceof RuntimeError && (error.code === 'actor_not_found' || error.code === 'actor_ended');
}

function sessionNotFound(): TtaiError {
  return new TtaiError(
    'session_not_found',
    'There is no such session, or it is over. Say hello again without a sessionId; with since = the last seq you have, nothing is lost.',
  );
}

function now(): string {
  return new Date().toISOString();
}
