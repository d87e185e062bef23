/**
 * A stand-in for the analysis service, for tests that kill who asks it: 50 candidates whose quick analyses are the same
 * whenever they are asked, two of which fail. It keeps answers by idempotency key, as the service does, and
 * holds the answers of symbols that a test wants held.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

const asOf = '2026-06-10T15:00:00Z';
const head = { asOf, quality: { source: 'simulated', asOf } };

export const SYMBOLS = Array.from(
  { length: 50 },
  (_, index) => `S${String.fromCharCode(65 + Math.floor(index / 26), 65 + (index % 26))}`,
);
export const FAILING = [SYMBOLS[12], SYMBOLS[33]];

export class ScreenerService implements AsyncDisposable {
  /** Symbols in the order in which they were asked for, with the key; again and again, where an answer was lost. */
  readonly asked: { symbol: string; key: string }[] = [];
  /** Called when a symbol is asked for. */
  onAsked: (symbol: string) => void = () => {};
  readonly #server = createServer((request, response) => {
    // Who asked may be dead by now.
    response.on('error', () => {});
    this.#answer(request, response).catch(() => response.destroy());
  });
  readonly #kept = new Map<string, string>();
  #held = new Set<string>();
  #released = Promise.withResolvers<void>();
  #arrived: { symbol: string; resolve: () => void }[] = [];

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  hold(symbols: readonly string[]): void {
    this.#held = new Set(symbols);
    this.#released = Promise.withResolvers<void>();
  }

  release(): void {
    this.#held.clear();
    this.#released.resolve();
  }

  /** Resolves when the symbol is asked for from now on; of '', the candidates. */
  arrival(symbol: string): Promise<void> {
    return new Promise((resolve) => this.#arrived.push({ symbol, resolve }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { symbol = '' } = (await json(request)) as { symbol?: string };
    const key = String(request.headers['x-idempotency-key']);
    if (symbol) {
      this.asked.push({ symbol, key });
      this.onAsked(symbol);
    }
    for (const waiting of this.#arrived.filter((one) => one.symbol === symbol)) waiting.resolve();
    this.#arrived = this.#arrived.filter((one) => one.symbol !== symbol);
    if (this.#held.has(symbol)) await this.#released.promise;
    const failing = FAILING.includes(symbol);
    const body = this.#kept.get(key) ?? JSON.stringify(symbol ? quick(symbol) : candidates);
    this.#kept.set(key, body);
    response.writeHead(failing ? 422 : 200, { 'content-type': 'application/json' });
    response.end(body);
  }
}

const candidates = { ...head, symbols: SYMBOLS, universeSize: 503, failedCounts: { price: 453 } };

/** Every fourth is rejected, and there are equal scores. */
function quick(symbol: string): object {
  if (FAILING.includes(symbol)) {
    return {
      error: { code: 'INSUFFICIENT_DATA', message: `Too few bars of ${symbol}.`, retryable: false },
    };
  }
  const place = SYMBOLS.indexOf(symbol);
  return {
    ...head,
    symbol,
    recommendation: place % 4 === 3 ? 'reject' : place % 3 === 0 ? 'neutral' : 'select',
    score: (place * 37) % 20,
    price: 20 + place,
    bestStrike: 19 + place,
    bestExpiration: '2026-07-17',
    delta: -0.25,
    ivRank: 0.4,
    weeklyRocPct: 0.5,
    reasons: [],
  };
}
