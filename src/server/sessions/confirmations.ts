/**
 * Takes what a client confirms to its session actor, gathered: each step costs a commit, and five thousand clients that
 * confirm each notification would keep the database busy with nothing else. What a server that dies has not told a
 * session yet comes again, unless the client says in its `hello` what it has. Not for checking the number.
 */
import { Backoff } from './backoff.ts';
import type { SessionLimits } from './protocol.ts';

/** A pause is shorter by up to this share, by chance: clients that came back together do not confirm together. */
const SPREAD = 0.5;

export interface ConfirmationsOptions {
  /** What the session has confirmed already. */
  confirmed: number;
  limits: SessionLimits;
  /** Resolves when the step is committed. */
  commit: (seq: number) => Promise<void>;
  /** True for errors after which the same call may work. */
  isRetryable: (error: unknown) => boolean;
}

/**
 * The first confirmation is committed at once, then the newest at most every `confirmPauseMs`, or sooner when it is
 * `confirmEvery` ahead. One at a time. Whoever stops it tells the session the `newest`.
 */
export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #backoff: Backoff;
  #committed: number;
  #newest: number;
  #running = false;
  #stopped = false;
  /** While it runs, what is confirmed waits. */
  #pause: NodeJS.Timeout | undefined;

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
    clearTimeout(this.#pause);
  }

  #start(): void {
    if (this.#running || this.#stopped || !this.#isDue()) return;
    this.#running = true;
    void this.#run();
  }

  #isDue(): boolean {
    const ahead = this.#newest - this.#committed;
    return ahead > 0 && (this.#pause === undefined || ahead >= this.#options.limits.confirmEvery);
  }

  async #run(): Promise<void> {
    const { commit, isRetryable } = this.#options;
    while (!this.#stopped && this.#isDue()) {
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
      this.#rest();
    }
    this.#running = false;
  }

  #rest(): void {
    clearTimeout(this.#pause);
    if (this.#stopped) return;
    this.#pause = setTimeout(
      () => {
        this.#pause = undefined;
        this.#start();
      },
      this.#options.limits.confirmPauseMs * (1 - SPREAD * Math.random()),
    );
    // It keeps no process alive: who ends tells the sessions by itself.
    this.#pause.unref();
  }
}
