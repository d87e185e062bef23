/** A server that webhooks are sent to in tests: it keeps what came, and answers as the test says, by path. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  body: { id: string; seq: number | null; type: string; text: string; data: Record<string, unknown> };
}

type Answer = (response: ServerResponse) => void;

/** Answers with this status at once. */
export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end();

export class WebhookReceiver implements AsyncDisposable {
  readonly received: Received[] = [];
  /** By path; 204 where there is none. */
  readonly answers = new Map<string, Answer>();
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<() => void>();
  readonly #server = createServer((request, response) => void this.#take(request, response));

  async open(): Promise<this> {
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  at(path: string): Received[] {
    return this.received.filter((one) => one.path === path);
  }

  /** The sequence numbers that came to a path, in their order. */
  seqs(path: string): (number | null)[] {
    return this.at(path).map(({ body }) => body.seq);
  }

  /** Resolves when it holds, now or after something has come. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // It stands for an analysis service as well where a server needs one: one that is away.
    if (request.method !== 'POST') return void response.writeHead(503).end();
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const path = request.url ?? '';
    this.received.push({ path, headers: request.headers, body: JSON.parse(text) as Received['body'] });
    (this.answers.get(path) ?? status(204))(response);
    for (const look of this.#watchers) look();
  }
}
