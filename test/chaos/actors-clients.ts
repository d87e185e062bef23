/**
 * The clients of the chaos run. Each is a source of numbered events, and keeps a ledger of what it was told. One kind
 * has idempotency keys, and repeats at another process what was not answered in time; the other kind has none, sends a
 * few at once through one process, and never repeats.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { TtaiError } from '../../src/actors/runtime/errors.ts';
import type { SendAnswer } from '../../src/actors/runtime/index.ts';
import type { ActorsQuestion } from './actors-worker.ts';
import type { Fleet } from './fleet.ts';
import type { Sent } from './history.ts';
import { Random } from './random.ts';
import { WorkerEnded } from './workers.ts';

/** Shorter than a process is frozen, so that what it was asked is done elsewhere before it wakes. */
const PATIENCE_MS = 1_500;
const COME_BACK_MS = 50;
const PAUSE_MS = 120;
const MAX_AT_ONCE = 4;

/** One who asks until it is answered, or the whole run is given up. */
export interface Patient {
  fleet: Fleet;
  random: Random;
  giveUp: AbortSignal;
}

export class Clients {
  readonly #fleet: Fleet;
  readonly #giveUp: AbortSignal;
  readonly #actors: readonly string[];
  readonly #lanes: Promise<void>[] = [];
  readonly sent: Sent[] = [];
  #stopping = false;

  constructor(options: {
    fleet: Fleet;
    actors: readonly string[];
    seed: number;
    /** How many of each kind. */
    each: number;
    giveUp: AbortSignal;
  }) {
    const { fleet, actors, seed, each, giveUp } = options;
    this.#fleet = fleet;
    this.#giveUp = giveUp;
    this.#actors = actors;
    for (let index = 0; index < each; index++) {
      this.#lanes.push(this.#withKeys(`keyed${index}`, new Random(seed + 2 * index)));
      this.#lanes.push(this.#withoutKeys(`plain${index}`, new Random(seed + 2 * index + 1)));
    }
  }

  /** No new events; resolves when those that are under way are answered. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#lanes);
  }

  async #withKeys(source: string, random: Random): Promise<void> {
    const counts = new Map<string, number>();
    while (!this.#stopping && !this.#giveUp.aborted) {
      const sent = this.#next(source, random.pick(this.#actors), counts);
      const question = questionOf(sent, random);
      const patient = { fleet: this.#fleet, random, giveUp: this.#giveUp };
      await untilAnswered(patient, question, (answer) => noteAnswer(sent, answer));
      await delay(random.between(0, PAUSE_MS));
    }
  }

  async #withoutKeys(source: string, random: Random): Promise<void> {
    const counts = new Map<string, number>();
    while (!this.#stopping && !this.#giveUp.aborted) {
      const address = random.pick(this.#actors);
      const worker = this.#fleet.pick(random);
      const burst = Array.from({ length: 1 + random.below(MAX_AT_ONCE) }, () =>
        this.#next(source, address, counts),
      );
      await Promise.all(
        burst.map(async (sent) => {
          try {
            const { idempotencyKey: _, ...question } = questionOf(sent, random);
            if (worker) noteAnswer(sent, await worker.ask<SendAnswer>(question));
          } catch (error) {
            if (!isForNow(error)) noteAnswer(sent, error as Error);
            else if (isNotApplied(error)) sent.notApplied = true;
          }
        }),
      );
      await delay(random.between(0, PAUSE_MS * 2));
    }
  }

  #next(source: string, address: string, counts: Map<string, number>): Sent {
    const n = (counts.get(address) ?? 0) + 1;
    counts.set(address, n);
    const sent: Sent = { address, source, n };
    this.sent.push(sent);
    return sent;
  }
}

type Send = Extract<ActorsQuestion, { kind: 'send' }>;

function questionOf({ address, source, n }: Sent, random: Random): Send {
  const type = random.pick(['ADD', 'ADD', 'ADD', 'ADD', 'WORK', 'ASK']);
  return {
    kind: 'send',
    address,
    event: { type, from: source, n },
    source,
    idempotencyKey: `${source}:${n}`,
  };
}

/**
 * Asks one process after the other until one answers, or refuses for good. What is answered later, by one that was given
 * up, is told as well.
 */
export async function untilAnswered(
  { fleet, random, giveUp }: Patient,
  question: ActorsQuestion,
  onAnswer: (answer: SendAnswer | Error) => void,
): Promise<void> {
  let answered = false;
  const ask = async (): Promise<void> => {
    const worker = fleet.pick(random);
    if (!worker) return;
    try {
      onAnswer(await worker.ask<SendAnswer>(question));
      answered = true;
    } catch (error) {
      if (isForNow(error)) return;
      onAnswer(error as Error);
      answered = true;
    }
  };
  while (!answered && !giveUp.aborted) {
    const over = new AbortController();
    await Promise.race([ask(), delay(PATIENCE_MS, undefined, { signal: over.signal })]).catch(() => {});
    over.abort();
    if (!answered) await delay(COME_BACK_MS);
  }
}

function noteAnswer(sent: Sent, answer: SendAnswer | Error): void {
  const noted =
    answer instanceof Error
      ? { refused: answer instanceof TtaiError ? answer.code : answer.message }
      : { revision: answer.revision, changed: answer.changed };
  if (sent.answer === undefined) sent.answer = noted;
  else sent.again = [...(sent.again ?? []), noted];
}

/** Whether it was done is not known, or it was not: ask again. */
function isForNow(error: unknown): boolean {
  return error instanceof WorkerEnded || (error instanceof TtaiError && error.retryable);
}

/** It was not applied, and will not be by this call: it was not taken, or the error says so. */
function isNotApplied(error: unknown): boolean {
  return (
    error instanceof TtaiError &&
    (['busy', 'stopped'].includes(error.code) || error.details?.applied === 'no')
  );
}
