/**
 * The runs, alerts and monitors that clients watch: which topics an actor belongs to, its latest state as a frame, and the
 * reading of it after a commit. Not kept for clients that are away, and not for notifications.
 */
import {
  type ActorSystem,
  type ActorView,
  type Address,
  type CommitNotice,
  RuntimeError,
  type RuntimeLog,
  TtaiError,
} from '../../actors/runtime/index.ts';
import { alertOf } from '../operations/alert-view.ts';
import { monitorOf } from '../operations/monitor-view.ts';
import { runHeadOf, runKind } from '../operations/run-view.ts';
import type { ServerFrame } from './protocol.ts';

/** How many actors at work a `runs`, `alerts` or `monitors` topic shows when it begins, in pages; then it says that there are more. */
const MAX_SHOWN = 2_000;
const PAGE = 200;
/** How many of the latest, ended or not, are shown again after commits were missed. */
const LATELY = 50;

interface Watchable {
  machine: string;
  /** The topic for all of an owner's, and the one for a single actor. */
  all: 'runs' | 'alerts' | 'monitors';
  one: (key: string) => string;
  /** The key that a single actor's topic names, or null when the topic is another one. */
  keyOf: (topic: string) => string | null;
  notFound: string;
  frame: (view: ActorView) => ServerFrame;
}

const watchables: readonly Watchable[] = [
  ...runKind.options.map(
    (kind): Watchable => ({
      machine: kind,
      all: 'runs',
      one: (key) => `run:${kind}.${key}`,
      keyOf: (topic) => suffix(topic, `run:${kind}.`),
      notFound: 'run_not_found',
      frame: (view) => ({ type: 'run', run: runHeadOf(view) }),
    }),
  ),
  {
    machine: 'priceAlert',
    all: 'alerts',
    one: (key) => `alert:${key}`,
    keyOf: (topic) => suffix(topic, 'alert:'),
    notFound: 'alert_not_found',
    frame: (view) => ({ type: 'alert', alert: alertOf(view), revision: view.revision }),
  },
  {
    machine: 'portfolioMonitor',
    all: 'monitors',
    one: (key) => `monitor:${key}`,
    keyOf: (topic) => suffix(topic, 'monitor:'),
    notFound: 'monitor_not_found',
    frame: (view) => ({ type: 'monitor', monitor: monitorOf(view), revision: view.revision }),
  },
];

/**
 * Refuses a topic that names one actor when the owner has none of that name: `run_not_found`, `alert_not_found`,
 * `monitor_not_found`. That it exists for somebody else is not told.
 */
export async function requireOwnTopic(
  system: Pick<ActorSystem, 'snapshot'>,
  owner: string,
  topic: string,
): Promise<void> {
  const named = actorOfTopic(topic);
  if (!named) return;
  const view = named.address === null ? null : await findActor(system, named.address);
  if (view?.owner !== owner) {
    throw new TtaiError(named.notFound, `There is nothing to watch as "${topic}".`, { details: { topic } });
  }
}

export interface StateFeedOptions {
  system: Pick<ActorSystem, 'snapshot' | 'list'>;
  /** The connections that watch any of these topics, whoever they belong to. */
  watchersOf: (topics: readonly string[]) => readonly string[];
  /** Gives a frame to those of the connections that belong to the owner. */
  deliver: (connectionIds: readonly string[], owner: string, address: Address, frame: ServerFrame) => void;
  log: RuntimeLog;
}

/** Reads what changed, once however many watch it, and hands it on. */
export class StateFeed {
  readonly #options: StateFeedOptions;
  /** Actors that are being read; true when they changed meanwhile. */
  readonly #reading = new Map<Address, boolean>();

  constructor(options: StateFeedOptions) {
    this.#options = options;
  }

  /** After a commit. A notice without addresses is the business of whoever knows the connections. */
  committed(notice: CommitNotice): void {
    for (const address of notice.addresses ?? []) {
      const watchable = watchableOf(address);
      if (watchable && this.#watchers(watchable, address).length > 0) void this.#read(watchable, address);
    }
  }

  /**
   * The present state of all that these topics of one owner name, for one connection: of many, those at work; with
   * `ended`, also those that ended lately.
   */
  async show(
    connectionId: string,
    owner: string,
    topics: readonly string[],
    { ended = false }: { ended?: boolean } = {},
  ): Promise<void> {
    try {
      for (const topic of topics) {
        const many = watchables.filter(({ all }) => all === topic);
        for (const one of many) await this.#showMany(connectionId, owner, one, ended);
        if (many.length === 0) await this.#showOne(connectionId, topic);
      }
    } catch (error) {
      this.#options.log.debug({ err: error, connectionId }, 'what a client watches could not be read');
    }
  }

  async #showMany(
    connectionId: string,
    owner: string,
    { machine, all }: Watchable,
    ended: boolean,
  ): Promise<void> {
    const { system, deliver } = this.#options;
    let shown = 0;
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<ActorSystem['list']>> = await system.list({
        owner,
        machine,
        status: 'active',
        limit: PAGE,
        ...(cursor !== null && { cursor }),
      });
      // Page by page: what is handed on late may be older than a commit that was handed on meanwhile.
      for (const view of page.actors.reverse()) this.#hand([connectionId], view);
      shown += page.actors.length;
      cursor = page.next;
    } while (cursor !== null && shown < MAX_SHOWN);
    if (cursor !== null) deliver([connectionId], owner, `more/${all}`, { type: 'more', topic: all, shown });
    if (!ended) return;
    const { actors } = await system.list({ owner, machine, limit: LATELY });
    for (const view of actors.reverse()) if (view.status !== 'active') this.#hand([connectionId], view);
  }

  async #showOne(connectionId: string, topic: string): Promise<void> {
    const address = actorOfTopic(topic)?.address;
    const view = address ? await findActor(this.#options.system, address) : null;
    if (view) this.#hand([connectionId], view);
  }

  async #read(watchable: Watchable, address: Address): Promise<void> {
    if (this.#reading.has(address)) {
      this.#reading.set(address, true);
      return;
    }
    try {
      do {
        this.#reading.set(address, false);
        const view = await this.#options.system.snapshot(address);
        this.#hand(this.#watchers(watchable, address), view);
      } while (this.#reading.get(address));
    } catch (error) {
      // Only the latest state counts: the next commit, or the next subscription, shows it again.
      this.#options.log.debug({ err: error, address }, 'a watched actor could not be read');
    } finally {
      this.#reading.delete(address);
    }
  }

  #hand(connectionIds: readonly string[], view: ActorView): void {
    const watchable = watchableOf(view.address);
    if (watchable) this.#options.deliver(connectionIds, view.owner, view.address, watchable.frame(view));
  }

  #watchers({ all, one }: Watchable, address: Address): readonly string[] {
    return this.#options.watchersOf([all, one(address.slice(address.indexOf('/') + 1))]);
  }
}

/** The one actor that a topic names; its address is null when there can't be one. Null for a topic of many. */
function actorOfTopic(topic: string): { address: Address | null; notFound: string } | null {
  for (const { machine, keyOf, notFound } of watchables) {
    const key = keyOf(topic);
    if (key !== null) return { address: `${machine}/${key}`, notFound };
  }
  return topic.startsWith('run:') ? { address: null, notFound: 'run_not_found' } : null;
}

async function findActor(system: Pick<ActorSystem, 'snapshot'>, address: Address): Promise<ActorView | null> {
  try {
    return await system.snapshot(address);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'actor_not_found') return null;
    throw error;
  }
}

function watchableOf(address: Address): Watchable | undefined {
  return watchables.find(({ machine }) => address.startsWith(`${machine}/`));
}

function suffix(text: string, prefix: string): string | null {
  return text.startsWith(prefix) ? text.slice(prefix.length) : null;
}
