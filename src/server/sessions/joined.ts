/**
 * What a connection has once its hello was accepted: the parts that deliver, confirm, subscribe, and watch that it still
 * speaks for its session. Not for when there is one; connection.ts settles that.
 */
import { type RuntimeLog, TtaiError } from '../../actors/runtime/index.ts';
import { Confirmations } from './confirmations.ts';
import { Delivery } from './delivery.ts';
import { Fence } from './fence.ts';
import type { Outbox } from './outbox.ts';
import type { PendingReader } from './pending-reader.ts';
import { type CloseCode, closeCodes, type SessionLimits } from './protocol.ts';
import type { SessionActor } from './session-actor.ts';
import { Subscriptions, type SubscriptionsOptions } from './subscriptions.ts';

export interface Joined {
  session: SessionActor;
  fence: Fence;
  subscriptions: Subscriptions;
  delivery: Delivery;
  confirmations: Confirmations;
}

export interface JoinOptions extends Omit<SubscriptionsOptions, 'session' | 'send'> {
  outbox: Outbox;
  reader: PendingReader;
  /** The last notification that the client has. */
  cursor: number;
  /** What the session has confirmed already. */
  confirmed: number;
  limits: SessionLimits;
  log: RuntimeLog;
  /** Delivery ended by a fault of ours. */
  onFault: (error: unknown) => void;
  close: (code: CloseCode, reason: string) => void;
}

export function joinSession(session: SessionActor, options: JoinOptions): Joined {
  const { outbox, limits, log, close } = options;
  const delivery = new Delivery({
    ...options,
    onOutage: (error) => {
      log.debug({ err: error, connectionId: options.connectionId }, 'delivery waits for the database');
      const message = 'The database is away. Delivery goes on by itself when it is back.';
      outbox.send({ type: 'error', code: 'unavailable', message, retryable: true });
    },
  });
  const confirmations = new Confirmations({
    confirmed: options.confirmed,
    limits,
    commit: (seq) => session.confirm(seq),
    isRetryable: (error) => !(error instanceof TtaiError) || error.retryable,
  });
  const fence = new Fence({
    session,
    log,
    onReplaced: () => close(closeCodes.replaced, 'replaced by a newer connection'),
    onEnded: () => close(closeCodes.finished, 'the session was ended'),
  });
  const subscriptions = new Subscriptions({ ...options, session, send: (frame) => outbox.send(frame) });
  return { session, fence, subscriptions, delivery, confirmations };
}
