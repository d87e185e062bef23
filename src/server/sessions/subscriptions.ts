/** What one connection's session watches: checked, committed, then in force. Not for delivering it. */
import { TtaiError } from '../../actors/runtime/index.ts';
import { MAX_TOPICS } from '../../machines/session.ts';
import { withId } from './frames.ts';
import type { LiveQuotes } from './live-quotes.ts';
import type { ServerFrame } from './protocol.ts';
import type { Registry } from './registry.ts';
import type { SessionActor, SessionSystem } from './session-actor.ts';
import { requireOwnTopic, type StateFeed } from './states.ts';

export interface SubscriptionsOptions {
  system: SessionSystem;
  registry: Registry;
  feed: StateFeed;
  quotes: LiveQuotes;
  session: SessionActor;
  connectionId: string;
  owner: string;
  send: (frame: ServerFrame) => void;
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** All of them or none. Throws `too_many_topics`, `run_not_found`, `alert_not_found`, `monitor_not_found`. */
  async add(asked: readonly string[], id: string | undefined): Promise<void> {
    const { system, owner, session, feed, quotes, connectionId } = this.#options;
    const topics = this.#topics();
    const wanted = [...new Set(asked)].filter(
      (topic) => topic !== 'notifications' && !topics.includes(topic),
    );
    if (topics.length + wanted.length > MAX_TOPICS) {
      throw new TtaiError('too_many_topics', `A session watches at most ${MAX_TOPICS} topics.`);
    }
    for (const topic of wanted) await requireOwnTopic(system, owner, topic);
    if (wanted.length > 0 && !(await session.subscribe(wanted))) throw notTaken();
    this.#changed([...topics, ...wanted], id);
    quotes.show(connectionId, asked);
    await feed.show(connectionId, owner, asked);
  }

  async remove(asked: readonly string[], id: string | undefined): Promise<void> {
    const topics = this.#topics();
    const leaving = topics.filter((topic) => asked.includes(topic));
    if (leaving.length > 0 && !(await this.#options.session.unsubscribe(leaving))) throw notTaken();
    const staying = topics.filter((topic) => !leaving.includes(topic));
    this.#changed(staying, id);
  }

  #topics(): readonly string[] {
    const { registry, connectionId } = this.#options;
    return registry.connection(connectionId)?.topics ?? [];
  }

  #changed(topics: readonly string[], id: string | undefined): void {
    const { registry, connectionId, send } = this.#options;
    registry.trigger.topicsChanged({ connectionId, topics });
    send({ type: 'subscribed', ...withId(id), topics: shownTopics(topics) });
  }
}

/** The topics as a client sees them: `notifications` is always on and is not kept. */
export function shownTopics(topics: readonly string[]): string[] {
  return ['notifications', ...topics];
}

/** The room was checked, so the machine refused for the one other reason. */
function notTaken(): TtaiError {
  return new TtaiError('session_replaced', 'Another connection took this session over.');
}
