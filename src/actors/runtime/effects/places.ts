/**
 * How many attempts at an effect run at once. Those that have to wait come in turns of their owners, and of one owner in
 * their order: one with a thousand attempts holds up another's by one of them. Not for what they do.
 */

type Attempt = () => Promise<void>;
/** Those that wait for one effect, by owner, whose turn it is first. Nobody stands in it without an attempt. */
type Queue = Map<string, Attempt[]>;

export class Places {
  /** Someone has left, and whoever was next has begun. */
  readonly #onLeft: () => void;
  /** By effect. */
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Map<string, Queue>();

  constructor(onLeft: () => void) {
    this.#onLeft = onLeft;
  }

  /** Begins at once where there is a place. Else answers how to give up waiting for one. `attempt` never rejects. */
  enter(effect: string, most: number, owner: string, attempt: Attempt): (() => void) | undefined {
    const taken = this.#taken.get(effect) ?? 0;
    if (taken < most) {
      this.#taken.set(effect, taken + 1);
      this.#begin(effect, attempt);
      return undefined;
    }
    const queue: Queue = this.#waiting.get(effect) ?? new Map();
    this.#waiting.set(effect, queue);
    const attempts = queue.get(owner) ?? [];
    attempts.push(attempt);
    queue.set(owner, attempts);
    return () => leave(queue, owner, attempt);
  }

  #begin(effect: string, attempt: Attempt): void {
    void attempt().then(() => {
      const queue = this.#waiting.get(effect);
      const next = queue && nextOf(queue);
      if (next) this.#begin(effect, next);
      else this.#taken.set(effect, (this.#taken.get(effect) ?? 1) - 1);
      this.#onLeft();
    });
  }
}

/** Takes it out; its owner goes to the end of the turns. */
function nextOf(queue: Queue): Attempt | undefined {
  for (const [owner, attempts] of queue) {
    const next = attempts.shift();
    queue.delete(owner);
    if (attempts.length > 0) queue.set(owner, attempts);
    return next;
  }
  return undefined;
}

function leave(queue: Queue, owner: string, attempt: Attempt): void {
  const attempts = queue.get(owner) ?? [];
  const place = attempts.indexOf(attempt);
  if (place < 0) return;
  attempts.splice(place, 1);
  if (attempts.length === 0) queue.delete(owner);
}
