/**
 * A stand-in for the network between the server and the real analysis service: passes requests on, holds those that a
 * test wants held, counts them, and can be away.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Request {
  path: string;
  symbol: string;
}

export class AnalysisProxy implements AsyncDisposable {
  /** All that came in. */
  readonly requests: Request[] = [];
  /** Where requests go; may change while it runs. */
  target: string;
  readonly #server = createServer((request, response) => void this.#pass(request, response));
  #port = 0;
  #holds: (request: Request) => boolean = () => false;
  #release: () => void = () => {};
  #released = Promise.resolve();
  #arrived: { request: Request; resolve: () => void }[] = [];

  constructor(target: string) {
    this.target = target;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Opens the door, at the same port as before. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /** Refuses connections, and cuts those that are open. */
  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Requests that match are not passed on until they are released. */
  hold(matches: (request: Request) => boolean): void {
    this.#holds = matches;
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#holds = () => false;
    this.#release();
  }

  /** Resolves when a request like this has come in, now or later. */
  arrival(request: Request): Promise<void> {
    if (this.requests.some((seen) => isSame(seen, request))) return Promise.resolve();
    return new Promise((resolve) => this.#arrived.push({ request, resolve }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.release();
    return this.close();
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await text(incoming);
      const request = { path: incoming.url ?? '', symbol: symbolOf(body) };
      this.requests.push(request);
      for (const waiting of this.#arrived) if (isSame(waiting.request, request)) waiting.resolve();
      if (this.#holds(request)) await this.#released;
      const answer = await fetch(`${this.target}${request.path}`, {
        method: incoming.method ?? 'GET',
        headers: { 'content-type': 'application/json', traceparent: String(incoming.headers.traceparent) },
        ...(body && { body }),
      });
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    } catch {
      response.destroy();
    }
  }
}

function symbolOf(body: string): string {
  try {
    return String((JSON.parse(body) as { symbol?: unknown }).symbol ?? '');
  } catch {
    return '';
  }
}

function isSame(a: Request, b: Request): boolean {
  return a.path === b.path && a.symbol === b.symbol;
}
