/**
 * Counts the open streams of the inspector, so that no one can open so many that the server has room for nothing
 * else. Not a rate limit.
 */
import { TtaiError } from '../../actors/runtime/index.ts';

export interface SlotLimits {
  total: number;
  perOwner: number;
}

export class Slots {
  readonly #limits: SlotLimits;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** Takes a slot and returns its release (calling that twice is harmless). Throws `busy` when there is none. */
  take(owner: string): () => void {
    const held = this.#held.get(owner) ?? 0;
    if (this.#total >= this.#limits.total || held >= this.#limits.perOwner) {
      throw new TtaiError('busy', 'Too many inspector streams are open. Close a page and try again.', {
        retryable: true,
        details: { retryAfterSeconds: 5 },
      });
    }
    this.#held.set(owner, held + 1);
    this.#total += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#total -= 1;
      const left = (this.#held.get(owner) ?? 1) - 1;
      if (left === 0) this.#held.delete(owner);
      else this.#held.set(owner, left);
    };
  }
}
