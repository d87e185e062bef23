/** How many attempts at an effect run at once; the others wait for their turn, in their order. Not for what they do. */

export class Places {
  /** Someone has left, and whoever was next has begun. */
  readonly #onLeft: () => void;
  /** By effect. */
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();

  constructor(onLeft: () => void) {
    this.#onLeft = onLeft;
  }

  /** Begins at once where there is a place. Else answers how to give up waiting for one. `attempt` never rejects. */
  enter(effect: string, most: number, attempt: () => Promise<void>): (() => void) | undefined {
    const taken = this.#taken.get(effect) ?? 0;
    if (taken < most) {
      this.#taken.set(effect, taken + 1);
      this.#begin(effect, attempt);
      return undefined;
    }
    const queue = this.#waiting.get(effect) ?? [];
    queue.push(attempt);
    this.#waiting.set(effect, queue);
    return () => {
      const place = queue.indexOf(attempt);
      if (place >= 0) queue.splice(place, 1);
    };
  }

  #begin(effect: string, attempt: () => Promise<void>): void {
    void attempt().then(() => {
      const next = this.#waiting.get(effect)?.shift();
      if (next) this.#begin(effect, next);
      else this.#taken.set(effect, (this.#taken.get(effect) ?? 1) - 1);
      this.#onLeft();
    });
  }
}
