/**
 * The calls that are under way, each with a signal that aborts when its client is gone or the server stops. Not
 * `AbortSignal.any` with a signal that lives as long as the server: that keeps every call's signal for as long.
 */
import { TtaiError } from '../actors/runtime/errors.ts';

export class OpenCalls {
  readonly #open = new Set<AbortController>();
  #stopped: TtaiError | undefined;

  /** Runs a call. Its signal aborts, with a `TtaiError`, when one of the client's signals does or the server stops. */
  async run<T>(client: readonly AbortSignal[], call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const letGo = () => controller.abort(new TtaiError('cancelled', 'The client gave the request up.'));
    if (this.#stopped) controller.abort(this.#stopped);
    if (client.some(({ aborted }) => aborted)) letGo();
    for (const signal of client) signal.addEventListener('abort', letGo);
    this.#open.add(controller);
    try {
      return await call(controller.signal);
    } finally {
      this.#open.delete(controller);
      for (const signal of client) signal.removeEventListener('abort', letGo);
    }
  }

  /** Lets go of all calls, and of those that still come: they answer `stopped`. */
  stop(): void {
    this.#stopped = new TtaiError('stopped', 'The server stops.', { retryable: true });
    for (const controller of this.#open) controller.abort(this.#stopped);
  }
}
