/** Cutting what processes tell each other to what Postgres takes. */
import { expect, test } from 'vitest';
import { GatheredNews, type Notice } from './notices.ts';

const names = (count: number, of = 'counter/\u00e9') =>
  Array.from({ length: count }, (_, index) => `${of}${'x'.repeat(150)}${index}`);
const bytesOf = (notice: Notice) => Buffer.byteLength(JSON.stringify(notice));

test('what is too long for one notice is told in several, each name once', () => {
  const news = new GatheredNews();
  news.add('addresses', names(500));
  news.add('addresses', names(500));
  news.add('cancelled', names(200, 'counter/#'));
  news.add('mail', names(100));
  news.addDue(7);
  news.addDue(5);
  const notices = news.notices('me');
  expect(notices.length).toBeGreaterThan(5);
  expect(Math.max(...notices.map(bytesOf))).toBeLessThan(8_000);
  expect(notices.flatMap(({ addresses }) => addresses)).toEqual(names(500));
  expect(notices.flatMap(({ cancelled }) => cancelled)).toEqual(names(200, 'counter/#'));
  expect(notices.flatMap(({ mail }) => mail ?? [])).toEqual(names(100));
  expect(notices.flatMap(({ due }) => due ?? [])).toEqual([5]);
  expect(new Set(notices.map(({ from, kind }) => `${kind} ${from}`))).toEqual(new Set(['commit me']));
});

test('without bound nothing is named, and nothing kept', () => {
  const news = new GatheredNews();
  for (let round = 0; round < 5; round++) news.add('addresses', names(900, String(round)));
  news.add('cancelled', ['one']);
  expect(news.notices('me')).toEqual([{ from: 'me', kind: 'commit', addresses: null, cancelled: ['one'] }]);
});
