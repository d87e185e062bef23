/** Waits that double, for work of the socket doors that failed because the database was away. Drives no machine. */

/** Runs a callback once after a wait; each wait is twice the one before, until `reset`. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #nextMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#nextMs = firstMs;
  }

  /** Does nothing while a wait is under way already. */
  retry(callback: () => void): void {
    if (this.#timer) return;
    // Some of it by chance: a thousand sockets should not come back to the database in the same millisecond.
    const waitMs = this.#nextMs * (0.75 + Math.random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#maxMs);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      callback();
    }, waitMs);
    this.#timer.unref();
  }

  /** It worked: the next failure waits the first time again. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
