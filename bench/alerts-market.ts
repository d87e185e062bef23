/** The market of alerts.ts: an analysis service that knows quotes and a calendar, with prices that the bench sets. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BenchMarket {
  readonly url: string;
  /** By symbol. Each answer trembles around it by a twentieth of a percent. */
  readonly prices: Map<string, number>;
  /** How many symbols all answers had, and how many answers there were. */
  readonly served: { answers: number; quotes: number };
  /** Resolves with the moment of the next answer with quotes, in milliseconds since 1970. */
  nextAnswer(): Promise<number>;
  stop(): Promise<void>;
}

const TREMBLE = 0.0005;

export async function startMarket(symbols: readonly string[]): Promise<BenchMarket> {
  const prices = new Map(symbols.map((symbol) => [symbol, 100]));
  const served = { answers: 0, quotes: 0 };
  let waiting: ((at: number) => void)[] = [];

  const quotesOf = (asked: readonly string[]) => {
    const asOf = new Date().toISOString();
    return Object.fromEntries(
      asked.flatMap((symbol) => {
        const price = prices.get(symbol);
        if (price === undefined) return [];
        const trembling = price * (1 + TREMBLE * (Math.random() - 0.5));
        return [[symbol, { price: trembling, asOf, source: 'simulated', stale: false }]];
      }),
    );
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://market');
      const asked =
        url.pathname === '/quotes' ? (JSON.parse(String(Buffer.concat(chunks))).symbols as string[]) : [];
      if (asked.length > 0) {
        served.answers++;
        served.quotes += asked.length;
      }
      const answers: Record<string, () => object> = {
        '/healthz': () => ({ status: 'ok', version: 'bench' }),
        '/quotes': () => quotesOf(asked),
        '/market/calendar': () => calendarOf(Number(url.searchParams.get('from')?.slice(0, 4))),
      };
      const answer = answers[url.pathname];
      response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer?.() ?? {}));
      if (asked.length === 0) return;
      const heard = waiting;
      waiting = [];
      for (const resolve of heard) resolve(Date.now());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    prices,
    served,
    nextAnswer: () => new Promise((resolve) => waiting.push(resolve)),
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Quotes never stop; sessions are there because a calendar has some. */
function calendarOf(year: number): object {
  const sessions = Array.from({ length: 12 }, (_, month) =>
    [2, 9, 16, 23].map((day) => {
      const date = new Date(Date.UTC(year, month, day)).toISOString().slice(0, 10);
      return { date, opensAt: `${date}T14:30:00Z`, closesAt: `${date}T21:00:00Z`, halfDay: false };
    }),
  ).flat();
  return { timezone: 'America/New_York', quotesNeverClose: true, sessions };
}
