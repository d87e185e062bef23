/** The quote cache: who asks together shares requests, and one who fails or leaves does not hurt the others. */
import { expect, test } from 'vitest';
import type { Quotes } from '../../machines/market.ts';
import { QuoteCache } from './quote-cache.ts';

interface Request {
  symbols: readonly string[];
  answer: (quotes: Quotes) => void;
  fail: (error: Error) => void;
}

function slowService() {
  const requests: Request[] = [];
  const quotes = (symbols: readonly string[]): Promise<Quotes> =>
    new Promise((answer, fail) => requests.push({ symbols, answer, fail }));
  return { requests, cache: new QuoteCache({ quotes }) };
}

const quote = (price: number) => ({ price, asOf: '2026-01-05T15:00:00Z', source: 'simulated', stale: false });
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('those who ask in one turn share a request, and fresh quotes are not asked for again', async () => {
  const { requests, cache } = slowService();
  const both = [
    cache.get(['A', 'B'], { now: 0, maxAgeMs: 1_000 }),
    cache.get(['B', 'C'], { now: 0, maxAgeMs: 1_000 }),
  ];
  await turn();
  expect(requests.map(({ symbols }) => symbols)).toEqual([['A', 'B', 'C']]);
  requests[0]?.answer({ A: quote(1), B: quote(2) });
  expect(await Promise.all(both)).toEqual([{ A: quote(1), B: quote(2) }, { B: quote(2) }]);
  // Not even what the provider does not know.
  expect(await cache.get(['A', 'C'], { now: 1_000, maxAgeMs: 1_000 })).toEqual({ A: quote(1) });
  expect(requests).toHaveLength(1);
  void cache.get(['A'], { now: 1_001, maxAgeMs: 1_000 });
  await turn();
  expect(requests[1]?.symbols).toEqual(['A']);
});

test('one who comes while a request for the same runs waits for it', async () => {
  const { requests, cache } = slowService();
  const first = cache.get(['A'], { now: 0, maxAgeMs: 0 });
  await turn();
  const second = cache.get(['A'], { now: 0, maxAgeMs: 0 });
  await turn();
  expect(requests).toHaveLength(1);
  requests[0]?.answer({ A: quote(1) });
  expect(await first).toEqual(await second);
});

test('beyond a few requests at once, those who ask gather for the next', async () => {
  const { requests, cache } = slowService();
  const asked: Promise<Quotes>[] = [];
  for (const symbol of ['A', 'B', 'C', 'D', 'E', 'F']) {
    asked.push(cache.get([symbol], { now: 0, maxAgeMs: 0 }));
    await turn();
  }
  expect(requests.map(({ symbols }) => symbols)).toEqual([['A'], ['B'], ['C'], ['D']]);
  requests[1]?.answer({ B: quote(2) });
  await turn();
  expect(requests[4]?.symbols).toEqual(['E', 'F']);
  for (const { answer } of requests) answer({});
  await Promise.all(asked);
});

test('a failure is told to those who waited for it and to nobody later; who leaves, leaves alone', async () => {
  const { requests, cache } = slowService();
  const leaving = new AbortController();
  const options = { now: 0, maxAgeMs: 1_000 };
  const left = cache.get(['A'], { ...options, signal: leaving.signal });
  const stays = cache.get(['A'], options);
  await turn();
  leaving.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  requests[0]?.fail(new Error('away'));
  await expect(stays).rejects.toThrow('away');
  const again = cache.get(['A'], options);
  await turn();
  requests[1]?.answer({ A: quote(1) });
  expect(await again).toEqual({ A: quote(1) });
});
