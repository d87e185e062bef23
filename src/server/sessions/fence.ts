/**
 * Watches that a connection may still speak for its session: one that was replaced, on whichever server, must end.
 * Not for the decision; the session's machine takes it, and its snapshot tells.
 */
import type { RuntimeLog } from '../../actors/runtime/index.ts';
import { LEASE_MS } from '../../machines/session.ts';
import type { SessionActor } from './session-actor.ts';

/**
 * A server tells a session at least this often that its client is still there. Sooner by chance, so that thousands that
 * came back in the same second do not renew in the same second.
 */
const SEEN_INTERVAL_MS = LEASE_MS / 3;
const SPREAD = 0.5;

export interface FenceOptions {
  session: SessionActor;
  log: RuntimeLog;
  onReplaced: () => void;
  onEnded: () => void;
}

export class Fence {
  readonly #options: FenceOptions;
  #renewAt = nextRenewal();
  #checking: Promise<void> | null = null;
  #changedMeanwhile = false;
  #failed = false;

  constructor(options: FenceOptions) {
    this.#options = options;
  }

  /** The session's actor committed something. One read at a time, however many commits. Never rejects. */
  check(): Promise<void> {
    this.#changedMeanwhile = true;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  /** From time to time: renews the lease, and makes up for a check that failed. */
  keepAlive(): void {
    if (Date.now() >= this.#renewAt) this.#renew();
    if (this.#failed) void this.check();
  }

  async #check(): Promise<void> {
    const { session, log, onReplaced, onEnded } = this.#options;
    try {
      while (this.#changedMeanwhile) {
        this.#changedMeanwhile = false;
        const standing = await session.standing();
        if (standing === 'replaced') onReplaced();
        if (standing === 'ended') onEnded();
        // The lease ran out while the database was away, not the client.
        if (standing === 'lapsed') this.#renew();
      }
      this.#failed = false;
    } catch (error) {
      this.#failed = true;
      log.debug({ err: error, sessionId: session.sessionId }, 'a session could not be checked');
    }
  }

  #renew(): void {
    const { session, log } = this.#options;
    this.#renewAt = nextRenewal();
    session.seen().catch((error: unknown) => {
      log.debug({ err: error, sessionId: session.sessionId }, 'a session could not be renewed');
    });
  }
}

function nextRenewal(): number {
  return Date.now() + SEEN_INTERVAL_MS * (1 - SPREAD * Math.random());
}
