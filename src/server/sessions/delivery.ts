/**
 * What reaches one client: its owner's notifications from the rows, in order, without gap or repeat, and the latest
 * state of what it watches. Each client has its own place in the rows, so a slow one slows nobody else.
 * Not for which client, or from where it begins; connection.ts settles that.
 */
import type { Address } from '../../actors/runtime/index.ts';
import type { Notification } from '../../persistence/records/notifications.ts';
import { Backoff } from './backoff.ts';
import type { Outbox } from './outbox.ts';
import type { PendingReader, PendingRows } from './pending-reader.ts';
import type { ServerFrame, SessionLimits } from './protocol.ts';

/** The part of the store of notifications that sessions need. */
export interface NotificationRows extends PendingRows {
  /** 0 when there is none yet. */
  latestSeq(owner: string): Promise<number>;
  /** Of those that were deleted for their age the highest; 0 when none was. */
  prunedSeq(owner: string): Promise<number>;
  /** Tells whose notifications may have grown; null: anybody's. Returns a function that ends it. */
  onNotification(listener: (owner: string | null) => void): () => void;
}

export interface DeliveryOptions {
  outbox: Outbox;
  reader: PendingReader;
  owner: string;
  /** The last notification that the client has. */
  cursor: number;
  limits: SessionLimits;
  /** Reading failed; told once, until it works again. */
  onOutage: (error: unknown) => void;
  /** Delivery ended by a fault of ours. */
  onFault: (error: unknown) => void;
}

/** Delivers to one client until it is stopped. One loop at a time is the only writer of notifications. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #backoff: Backoff;
  /** The newest frame of each watched actor that has not been sent. */
  readonly #states = new Map<Address, ServerFrame>();
  #cursor: number;
  #rowsMayWait = true;
  /** The last read brought all it could. */
  #behind = false;
  #running = false;
  #stopped = false;
  #outage = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#cursor = options.cursor;
    this.#backoff = new Backoff(options.limits.retryMs, options.limits.retryMaxMs);
  }

  /** The last notification that was sent. */
  get cursor(): number {
    return this.#cursor;
  }

  /** There may be new rows. */
  wake(): void {
    this.#rowsMayWait = true;
    this.#start();
  }

  /** Something watched changed. An older state of it that is still waiting is dropped. */
  offer(address: Address, frame: ServerFrame): void {
    this.#states.set(address, frame);
    this.#start();
  }

  stop(): void {
    this.#stopped = true;
    this.#backoff.stop();
    this.#states.clear();
  }

  #start(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    this.#run().catch(this.#options.onFault);
  }

  async #run(): Promise<void> {
    const { outbox } = this.#options;
    while (!this.#stopped && (this.#rowsMayWait || this.#states.size > 0)) {
      await outbox.room();
      if (this.#stopped || !outbox.open) break;
      if (this.#rowsMayWait) await this.#sendRows();
      else this.#sendState();
    }
    // Nothing is awaited between the loop's last look and this line, so no wake-up falls in between.
    this.#running = false;
  }

  async #sendRows(): Promise<void> {
    const { outbox, reader, owner, limits, onOutage } = this.#options;
    this.#rowsMayWait = false;
    const most = this.#behind ? limits.batchRows : limits.sharedRows;
    let batch: Notification[];
    try {
      batch = await (this.#behind ? reader.catchUp(owner, this.#cursor) : reader.next(owner, this.#cursor));
      this.#outage = false;
      this.#backoff.reset();
    } catch (error) {
      if (this.#stopped) return;
      this.#backoff.retry(() => this.wake());
      if (!this.#outage) onOutage(error);
      this.#outage = true;
      return;
    }
    for (const row of batch) {
      await outbox.room();
      if (this.#stopped || !outbox.open) return;
      outbox.send(toFrame(row));
      this.#cursor = row.seq;
    }
    this.#behind = batch.length >= most;
    if (this.#behind) this.#rowsMayWait = true;
  }

  #sendState(): void {
    for (const [address, frame] of this.#states) {
      this.#states.delete(address);
      this.#options.outbox.send(frame);
      return;
    }
  }
}

function toFrame({ seq, id, type, at, source, data }: Notification): ServerFrame {
  return { type: 'notification', notification: { seq, id, type, at: at.toISOString(), source, data } };
}
