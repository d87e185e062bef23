/**
 * What is kept, and for how long: each machine says it for its steps and its ended actors; keys and dead letters have
 * the system's own times. Deleting goes on in small bites with pauses in between, so that the steps never wait for it.
 *
 * An actor that steps past another `keepLast` is pruned within a minute or two by the process that stepped it; all the
 * rest is done by the hourly round (`housekeeping.ts`).
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  deleteEnded,
  deleteSteps,
  descendants,
  type EndedActor,
  endedActors,
  type KeyPlace,
  nextAddresses,
  pruneDeadLetters,
  pruneKeys,
  pruneSteps,
  type StepRule,
} from '../../../persistence/actors/retention.ts';
import type { Database } from '../../../persistence/database.ts';
import { machineOf } from '../incoming.ts';
import { toMs } from '../registry/effect.ts';
import type { Work } from '../steps/work.ts';
import type { Address, DurableMachine, RuntimeLog } from '../types.ts';

/** A step is kept this long at least: a commit whose connection broke is looked up by its step. */
const KEEP_STEP_MS = 60_000;
/** Of an actor whose steps go by their age, so many stay. */
const KEEP_STEPS = 10;
const KEEP_KEYS_MS = 24 * 3_600_000;
const KEEP_DEAD_LETTERS_MS = 90 * 24 * 3_600_000;

/** Rows that one statement deletes. */
const ROWS = 5_000;
/** Actors or keys that one statement looks at. */
const LOOKS = 5_000;
/** Actors that are pruned together when much is to go. */
const GROUP = 50;
/** Ended actors that go together. */
const ENDED = 200;
/** What a round has not done by then is left to the next one. */
const ROUND_MS = 10 * 60_000;
/** Actors that wait to be pruned before the next round; more are left to it. */
const MAX_GROWN = 50_000;

const FIRST_KEY: KeyPlace = { createdAt: '-infinity', scope: '', key: '' };

/** What a round has deleted. */
export interface Pruned {
  steps: number;
  actors: number;
  keys: number;
  deadLetters: number;
}

export class Retention {
  readonly #database: Database;
  readonly #machines: ReadonlyMap<string, DurableMachine>;
  readonly #now: () => number;
  readonly #log: RuntimeLog;
  readonly #stopped = new AbortController();
  /** Those that have stepped past another `keepLast` since they were pruned. */
  #grown = new Set<Address>();
  #soon: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  /** Where the next round goes on: one that ran out of time must not begin with the same ones again. */
  #nextActor: Address = '';
  #nextKey = FIRST_KEY;

  constructor(options: {
    database: Database;
    machines: readonly DurableMachine[];
    now: () => number;
    log: RuntimeLog;
  }) {
    this.#database = options.database;
    this.#machines = new Map(options.machines.map((machine) => [machine.id, machine]));
    this.#now = options.now;
    this.#log = options.log;
  }

  /** Notes which of these steps made a journal too long. */
  note(works: readonly Pick<Work, 'address' | 'before' | 'row'>[]): void {
    for (const { address, before, row } of works) {
      const keepLast = row && this.#machines.get(row.machine)?.journal?.keepLast;
      if (!keepLast || this.#grown.size >= MAX_GROWN) continue;
      const times = (revision: number) => Math.floor(revision / keepLast);
      if (times(row.revision) > times(before?.revision ?? 0)) this.#grown.add(address);
    }
    if (this.#grown.size === 0 || this.#soon || this.#stopped.signal.aborted) return;
    // By then the first of them is old enough to go.
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.pruneGrown().catch((err: unknown) => this.#log.warn({ err }, 'journals were not pruned'));
    }, 1.5 * KEEP_STEP_MS);
    this.#soon.unref();
  }

  /** Prunes the journals that were noted. Answers how many steps went. */
  pruneGrown(): Promise<number> {
    const addresses = [...this.#grown];
    this.#grown = new Set();
    return this.#run(async () => {
      let steps = 0;
      for (let from = 0; from < addresses.length; from += LOOKS)
        steps += await this.#pruneSteps(addresses.slice(from, from + LOOKS), this.#stopped.signal);
      return steps;
    });
  }

  /** A round over everything. Ends early when the signal is aborted, or after ten minutes. */
  round(signal?: AbortSignal): Promise<Pruned> {
    const ends = [this.#stopped.signal, AbortSignal.timeout(ROUND_MS), ...(signal ? [signal] : [])];
    return this.#run(async () => {
      const until = AbortSignal.any(ends);
      const pruned: Pruned = { steps: 0, actors: 0, keys: 0, deadLetters: 0 };
      // What looks at all actors and all keys comes last: it may take longer than there is.
      const letters = new Date(this.#now() - KEEP_DEAD_LETTERS_MS);
      pruned.deadLetters = await this.#all(() => pruneDeadLetters(this.#database, letters, ROWS), until);
      await this.#pruneEnded(pruned, until);
      pruned.steps += await this.#pruneActors(until);
      pruned.keys = await this.#pruneKeys(until);
      if (Object.values(pruned).some((rows) => rows > 0)) this.#log.info({ ...pruned }, 'old rows pruned');
      return pruned;
    });
  }

  /** No more pruning; resolves when the statement under way has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#soon);
    await this.#running.catch(() => {});
  }

  /** One at a time. */
  #run<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#running.catch(() => {}).then(work);
    this.#running = running;
    return running;
  }

  /** From where the round before has stopped, to the end. What is cut short is reached again when all others were. */
  async #pruneActors(until: AbortSignal): Promise<number> {
    let steps = 0;
    while (!until.aborted) {
      const after = this.#nextActor;
      const addresses = await this.#bite(() => nextAddresses(this.#database, after, LOOKS), until);
      if (until.aborted) break;
      steps += await this.#pruneSteps(addresses, until);
      this.#nextActor = addresses.length < LOOKS ? '' : (addresses.at(-1) ?? '');
      if (this.#nextActor === '') break;
    }
    return steps;
  }

  async #pruneSteps(addresses: readonly Address[], until: AbortSignal): Promise<number> {
    const rules = addresses.flatMap((address) => this.#rulesOf(address));
    if (rules.length === 0) return 0;
    const bite = () => pruneSteps(this.#database, rules, ROWS);
    if (addresses.length <= GROUP) return this.#all(bite, until);
    let steps = await this.#bite(bite, until);
    if (steps < ROWS) return steps;
    // Much is to go: in groups, so that each further bite does not look again at all that are done.
    for (let from = 0; from < addresses.length && !until.aborted; from += GROUP)
      steps += await this.#pruneSteps(addresses.slice(from, from + GROUP), until);
    return steps;
  }

  #rulesOf(address: Address): StepRule[] {
    const { keepLast, keepFor } = this.#machines.get(machineOf(address))?.journal ?? {};
    const rules: StepRule[] = [];
    const now = this.#now();
    if (keepLast !== undefined) rules.push({ address, keep: keepLast, before: new Date(now - KEEP_STEP_MS) });
    if (keepFor !== undefined) {
      const before = new Date(now - Math.max(toMs(keepFor), KEEP_STEP_MS));
      rules.push({ address, keep: KEEP_STEPS, before });
    }
    return rules;
  }

  async #pruneEnded(pruned: Pruned, until: AbortSignal): Promise<void> {
    for (const { id, keepEnded } of this.#machines.values()) {
      if (keepEnded === undefined) continue;
      const before = new Date(this.#now() - Math.max(toMs(keepEnded), KEEP_STEP_MS));
      for (
        let after: EndedActor | undefined = { address: '', endedAt: '-infinity' };
        after && !until.aborted;
      ) {
        const place: EndedActor = after;
        const ended = await this.#bite(() => endedActors(this.#database, id, before, place, ENDED), until);
        if (ended.length > 0) await this.#deleteEnded(ended, pruned, until);
        after = ended.length < ENDED ? undefined : ended.at(-1);
      }
    }
  }

  /** They go with all that they started, unless some of that goes on. Last of all the actor, by which they are found. */
  async #deleteEnded(ended: readonly EndedActor[], pruned: Pruned, until: AbortSignal): Promise<void> {
    const roots = ended.map(({ address }) => address);
    const family = await this.#bite(() => descendants(this.#database, roots), until);
    const goOn = new Set(family.filter((one) => !one.ended).map(({ root }) => root));
    const addresses = [
      ...new Set(family.filter(({ root }) => !goOn.has(root)).map(({ address }) => address)),
    ];
    pruned.steps += await this.#all(() => deleteSteps(this.#database, addresses, ROWS), until);
    if (until.aborted) return;
    pruned.actors += await this.#bite(() => deleteEnded(this.#database, addresses), until);
  }

  async #pruneKeys(until: AbortSignal): Promise<number> {
    const before = new Date(this.#now() - KEEP_KEYS_MS);
    let deleted = 0;
    while (!until.aborted) {
      const after = this.#nextKey;
      const bite = await this.#bite(() => pruneKeys(this.#database, before, after, LOOKS), until);
      deleted += bite.deleted;
      this.#nextKey = bite.next ?? FIRST_KEY;
      if (!bite.next) break;
    }
    return deleted;
  }

  /** Until a bite is not a full one. */
  async #all(bite: () => Promise<number>, until: AbortSignal): Promise<number> {
    let rows = 0;
    while (!until.aborted) {
      const more = await this.#bite(bite, until);
      rows += more;
      if (more < ROWS) break;
    }
    return rows;
  }

  /** A statement, and a pause of the same length: half of the time at least is others'. */
  async #bite<T>(statement: () => Promise<T>, until: AbortSignal): Promise<T> {
    const began = performance.now();
    const answer = await statement();
    const took = performance.now() - began;
    await delay(took, undefined, { signal: until, ref: false }).catch(() => {});
    return answer;
  }
}
