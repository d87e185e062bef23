/**
 * The effect `work`, of which a test says what each attempt does. Where it says nothing, the job is done at once; one
 * whose name begins with `hang` is never done.
 */
import { z } from 'zod';
import { type EffectPolicy, effect } from '../registry/effect.ts';
import type { Effect } from '../types.ts';

export interface Attempt {
  job: string;
  key: string;
  /** 1 for the first. */
  attempt: number;
  signal: AbortSignal;
  /** Resolves when the signal is aborted. */
  aborted: Promise<void>;
}

type Answer = (attempt: Attempt) => Promise<{ done: string }>;

export class HeldWork {
  readonly #attempts: Attempt[] = [];
  readonly #answers = new Map<string, Answer>();
  #awaited: (() => void)[] = [];

  /** Says what the attempts at a job do. */
  answer(job: string, answer: Answer): void {
    this.#answers.set(job, answer);
  }

  /** The attempts at a job until now. */
  attempts(job: string): Attempt[] {
    return this.#attempts.filter((attempt) => attempt.job === job);
  }

  /** Resolves with an attempt at a job when it has begun. */
  async began(job: string, attempt = 1): Promise<Attempt> {
    for (;;) {
      const found = this.attempts(job)[attempt - 1];
      if (found) return found;
      await new Promise<void>((resolve) => this.#awaited.push(resolve));
    }
  }

  /** The effect, with its policy: a timeout longer than any test, so that what is aborted was cancelled. */
  effect(policy: Partial<EffectPolicy<{ job: string }, { done: string }>> = {}): Effect {
    const usual = { timeout: '1 min', retries: { limit: 3, delay: '5 ms' } } as const;
    const shapes = { input: z.object({ job: z.string() }), output: z.object({ done: z.string() }) };
    return effect('work', { ...shapes, ...usual, ...policy }, async ({ job }, context) => {
      const { signal, idempotencyKey: key, attempt } = context;
      const aborted = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      );
      const begun: Attempt = { job, key, attempt, signal, aborted };
      this.#attempts.push(begun);
      for (const resolve of this.#awaited.splice(0)) resolve();
      const answer = this.#answers.get(job);
      if (answer) return answer(begun);
      // Until its signal is aborted, when the runtime no longer waits for it.
      if (job.startsWith('hang')) await aborted;
      return { done: job };
    });
  }
}
