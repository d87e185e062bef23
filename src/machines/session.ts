/**
 * The machine `session`: one client's place in its owner's notifications, kept across connections and servers.
 * Not for sockets, frames or delivery; those are src/server/sessions, which tells this machine what happened.
 *
 * States, with the names of the product page:
 * - `connecting`: the session was made for a client that said hello; its first connection is not confirmed yet.
 * - `live`: a connection serves it. A server that dies can't say so, hence a lease: it renews by `SEEN`.
 * - `away`: nobody is connected. The client may come back to any server within seven days.
 * - `closed`: over, for good.
 *
 * `authenticating` is a moment of the socket (src/server/sessions/door.ts) and not a state here: were it one, every
 * client without a token could write rows.
 *
 * Two connections may fight for one session, from two servers. `connections` counts them: `CONNECTED` names the
 * number that it expects to be, so the later one wins and the earlier one is refused instead of winning by being
 * slow. Events of any connection but the current one are ignored.
 */
import { assign, setup } from 'xstate';
import { z } from 'zod';

const HOUR_MS = 3_600_000;

/** A live session whose server was silent for this long is away. The server renews it three times as often. */
export const LEASE_MS = 3 * HOUR_MS;

/** How many topics one session may be subscribed to. Keeps a snapshot below a few kilobytes. */
export const MAX_TOPICS = 100;

const seq = z.int().nonnegative();
const at = z.iso.datetime();
const connectionId = z.uuid();
const topics = z.array(z.string().min(1).max(100)).min(1).max(MAX_TOPICS);

/** `confirmed`: the last notification that the client has already, or that came before it. */
export const sessionInput = z.object({ confirmed: seq });

export const sessionEvents = {
  /** A connection was accepted. `ordinal`: this is the n-th connection of the session, from 1. */
  CONNECTED: z.object({
    type: z.literal('CONNECTED'),
    connectionId,
    serverId: z.string().min(1).max(200),
    ordinal: z.int().positive(),
    at,
  }),
  /** The connection is still there: renews the lease. */
  SEEN: z.object({ type: z.literal('SEEN'), connectionId, at }),
  /** The client has everything up to `seq`. */
  CONFIRMED: z.object({ type: z.literal('CONFIRMED'), connectionId, seq }),
  SUBSCRIBED: z.object({ type: z.literal('SUBSCRIBED'), connectionId, topics }),
  UNSUBSCRIBED: z.object({ type: z.literal('UNSUBSCRIBED'), connectionId, topics }),
  /** The connection ended. `seq`: what the client had confirmed by then. */
  DISCONNECTED: z.object({ type: z.literal('DISCONNECTED'), connectionId, seq, at }),
  /** The client is finished with the session. Without `connectionId`: its owner ends it from elsewhere. */
  CLOSE: z.object({ type: z.literal('CLOSE'), connectionId: connectionId.optional() }),
};

/** What a session keeps. Times are ISO 8601, from the events. */
export const sessionContext = z.object({
  /** The last sequence number that the client confirmed. Never goes back. */
  confirmed: seq,
  topics: z.array(z.string()),
  /** How many connections it has had. */
  connections: z.int().nonnegative(),
  /** The connection that serves it; null while it is away. */
  connectionId: z.string().nullable(),
  /** The server that the connection goes to; null while it is away. */
  connectedTo: z.string().nullable(),
  /** When the client was last known to be there. */
  seenAt: z.string().nullable(),
});

export type SessionContext = z.infer<typeof sessionContext>;
export type SessionEvent = {
  [Type in keyof typeof sessionEvents]: z.infer<(typeof sessionEvents)[Type]>;
}[keyof typeof sessionEvents];

const machine = setup({
  types: {
    context: {} as SessionContext,
    events: {} as SessionEvent,
    input: {} as z.infer<typeof sessionInput>,
    output: {} as { confirmed: number },
  },
  delays: {
    /** From the first snapshot to the first connection: the server died between the two. */
    connectingLimit: 60_000,
    lease: LEASE_MS,
    awayLimit: 7 * 24 * HOUR_MS,
  },
  guards: {
    isNextConnection: ({ context, event }) =>
      event.type === 'CONNECTED' && event.ordinal === context.connections + 1,
    isCurrent: ({ context, event }) => 'connectionId' in event && event.connectionId === context.connectionId,
    isNewer: ({ context, event }) =>
      event.type === 'CONFIRMED' &&
      event.connectionId === context.connectionId &&
      event.seq > context.confirmed,
    hasRoom: ({ context, event }) =>
      event.type === 'SUBSCRIBED' &&
      event.connectionId === context.connectionId &&
      union(context.topics, event.topics).length <= MAX_TOPICS,
    mayClose: ({ context, event }) =>
      event.type === 'CLOSE' &&
      (event.connectionId === undefined || event.connectionId === context.connectionId),
  },
  actions: {
    connect: assign(({ context, event }) =>
      event.type === 'CONNECTED'
        ? {
            connections: event.ordinal,
            connectionId: event.connectionId,
            connectedTo: event.serverId,
            seenAt: event.at,
          }
        : context,
    ),
    see: assign(({ context, event }) => (event.type === 'SEEN' ? { seenAt: event.at } : context)),
    confirm: assign(({ context, event }) =>
      event.type === 'CONFIRMED' ? { confirmed: event.seq } : context,
    ),
    subscribe: assign(({ context, event }) =>
      event.type === 'SUBSCRIBED' ? { topics: union(context.topics, event.topics) } : context,
    ),
    unsubscribe: assign(({ context, event }) =>
      event.type === 'UNSUBSCRIBED'
        ? { topics: context.topics.filter((topic) => !event.topics.includes(topic)) }
        : context,
    ),
    disconnect: assign(({ context, event }) =>
      event.type === 'DISCONNECTED'
        ? {
            confirmed: Math.max(context.confirmed, event.seq),
            connectionId: null,
            connectedTo: null,
            seenAt: event.at,
          }
        : context,
    ),
  },
}).createMachine({
  id: 'session',
  context: ({ input }) => ({
    confirmed: input.confirmed,
    topics: [],
    connections: 0,
    connectionId: null,
    connectedTo: null,
    seenAt: null,
  }),
  initial: 'connecting',
  on: {
    // Not only when live: a connection whose lease ran out while the database was away may still be there.
    CONFIRMED: { guard: 'isNewer', actions: 'confirm' },
    SUBSCRIBED: { guard: 'hasRoom', actions: 'subscribe' },
    UNSUBSCRIBED: { guard: 'isCurrent', actions: 'unsubscribe' },
    CONNECTED: { guard: 'isNextConnection', target: '.live', actions: 'connect' },
    CLOSE: { guard: 'mayClose', target: '.closed' },
  },
  states: {
    connecting: {
      after: { connectingLimit: 'closed' },
    },
    live: {
      on: {
        // Leaving and entering again starts the lease anew.
        CONNECTED: { guard: 'isNextConnection', target: 'live', reenter: true, actions: 'connect' },
        SEEN: { guard: 'isCurrent', target: 'live', reenter: true, actions: 'see' },
        DISCONNECTED: { guard: 'isCurrent', target: 'away', actions: 'disconnect' },
      },
      after: { lease: 'away' },
    },
    away: {
      on: {
        SEEN: { guard: 'isCurrent', target: 'live', actions: 'see' },
        DISCONNECTED: { guard: 'isCurrent', actions: 'disconnect' },
      },
      after: { awayLimit: 'closed' },
    },
    closed: { type: 'final' },
  },
  output: ({ context }) => ({ confirmed: context.confirmed }),
});

/** As the actor system registers it. */
export const session = {
  id: 'session',
  version: '1',
  machine,
  input: sessionInput,
  events: sessionEvents,
  // A chatty client confirms every few seconds; what an inspector wants is its last while.
  journal: { keepLast: 200 },
  // A client that comes back later than this begins anew; its owner's notifications are kept elsewhere.
  keepEnded: '7 d',
} as const;

function union(left: readonly string[], right: readonly string[]): string[] {
  return [...new Set([...left, ...right])];
}
