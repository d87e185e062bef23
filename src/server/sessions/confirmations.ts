/**
 * Takes what a client confirms to its session actor: at most one event in flight, always the newest number, so that
 * a client that confirms each of a thousand notifications costs a few steps. Not for checking the number.
 */
import { Backoff } from './backoff.ts';
import type { SessionLimits } from './protocol.ts';

export interface ConfirmationsOptions {
  /** What the session has confirmed already. */
  confirmed: number;
  limits: SessionLimits;
  /** Resolves when the step is committed. */
  commit: (seq: number) => Promise<void>;
  /** True for errors after which the same call may work. */
  isRetryable: (error: unknown) => boolean;
}

export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #backoff: Backoff;
  #committed: number;
  #newest: number;
  #running = false;
  #stopped = false;

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
    this.#committed = options.confirmed;
    this.#newest = options.confirmed;
    this.#backoff = new Backoff(options.limits.retryMs, options.limits.retryMaxMs);
  }

  /** The newest number that the client confirmed, committed or not. */
  get newest(): number {
    return this.#newest;
  }

  /** A number that is not newer does nothing. */
  confirm(seq: number): void {
    if (seq <= this.#newest) return;
    this.#newest = seq;
    this.#start();
  }

  stop(): void {
    this.#stopped = true;
    this.#backoff.stop();
  }

  #start(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    const { commit, isRetryable } = this.#options;
    while (!this.#stopped && this.#newest > this.#committed) {
      const seq = this.#newest;
      try {
        await commit(seq);
        this.#backoff.reset();
      } catch (error) {
        if (isRetryable(error)) {
          this.#backoff.retry(() => this.#start());
          break;
        }
        // The session is gone or somebody else's: its own commit tells the connection so.
      }
      this.#committed = seq;
    }
    this.#running = false;
  }
}
