/**
 * For unit tests of the doors: a few actors in memory that a test moves by hand. Not a runtime: nothing is durable,
 * no machine runs. Tests of several rooms use the real one.
 */
import { PeerUnavailableError, type PlainError, RuntimeError } from '../../actors/runtime/errors.ts';
import type {
  ActorEvent,
  ActorSystem,
  ActorView,
  Address,
  SpawnOptions,
} from '../../actors/runtime/types.ts';
import { defaultPreferences } from '../../persistence/records/preferences.ts';
import type { Records } from '../../persistence/records/records.ts';
import type { SavedScreener } from '../../persistence/records/saved-screeners.ts';
import type { OperationRooms } from '../operations/index.ts';
import type { NotificationReader, OperationAnalysis } from '../operations/operation.ts';
import type { NotificationRows } from '../sessions/delivery.ts';

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

/** Quotes of AAPL and MSFT; nobody else is known. */
export const fakeAnalysis: OperationAnalysis = {
  async positions() {
    throw new PeerUnavailableError('analysis_unavailable', 'the analysis service can not be reached');
  },
  async brokerPositions() {
    throw new PeerUnavailableError('analysis_unavailable', 'the analysis service can not be reached');
  },
  async quotes(symbols) {
    const asOf = '2026-03-02T15:00:00Z';
    const known = { AAPL: 231.2, MSFT: 512.5 };
    return Object.fromEntries(
      Object.entries(known)
        .filter(([symbol]) => symbols.includes(symbol))
        .map(([symbol, price]) => [symbol, { price, asOf, source: 'simulated', stale: false }]),
    );
  },
};

/** Two notifications of `local`. */
export const fakeNotifications: NotificationReader & NotificationRows = {
  pending: async (places) => places.map(() => []),
  onNotification: () => () => {},
  async since(owner, afterSeq, limit) {
    const rows = [1, 2].map((seq) => ({
      owner,
      seq,
      id: `n${seq}`,
      type: 'price_alert_triggered',
      at: new Date(start + seq * 1_000),
      source: 'priceAlert/1',
      data: { symbol: 'AAPL', source: 'simulated' },
    }));
    return owner === 'local' ? rows.filter(({ seq }) => seq > afterSeq).slice(0, limit) : [];
  },
  latestSeq: async (owner) => (owner === 'local' ? 2 : 0),
  prunedSeq: async () => 0,
};

/** Nobody has any records, and nothing is kept. Tests that keep some have a database. */
export const fakeRecords: Records = {
  addPosition: async () => null,
  addPositions: async () => [],
  knownExternalIds: async () => new Set(),
  syncedPositions: async () => [],
  applySync: async () => new Map(),
  position: async () => null,
  positions: async () => [],
  openPositions: async () => [],
  closePosition: async () => null,
  deletePosition: async () => null,
  preferences: async () => defaultPreferences,
  changePreferences: async (_owner, changes) => ({ ...defaultPreferences, ...changes }),
  saveScreener: async ({ criteria = {}, maxSymbols = 50, autoRun = false, ...screener }) => ({
    ...{ ...screener, criteria, maxSymbols, autoRun, isNew: true },
  }),
  savedScreeners: async () => [],
  savedScreener: async (owner, idOrName) =>
    [savedScreener, outdatedScreener].find(
      ({ id, name, ...one }) => one.owner === owner && (id === idOrName || name === idOrName),
    ) ?? null,
  deleteScreener: async () => null,
  addWebhook: async () => 'full' as const,
  webhooks: async () => [],
  webhook: async () => null,
  deleteWebhook: async () => null,
  toldByType: async () => [],
  seqBefore: async () => 0,
  alertsNear: async () => [],
};

/** One saved screener of `local`, and one whose criteria an older release took. */
export const savedScreener: SavedScreener = {
  id: '5f0c6a52-6f0e-4a3c-9c55-0d7f4a1d2b11',
  owner: 'local',
  name: 'Cheap puts',
  criteria: { minPrice: 20, strategy: 'csp' },
  maxSymbols: 20,
  autoRun: false,
};
export const outdatedScreener: SavedScreener = {
  ...savedScreener,
  id: '5f0c6a52-6f0e-4a3c-9c55-0d7f4a1d2b12',
  criteria: { minDelta: 1 },
};
export function fakeRooms(): OperationRooms & {
  system: FakeSystem;
  notifications: typeof fakeNotifications;
} {
  return {
    system: new FakeSystem(),
    analysis: fakeAnalysis,
    notifications: fakeNotifications,
    webhookAllowedHosts: [],
    records: fakeRecords,
  };
}

/** What a full analysis of AAPL puts out, in the shapes of the analysis service. */
export const finishedAnalysis = {
  status: 'completed',
  recommendation: 'strong_select',
  symbol: 'AAPL',
  type: 'full_analysis',
  chart: {
    recommendation: 'bullish',
    trendDirection: 'up',
    trendQuality: 'strong',
    extensionRisk: 'low',
    score: 78.5,
    indicators: {
      rsi14: 58.2,
      sma20: 228,
      sma50: 221,
      sma200: 205,
      atr14: 3.9,
      adx14: 27,
      hv20: 0.22,
      ema9: 230,
    },
    supportLevels: [1, 2, 3, 4, 5].map((touches) => ({
      price: 230 - touches,
      strength: 'strong',
      touches,
      distancePct: touches,
    })),
    resistanceLevels: [],
    asOf: '2026-03-02T15:00:00Z',
    quality: { source: 'simulated' },
  },
  options: {
    recommendation: 'select',
    strategy: 'csp',
    bestStrike: 220,
    bestExpiration: '2026-04-17',
    dte: 46,
    premium: 3.1,
    delta: -0.22,
    pop: 0.8,
    asOf: '2026-03-02T15:00:00Z',
    quality: { source: 'simulated' },
  },
  research: { sentiment: 'positive', asOf: '2026-03-02T15:00:00Z', quality: { source: 'simulated' } },
  reasons: ['The chart is bullish.'],
  error: null,
  asOf: '2026-03-02T15:00:00Z',
  source: 'simulated',
};

/** What a screener of 24 candidates puts out. */
export const finishedScreener = {
  status: 'completed',
  name: 'Cheap puts',
  savedScreenerId: savedScreener.id,
  criteria: savedScreener.criteria,
  candidates: 24,
  analyzed: 12,
  rejected: 2,
  failed: Array.from({ length: 12 }, (_, index) => ({
    symbol: `F${index}`,
    code: 'insufficient_data',
    message: 'Too few bars.',
    retryable: false,
  })),
  results: Array.from({ length: 10 }, (_, index) => ({
    symbol: `S${index}`,
    recommendation: 'select',
    score: 90 - index,
    price: 40.25,
    bestStrike: 38,
    bestExpiration: '2026-04-17',
    delta: -0.24,
    ivRank: 0.42,
    weeklyRocPct: 0.61,
    asOf: '2026-03-02T15:00:00Z',
    source: 'simulated',
  })),
  reasons: ['24 of 503 symbols fulfil the criteria: 12 analysed, 2 of these rejected; 12 failed.'],
  error: null,
  asOf: '2026-03-02T15:00:00Z',
  source: 'simulated',
};

const firstValues: Readonly<Record<string, string>> = {
  analysis: 'fetchMarketData',
  screener: 'findCandidates',
};

function firstContext(machine: string): Record<string, unknown> {
  if (machine === 'analysis') return { progress: { done: 0, total: 6, step: 'fetching market data' } };
  if (machine === 'screener') return { progress: { done: 0, total: 0, step: 'looking for candidates' } };
  return { lastQuote: null, triggers: 0, lastTriggeredAt: null, waitingFor: 'quote' };
}
