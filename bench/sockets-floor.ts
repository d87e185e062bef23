/** A bare `ws` server that sends frames of the same size at the same pace, from memory. The floor of sockets.ts. */
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { answerQuestions } from './processes.ts';
import { notificationData, nowMs, paced } from './sockets-pace.ts';

export type FloorQuestion = { kind: 'listen' } | { kind: 'send'; seconds: number; perSecond: number };
export interface FloorSent {
  /** When each notification was sent, by its number, in milliseconds since 1970. */
  sentAt: number[];
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
const clients: WebSocket[] = [];
server.on('connection', (socket) => clients.push(socket));

answerQuestions<FloorQuestion>(
  async (question) => {
    if (question.kind === 'listen') return { port: (server.address() as AddressInfo).port };
    const { seconds, perSecond } = question;
    const quotes = setInterval(() => broadcast(), 1_000);
    const sentAt: number[] = [];
    await paced({ seconds, perSecond }, async (from, to) => {
      for (let number = from; number < to; number++) {
        sentAt.push(nowMs());
        clients[number % clients.length]?.send(notificationFrame(number, clients.length));
      }
    });
    clearInterval(quotes);
    return { sentAt } satisfies FloorSent;
  },
  async () => server.close(),
);

/** One frame, encoded once, to each of them. */
function broadcast(): void {
  const asOf = new Date().toISOString();
  const quote = { symbol: 'S42', price: 100.0123456789, bid: null, ask: null, changePct: null, asOf };
  const frame = { type: 'quote', symbol: 'S42', quote: { ...quote, source: 'simulated', stale: false } };
  const bytes = Buffer.from(JSON.stringify({ ...frame, problem: null }));
  for (const client of clients) client.send(bytes, { binary: false });
}

function notificationFrame(number: number, clients: number): string {
  const seq = Math.floor(number / clients) + 1;
  const notification = { seq, id: `priceAlert/bench-${number}/1/0`, type: 'price_alert_triggered' };
  const rest = {
    at: new Date().toISOString(),
    source: `priceAlert/bench-${number}`,
    data: notificationData(number),
  };
  return JSON.stringify({ type: 'notification', notification: { ...notification, ...rest } });
}
