/** The WebSocket protocol as an AsyncAPI 3.0 document, made from the schemas that check its frames. */
import { z } from 'zod';
import { webSocketProtocol } from '../auth.ts';
import { clientFrames, closeCodes, defaultLimits, serverFrames } from './protocol.ts';

type Frames = Readonly<Record<string, z.ZodType>>;

const closeReasons: Record<keyof typeof closeCodes, string> = {
  finished: 'The client said bye, or its session was ended from elsewhere. The session is over.',
  serverStops: 'The server stops. Come back with the sessionId, to this server or another.',
  internalError: 'A fault of the server. Come back after a while.',
  tryAgainLater: 'The database is away. Come back after a while.',
  badFrames: `${defaultLimits.badFrames} frames that do not fit the protocol, over the connection's whole life. A fault of the client.`,
  unauthorized: 'No token, or an unknown one.',
  sessionNotFound: 'Asked again and again for sessions that are not there.',
  helloTimeout: `No hello was accepted within ${defaultLimits.helloTimeoutMs / 1_000} s.`,
  replaced: 'A newer connection took the session over. Come back only if you did not open it.',
  tooLarge: `A frame of more than ${defaultLimits.frameBytes / 1_024} KiB.`,
  tooMuch: `Reads too slowly (after catchUp: come back), or its owner has ${defaultLimits.connectionsPerOwner} connections to this server already (after error).`,
};

/** Served at `/api/asyncapi.json`. `host`: `name:port` as clients reach it; `version`: of TTAI. */
export function asyncApiDocument(options: { host: string; version: string }): Record<string, unknown> {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'TTAI sessions',
      version: options.version,
      description:
        'Notifications, the state of runs, alerts and monitors, and live quotes, as they happen. One JSON object a text frame. A session outlives its connections: say hello with its id, to any server, and nothing is missed or repeated.',
    },
    defaultContentType: 'application/json',
    servers: {
      ttai: {
        host: options.host,
        protocol: 'ws',
        description: `Subprotocol ${webSocketProtocol}. Without AUTH_TOKENS_FILE no token is needed.`,
        security: [{ $ref: '#/components/securitySchemes/bearer' }],
      },
    },
    channels: {
      session: {
        address: '/ws',
        messages: references({ ...clientFrames, ...serverFrames }, '#/components/messages'),
        bindings: { ws: { method: 'GET' } },
        'x-closeCodes': Object.fromEntries(
          Object.entries(closeCodes).map(([name, code]) => [
            code,
            closeReasons[name as keyof typeof closeCodes],
          ]),
        ),
      },
    },
    operations: {
      fromClient: operation('receive', 'What a client sends; hello is first.', clientFrames),
      toClient: operation(
        'send',
        'What a client gets; it ignores types and fields that it does not know.',
        serverFrames,
      ),
    },
    components: {
      messages: { ...messages(clientFrames, 'input'), ...messages(serverFrames, 'output') },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: `A page in a browser offers the subprotocol ttai.bearer.<token in base64url> beside ${webSocketProtocol}.`,
        },
      },
    },
  };
}

function operation(action: 'send' | 'receive', summary: string, frames: Frames): object {
  return {
    action,
    summary,
    channel: { $ref: '#/channels/session' },
    messages: Object.values(references(frames, '#/channels/session/messages')),
  };
}

function references(frames: Frames, base: string): Record<string, { $ref: string }> {
  return Object.fromEntries(Object.keys(frames).map((type) => [type, { $ref: `${base}/${type}` }]));
}

function messages(frames: Frames, io: 'input' | 'output'): Record<string, object> {
  return Object.fromEntries(
    Object.entries(frames).map(([type, schema]) => {
      const { $schema: _draft, ...payload } = z.toJSONSchema(schema, { target: 'draft-7', io });
      return [type, { name: type, ...(schema.description && { summary: schema.description }), payload }];
    }),
  );
}
