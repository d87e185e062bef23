/**
 * The WebSocket protocol `ttai.v1`: each frame of both directions as a zod schema, the close codes and the limits.
 * One JSON object a text frame. Not for what the frames cause; connection.ts and delivery.ts do that.
 * The AsyncAPI document and docs/websocket.md follow this file.
 */
import { z } from 'zod';
import { MAX_TOPICS } from '../../machines/session.ts';
import { alertView } from '../operations/alert-view.ts';
import { monitorView } from '../operations/monitor-view.ts';
import { quote } from '../operations/quotes.ts';
import { runHead } from '../operations/run-view.ts';

/** Why a connection ended, as the client sees it. 1000 to 1015 are the protocol's own. */
export const closeCodes = {
  /** The client said `bye`, or the session was ended from elsewhere. */
  finished: 1000,
  /** The server stops: come back, to this server or another. */
  serverStops: 1001,
  /** A fault of the server; it has been logged. */
  internalError: 1011,
  /** The database is away, or the server is too busy: try again later. */
  tryAgainLater: 1013,
  badFrames: 4400,
  unauthorized: 4401,
  sessionNotFound: 4404,
  helloTimeout: 4408,
  /** Another connection took the session over. */
  replaced: 4409,
  tooLarge: 4413,
  /** The client reads too slowly, or its owner has too many connections. */
  tooMuch: 4429,
} as const;

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** What one client may use. Tests pass smaller ones. */
export interface SessionLimits {
  /** Of one frame from a client. */
  frameBytes: number;
  /** From the opening of the connection to a `hello` that was accepted. */
  helloTimeoutMs: number;
  /** Open at once in one server process. */
  connectionsPerOwner: number;
  /** Frames that are no frames, over a connection's whole life, before it is closed with 4400. */
  badFrames: number;
  /** Bytes that wait for the client; above it, no more rows are read for it. */
  bufferBytes: number;
  /** How long a full buffer may stay full before the client is told to catch up and let go. */
  stuckMs: number;
  /** Rows that a client is given from a read that it shares with others. One that gets so many is behind. */
  sharedRows: number;
  /** Between two shared reads: so much later, at most, does a frame leave, and so few are the queries. */
  readPauseMs: number;
  /** Rows read at once for a client that is behind. */
  batchRows: number;
  /** A session is told what its client has confirmed at most this often, */
  confirmPauseMs: number;
  /** or after so many more notifications; and when the connection ends. */
  confirmEvery: number;
  /** Between two looks at the quotes that clients of this process watch. */
  quotePaceMs: number;
  /** Symbols that one process looks at; who watches more is told so. */
  quoteSymbols: number;
  /** Between two pings of the WebSocket itself; a client that answered none in between is gone. */
  keepAliveMs: number;
  /** After the database failed: the first wait. It doubles up to `retryMaxMs`. */
  retryMs: number;
  retryMaxMs: number;
  /** How long a closing client has to answer. */
  closeTimeoutMs: number;
}

export const defaultLimits: SessionLimits = {
  frameBytes: 64 * 1024,
  helloTimeoutMs: 10_000,
  connectionsPerOwner: 100,
  badFrames: 10,
  bufferBytes: 256 * 1024,
  stuckMs: 30_000,
  sharedRows: 20,
  readPauseMs: 10,
  batchRows: 100,
  confirmPauseMs: 60_000,
  confirmEvery: 200,
  quotePaceMs: 1_000,
  quoteSymbols: 2_000,
  keepAliveMs: 30_000,
  retryMs: 250,
  retryMaxMs: 10_000,
  closeTimeoutMs: 2_000,
};

const seq = z.int().nonnegative();
const time = z.string().describe('ISO 8601, UTC');
export const frameId = z
  .string()
  .min(1)
  .max(64)
  .describe('Chosen by the client; the answer carries it again');
const topic = z
  .string()
  .max(100)
  .regex(
    /^(notifications|runs|alerts|monitors|(run|alert|monitor):[A-Za-z0-9._-]+|quotes:[A-Z][A-Z0-9./-]{0,9})$/,
    'not a topic',
  )
  .describe(
    'notifications (always on), runs, run:<runId>, alerts, alert:<alertId>, monitors, monitor:<monitorId>, quotes:<SYMBOL>',
  );
const topics = z.array(topic).min(1).max(MAX_TOPICS);

const hello = z
  .strictObject({
    type: z.literal('hello'),
    id: frameId.optional(),
    sessionId: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('To come back to a session. Without it: a new one'),
    lastSeq: seq.optional().describe('With sessionId: the last notification that the client has'),
    since: seq.optional().describe('Without sessionId: begin after this one; 0 is all. Else: from now on'),
    subscribe: topics.optional(),
  })
  .refine((frame) => frame.since === undefined || frame.sessionId === undefined, {
    path: ['since'],
    message: 'belongs to a new session; with a sessionId, say lastSeq',
  })
  .refine((frame) => frame.lastSeq === undefined || frame.sessionId !== undefined, {
    path: ['lastSeq'],
    message: 'belongs to a sessionId; for a new session, say since',
  })
  .describe('The first frame: a new session, or back to an old one');

/** Frames from the client, by their `type`. */
export const clientFrames = {
  hello,
  confirm: z
    .strictObject({ type: z.literal('confirm'), id: frameId.optional(), seq })
    .describe('The client has kept everything up to seq; it is not sent again'),
  subscribe: z
    .strictObject({ type: z.literal('subscribe'), id: frameId.optional(), topics })
    .describe('Answered by subscribed, then by the present state of what was asked for'),
  unsubscribe: z
    .strictObject({ type: z.literal('unsubscribe'), id: frameId.optional(), topics })
    .describe('Answered by subscribed'),
  ping: z.strictObject({ type: z.literal('ping'), id: frameId.optional() }).describe('Answered by pong'),
  bye: z
    .strictObject({ type: z.literal('bye'), id: frameId.optional() })
    .describe('Ends the session for good; to come back later, just disconnect'),
};

export const clientFrame = z.discriminatedUnion('type', [
  clientFrames.hello,
  clientFrames.confirm,
  clientFrames.subscribe,
  clientFrames.unsubscribe,
  clientFrames.ping,
  clientFrames.bye,
]);

const notification = z.object({
  seq: seq.describe('Counts the notifications of this owner, from 1'),
  id: z.string(),
  type: z.string().describe('analysis_complete, price_alert_triggered, ...'),
  at: time,
  source: z.string().describe('The address of the actor that told it'),
  data: z.record(z.string(), z.unknown()),
});

/** Frames to the client, by their `type`. A client ignores types and fields that it does not know. */
export const serverFrames = {
  welcome: z
    .object({
      type: z.literal('welcome'),
      id: frameId.optional(),
      sessionId: z.string().describe('Secret: who has it and the token can take the session over'),
      resumed: z.boolean(),
      lastSeq: seq.describe('What follows begins after this one'),
      missedUntil: seq
        .nullable()
        .default(null)
        .describe('Of those after lastSeq, some up to this one are deleted: they are kept for 90 days'),
      topics: z.array(z.string()),
      serverId: z.string(),
      serverTime: time,
    })
    .describe('The session is live'),
  notification: z
    .object({ type: z.literal('notification'), notification })
    .describe('In the order of seq, each once on a connection; kept until it is confirmed'),
  run: z
    .object({ type: z.literal('run'), run: runHead })
    .describe(
      'A watched run changed. Its latest state, not kept; of two, the one with the higher revision is newer',
    ),
  alert: z
    .object({ type: z.literal('alert'), alert: alertView, revision: z.int() })
    .describe('A watched alert changed. Its latest state, not kept; the higher revision is newer'),
  monitor: z
    .object({ type: z.literal('monitor'), monitor: monitorView, revision: z.int() })
    .describe('A watched monitor changed. Its latest state, not kept; the higher revision is newer'),
  quote: z
    .object({
      type: z.literal('quote'),
      symbol: z.string(),
      quote: quote.nullable().describe('null while there is none; problem says why'),
      problem: z.object({ code: z.string(), message: z.string() }).nullable(),
    })
    .describe('A watched quote changed, looked at about once a second. The latest one, not kept'),
  more: z
    .object({
      type: z.literal('more'),
      topic: z.enum(['runs', 'alerts', 'monitors']),
      shown: z.int().nonnegative().describe('How many were sent, the newest'),
    })
    .describe(
      'More of the topic are active than are sent when it begins. Read the rest from /api; their changes come all the same',
    ),
  subscribed: z
    .object({ type: z.literal('subscribed'), id: frameId.optional(), topics: z.array(z.string()) })
    .describe('All topics of the session, after a subscribe or unsubscribe'),
  pong: z.object({ type: z.literal('pong'), id: frameId.optional(), serverTime: time }),
  catchUp: z
    .object({ type: z.literal('catchUp'), from: seq })
    .describe(
      'The client read too slowly. The connection closes; come back with lastSeq = from, or read /api',
    ),
  error: z.object({
    type: z.literal('error'),
    id: frameId.optional(),
    code: z.string().describe('Stable, lower snake case; the same codes as on the other doors'),
    message: z.string().describe('For a person'),
    retryable: z.boolean(),
    retryAfterSeconds: z.number().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
};

export type ClientFrame = z.infer<typeof clientFrame>;
export type ServerFrame = {
  [Type in keyof typeof serverFrames]: z.infer<(typeof serverFrames)[Type]>;
}[keyof typeof serverFrames];
export type HelloFrame = z.infer<typeof hello>;
