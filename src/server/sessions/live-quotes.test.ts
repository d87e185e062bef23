import { afterEach, beforeEach, expect, it } from 'vitest';
import { QuoteCache } from '../../actors/effects/index.ts';
import { TtaiError } from '../../actors/runtime/index.ts';
import type { Quotes } from '../../machines/market.ts';
import { Client } from './testing/client.ts';
import { FakeDatabase } from './testing/fake-database.ts';
import { startServer, type TestServer } from './testing/server.ts';

/** Each answer waits for the test, which sees what was asked. */
class Market {
  readonly prices: Record<string, number> = { AAPL: 200, MSFT: 400 };
  readonly asked: string[][] = [];
  failing: Error | undefined;
  #onAsked: (() => void)[] = [];

  async quotes(symbols: readonly string[]): Promise<Quotes> {
    this.asked.push([...symbols].sort());
    for (const resolve of this.#onAsked.splice(0)) resolve();
    if (this.failing) throw this.failing;
    const known = symbols.filter((symbol) => this.prices[symbol] !== undefined);
    return Object.fromEntries(
      known.map((symbol) => [
        symbol,
        {
          price: this.prices[symbol] ?? null,
          asOf: '2026-01-05T15:00:00Z',
          source: 'simulated',
          stale: false,
        },
      ]),
    );
  }

  nextAsked(): Promise<void> {
    return new Promise((resolve) => this.#onAsked.push(resolve));
  }
}

let market: Market;
let database: FakeDatabase;
let server: TestServer;

beforeEach(async () => {
  market = new Market();
  database = new FakeDatabase();
  server = await start({});
});
afterEach(() => server.stop());

function start(limits: { quoteSymbols?: number }): Promise<TestServer> {
  const rooms = { ...database.rooms(), quotes: new QuoteCache(market), serverId: 'server-a' };
  return startServer({ ...rooms, limits: { quotePaceMs: 5, ...limits } });
}

it('sends what is known at once, then what changed; each symbol is asked for once, however many watch it', async () => {
  const [one, two] = [new Client(server, 'ann'), new Client(server, 'bob')];
  await one.hello({ subscribe: ['quotes:AAPL', 'quotes:MSFT'] });
  expect(await one.next('quote')).toEqual({
    type: 'quote',
    symbol: 'AAPL',
    quote: {
      symbol: 'AAPL',
      price: 200,
      bid: null,
      ask: null,
      changePct: null,
      asOf: '2026-01-05T15:00:00Z',
      source: 'simulated',
      stale: false,
    },
    problem: null,
  });
  await two.hello({ subscribe: ['quotes:AAPL'] });
  expect((await two.next('quote')).quote?.price).toBe(200);
  market.prices.AAPL = 201;
  for (const client of [one, two]) {
    for (;;) if ((await client.next('quote')).quote?.price === 201) break;
  }
  expect(new Set(market.asked.map(String))).toEqual(new Set(['AAPL,MSFT']));
  // What stays as it is is not sent again.
  await market.nextAsked();
  await market.nextAsked();
  await one.settled();
  expect(one.frames.filter((frame) => frame.type === 'quote' && frame.symbol === 'MSFT')).toHaveLength(1);
});

it('asks for nothing that nobody watches any more, and begins again with the next who does', async () => {
  const client = new Client(server);
  await client.hello({ subscribe: ['quotes:AAPL', 'quotes:MSFT'] });
  await client.next('quote');
  client.send({ type: 'unsubscribe', topics: ['quotes:MSFT'] });
  while (market.asked.at(-1)?.join() !== 'AAPL') await market.nextAsked();
  client.send({ type: 'unsubscribe', topics: ['quotes:AAPL'] });
  await client.settled();
  const again = new Client(server);
  await again.hello();
  await again.settled();
  market.prices.AAPL = 300;
  const before = market.asked.length;
  again.send({ type: 'subscribe', topics: ['quotes:AAPL'] });
  for (;;) if ((await again.next('quote')).quote?.price === 300) break;
  expect(market.asked.slice(before).flat()).not.toContain('MSFT');
});

it('says what is unknown, what is stale because the source is away, and when it is back', async () => {
  const client = new Client(server);
  await client.hello({ subscribe: ['quotes:AAPL', 'quotes:NOPE'] });
  const first = [await client.next('quote'), await client.next('quote')];
  expect(first.find(({ symbol }) => symbol === 'NOPE')).toMatchObject({
    quote: null,
    problem: { code: 'symbol_not_found' },
  });
  market.failing = new TtaiError('analysis_unavailable', 'The analysis service is away.', {
    retryable: true,
  });
  for (;;) {
    const { symbol, quote, problem } = await client.next('quote');
    if (symbol !== 'AAPL') continue;
    expect(quote).toMatchObject({ price: 200, stale: true });
    expect(problem).toMatchObject({ code: 'analysis_unavailable' });
    break;
  }
  market.failing = undefined;
  for (;;) {
    const { symbol, quote, problem } = await client.next('quote');
    if (symbol === 'AAPL' && problem === null) {
      expect(quote).toMatchObject({ price: 200, stale: false });
      break;
    }
  }
});

it('looks at so many symbols only, and says so', async () => {
  const small = await start({ quoteSymbols: 1 });
  try {
    const client = new Client(small);
    await client.hello({ subscribe: ['quotes:AAPL', 'quotes:MSFT'] });
    const frames = [await client.next('quote'), await client.next('quote')];
    expect(frames.map(({ symbol, problem }) => [symbol, problem?.code])).toEqual([
      ['AAPL', undefined],
      ['MSFT', 'too_many_symbols'],
    ]);
  } finally {
    await small.stop();
  }
});

it('of a client that does not read only the latest quote waits, and others have theirs', async () => {
  const [stuck, reader] = [new Client(server), new Client(server)];
  await stuck.hello({ subscribe: ['quotes:AAPL'] });
  await reader.hello({ subscribe: ['quotes:AAPL'] });
  await stuck.next('quote');
  stuck.socket.pause();
  // Fills what the kernel and the server take for it.
  const text = 'x'.repeat(60_000);
  for (let sent = 0; sent < 200; sent++) database.notify('ann', { text });
  for (let price = 201; price <= 260; price++) {
    market.prices.AAPL = price;
    for (;;) if ((await reader.next('quote')).quote?.price === price) break;
  }
  const before = stuck.frames.length;
  stuck.socket.resume();
  for (;;) if ((await stuck.next('quote')).quote?.price === 260) break;
  const prices = stuck.frames
    .slice(before)
    .flatMap((frame) => (frame.type === 'quote' ? [frame.quote?.price] : []));
  expect(prices.length).toBeLessThan(20);
});
