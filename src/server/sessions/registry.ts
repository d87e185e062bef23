/**
 * Which sockets are open in this process, to whom they belong and what they watch: an @xstate/store store with
 * selectors. It may die with the process, for clients come back. What must not die is in the session actors.
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

type Connections = Readonly<Record<string, OpenConnection>>;
type Index = ReadonlyMap<string, readonly string[]>;

/** The store and its selectors, which are computed again only after a change. */
export function createRegistry() {
  const store = createStore({
    context: { connections: {} as Connections },
    on: {
      opened: (context, event: { connectionId: string; owner: string; openedAt: string }) => ({
        connections: {
          ...context.connections,
          [event.connectionId]: {
            connectionId: event.connectionId,
            owner: event.owner,
            sessionId: null,
            topics: [],
            openedAt: event.openedAt,
          },
        },
      }),
      joined: (context, event: { connectionId: string; sessionId: string; topics: readonly string[] }) =>
        changed(context, event.connectionId, { sessionId: event.sessionId, topics: event.topics }),
      topicsChanged: (context, event: { connectionId: string; topics: readonly string[] }) =>
        changed(context, event.connectionId, { topics: event.topics }),
      closed: (context, event: { connectionId: string }) => {
        const { [event.connectionId]: _closed, ...connections } = context.connections;
        return { connections };
      },
    },
  });
  const byOwner = store.select((context) => index(context.connections, ({ owner }) => [owner]));
  const bySession = store.select((context) =>
    index(context.connections, ({ sessionId }) => (sessionId === null ? [] : [sessionId])),
  );
  const byTopic = store.select((context) => index(context.connections, ({ topics }) => topics));
  return {
    trigger: store.trigger,
    all: (): readonly OpenConnection[] => Object.values(store.get().context.connections),
    connection: (connectionId: string): OpenConnection | undefined =>
      store.get().context.connections[connectionId],
    /** The ids of an owner's connections. */
    ofOwner: (owner: string): readonly string[] => byOwner.get().get(owner) ?? [],
    /** The ids of a session's connections: one, or two while the newer one takes over. */
    ofSession: (sessionId: string): readonly string[] => bySession.get().get(sessionId) ?? [],
    /** The ids of the connections that watch a topic, whoever they belong to. */
    ofTopic: (topic: string): readonly string[] => byTopic.get().get(topic) ?? [],
  };
}

export type Registry = ReturnType<typeof createRegistry>;

function changed(
  context: { connections: Connections },
  connectionId: string,
  change: Partial<OpenConnection>,
): { connections: Connections } {
  const connection = context.connections[connectionId];
  if (!connection) return context;
  return { connections: { ...context.connections, [connectionId]: { ...connection, ...change } } };
}

function index(connections: Connections, keysOf: (connection: OpenConnection) => readonly string[]): Index {
  const found = new Map<string, string[]>();
  for (const connection of Object.values(connections)) {
    for (const key of keysOf(connection)) {
      const ids = found.get(key);
      if (ids) ids.push(connection.connectionId);
      else found.set(key, [connection.connectionId]);
    }
  }
  return found;
}
