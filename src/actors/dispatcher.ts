/**
 * Wakes the deliveries of owners who were told something. Notifications are rows by then, and so is how far each webhook
 * is, so nothing is lost when a wake-up is: at the start, and whenever some may have been missed, all webhooks that are
 * behind are woken. Not for delivering.
 *
 * Owners who are told something are gathered while a look is under way, and a moment longer, so that a thousand
 * notifications a second cost ten queries and owners without webhooks nothing more. Every server hears of each notification
 * and wakes; a delivery that has heard of it takes no step for the second.
 */
import { delivery } from '../machines/delivery.ts';
import type { Database } from '../persistence/database.ts';
import { type BehindWebhook, webhooksBehind, webhooksBehindOf } from '../persistence/records/webhooks.ts';
import { type ActorSystem, RuntimeError } from './runtime/index.ts';

/** Between two looks; a notification is late by so much at most. */
const GATHER_MS = 100;
/** After a look that failed. */
const TRY_AGAIN_MS = 2_000;
const PAGE = 500;
/** Lower than every id. */
const NO_ID = '00000000-0000-0000-0000-000000000000';

export interface DispatcherOptions {
  database: Database;
  system: Pick<ActorSystem, 'send' | 'spawn'>;
  /** Told of an owner's new notifications; null: some may have been missed. */
  notifications: { onNotification(listener: (owner: string | null) => void): () => void };
  log: { warn(fields: object, message: string): void };
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #owners = new Set<string>();
  #all = true;
  #looking: Promise<void> | undefined;
  #later: NodeJS.Timeout | undefined;
  #leave: (() => void) | undefined;
  #stopped = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Begins to hear, and wakes all that are behind already. */
  start(): void {
    this.#leave = this.#options.notifications.onNotification((owner) => {
      if (owner === null) this.#all = true;
      else this.#owners.add(owner);
      this.#lookSoon();
    });
    this.#lookSoon();
  }

  /** Resolves when it no longer wakes anybody. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#leave?.();
    clearTimeout(this.#later);
    await this.#looking;
  }

  /** Resolves when all of whom it has heard are woken. For tests. */
  async settled(): Promise<void> {
    while (this.#looking || this.#later) {
      if (this.#later) {
        clearTimeout(this.#later);
        this.#later = undefined;
        this.#lookSoon();
      }
      await this.#looking;
    }
  }

  #lookSoon(): void {
    if (this.#stopped || this.#looking || this.#later) return;
    if (!this.#all && this.#owners.size === 0) return;
    this.#looking = this.#look().then((waitMs) => {
      this.#looking = undefined;
      if (this.#stopped) return;
      this.#later = setTimeout(() => {
        this.#later = undefined;
        this.#lookSoon();
      }, waitMs);
    });
  }

  /** How long to wait until the next one, in milliseconds. Does not reject. */
  async #look(): Promise<number> {
    const owners = [...this.#owners];
    const all = this.#all;
    this.#owners.clear();
    this.#all = false;
    try {
      if (all) await this.#wakeAll();
      else await this.#wake(await webhooksBehindOf(this.#options.database, owners));
      return GATHER_MS;
    } catch (error) {
      for (const owner of owners) this.#owners.add(owner);
      this.#all ||= all;
      this.#options.log.warn({ err: error }, 'Deliveries could not be woken; they are later');
      return TRY_AGAIN_MS;
    }
  }

  async #wakeAll(): Promise<void> {
    let after = NO_ID;
    for (;;) {
      const page = await webhooksBehind(this.#options.database, after, PAGE);
      await this.#wake(page);
      const last = page.at(-1);
      if (!last || page.length < PAGE || this.#stopped) return;
      after = last.id;
    }
  }

  /** One that can't be woken must not keep the others from it. Throws what may be over later. */
  async #wake(webhooks: readonly BehindWebhook[]): Promise<void> {
    const woken = await Promise.allSettled(webhooks.map((webhook) => this.#wakeOne(webhook)));
    for (const one of woken) if (one.status === 'rejected') throw one.reason;
  }

  async #wakeOne({ id, owner, lastSeq }: BehindWebhook): Promise<void> {
    const { system } = this.#options;
    const wake = () =>
      system.send(`${delivery.id}/${id}`, { type: 'WAKE', seq: lastSeq }, { source: 'dispatcher' });
    try {
      await wake();
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      if (error.code === 'actor_not_found') {
        // Its webhook was added by a process that died before it had started it.
        await system.spawn(delivery.id, id, { input: { webhookId: id }, owner });
        await wake();
        return;
      }
      // Another process has its version and hears of it too; one that has ended or is broken can't be woken by anybody.
      if (error.retryable && error.code !== 'version_not_here') throw error;
    }
  }
}
