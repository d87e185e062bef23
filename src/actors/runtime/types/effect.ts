/** What is registered of an effect, and what its work is given. Types only. */
import type { z } from 'zod';
import type { SendAnswer, SendOptions, SpawnOptions } from './actor.ts';
import type { ActorEvent, Address } from './machine.ts';

/** What an effect may use while it runs. */
export interface EffectContext {
  /** Aborted when the state is left, the attempt times out, or the process drains. */
  readonly signal: AbortSignal;
  /** The same for each attempt of one effect: give it to the peer. */
  readonly idempotencyKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly owner: string;
  /** The actor that asked. */
  readonly address: Address;
  /** Tells an actor something, committed when it resolves. */
  readonly send: (address: Address, event: ActorEvent, options?: SendOptions) => Promise<SendAnswer>;
  /** Starts an actor, committed when it resolves. The key twice is the same actor, so each attempt may ask again. */
  readonly spawn: (machine: string, key: string, options: SpawnOptions) => Promise<Address>;
  /** The runtime's time, which a test may have turned. */
  readonly now: () => Date;
}

/** An effect: work outside, declared once with its policy. Machines name it as an actor source. */
export interface Effect<Input = unknown, Output = unknown> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  /** Per attempt. */
  readonly timeoutMs: number;
  /** From the first attempt on; a peer that can't be reached is waited for no longer than this. */
  readonly deadlineMs: number;
  readonly retries: { limit: number; delayMs: number; backoff: 'exponential' | 'fixed'; maxDelayMs: number };
  /** How many of this effect run at once in one process; of one owner at most three quarters of them. */
  readonly concurrency: number;
  readonly run: (input: Input, context: EffectContext) => Promise<Output>;
}
