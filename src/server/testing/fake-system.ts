/**
 * For unit tests of the doors: a few actors in memory that a test moves by hand. Not a runtime: nothing is durable,
 * no machine runs. Tests of several rooms use the real one.
 */
import { type PlainError, RuntimeError } from '../../actors/runtime/errors.ts';
import type {
  ActorEvent,
  ActorSystem,
  ActorView,
  Address,
  SpawnOptions,
} from '../../actors/runtime/types.ts';

const start = Date.parse('2026-03-02T15:00:00Z');

export class FakeSystem implements ActorSystem {
  readonly actors = new Map<Address, ActorView>();
  readonly #keys = new Map<string, { address: Address; input: string }>();
  readonly #singletons = new Map<string, Address>();
  readonly #listeners = new Set<() => void>();
  #waitingChanged = Promise.withResolvers<void>();
  /** What every effect that is waited for has last failed with. */
  lastError: PlainError | null = null;
  /** Thrown by the next call, once. */
  failNext: Error | undefined;

  async spawn(machine: string, key: string, options: SpawnOptions): Promise<Address> {
    this.#failIfAsked();
    const { owner, idempotencyKey, singletonKey, input } = options;
    const written = JSON.stringify(input);
    const known = this.#keys.get(`${machine}/${owner}/${idempotencyKey}`);
    if (known && idempotencyKey !== undefined) {
      if (known.input === written) return known.address;
      throw new RuntimeError('idempotency_conflict', 'The key was used with another input.');
    }
    const single = this.#singletons.get(`${machine}/${owner}/${singletonKey}`);
    if (single !== undefined && singletonKey !== undefined && this.actors.get(single)?.status === 'active') {
      return single;
    }
    const address = `${machine}/${key}`;
    this.#keys.set(`${machine}/${owner}/${idempotencyKey}`, { address, input: written });
    this.#singletons.set(`${machine}/${owner}/${singletonKey}`, address);
    const createdAt = new Date(start + this.actors.size * 1_000);
    this.actors.set(address, {
      address,
      machine,
      key,
      version: '1',
      owner,
      status: 'active',
      revision: 1,
      value: firstValues[machine] ?? 'arming',
      tags: [],
      context: { ...(input as object), ...firstContext(machine) },
      timers: [],
      effects: [],
      children: [],
      parent: null,
      createdAt,
      updatedAt: createdAt,
    });
    return address;
  }

  async send(address: Address, event: ActorEvent) {
    const actor = await this.snapshot(address);
    if (actor.status !== 'active') throw new RuntimeError('actor_ended', `${address} has ended.`);
    if (event.type === 'CANCEL') {
      this.move(address, { status: 'done', value: 'cancelled', output: { status: 'cancelled' } });
    }
    if (event.type === 'STOP') this.move(address, { status: 'done', value: 'stopped' });
    if (event.type === 'UPDATE') {
      const { type: _, ...changes } = event;
      this.move(address, { context: { ...actor.context, ...changes } });
    }
    const { revision, value, status } = await this.snapshot(address);
    return { revision, value, status, changed: true };
  }

  async snapshot(address: Address): Promise<ActorView> {
    this.#failIfAsked();
    const actor = this.actors.get(address);
    if (!actor) throw new RuntimeError('actor_not_found', `there is no actor ${address}`);
    return actor;
  }

  waitFor: ActorSystem['waitFor'] = async (address, until, { timeoutMs, signal }) => {
    if (typeof until !== 'function') throw new Error('the fake waits for predicates only');
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ActorView>();
    const look = () => {
      const actor = this.actors.get(address);
      if (actor && until(actor)) resolve(actor);
    };
    const late = setTimeout(
      () => reject(new RuntimeError('timeout', 'Not yet.', { retryable: true })),
      timeoutMs,
    );
    signal?.addEventListener('abort', () => reject(signal.reason));
    this.#listeners.add(look);
    look();
    this.#tellWaiting();
    return promise.finally(() => {
      clearTimeout(late);
      this.#listeners.delete(look);
      this.#tellWaiting();
    });
  };

  list: ActorSystem['list'] = async ({ owner, machine, status, limit = 50, cursor } = {}) => {
    const all = [...this.actors.values()]
      .filter((actor) => owner === undefined || actor.owner === owner)
      .filter((actor) => machine === undefined || [machine].flat().includes(actor.machine))
      .filter((actor) => status === undefined || actor.status === status)
      .reverse();
    const from = Number(cursor ?? 0);
    return {
      actors: all.slice(from, from + limit),
      next: all.length > from + limit ? String(from + limit) : null,
    };
  };

  listEnded: ActorSystem['listEnded'] = async ({ owner, machine, since, limit = 50 }) => {
    const ended = [...this.actors.values()]
      .filter((actor) => actor.owner === owner && [machine].flat().includes(actor.machine))
      .filter(({ status, updatedAt }) => ['done', 'error', 'stopped'].includes(status) && updatedAt >= since)
      .sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime());
    return { actors: ended.slice(0, limit), count: ended.length };
  };

  /** As if a step had been committed. */
  move(address: Address, change: Partial<ActorView>): void {
    const actor = this.actors.get(address);
    if (!actor) throw new Error(`no actor ${address}`);
    this.actors.set(address, { ...actor, ...change, revision: actor.revision + 1 });
    for (const listener of this.#listeners) listener();
  }

  /** Resolves when a call of waitFor waits. */
  async someoneWaits(): Promise<void> {
    while (this.#listeners.size === 0) await this.#waitingChanged.promise;
  }

  /** Resolves when no call of waitFor waits. */
  async nobodyWaits(): Promise<void> {
    while (this.#listeners.size > 0) await this.#waitingChanged.promise;
  }

  stop: ActorSystem['stop'] = async (address) => {
    const { status } = await this.snapshot(address);
    if (status === 'active') this.move(address, { status: 'stopped' });
    return this.snapshot(address);
  };

  // What the inspector and the sessions ask for: nothing happens here that they could see.
  pending: ActorSystem['pending'] = async (address) => {
    const { timers, effects, children } = await this.snapshot(address);
    const at = new Date(start);
    const progress = { failedAttempts: 0, nextAttemptAt: at, deadline: at, process: null };
    return {
      at,
      timers,
      effects: effects.map((effect) => ({ ...effect, ...progress, lastError: this.lastError })),
      children: children.map((child) => ({ ...child, status: 'active' })),
      unreadMessages: 0,
    };
  };
  journal: ActorSystem['journal'] = async () => [];
  inspect: ActorSystem['inspect'] = async () => [];
  inspectEnd: ActorSystem['inspectEnd'] = async () => '0';
  deadLetters: ActorSystem['deadLetters'] = async () => ({ deadLetters: [], next: null });
  countDeadLetters: ActorSystem['countDeadLetters'] = async () => 0;
  deadLetter: ActorSystem['deadLetter'] = noDeadLetter;
  retryDeadLetter: ActorSystem['retryDeadLetter'] = noDeadLetter;
  discardDeadLetter: ActorSystem['discardDeadLetter'] = noDeadLetter;
  onCommit: ActorSystem['onCommit'] = () => () => {};
  machines: ActorSystem['machines'] = () => [];
  load: ActorSystem['load'] = () => ({ queued: 0, effects: new Map() });
  drain: ActorSystem['drain'] = async () => {};
  migrate: ActorSystem['migrate'] = async ({ dryRun }) => ({ dryRun, versions: [], quarantined: [] });

  #tellWaiting(): void {
    this.#waitingChanged.resolve();
    this.#waitingChanged = Promise.withResolvers<void>();
  }

  #failIfAsked(): void {
    const error = this.failNext;
    this.failNext = undefined;
    if (error) throw error;
  }
}

async function noDeadLetter(id: string): Promise<never> {
  throw new RuntimeError('dead_letter_not_found', `There is no dead letter ${id}.`);
}

const firstValues: Readonly<Record<string, string>> = {
  analysis: 'fetchMarketData',
  screener: 'findCandidates',
};

function firstContext(machine: string): Record<string, unknown> {
  if (machine === 'analysis') return { progress: { done: 0, total: 6, step: 'fetching market data' } };
  if (machine === 'screener') return { progress: { done: 0, total: 0, step: 'looking for candidates' } };
  return { lastQuote: null, triggers: 0, lastTriggeredAt: null, waitingFor: 'quote' };
}
