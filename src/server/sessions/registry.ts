/**
 * Which sockets are open in this process, to whom they belong and what they watch: an @xstate/store store. It may die
 * with the process, for clients come back. What must not die is in the session actors.
 *
 * Its maps are changed in place: of copies, each of 5,000 sockets that open would cost as much as all before it. So a
 * context that was read earlier shows the present, and nothing here keeps one.
 */
import { createStore } from '@xstate/store';

/** One open socket. */
export interface OpenConnection {
  connectionId: string;
  owner: string;
  /** Null until its hello was accepted. */
  sessionId: string | null;
  topics: readonly string[];
  /** ISO 8601. */
  openedAt: string;
}

/** Ids of connections by what they have in common. */
type Index = Map<string, Set<string>>;

interface Context {
  connections: Map<string, OpenConnection>;
  byOwner: Index;
  bySession: Index;
  byTopic: Index;
}

const none: ReadonlySet<string> = new Set();

/** The store and what is read of it. What it answers is alive: it changes with the sockets. */
export function createRegistry() {
  const store = createStore({
    context: {
      connections: new Map(),
      byOwner: new Map(),
      bySession: new Map(),
      byTopic: new Map(),
    } as Context,
    on: {
      opened: (context, event: { connectionId: string; owner: string; openedAt: string }) =>
        changed(context, event.connectionId, {
          connectionId: event.connectionId,
          owner: event.owner,
          sessionId: null,
          topics: [],
          openedAt: event.openedAt,
        }),
      joined: (context, event: { connectionId: string; sessionId: string; topics: readonly string[] }) =>
        withChange(context, event.connectionId, { sessionId: event.sessionId, topics: event.topics }),
      topicsChanged: (context, event: { connectionId: string; topics: readonly string[] }) =>
        withChange(context, event.connectionId, { topics: event.topics }),
      closed: (context, event: { connectionId: string }) => changed(context, event.connectionId, undefined),
    },
  });
  const { connections, byOwner, bySession, byTopic } = store.get().context;
  return {
    trigger: store.trigger,
    all: (): readonly OpenConnection[] => [...connections.values()],
    connection: (connectionId: string): OpenConnection | undefined => connections.get(connectionId),
    /** The ids of an owner's connections. */
    ofOwner: (owner: string): ReadonlySet<string> => byOwner.get(owner) ?? none,
    /** The ids of a session's connections: one, or two while the newer one takes over. */
    ofSession: (sessionId: string): ReadonlySet<string> => bySession.get(sessionId) ?? none,
    /** The ids of the connections that watch a topic, whoever they belong to. */
    ofTopic: (topic: string): ReadonlySet<string> => byTopic.get(topic) ?? none,
    /** All topics that somebody watches. */
    topics: (): Iterable<string> => byTopic.keys(),
  };
}

export type Registry = ReturnType<typeof createRegistry>;

function withChange(context: Context, connectionId: string, change: Partial<OpenConnection>): Context {
  const connection = context.connections.get(connectionId);
  return connection ? changed(context, connectionId, { ...connection, ...change }) : context;
}

/** Puts a connection in the place of what it was, or takes it away. */
function changed(context: Context, connectionId: string, next: OpenConnection | undefined): Context {
  const { connections, byOwner, bySession, byTopic } = context;
  const before = connections.get(connectionId);
  move(byOwner, connectionId, before && [before.owner], next && [next.owner]);
  move(bySession, connectionId, sessionOf(before), sessionOf(next));
  move(byTopic, connectionId, before?.topics, next?.topics);
  if (next) connections.set(connectionId, next);
  else connections.delete(connectionId);
  // Another object, so that the store sees a change.
  return { ...context };
}

function sessionOf(connection: OpenConnection | undefined): readonly string[] {
  return connection?.sessionId == null ? [] : [connection.sessionId];
}

function move(
  index: Index,
  connectionId: string,
  from: readonly string[] = [],
  to: readonly string[] = [],
): void {
  // What stays keeps its place in the order.
  const [before, after] = [new Set(from), new Set(to)];
  for (const key of before) {
    if (after.has(key)) continue;
    const ids = index.get(key);
    ids?.delete(connectionId);
    if (ids?.size === 0) index.delete(key);
  }
  for (const key of after) {
    if (before.has(key)) continue;
    const ids = index.get(key);
    if (ids) ids.add(connectionId);
    else index.set(key, new Set([connectionId]));
  }
}
