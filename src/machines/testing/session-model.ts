/** For model-based tests of the machine `session`: two connections that fight for it, and its three timers. */
import type { AnyMachineSnapshot } from 'xstate';
import type { Model } from '../../../test/model.ts';
import { MAX_TOPICS, type SessionContext, type SessionEvent, session } from '../session.ts';

const at = '2026-01-05T15:00:00.000Z';
const [first, second] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
/** Of one connection all that a session may have. */
const many = Array.from({ length: MAX_TOPICS }, (_, index) => `run:${index}`);
/** One more makes the graph no richer, only larger. */
const MOST_CONNECTIONS = 2;

const ofEach = (connectionId: string): SessionEvent[] => [
  { type: 'SEEN', connectionId, at },
  { type: 'CONFIRMED', connectionId, seq: 3 },
  { type: 'SUBSCRIBED', connectionId, topics: ['runs'] },
  { type: 'UNSUBSCRIBED', connectionId, topics: ['runs'] },
  { type: 'DISCONNECTED', connectionId, seq: 4, at },
  { type: 'CLOSE', connectionId },
];
const connected = (connectionId: string, ordinal: number): SessionEvent => ({
  ...{ type: 'CONNECTED', connectionId, serverId: 'server-a', ordinal, at },
});

export const sessionModel: Model = {
  machine: session.machine,
  inputs: [{ confirmed: 0 }],
  events: [
    connected(first, 1),
    connected(second, MOST_CONNECTIONS),
    ...ofEach(first),
    ...ofEach(second),
    { type: 'SUBSCRIBED', connectionId: first, topics: many },
    { type: 'CLOSE' },
  ],
  outcomes: {},
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { confirmed, topics, connections, connectionId } = context as SessionContext;
    return JSON.stringify([value, confirmed, topics.length, connections, connectionId]);
  },
};
