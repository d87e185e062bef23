/**
 * The client of the crash matrix: what it asks for, in which order, and how it repeats at another worker, under the same
 * idempotency key, what was not acknowledged. Not for judging what it came to.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { TtaiError } from '../../src/actors/runtime/errors.ts';
import type { FaultPoint, Occurrences } from './fault-points.ts';
import type { KeyedQuestion, MatrixQuestion, MatrixSettings } from './matrix-worker.ts';
import { Worker, WorkerEnded } from './workers.ts';

/** A client waits this long before it comes back with what was refused for now. */
const COME_BACK_MS = 50;

/** Who goes on when the worker is dead: one that is started then, or one that has lived beside it all the time. */
export const VARIANTS = ['restart', 'survivor'] as const;
export type Variant = (typeof VARIANTS)[number];

/** What all workers of a run are told. */
export type RunSettings = Pick<MatrixSettings, 'connectionString' | 'ledger' | 'plant'>;

/** One worker that may die, and the one that goes on. */
export class MatrixClient {
  readonly #settings: RunSettings;
  readonly variant: Variant;
  readonly #workers: Worker[] = [];
  readonly #victim: Promise<Worker>;
  #survivor: Promise<Worker> | undefined;
  #ending = false;
  /** What went wrong beside the outcome. */
  readonly faults: string[] = [];
  readonly #answers = new Map<string, { question: KeyedQuestion; answer: unknown }>();
  /** What is being asked, for a person. */
  at = 'the start';

  constructor(settings: RunSettings, variant: Variant, fault: FaultPoint | null) {
    this.#settings = settings;
    this.variant = variant;
    if (variant === 'survivor') this.#survivor = this.#start('beside', null);
    // The survivor is there first, so that the victim meets another process from its start on.
    this.#victim = Promise.resolve(this.#survivor).then(async (survivor) => {
      const victim = await this.#start('victim', fault);
      void victim.ended.then(() => survivor?.ask({ kind: 'alone' } satisfies MatrixQuestion)).catch(() => {});
      return victim;
    });
  }

  /** Asks until it is acknowledged, or refused for good. Throws when an actor does not get where it is awaited. */
  async ask(question: MatrixQuestion): Promise<void> {
    this.at = JSON.stringify(question);
    const answer = await this.#askUntilAnswered(question);
    if (question.kind === 'together') {
      for (const [index, one] of question.questions.entries())
        this.#remember(one, Array.isArray(answer) ? answer[index] : answer);
    } else if ('idempotencyKey' in question) this.#remember(question, answer);
    else if (answer instanceof TtaiError) throw new Error(`${this.at} was answered: ${answer.message}`);
  }

  /** Asks again, under the same keys, for all that was taken: each must be answered the same. */
  repeatAll(): Promise<void> {
    const questions = [...this.#answers.values()].map(({ question }) => question);
    return this.ask({ kind: 'together', questions });
  }

  /** Shuts the first worker down. Answers what it met, or null when it was killed. */
  async drainVictim(): Promise<Occurrences | null> {
    this.at = 'shutting down';
    const victim = await this.#victim;
    try {
      return await victim.ask<Occurrences>({ kind: 'drain' } satisfies MatrixQuestion);
    } catch (error) {
      if (!(error instanceof WorkerEnded)) throw error;
      // Somebody must be there to go on with what it left.
      await this.#successor();
      return null;
    }
  }

  async end(): Promise<void> {
    await this.#victim;
    await this.#survivor;
    this.#ending = true;
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  #remember(question: KeyedQuestion, answer: unknown): void {
    // A step that threw has changed nothing, and its key is free.
    if (answer instanceof TtaiError) return;
    const known = this.#answers.get(question.idempotencyKey);
    if (known && !isDeepStrictEqual(known.answer, answer)) {
      const [first, then] = [known.answer, answer].map((one) => JSON.stringify(one));
      this.faults.push(`${question.idempotencyKey} was answered ${first} first, and then ${then}`);
    }
    this.#answers.set(question.idempotencyKey, { question, answer });
  }

  async #askUntilAnswered(question: MatrixQuestion): Promise<unknown> {
    for (;;) {
      const victim = await this.#victim;
      const worker = victim.isAlive ? victim : await this.#successor();
      try {
        return await worker.ask(question);
      } catch (error) {
        if (error instanceof WorkerEnded) continue;
        if (!(error instanceof TtaiError)) throw error;
        if (!error.retryable || error.code === 'timeout') return error;
        await delay(COME_BACK_MS);
      }
    }
  }

  /** The worker that lives when the first one is dead. */
  async #successor(): Promise<Worker> {
    this.#survivor ??= this.#start('successor', null);
    const survivor = await this.#survivor;
    if (!survivor.isAlive) throw new Error('the worker that was to go on has ended');
    return survivor;
  }

  /** Resolves when it serves, or has ended instead. */
  async #start(part: MatrixSettings['part'], fault: FaultPoint | null): Promise<Worker> {
    const isAccompanied = part === 'victim' && this.#survivor !== undefined;
    const settings: MatrixSettings = { ...this.#settings, part, fault, isAccompanied };
    const worker = new Worker('matrix-worker.ts', settings);
    this.#workers.push(worker);
    void worker.ended.then(({ code, signal }) => {
      const wasKilled = fault !== null && signal === 'SIGKILL';
      if (!wasKilled && !this.#ending) this.faults.push(`a worker ended by itself (${code ?? signal})`);
      if (this.#ending && code !== 0 && !wasKilled) this.faults.push(`a worker ended with ${code ?? signal}`);
    });
    await worker.ready;
    return worker;
  }
}

const send = (type: string, idempotencyKey: string, fields: object = {}): KeyedQuestion => ({
  kind: 'send',
  address: 'order/1',
  event: { type, ...fields },
  idempotencyKey,
});

/** Answers what the first worker met, or null when it was killed. */
export async function playScenario(client: MatrixClient): Promise<Occurrences | null> {
  await client.ask({ kind: 'spawn', machine: 'order', key: '1', idempotencyKey: 'order' });
  await client.ask({ kind: 'spawn', machine: 'busy', key: '1', idempotencyKey: 'busy' });
  await client.ask({ kind: 'reach', address: 'busy/1', until: { tag: 'greeted' } });
  // It is awaited before the effect is tried again and the timer fires, however slow this process is to ask.
  await Promise.all([
    client.ask(send('START', 'start')),
    client.ask({ kind: 'reach', address: 'order/1', until: { tag: 'open' } }),
  ]);
  await client.ask(send('ADD', 'add1', { by: 1 }));
  await client.ask({ kind: 'together', questions: [2, 3].map((by) => send('ADD', `add${by}`, { by })) });
  await client.ask(send('HOLD', 'hold'));
  await client.ask(send('LEAVE', 'leave'));
  // No transition takes it here.
  await client.ask(send('LEAVE', 'leave again'));
  await client.ask(send('BREAK', 'break'));
  await client.ask({ kind: 'stop', address: 'busy/1' });
  await client.ask({ kind: 'reach', address: 'helper/1:1.1', until: 'done' });
  await client.ask(send('CLOSE', 'close'));
  await client.ask({ kind: 'reach', address: 'order/1', until: 'done' });
  await client.repeatAll();
  if (client.variant === 'survivor') await client.ask({ kind: 'lease' });
  return client.drainVictim();
}
