/** A process with many WebSocket clients: counts what comes, and when. A program of sockets.ts. */
import { WebSocket } from 'ws';
import { answerQuestions } from './processes.ts';
import { nowMs } from './sockets-pace.ts';

/** So many connect at once. */
const LANES = 50;

export interface ClientsSettings {
  /** The number of the first, over all processes. */
  first: number;
  count: number;
}

export type ClientsQuestion =
  /** `session`: hello, one symbol, and each notification confirmed; else only frames are taken. */
  { kind: 'connect'; url: string; session: boolean; symbols: number } | { kind: 'count' } | { kind: 'close' };

export interface Counted {
  quotes: number;
  /** Of each notification its number, and when it came, in milliseconds since 1970. */
  received: [number, number][];
  /** Sequence numbers that were left out, and that came again. */
  gaps: number;
  repeats: number;
  /** Sockets that closed by themselves. */
  closed: number;
}

const { first, count } = JSON.parse(process.argv[2] ?? '{}') as ClientsSettings;
const sockets: WebSocket[] = [];
let closing = false;
let counted = nothing();

answerQuestions<ClientsQuestion>(
  async (question) => {
    if (question.kind === 'connect') {
      counted = nothing();
      closing = false;
      await connectAll(question);
      return {};
    }
    if (question.kind === 'close') {
      closing = true;
      const open = sockets.splice(0);
      await Promise.all(
        open.map(
          (socket) =>
            new Promise<void>((resolve) => {
              if (socket.readyState === WebSocket.CLOSED) resolve();
              socket.once('close', () => resolve());
              socket.close();
            }),
        ),
      );
      return {};
    }
    return counted;
  },
  async () => {},
);

function nothing(): Counted {
  return { quotes: 0, received: [], gaps: 0, repeats: 0, closed: 0 };
}

async function connectAll(how: Extract<ClientsQuestion, { kind: 'connect' }>): Promise<void> {
  let next = first;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < first + count; index = next++) await connect(index, how);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** Resolves when it is told that it watches its symbol, or is open when there is no session. */
function connect(index: number, how: Extract<ClientsQuestion, { kind: 'connect' }>): Promise<void> {
  const { url, session, symbols } = how;
  const socket = new WebSocket(url, ['ttai.v1'], {
    headers: { authorization: `Bearer token-${index}` },
    perMessageDeflate: false,
  });
  sockets.push(socket);
  const subscribe = [`quotes:S${index % symbols}`];
  let lastSeq = 0;
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => {
      if (!closing) counted.closed++;
    });
    socket.on('open', () => {
      if (session) socket.send(JSON.stringify({ type: 'hello', subscribe }));
      else resolve();
    });
    socket.on('message', (data) => {
      const text = String(data);
      // Most of them, and what they say is not looked at: the clients must not be what is measured.
      if (text.startsWith('{"type":"quote"')) {
        counted.quotes++;
        return;
      }
      const frame = JSON.parse(text) as Frame;
      if (frame.type === 'welcome') lastSeq = frame.lastSeq;
      if (frame.type === 'subscribed') resolve();
      if (frame.type === 'error') reject(new Error(text));
      if (frame.type !== 'notification') return;
      const { seq, data: told } = frame.notification;
      counted.received.push([told.number, nowMs()]);
      if (seq <= lastSeq) counted.repeats++;
      else counted.gaps += seq - lastSeq - 1;
      lastSeq = Math.max(seq, lastSeq);
      if (session) socket.send(JSON.stringify({ type: 'confirm', seq }));
    });
  });
}

type Frame =
  | { type: 'welcome'; lastSeq: number }
  | { type: 'subscribed' | 'error' }
  | { type: 'notification'; notification: { seq: number; data: { number: number } } };
