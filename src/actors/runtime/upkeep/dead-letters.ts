/**
 * Dead letters as people see and treat them: listed with the machine's redactions, retried, discarded. Not for how a
 * retry is applied (`apply-retry.ts`) or committed (`batch.ts`).
 */
import { randomUUID } from 'node:crypto';
import {
  countDeadLetters,
  deleteDeadLetters,
  listDeadLetters,
  loadDeadLetters,
  type StoredDeadLetter,
} from '../../../persistence/actors/dead-letters.ts';
import type { Database } from '../../../persistence/database.ts';
import type { Committer } from '../commits/committer.ts';
import { checkEvent, machineOf } from '../incoming.ts';
import {
  MAX_KEY_CHARS,
  MAX_SOURCE_CHARS,
  optionsOf,
  refuseTextIfGiven,
  sourceOf,
  wrongOption,
} from '../options.ts';
import { pageSize, read } from '../queries.ts';
import type { Registry } from '../registry/registry.ts';
import { deadLetterNotFound } from '../steps/apply-retry.ts';
import { redacted } from '../steps/record.ts';
import type { ActorEvent, DeadLetter, DeadLetterOptions, RuntimeLog, SendAnswer } from '../types.ts';

const MAX_COUNTED = 10_000;
const ID = /^[1-9]\d{0,17}$/;
const LIST_OPTIONS = ['owner', 'address', 'machine', 'limit', 'cursor'] as const;

export class DeadLetters {
  readonly #database: Database;
  readonly #registry: Registry;
  readonly #committer: Committer;
  readonly #log: RuntimeLog;

  constructor(options: { database: Database; registry: Registry; committer: Committer; log: RuntimeLog }) {
    this.#database = options.database;
    this.#registry = options.registry;
    this.#committer = options.committer;
    this.#log = options.log;
  }

  async list(options: DeadLetterOptions = {}): Promise<{ deadLetters: DeadLetter[]; next: string | null }> {
    const { owner, address, machine, cursor: before } = optionsOf(options, LIST_OPTIONS);
    refuseTextIfGiven('owner', owner, MAX_KEY_CHARS);
    refuseTextIfGiven('address', address, MAX_SOURCE_CHARS);
    refuseTextIfGiven('machine', machine, MAX_KEY_CHARS);
    if (before !== undefined && !ID.test(before)) throw wrongOption('cursor', 'not a cursor of this list');
    const limit = pageSize(options.limit, 50);
    const page = { owner, address, machine, before, limit: limit + 1 };
    const letters = await read(() => listDeadLetters(this.#database, page));
    const shown = letters.slice(0, limit);
    const next = letters.length > limit ? (shown.at(-1)?.id ?? null) : null;
    return { deadLetters: shown.map((letter) => this.#shown(letter)), next };
  }

  count(): Promise<number> {
    return read(() => countDeadLetters(this.#database, MAX_COUNTED));
  }

  async get(id: string): Promise<DeadLetter> {
    return this.#shown(await this.#find(id));
  }

  async retry(id: string, options: { source?: string } = {}): Promise<SendAnswer> {
    const source = sourceOf(options);
    const { address, event, outside } = await this.#find(id);
    // The machine may have another schema by now; the event is taken as it was parsed then.
    if (outside) checkEvent(this.#registry, address, event as ActorEvent);
    const item = { kind: 'retry', stepId: randomUUID(), address, letter: id, source } as const;
    const { answer } = await this.#committer.submit(item);
    return answer as SendAnswer;
  }

  async discard(id: string, options: { source?: string } = {}): Promise<DeadLetter> {
    const source = sourceOf(options);
    refuseId(id);
    const [letter] = ID.test(id) ? await read(() => deleteDeadLetters(this.#database, [id])) : [];
    if (!letter) throw deadLetterNotFound(id);
    const { address, revision } = letter;
    this.#log.info({ id, address, revision, source }, 'dead letter discarded');
    return this.#shown(letter);
  }

  async #find(id: string): Promise<StoredDeadLetter> {
    refuseId(id);
    const found = ID.test(id) ? await read(() => loadDeadLetters(this.#database, [id])) : undefined;
    const letter = found?.get(id);
    if (!letter) throw deadLetterNotFound(id);
    return letter;
  }

  #shown({ outside: _outside, ...letter }: StoredDeadLetter): DeadLetter {
    const machine = machineOf(letter.address);
    const event = letter.event as ActorEvent;
    const definition = this.#registry.definitions.find(({ id }) => id === machine);
    // Of a machine that is not registered here, what must stay secret is unknown.
    const shown = definition ? redacted(event, definition) : { type: event.type, redacted: true };
    return { ...letter, machine, event: shown };
  }
}

function refuseId(id: unknown): void {
  if (typeof id !== 'string') throw wrongOption('id', 'the id of a dead letter is text');
}
