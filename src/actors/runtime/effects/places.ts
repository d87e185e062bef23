/**
 * How many attempts at an effect run at once, and whose turn is next. Not for what they do.
 *
 * Attempts that hang keep their places until they time out, so no owner may have all of them: the last quarter is only
 * for owners of whom none runs. Whoever waits is let in by turns among the owners, those first of whom none runs; and
 * in the order of coming among the attempts of one owner.
 */

type Attempt = () => Promise<void>;
/** What waits, by owner; the first is next. No queue is empty. */
type Queues = Map<string, Attempt[]>;

interface Effect {
  most: number;
  taken: number;
  /** Attempts that run, by owner; none of 0. */
  running: Map<string, number>;
  /** Of owners of whom none runs, and of the others. */
  fresh: Queues;
  others: Queues;
}

export class Places {
  /** Someone has left, and whoever was next has begun. */
  readonly #onLeft: () => void;
  /** By name; only those of which something runs. */
  readonly #effects = new Map<string, Effect>();

  constructor(onLeft: () => void) {
    this.#onLeft = onLeft;
  }

  /** Begins at once where there is a place. Else answers how to give up waiting for one. `attempt` never rejects. */
  enter(name: string, owner: string, most: number, attempt: Attempt): (() => void) | undefined {
    const effect = this.#effects.get(name) ?? {
      ...{ most, taken: 0, running: new Map(), fresh: new Map(), others: new Map() },
    };
    this.#effects.set(name, effect);
    const isFresh = !effect.running.has(owner);
    if (hasPlace(effect, isFresh)) {
      this.#begin(name, effect, owner, attempt);
      return undefined;
    }
    const queues = isFresh ? effect.fresh : effect.others;
    const queue = queues.get(owner) ?? [];
    queue.push(attempt);
    queues.set(owner, queue);
    return () => {
      const place = queue.indexOf(attempt);
      if (place >= 0) queue.splice(place, 1);
      if (queue.length > 0) return;
      for (const all of [effect.fresh, effect.others]) if (all.get(owner) === queue) all.delete(owner);
    };
  }

  #begin(name: string, effect: Effect, owner: string, attempt: Attempt): void {
    effect.taken++;
    effect.running.set(owner, (effect.running.get(owner) ?? 0) + 1);
    move(owner, effect.fresh, effect.others);
    void attempt().then(() => {
      this.#leave(name, effect, owner);
      this.#onLeft();
    });
  }

  #leave(name: string, effect: Effect, owner: string): void {
    const left = (effect.running.get(owner) ?? 1) - 1;
    effect.taken--;
    if (left > 0) effect.running.set(owner, left);
    else {
      effect.running.delete(owner);
      move(owner, effect.others, effect.fresh);
    }
    for (const queues of [effect.fresh, effect.others]) {
      // More than one may come in: the place that is free is not of the kind that everyone may take.
      while (queues.size > 0 && hasPlace(effect, queues === effect.fresh)) {
        const [next] = queues;
        if (next) this.#letIn(name, effect, queues, next);
      }
    }
    if (effect.taken === 0) this.#effects.delete(name);
  }

  #letIn(name: string, effect: Effect, queues: Queues, [owner, queue]: [string, Attempt[]]): void {
    const attempt = queue.shift();
    // To the end: it is the others' turn.
    queues.delete(owner);
    if (queue.length > 0) queues.set(owner, queue);
    if (attempt) this.#begin(name, effect, owner, attempt);
  }
}

function hasPlace({ most, taken }: Effect, isFresh: boolean): boolean {
  return taken < (isFresh ? most : most - Math.floor(most / 4));
}

function move(owner: string, from: Queues, to: Queues): void {
  const queue = from.get(owner);
  if (!queue) return;
  from.delete(owner);
  to.set(owner, queue);
}
